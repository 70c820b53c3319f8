"""Weights from a file, as training scripts leave them: beside an optimizer, under a key, behind prefixes of wrappers.

Nothing of a file is run: whatever is neither a tensor nor a plain value becomes an empty object in its place.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from accelsim.codesign.pytorch import need
from accelsim.core.errors import InputError, suggest

WRAPPERS = frozenset(("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"))
"""Parts of a name that data parallelism, compiling, sharding and checkpointing put into it."""
COUNTERS = ("n_averaged",)
"""What torch's averaged models count beside their weights."""
AVERAGED = re.compile("ema|averag|shadow|teacher|swa", re.IGNORECASE)
DEPTH, CLASSES, LISTED = 4, 1000, 6


class Taken(NamedTuple):
    """Where in a file the weights were ('' when they are the file), and where else are some that would fit."""

    key: str
    others: tuple[str, ...]


class Found(NamedTuple):
    """A dictionary of tensors in a file: the keys that lead there, and the tensors by the model's own names."""

    key: str
    tensors: dict[str, Any]


class Absent:
    """In the place of an object whose class is not loaded."""

    def __new__(cls, *args, **kwargs):
        return super().__new__(cls)

    def __init__(self, *args, **kwargs):
        pass

    def __setstate__(self, state):
        pass


def load_weights(model, path: Path, name: str, key: str | None = None, side: int | None = None) -> Taken:
    """Put the weights of a file into a model: all of them, and nothing else.

    key: where in the file they are ('model', 'state.ema'); without it they are looked for, and weights that were not
    averaged win. side: the picture's side, so that weights for another can say which. Errors: InputError for a file
    that is missing, unreadable, or of another model.
    """
    own = model.state_dict()
    found = [Found(k, _renamed(tensors, own)) for k, tensors in _tables(_read(path))]
    if not found:
        raise InputError(f"{path}: holds no weights by name; save the network's state_dict().")
    if key is not None:
        named = [f for f in found if f.key == key]
        if not named:
            keys = [f.key for f in found if f.key]
            raise InputError(f"{path}: has no weights under {key!r}{suggest(key, keys) or _listed(keys)}.")
        found = named
    found.sort(key=lambda f: bool(AVERAGED.search(f.key)))
    fitting = [f for f in found if not _misfits(f.tensors, own)]
    if not fitting:
        best = max(found, key=lambda f: len(own.keys() & f.tensors.keys()))
        raise InputError(f"{path}: {_why(best.tensors, model, own, name, side)}")
    model.load_state_dict(fitting[0].tensors)
    return Taken(fitting[0].key, tuple(f.key for f in fitting[1:]))


def _tables(value, keys: tuple[str, ...] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every dictionary of tensors by name, with the keys that lead there."""
    torch = need("torch", "reading weights")
    if not isinstance(value, dict) or len(keys) > DEPTH:
        return
    tensors = {k: v for k, v in value.items() if isinstance(k, str) and isinstance(v, torch.Tensor)}
    if tensors:
        yield ".".join(keys), tensors
    for key, inner in value.items():
        if isinstance(key, str):
            yield from _tables(inner, (*keys, key))


def _renamed(tensors: dict, own: dict) -> dict:
    """The tensors by the model's names, where wrappers changed them: the reading that gives most of these."""
    tensors = {k: v for k, v in tensors.items() if k in own or k not in COUNTERS}
    bare = {".".join(p for p in k.split(".") if p not in WRAPPERS): v for k, v in tensors.items()}
    readings = [tensors, bare] if len(bare) == len(tensors) else [tensors]
    for reading in list(readings):
        while len({k.partition(".")[0] for k in reading}) == 1 and all("." in k for k in reading):
            reading = {k.partition(".")[2]: v for k, v in reading.items()}
            readings.append(reading)
    return max(readings, key=lambda reading: len(own.keys() & reading.keys()))


def _misfits(tensors: dict, own: dict) -> bool:
    return tensors.keys() != own.keys() or any(tuple(tensors[k].shape) != tuple(own[k].shape) for k in own)


def _why(tensors: dict, model, own: dict, name: str, side: int | None) -> str:
    """A sentence: what does not fit, and the option that would make it."""
    missing, extra = [k for k in own if k not in tensors], [k for k in tensors if k not in own]
    wrong = [k for k in own if k in tensors and tuple(tensors[k].shape) != tuple(own[k].shape)]
    classes = getattr(model, "num_classes", None) or getattr(getattr(model, "config", None), "num_labels", None)
    head = [k for k in own if own[k].dim() and own[k].shape[0] == classes]
    if wrong:
        options = _options({k: (tensors[k].shape, own[k].shape) for k in wrong}, head, side)
        hint = (
            f"a network of these sizes is made with {options}." if options else "is the file of another size of model?"
        )
        return f"{wrong[0]} is {list(tensors[wrong[0]].shape)} but {name} needs {list(own[wrong[0]].shape)}; {hint}"
    odd, what = (missing[0], "lacks") if missing else (extra[0], "has the unknown")
    bodiless = missing and not extra and set(missing) <= set(head)
    hint = "; a network without its classifier is made with --classes 0" if bodiless else ""
    return (
        f"it {what} weight {odd!r}{suggest(odd, extra if missing else own)}; {len(missing)} of the "
        f"{len(own)} weights of {name} are missing and {len(extra)} are unknown{hint}."
    )


def _options(wrong: dict, head: list[str], side: int | None) -> str:
    """The options that give a network the sizes of the file, where they explain all that differs."""
    classes = {stored[0] for k, (stored, mine) in wrong.items() if k in head and stored[1:] == mine[1:]}
    rest = {k: sizes for k, sizes in wrong.items() if k not in head}
    sides = {_side(*sizes, side) for k, sizes in rest.items() if "pos" in k}
    if len(classes) > 1 or len(sides) > 1 or sides == {None} or any("pos" not in k for k in rest):
        return ""
    return " ".join([f"--classes {n}" for n in classes] + [f"--image-size {n}" for n in sides])


def _side(stored, mine, side: int | None) -> int | None:
    """The side of the pictures that a position table is for: tables of square grids, and some tokens beside them."""
    if side is None or len(stored) != len(mine) or len(mine) < 2 or stored[-1] != mine[-1]:
        return None
    grid = math.isqrt(mine[-2])
    patches = stored[-2] - (mine[-2] - grid * grid)
    other = math.isqrt(max(patches, 0))
    return other * side // grid if other and other * other == patches else None


def _read(path: Path) -> dict:
    if not path.is_file():
        near = [p.name for p in sorted(path.parent.glob("*"))] if path.parent.is_dir() else []
        raise InputError(f"{path}: no such file of weights{suggest(path.name, near)}.")
    with path.open("rb") as file:
        start = file.read(64)
    if start.startswith(b"version https://git-lfs"):
        raise InputError(f"{path}: a pointer of Git LFS stands in for the weights; fetch the file with: git lfs pull")
    if path.suffix == ".safetensors" or start[8:9] == b"{":
        try:
            return need("safetensors.torch", "reading weights").load_file(path)
        except InputError:
            raise
        except Exception as error:  # a damaged file raises what its reader likes
            raise InputError(f"{path}: not a readable file of weights ({first_line(error)}).") from None
    state = _unpickled(path)
    if isinstance(state, Absent):
        raise InputError(
            f"{path}: holds an object of the class {_full_name(type(state))}, not weights by name; save the network's "
            "state_dict()."
        )
    if not isinstance(state, dict):
        raise InputError(f"{path}: holds a {type(state).__name__} but weights are a dictionary by parameter name.")
    absent = [k for k, v in state.items() if isinstance(v, Absent) and isinstance(k, str)]
    if absent and not any(True for _ in _tables(state)):
        raise InputError(
            f"{path}: holds no weights by name ({absent[0]!r} is an object of the class "
            f"{_full_name(type(state[absent[0]]))}); save the network's state_dict()."
        )
    return state


def _unpickled(path: Path):
    """The file by torch's loader of plain weights; a class it does not know is one of ours that holds nothing."""
    torch = need("torch", "reading weights")
    known = torch.serialization.get_safe_globals()
    try:
        for _ in range(CLASSES):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    return torch.load(path, map_location="cpu", weights_only=True)
            except Exception as error:  # unpickling raises what it likes
                wanted = re.search(r"GLOBAL (\S+) was not an allowed", str(error))
                if wanted is None:
                    raise InputError(f"{path}: not a readable file of weights ({_short(error)}).") from None
                module, _, name = wanted[1].rpartition(".")
                empty = type(name, (Absent,), {"__module__": module or "builtins", "__qualname__": name})
                torch.serialization.add_safe_globals([empty])
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(known)
    raise InputError(f"{path}: not a readable file of weights (it names more than {CLASSES} classes).")


def _short(error: Exception) -> str:
    """What torch's loader says, without its advice on unsafe loading and the terminal's colours."""
    text = str(error)
    blocked = re.search(r"GLOBAL (\S+) whose module \S+ is blocked", text)
    if blocked:
        return f"loading it would run {blocked[1]}"
    if "TorchScript" in text:
        return "it is a compiled TorchScript program; save the network's state_dict()"
    if "Weights only load failed" in text:
        return "it is damaged, or holds more than weights"
    return first_line(error)


def _full_name(cls: type) -> str:
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def _listed(keys: list[str]) -> str:
    more = f" and {len(keys) - LISTED} more" if len(keys) > LISTED else ""
    return f"; they are under {', '.join(map(repr, keys[:LISTED]))}{more}" if keys else "; they are the file itself"


def first_line(error: Exception) -> str:
    """The first line of what a library says, short enough for a sentence and without the terminal's colours."""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip().splitlines()
    return (lines or [type(error).__name__])[0][:200].rstrip(". ")
