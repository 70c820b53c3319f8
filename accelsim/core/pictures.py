"""The drawing library with its own defaults, whatever a user's or a folder's matplotlibrc says."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir, contextmanager, nullcontext, suppress
from functools import wraps
from pathlib import Path
from typing import Any, BinaryIO, ParamSpec, TypeVar

from accelsim.core.errors import InputError

P, R = ParamSpec("P"), TypeVar("R")
SUFFIXES = (".png", ".pdf", ".svg")
ANONYMOUS = {"png": ["Software"], "pdf": ["Creator", "Producer", "CreationDate"], "svg": ["Creator", "Date"]}
FOLDER = "mpl-data"  # where the library's own matplotlibrc lies


@contextmanager
def defaults() -> Iterator[None]:
    """Draw and save with the library's defaults; what is set when this begins is set again when it ends."""
    with ExitStack() as undone:
        if "matplotlib" not in sys.modules:
            # its import reads the nearest matplotlibrc, and fails if that is damaged: so the nearest is its own
            found = importlib.util.find_spec("matplotlib")
            if found and found.origin and (own := Path(found.origin).parent / FOLDER).is_dir():
                with suppress(FileNotFoundError):  # the working folder is gone
                    undone.enter_context(chdir(own))
        import matplotlib
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        yield


def with_defaults(draw: Callable[P, R]) -> Callable[P, R]:
    """A function that draws, with the library's defaults."""

    @wraps(draw)
    def drawn(*arguments: P.args, **named: P.kwargs) -> R:
        with defaults():
            return draw(*arguments, **named)

    return drawn


def suffix(path: Path) -> str:
    """What a picture is written as: png, pdf or svg. Raises InputError for another suffix."""
    if path.suffix.lower() not in SUFFIXES:
        said = f"the suffix is {path.suffix!r}" if path.suffix else "there is no suffix"
        raise InputError(f"{path}: {said}, but a picture is written as one of {', '.join(SUFFIXES)}; name it so")
    return path.suffix.lower()[1:]


def save(made: Any, path: Path | BinaryIO, kind: str = "png", dpi: int = 150) -> None:
    """Write a matplotlib Figure without date, version or anything else that differs from time to time."""
    import matplotlib

    how = {"svg.hashsalt": "accelsim", "pdf.fonttype": 42, "svg.fonttype": "path"}
    with matplotlib.rc_context(how), arranged(made, dpi) if kind == "png" else nullcontext():
        made.savefig(path, format=kind, dpi=dpi, metadata=dict.fromkeys(ANONYMOUS[kind]))


@contextmanager
def arranged(made: Any, dpi: int) -> Iterator[None]:
    """Where all of a Figure's parts are placed already: for that the library draws all of it once more, unseen."""
    engine, before = made.get_layout_engine(), made.dpi
    made.dpi = dpi
    if engine:
        engine.execute(made)
        made.set_layout_engine(None)
    try:
        yield
    finally:
        made.dpi = before
        made.set_layout_engine(engine)
