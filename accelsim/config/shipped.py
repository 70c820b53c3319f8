"""The workloads and machines that come with the package, found by name from wherever accelsim is installed."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import accelsim
from accelsim.core.errors import InputError, suggest

KINDS = {"workloads": "workload", "arch_configs": "machine configuration"}
BROUGHT: dict[str, Callable[[], dict[str, Path]]] = {}  # kind -> what others bring of it, asked for when needed


def bring(kind: str, files: Callable[[], dict[str, Path]]) -> None:
    """Say where more files of a kind are found by name, beside those that come with the package."""
    BROUGHT[kind] = files


def folder(kind: str) -> Path:
    """Where the files of a kind lie: inside an installed package, or beside it in a source tree."""
    if kind not in KINDS:
        raise KeyError(kind)
    package = Path(accelsim.__file__).resolve().parent
    inside = package / "data" / kind
    return inside if inside.is_dir() else package.parent / kind


def listing(kind: str) -> dict[str, Path]:
    """Name -> file of everything of a kind ('workloads' or 'arch_configs') that has a name, shipped or brought."""
    return brought(kind) | {path.stem: path for path in sorted(folder(kind).glob("*.yaml"))}


def brought(kind: str) -> dict[str, Path]:
    return BROUGHT[kind]() if kind in BROUGHT else {}


def find(kind: str, name_or_path: str | Path) -> Path:
    """The file meant by a path or by the name of a shipped one (with or without .yaml). An existing file wins.

    Raises InputError that lists what is shipped.
    """
    given = str(name_or_path)
    name = given.removesuffix(".yaml")
    with suppress(OSError):  # a name too long for the file system is no file either
        if given and Path(given).is_file():
            return Path(given)
        if name.isidentifier() and (inside := folder(kind) / f"{name}.yaml").is_file():
            return inside
    shipped = listing(kind)
    if name in shipped:
        return shipped[name]
    known = f"shipped are {', '.join(shipped)}" if shipped else "and none is shipped"
    raise InputError(
        f"{given!r}: there is no such file and no {KINDS[kind]} of this name; "
        f"{known}{suggest(Path(name).name, shipped)}"
    )
