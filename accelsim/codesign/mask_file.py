"""Masks in files of any tool: .npy, .npz with any key, .pt of a tensor or of tensors by name; nothing in one is run."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.codesign.pytorch import need
from accelsim.core.errors import InputError, cut, suggest
from accelsim.workload import arrays as npz

TORCH = (".pt", ".pth")
KNOWN = "a .npy, a .npz or a .pt"


def read_masks(file: Path, key: str = "", most: int = npz.LARGEST) -> np.ndarray | dict[str, np.ndarray]:
    """The array of a file, or its arrays by name; of a .npz or .pt with one array, or with `key`, that one.

    most: bytes that an array may have. Raises InputError for a file that is missing, damaged or too large, for a key
    that it has not, and for objects other than arrays.
    """
    if not file.is_file():
        near = [p.name for p in sorted(file.parent.glob("*.np[yz]"))] if file.parent.is_dir() else []
        raise InputError(f"{file}: no such mask file{suggest(file.name, near)}.")
    held = of_torch(file, most) if is_torch(file) else of_numpy(file, key, most)
    if not isinstance(held, dict):
        if key:
            raise InputError(f"{file}: it holds one array and no keys; leave out --key.")
        return held
    if key:
        if key not in held:
            raise InputError(f"{file}: it has no array {key!r}{suggest(key, held)}; its arrays are {listed(held)}.")
        return held[key]
    return next(iter(held.values())) if len(held) == 1 else held


def listed(held: Any) -> str:
    """The names of arrays, the first few."""
    some = [repr(n) for n in held]
    return ", ".join(some[:6]) + (f" and {len(some) - 6} more" if len(some) > 6 else "")


def is_torch(file: Path) -> bool:
    """Whether PyTorch has written a file, whatever its name is."""
    if file.suffix in TORCH:
        return True
    try:
        with file.open("rb") as stream:
            if stream.read(2) != b"PK":
                return False
        return any(name == "data.pkl" or name.endswith("/data.pkl") for name in npz.names(file))
    except (InputError, OSError):  # a zip of other things than arrays is PyTorch's if its first member says so
        return members(file)


def members(file: Path) -> bool:
    """Whether a zip has PyTorch's member."""
    import zipfile

    try:
        with zipfile.ZipFile(file) as archive:
            return any(name.endswith("data.pkl") for name in archive.namelist())
    except npz.BROKEN:
        return False


def of_numpy(file: Path, key: str, most: int) -> np.ndarray | dict[str, np.ndarray]:
    """The array of a .npy, or those of a .npz (with `key` only that one)."""
    try:
        with file.open("rb") as stream:
            if stream.read(2) != b"PK":
                stream.seek(0)
                shape, _, kind = npz.array_header(stream)
                if math.prod(shape) * kind.itemsize > most:
                    raise InputError(f"{file}: the array is {kind}{list(shape)}, which is more than a mask can need.")
                stream.seek(0)
                return npz.read_array(stream, most + npz.HEADER)
        there = npz.names(file)
        return npz.decode(file, dict.fromkeys([key] if key in there else there, most))
    except InputError:
        raise
    except npz.BROKEN as error:
        raise InputError(f"{file}: it is not {KNOWN} of plain arrays ({cut(str(error))}).") from None


def of_torch(file: Path, most: int) -> np.ndarray | dict[str, np.ndarray]:
    """The tensor of a .pt, those of a list (stacked) or of a dictionary, read by PyTorch's loader of plain weights."""
    torch = need("torch", "reading a .pt file")
    if file.stat().st_size > most:
        raise InputError(f"{file}: it has {file.stat().st_size:,} bytes, which is more than a mask can need.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            held = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling raises what it likes
        first = str(error).strip().split("\n")[0]
        raise InputError(
            f"{file}: it holds more than tensors, or is damaged ({cut(first)}); save the mask itself with "
            "torch.save(mask.cpu(), FILE), or as .npy."
        ) from None
    if isinstance(held, list | tuple) and held and all(isinstance(t, torch.Tensor) for t in held):
        if len({tuple(t.shape) for t in held}) > 1:
            raise InputError(
                f"{file}: it is a list of tensors that differ in shape; save a dictionary by layer's name."
            )
        held = torch.stack(list(held))
    if isinstance(held, torch.Tensor):
        return array(held)
    if isinstance(held, dict) and (found := {str(k): array(v) for k, v in held.items() if isinstance(v, torch.Tensor)}):
        return found
    raise InputError(f"{file}: it holds a {type(held).__name__}, but a mask is a tensor, or tensors by name.")


def array(tensor: Any) -> np.ndarray:
    """A tensor as an array; of types that numpy has not, as 32-bit floats."""
    bare = tensor.detach()
    return (bare.float() if bare.dtype.is_floating_point else bare).cpu().numpy()
