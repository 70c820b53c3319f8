"""The workloads and machines that come with the package, found by name from wherever accelsim is installed."""

from contextlib import suppress
from pathlib import Path

import accelsim
from accelsim.core.errors import InputError, suggest

KINDS = {"workloads": "workload", "arch_configs": "machine configuration"}


def folder(kind: str) -> Path:
    """Where the files of a kind lie: inside an installed package, or beside it in a source tree."""
    if kind not in KINDS:
        raise KeyError(kind)
    package = Path(accelsim.__file__).resolve().parent
    inside = package / "data" / kind
    return inside if inside.is_dir() else package.parent / kind


def listing(kind: str) -> dict[str, Path]:
    """Name -> file of everything shipped of a kind ('workloads' or 'arch_configs'), by name."""
    return {path.stem: path for path in sorted(folder(kind).glob("*.yaml"))}


def find(kind: str, name_or_path: str | Path) -> Path:
    """The file meant by a path or by the name of a shipped one (with or without .yaml). An existing file wins.

    Raises InputError that lists what is shipped.
    """
    given, shipped = str(name_or_path), listing(kind)
    with suppress(OSError):  # a name too long for the file system is no file either
        if given and Path(given).is_file():
            return Path(given)
    name = given.removesuffix(".yaml")
    if name in shipped:
        return shipped[name]
    known = f"shipped are {', '.join(shipped)}" if shipped else "and none is shipped"
    raise InputError(
        f"{given!r}: there is no such file and no {KINDS[kind]} of this name; "
        f"{known}{suggest(Path(name).name, shipped)}"
    )
