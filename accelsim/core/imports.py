"""Which files a file imports from: what machine code was made of, beside the file that it was written in."""

import ast
import hashlib
import json
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import takewhile
from pathlib import Path

from accelsim.core.private import get, put

PACKAGE = Path(__file__).resolve().parents[1]
INSTALLED = ("site-packages", "dist-packages")
KEPT, MOST = "imports_1.json", 4096  # a file in the cache folder, and how many texts it knows
KNOWN: dict[str, list] = {}  # digest of a file's text -> its imports, as of `parsed`: to parse it takes longer
FRESH: list[str] = []  # those that were parsed here


def sources(file: Path, found: set[Path]) -> None:
    """Add a file, and every file that it imports from, and so on; the core's imports are the core's."""
    found.add(file)
    for other in () if file.parent == PACKAGE / "core" else imported(file):
        if other not in found:
            sources(other, found)


@cache
def imported(file: Path) -> list[Path]:
    """The files that a file imports from: the package's, and a user's own; no installed library's."""
    found: list[Path] = []
    text = file.read_bytes()
    digest = hashlib.sha256(text).hexdigest()
    if digest not in KNOWN:
        KNOWN[digest] = list(parsed(text))
        FRESH.append(digest)
    for dots, module, names in KNOWN[digest]:
        found += meant(file, dots, module, names)
    return list(dict.fromkeys(found))


def parsed(text: bytes) -> Iterator[tuple[int, list[str], list[str]]]:
    """The imports of a file: from how many folders up, of which module, which names."""
    for node in statements(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name.split("."), []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module.split(".") if node.module else [], [alias.name for alias in node.names]


def recall(folder: Path) -> None:
    """Know what was parsed in earlier runs, by the digest of the text."""
    if kept := get(folder / KEPT):
        KNOWN.update(json.loads(kept))


def remember(folder: Path) -> None:
    """Keep what was parsed here for later runs."""
    if FRESH:
        known = KNOWN if len(KNOWN) <= MOST else {digest: KNOWN[digest] for digest in FRESH}
        put(folder / KEPT, json.dumps(known).encode())
        FRESH.clear()


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Every statement below a node; expressions are not looked into, which takes most of the time."""
    for block in ("body", "orelse", "finalbody", "handlers", "cases"):
        for inner in getattr(node, block, ()):
            yield inner
            yield from statements(inner)


def meant(file: Path, dots: int, module: Sequence[str], names: Sequence[str]) -> list[Path]:
    """The files that `from ..module import names`, with so many dots, means in a file."""
    if dots:
        return lying_in(file.parents[dots - 1], module, names)
    if module[0] == PACKAGE.name:
        return lying_in(PACKAGE.parent, module, names)
    places = () if PACKAGE in file.parents else roots(file, module[0])
    for root in places:
        if found := lying_in(root, module, names):
            packages = (root.joinpath(*module[:n], "__init__.py") for n in range(1, len(module)))
            return [*found, *(f for f in packages if f.is_file())]
    return []


def lying_in(root: Path, module: Sequence[str], names: Sequence[str]) -> list[Path]:
    """The files of a module below a folder, and of its submodules of these names."""
    place = root.joinpath(*module)
    submodules = [f for name in names for f in (place / f"{name}.py", place / name / "__init__.py")]
    return [f for f in (place.with_suffix(".py"), place / "__init__.py", *submodules) if f.is_file()]


def roots(file: Path, package: str) -> list[Path]:
    """Where a user's file may find a package of the user's: in a folder above it, or where Python is told to look."""
    home = next((p for p in file.parents if p.name in INSTALLED), None)
    if home and file.relative_to(home).parts[0] in (package, f"{package}.py"):
        return [home]
    above = takewhile(lambda p: p.name not in INSTALLED, file.parents)
    return list(dict.fromkeys([*above, *told()]))


def told() -> list[Path]:
    """The folders of sys.path but for Python's own and those of installed libraries."""
    own = Path(sysconfig.get_path("stdlib")).resolve()
    folders = [Path(entry).resolve() for entry in sys.path]
    return [f for f in folders if f.is_dir() and f != own and own not in f.parents and f.name not in INSTALLED]
