"""The .npz half of a workload file: deterministic bytes out, strict reading in."""

from __future__ import annotations

import hashlib
import io
import lzma
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from accelsim.core.errors import InputError, cut

BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    EOFError,
    OSError,
    KeyError,
    RuntimeError,  # zipfile, for what is encrypted or compressed in a way it does not know
    struct.error,
    OverflowError,
    SyntaxError,  # numpy, for a header that is no Python literal
    tokenize.TokenError,  # numpy, for one that ends too early
    TypeError,
    MemoryError,  # a header nested too deeply for Python's parser
    lzma.LZMAError,
    UnicodeError,
)
LARGEST = 1 << 30  # bytes of an array, where nothing says how large it must be
PIECE = 1 << 18  # bytes that are compressed at once, so that what comes of them needs no fresh memory
HEADER = 1 << 14  # bytes before the values of an .npy, at most


def encode(arrays: Mapping[str, np.ndarray], level: int = 9) -> bytes:
    """The bytes of an .npz of little-endian arrays, sorted by name, without time stamps: same arrays, same bytes.

    `level` of compression: 6 takes a tenth of the time of 9 and leaves a twentieth more.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(arrays):
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.compress_type, member.create_system, member.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            member._compresslevel = level  # zipfile takes it of nothing else that is opened
            array, head = _little(arrays[name]), io.BytesIO()
            np.lib.format.write_array_header_1_0(head, np.lib.format.header_data_from_array_1_0(array))
            member.file_size = len(head.getvalue()) + array.nbytes
            with archive.open(member, "w") as body:  # what is large is not copied
                body.write(head.getvalue())
                whole = array.reshape(-1).view(np.uint8) if array.nbytes else array
                for at in range(0, array.nbytes, PIECE):
                    body.write(whole[at : at + PIECE])
    return out.getvalue()


def names(path: Path) -> list[str]:
    """The names of the arrays of an .npz. Errors: as of `decode`."""
    if not path.is_file():
        raise InputError(f"{path}: the arrays of the workload are missing; keep the .npz beside its .yaml.")
    try:
        with zipfile.ZipFile(path) as archive:
            found = archive.namelist()
    except BROKEN as error:
        raise _corrupt(path, error) from None
    if len(set(found)) != len(found) or not all(name.endswith(".npy") for name in found):
        raise InputError(f"{path}: the arrays cannot be read (every member must be one .npy with a name of its own).")
    return [name.removesuffix(".npy") for name in found]


def decode(path: Path, most: Mapping[str, int] | None = None) -> dict[str, np.ndarray]:
    """The arrays of an .npz that `most` names, with the bytes each may have: no more is inflated. Without it, all.

    Errors: InputError when it is absent, truncated, corrupt, not made of plain arrays, or larger than that.
    """
    if most is None:
        most = dict.fromkeys(names(path), LARGEST)
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: _member(archive, name, limit, path) for name, limit in most.items()}
    except InputError:
        raise
    except BROKEN as error:
        raise _corrupt(path, error) from None


def _member(archive: zipfile.ZipFile, name: str, most: int, path: Path) -> np.ndarray:
    said = archive.getinfo(f"{name}.npy").file_size
    if said > most + HEADER:
        raise InputError(
            f"{path}: the array {name!r} has {said:,} bytes, but {most:,} are the most it can need; the file does not "
            "belong to what names it."
        )
    with archive.open(f"{name}.npy") as member:
        return read_array(member, most + HEADER)


def read_array(stream: BinaryIO, most: int) -> np.ndarray:
    """The array of an .npy of at most so many bytes. Raises one of BROKEN for what is none, or larger than it says."""
    body = io.BytesIO(stream.read(most + 1))
    shape, _, kind = array_header(body)
    left = len(body.getbuffer()) - body.tell()
    if len(body.getbuffer()) > most or math.prod(shape) * kind.itemsize != left:
        raise ValueError(f"{list(shape)} of {kind} are announced, but {left} bytes follow")
    body.seek(0)
    return np.lib.format.read_array(body, allow_pickle=False)


def array_header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, order and type that an .npy announces. Raises one of BROKEN for what is none, and for objects."""
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version[0]}.{version[1]} of the format is not supported")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, kind = read(stream)
    if kind.hasobject or any(size < 0 for size in shape):
        raise ValueError("arrays of objects are not supported")
    return shape, fortran, kind


def _corrupt(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: the arrays cannot be read, the file is truncated or corrupt ({cut(str(error), 200)}).")


def fingerprint(arrays: Mapping[str, np.ndarray]) -> str:
    """sha256 over names, types, shapes and values (not over the compressed bytes, which depend on the zlib at hand)."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = _little(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _little(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
