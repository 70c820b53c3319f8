"""Files of arrays, packed streams and stores, damaged: their bytes, and what they hold."""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np
from hypothesis import strategies as st

HEADERS = (
    "{'descr': '|b1', 'fortran_order': False, 'shape': (4611686018427387904,), }",
    "{'descr': '|b1', 'fortran_order': False, 'shape': (-1,), }",
    "{'descr': '|b1', 'fortran_order': False, 'shape': (1000000, 1000000, 1000000), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 99999999999), }",
    "{'descr': [('a', '<i4'), ('b', '|O')], 'fortran_order': True, 'shape': (), }",
    "{'descr': '|V0', 'fortran_order': False, 'shape': (9,), }",
    "{'descr': 'nonsense', 'fortran_order': False, 'shape': (9,), }",
    "{'descr': '|b1', 'fortran_order': 2, 'shape': (True, 1.5), }",
    "{'descr': '|b1', 'fortran_order': False, 'shape': (" + "9," * 400 + "), }",
    "__import__('os').system('true')", "{" * 3000, "{'descr': '|b1'}", "", "[1, 2]", "\ud7ff",
)  # fmt: skip
TYPES = ("bool", "int8", "uint8", ">i4", "int64", "uint64", "float16", "float32", "float64", ">f8", "complex64", "U3",
    "S5",
         "datetime64[s]", "timedelta64[D]", "V4", "f4,i2", "longdouble")  # fmt: skip
VALUES = (0, 1, -1, 2, 255, 1 << 31, -(1 << 63), (1 << 63) - 1, 0.5, float("nan"), float("inf"), -0.0, 1e308)


def npy(array: np.ndarray, version: tuple[int, int] = (1, 0)) -> bytes:
    body = io.BytesIO()
    np.lib.format.write_array(body, array, version=version, allow_pickle=True)
    return body.getvalue()


def with_header(header: str, data: bytes) -> bytes:
    text = header.encode("latin-1", "replace") + b"\n"
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text + data


@st.composite
def broken_bytes(draw, data: bytes) -> bytes:
    """Bytes that are cut, flipped, overwritten, doubled or moved."""
    at = draw(st.integers(0, max(len(data) - 1, 0)))
    kind = draw(st.sampled_from(("flip", "flip", "cut", "zeros", "ones", "insert", "double", "head", "tail")))
    if kind == "flip":
        broken = bytearray(data)
        for _ in range(draw(st.integers(1, 4))):
            broken[draw(st.integers(0, max(len(data) - 1, 0)))] ^= 1 << draw(st.integers(0, 7))
        return bytes(broken)
    if kind == "cut":
        return data[:at]
    if kind in ("zeros", "ones"):
        some = (b"\0" if kind == "zeros" else b"\xff") * draw(st.sampled_from((1, 4, 8, 64)))
        return data[:at] + some + data[at + len(some) :]
    if kind == "insert":
        return data[:at] + draw(st.binary(min_size=1, max_size=9)) + data[at:]
    return {"double": data + data, "head": data[:at] + b"x" * 200, "tail": data[at:]}[kind]


@st.composite
def arrays(draw, array: np.ndarray) -> bytes:
    """An .npy with other values, another type, another shape, or a header that lies."""
    kind = draw(st.sampled_from(("value", "value", "type", "shape", "order", "header", "pickle", "bytes", "version")))
    if kind == "value" and array.size and array.dtype.kind in "biuf":
        changed, some = array.copy(), draw(st.sampled_from(VALUES))
        with np.errstate(all="ignore"):
            at = np.asarray(some, np.float64).astype(array.dtype) if array.dtype.kind == "f" else np.array(
                0 if some != some or abs(some) == float("inf") or abs(some) > 1e300 else int(some), object
            ).item() & ((1 << 8 * array.dtype.itemsize - 1) - 1)  # fmt: skip
        changed.reshape(-1)[draw(st.integers(0, array.size - 1))] = at
        return npy(changed)
    if kind == "type":
        with np.errstate(all="ignore"):
            made = np.zeros(array.shape, draw(st.sampled_from(TYPES)))
            if made.dtype.kind in "biufc":
                made = array.astype(made.dtype)
        return npy(made)
    if kind == "shape":
        return npy(draw(st.sampled_from((
            array.reshape(-1), array[None], array[..., None], array[:0], array[1:], array.T, np.concatenate([array,
                array]),
            array.reshape(-1)[0] if array.size else array, array[..., :-1] if array.ndim else array,
        ))))  # fmt: skip
    if kind == "order":
        return npy(np.asfortranarray(array))
    if kind == "header":
        return with_header(draw(st.sampled_from(HEADERS)), array.tobytes())
    if kind == "pickle":
        return npy(np.array([{"a": 1}, None], object))
    if kind == "version":
        return npy(array, (2, 0)) if draw(st.booleans()) else b"\x93NUMPY\x09\x07" + npy(array)[8:]
    return draw(broken_bytes(npy(array)))


@st.composite
def archives(draw, members: Mapping[str, np.ndarray], damage: bool = True) -> bytes:
    """An .npz: an array of it is damaged, gone, or has another name; or it is packed in other ways; or its bytes."""
    held = {f"{name}.npy": npy(array) for name, array in members.items()}
    name = draw(st.sampled_from(sorted(held)))
    kind = (
        draw(st.sampled_from(("array",) * 5 + ("drop", "rename", "more", "packed", "bytes", "bomb"))) if damage else ""
    )
    method, twice = zipfile.ZIP_DEFLATED, ()
    if kind == "array":
        held[name] = draw(arrays(members[name[:-4]]))
    elif kind == "drop":
        del held[name]
    elif kind == "rename":
        held[
            draw(st.sampled_from(("x.npy", "../x.npy", "/x.npy", name[:-4], name + "/", "é.npy", ".npy", "x" * 300)))
        ] = held.pop(name)
    elif kind == "more":
        twice = ((draw(st.sampled_from((name, "more.npy", "x.txt", "__MACOSX/._x"))), held[name]),)
    elif kind == "packed":
        method = draw(st.sampled_from((zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)))
    elif kind == "bomb":
        held[name] = with_header(HEADERS[1].replace("-1", "67108864"), b"\0" * (1 << 26))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for member, data in (*held.items(), *twice):
            archive.writestr(zipfile.ZipInfo(member, (1980, 1, 1, 0, 0, 0)), data, method)
    return draw(broken_bytes(out.getvalue())) if kind == "bytes" else out.getvalue()


@st.composite
def packed(draw, data: bytes) -> bytes:
    """Text as gzip, or as something that has its name only."""
    kind = draw(
        st.sampled_from(("gzip", "gzip", "damaged", "damaged", "plain", "zlib", "bz2", "xz", "two", "bomb", "empty"))
    )
    whole = gzip.compress(data, mtime=0)
    if kind == "damaged":
        return draw(broken_bytes(whole))
    return {
        "gzip": whole, "plain": data, "zlib": zlib.compress(data), "bz2": bz2.compress(data), "xz": lzma.compress(data),
        "two": whole + whole, "bomb": bomb() if kind == "bomb" else b"", "empty": b"",
    }[kind]  # fmt: skip


def bomb() -> bytes:
    """Much text from few bytes: comments, so that each line is legal."""
    return gzip.compress((b"#" * 900 + b"\n") * 150_000, mtime=0)
