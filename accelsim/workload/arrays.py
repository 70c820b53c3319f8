"""The .npz half of a workload file: deterministic bytes out, strict reading in."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from accelsim.core.errors import InputError

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    EOFError,
    OSError,
    KeyError,
    NotImplementedError,  # zipfile, for a compression it does not know
    RuntimeError,
    struct.error,
)


def encode(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The bytes of an .npz of little-endian arrays, sorted by name, without time stamps: same arrays, same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(arrays):
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.compress_type, member.create_system, member.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            body = io.BytesIO()
            np.lib.format.write_array(body, _little(arrays[name]), version=(1, 0), allow_pickle=False)
            archive.writestr(member, body.getvalue(), compresslevel=9)
    return out.getvalue()


def decode(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an .npz. Errors: InputError when it is absent, truncated, corrupt, or not made of plain arrays."""
    if not path.is_file():
        raise InputError(f"{path}: the arrays of the workload are missing; keep the .npz beside its .yaml.")
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(set(names)) != len(names) or not all(name.endswith(".npy") for name in names):
                raise InputError(
                    f"{path}: the arrays cannot be read (every member must be one .npy with a name of its own)."
                )
            bodies = {name.removesuffix(".npy"): io.BytesIO(archive.read(name)) for name in names}
        return {name: np.lib.format.read_array(body, allow_pickle=False) for name, body in bodies.items()}
    except InputError:
        raise
    except _BROKEN as error:
        raise InputError(f"{path}: the arrays cannot be read, the file is truncated or corrupt ({error}).") from None


def fingerprint(arrays: Mapping[str, np.ndarray]) -> str:
    """sha256 over names, types, shapes and values (not over the compressed bytes, which depend on the zlib at hand)."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = _little(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def write_file(path: Path, data: bytes) -> None:
    """Write to a temporary name beside `path`, then rename: a reader sees the old file or the new one, never half."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _little(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
