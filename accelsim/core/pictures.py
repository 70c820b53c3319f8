"""The drawing library with its own defaults, whatever a user's or a folder's matplotlibrc says."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir, contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

P, R = ParamSpec("P"), TypeVar("R")
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
