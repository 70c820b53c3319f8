"""A network of one's own, `SRC.py:NAME`: the file is run, because its user asked for it, and NAME of it is made."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from accelsim.codesign.checkpoint import first_line
from accelsim.codesign.pytorch import need
from accelsim.codesign.zoo import IMAGENET, Opened
from accelsim.core.errors import InputError, shown, suggest

OWN = re.compile(r"(?P<file>.+\.py):(?P<name>[^:/\\]*)")
SIZE = re.compile(r"(\d{1,4})x(\d{1,5})x(\d{1,5})")
USUAL = (3, 224, 224)
GREY = ((0.5,), (0.5,))  # mean and deviation of pictures of one channel


def is_own(name: str) -> bool:
    """Whether a model's name says a file of Python."""
    return name.endswith(".py") or OWN.fullmatch(name) is not None


def size_of(text: str) -> tuple[int, int, int]:
    """`3x32x32`: channels, rows and columns of a picture. Raises InputError for anything else."""
    found = SIZE.fullmatch(text)
    size = tuple(map(int, found.groups())) if found else ()
    if not size or not all(size) or size[0] not in (1, 3):
        raise InputError(f"--input is {shown(text)} but must be CHANNELSxROWSxCOLUMNS with 1 or 3 channels: 3x32x32")
    return size


def values_of(arguments: Sequence[str]) -> dict[str, Any]:
    """`depth=6`: by its name, a Python literal or else a text. Raises InputError for what is neither."""
    found: dict[str, Any] = {}
    for text in arguments:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise InputError(f"--model-arg is {shown(text)} but must be NAME=VALUE, such as depth=6")
        try:
            found[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            found[name] = value
    return found


def open_own(name: str, size: str = "", arguments: Sequence[str] = (), seed: int = 0) -> Opened:
    """A network that a file of the user's makes: a class of torch.nn.Module, a function that gives one, or one itself.

    name: `SRC.py:NAME`. size: of the pictures it takes (see `size_of`), 3x224x224 without one. arguments: what the
    class or function is called with (see `values_of`). seed: of its weights. The file's code is run, as the user.
    Raises InputError, which names the line, when the file cannot be run or what it gives takes no such pictures.
    """
    torch = need("torch", "opening a model")
    found = OWN.fullmatch(name)
    if found is None or not found["name"]:
        raise InputError(f"{name}: say which class of the file, such as {name.rstrip(':')}:Transformer")
    path, wanted = Path(found["file"]), found["name"]
    pictures, given = size_of(size) if size else USUAL, values_of(arguments)
    torch.manual_seed(seed)
    module = run_file(path)
    held = [n for n in vars(module) if not n.startswith("_")]
    if wanted not in held:
        networks = [n for n in held if is_class(vars(module)[n], torch)]
        raise InputError(
            f"{path}: it has no {wanted!r}{suggest(wanted, held)}; its networks are {', '.join(networks) or 'none'}"
        )
    model = vars(module)[wanted]
    if not isinstance(model, torch.nn.Module):
        if not callable(model):
            raise InputError(f"{name}: {wanted} is of type {type(model).__name__}, no torch.nn.Module and none's maker")
        model = guarded(path, f"{wanted}({', '.join(arguments)}) fails", lambda: vars(module)[wanted](**given))
        if not isinstance(model, torch.nn.Module):
            raise InputError(f"{name}: {wanted} gives a {type(model).__name__}, and no torch.nn.Module")
    elif given:
        raise InputError(f"{name}: {wanted} is a network already, which takes no --model-arg")
    model.eval()
    said = "x".join(map(str, pictures))
    with torch.no_grad():
        guarded(
            path,
            f"it fails on a picture of {said} (--input says another size, --model-arg how it is made)",
            lambda: model(torch.zeros(1, *pictures)),
        )
    mean, deviation = IMAGENET if pictures[0] == 3 else GREY
    return Opened(model, name, pictures, mean, deviation, "random")


def is_class(held: object, torch: ModuleType) -> bool:
    return isinstance(held, type) and issubclass(held, torch.nn.Module)


def run_file(path: Path) -> ModuleType:
    """The module that a file makes, with what lies beside it to import."""
    if not path.is_file():
        beside = sorted(p.name for p in path.parent.glob("*.py")) if path.parent.is_dir() else []
        raise InputError(f"{path}: there is no such file{suggest(path.name, beside)}")
    name = f"accelsim_own_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look for their module
    sys.path.insert(0, str(path.absolute().parent))
    try:
        guarded(path, "it cannot be run", lambda: spec.loader.exec_module(module))
    finally:
        sys.path.remove(str(path.absolute().parent))
    return module


def guarded(path: Path, what: str, call: Any) -> Any:
    """What a call into the user's code gives. Raises InputError with the line of the file that was reached."""
    try:
        return call()
    except (Exception, SystemExit) as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).name == path.name]
        line = error.lineno if isinstance(error, SyntaxError) else frames[-1].lineno if frames else None
        where = f"{path}:{line}" if line else str(path)
        raise InputError(f"{where}: {what}: {type(error).__name__}: {first_line(error)}") from None
