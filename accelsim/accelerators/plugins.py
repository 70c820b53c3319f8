"""Machines from outside: installed ones, and those whose folder or file a user names.

A plug-in is a folder with a module `machine`, or one file, that holds a Machine called MACHINE; its name is the
machine's. Folders that a user named stand in an environment variable, so that every process finds them.
"""

import ast
import hashlib
import importlib
import keyword
import os
import sys
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from accelsim import __version__
from accelsim.accelerators.machine import CONTRACT, Machine
from accelsim.core.errors import InputError
from accelsim.core.imports import PACKAGE, sources

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "accelsim.machines"  # of entry points
VARIABLE = "ACCELSIM_PLUGINS"
KINDS = (".py", ".yaml", ".csv", ".json")  # of the files whose content decides what a plug-in does


@dataclass(frozen=True)
class Plugin:
    """A machine from outside and where it stands: a folder, or a file."""

    name: str
    path: Path
    machine: Machine
    installed: bool = False  # found by its entry point, in every process

    @property
    def sources(self) -> list[Path]:
        """Every file that it is made of: its own, and those of its user's that they import."""
        mine = [self.path] if self.path.is_file() else self.path.rglob("*")
        found = {p for p in mine if p.suffix in KINDS and "__pycache__" not in p.parts}
        for file in [p for p in found if p.suffix == ".py"]:
            sources(file, found)
        return sorted(p for p in found if PACKAGE not in p.parents or p.is_relative_to(self.path))

    @property
    def configurations(self) -> dict[str, Path]:
        """Name -> file of the configurations that come with it: YAML files in its folder, or one beside its file, that
        say `machine: NAME`."""
        files = [self.path.with_suffix(".yaml")] if self.path.is_file() else sorted(self.path.glob("*.yaml"))
        said = f"machine: {self.name}".encode()
        return {p.stem: p for p in files if p.is_file() and said in p.read_bytes().splitlines()}

    def source_hash(self) -> str:
        """sha256 of its sources."""
        digest = hashlib.sha256()
        for file in self.sources:
            content = file.read_bytes()
            digest.update(f"{file.name} {len(content)}\n".encode() + content)
        return digest.hexdigest()


def name_plugin(path: str | Path) -> Plugin:
    """Make the machine of a folder or file known, to this process and to those it starts.

    Raises InputError when there is no plug-in or it is none that can be used.
    """
    full = Path(path).resolve()
    if full.is_dir() and not (full / "machine.py").is_file():
        raise InputError(f"--plugin {path}: the folder holds no machine.py, so it is no plug-in")
    if not full.is_dir() and not (full.is_file() and full.suffix == ".py"):
        raise InputError(f"--plugin {path}: expected a folder with a machine.py, or a .py file, and there is none")
    found = loaded(str(full))
    others = [p for p in named_paths() if p != str(full)]
    os.environ[VARIABLE] = os.pathsep.join([*others, str(full)])
    return found


def named_paths() -> list[str]:
    """Where the plug-ins lie that a user has named."""
    return [p for p in os.environ.get(VARIABLE, "").split(os.pathsep) if p]


def plugins() -> dict[str, Plugin]:
    """Every plug-in by name: those that a user has named before those that are installed."""
    found = {}
    for path in named_paths():
        one = loaded(path)
        if one.name in found:
            raise InputError(f"two plug-ins are called {one.name!r}: {found[one.name].path} and {one.path}")
        found[one.name] = one
    for name, point in installed().items():
        if name not in found:
            found[name] = from_entry_point(point)
    return found


@cache
def installed() -> "dict[str, EntryPoint]":
    """The entry points of installed machines, by name."""
    from importlib.metadata import entry_points  # which imports much that shipped machines do not need

    return {point.name: point for point in entry_points(group=GROUP)}


@cache
def from_entry_point(point: "EntryPoint") -> Plugin:
    """An installed machine; its entry point names the module, or the object in it."""
    where = f"the installed plug-in {point.name!r} ({point.value})"
    held = imported(point.module, where)
    file = Path(held.__file__).resolve()
    path = file.parent if file.stem in ("machine", "__init__") else file
    return Plugin(point.name, path, machine_of(held, point.attr or "MACHINE", point.name, where), installed=True)


@cache
def loaded(path: str) -> Plugin:
    """The plug-in that lies there, imported."""
    full = Path(path)
    name = full.stem
    where = f"plug-in {path}"
    if not name.isidentifier() or keyword.iskeyword(name):
        raise InputError(f"{where}: {name!r} is the machine's name, which must be a Python identifier; rename it")
    for file in [full] if full.is_file() else sorted(full.rglob("*.py")):
        check_keys(file)
    if str(full.parent) not in sys.path:
        sys.path.append(str(full.parent))
    spec = find_spec(name)
    places = [spec.origin, *(spec.submodule_search_locations or ())] if spec else []
    if not any(p and full in (Path(p).resolve(), *Path(p).resolve().parents) for p in places):
        raise InputError(f"{where}: a module {name!r} lies in {places[0] if places else 'nowhere'} already; rename it")
    held = imported(name if full.is_file() else f"{name}.machine", where)
    if (came := Path(held.__file__).resolve()) not in (full, full / "machine.py"):
        raise InputError(f"{where}: a module {name!r} lies in {came} already; rename it")
    return Plugin(name, full, machine_of(held, "MACHINE", name, where))


def check_keys(file: Path) -> None:
    """Raise InputError for a mapping with the same key twice, such as two parts of one name: one would be lost."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
    except (SyntaxError, UnicodeDecodeError, OSError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) else ""
        raise InputError(f"{file}{line}: the plug-in cannot be read: {error}") from None
    for node in (n for n in ast.walk(tree) if isinstance(n, ast.Dict)):
        seen = set()
        for key in (k for k in node.keys if isinstance(k, ast.Constant)):
            if key.value in seen:
                raise InputError(f"{file}:{key.lineno}: {key.value!r} stands twice in one mapping; names must differ")
            seen.add(key.value)


def imported(module: str, where: str) -> ModuleType:
    """A module of a plug-in. Raises InputError when importing it fails."""
    try:
        return importlib.import_module(module)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    except Exception as error:  # whatever a user's file does while it is imported
        place = next((f" ({f.f_code.co_filename}:{n})" for f, n in reversed(frames(error)) if where_of(f)), "")
        raise InputError(f"{where}: it cannot be imported: {type(error).__name__}: {error}{place}") from None


def frames(error: BaseException) -> list:
    """(frame, line) of everything an exception passed through, the innermost last."""
    found, at = [], error.__traceback__
    while at:
        found.append((at.tb_frame, at.tb_lineno))
        at = at.tb_next
    return found


def where_of(frame) -> bool:
    """Whether a frame is of a file outside Python's import machinery and this module."""
    return "importlib" not in frame.f_code.co_filename and frame.f_code.co_filename != __file__


def fault(error: BaseException) -> InputError | None:
    """What an exception is if it passed through the files of a plug-in, or if components of them wait for ever: the
    plug-in's fault, with file and line.

    None: it did not, and is a fault of the simulator.
    """
    from accelsim.core.simulator import DeadlockError  # the kernel: not for a command that only names a plug-in

    there = [loaded(path) for path in named_paths()]
    there += [from_entry_point(point) for point in installed().values() if point.module in sys.modules]

    def owner(file: Path) -> str | None:
        return next((p.name for p in there if p.path in (file, *file.parents)), None)

    for frame, line in reversed(frames(error)):
        file = Path(frame.f_code.co_filename)
        if name := owner(file):
            said = " ".join([type(error).__name__ + ":", *str(error).split()]).removesuffix(":")
            return InputError(
                f"{file}:{line}: the plug-in machine {name} failed: {said} (ACCELSIM_TRACEBACK=1 shows more)"
            )
    for kind in error.kinds if isinstance(error, DeadlockError) else ():
        code = kind.tick.__code__
        if name := owner(Path(code.co_filename)):
            where = f"{code.co_filename}:{code.co_firstlineno}"
            return InputError(f"{where}: the plug-in machine {name} does not come to its end: {error}")
    return None


def machine_of(module: ModuleType, attribute: str, name: str, where: str) -> Machine:
    """The machine that a module holds. Raises InputError when it is none that this version can use."""
    found = getattr(module, attribute, None)
    if not isinstance(found, Machine):
        raise InputError(
            f"{where}: {attribute} must be an object of a class derived from accelsim.accelerators.machine.Machine, "
            f"not {type(found).__name__}"
        )
    if found.contract != CONTRACT:
        raise InputError(
            f"{where}: it is made for contract {found.contract} between machines and accelsim, but accelsim "
            f"{__version__} has contract {CONTRACT}; see the changelog for what changed"
        )
    if found.schema.name != name:
        raise InputError(f"{where}: its schema is called {found.schema.name!r}, but its folder or entry point {name!r}")
    return found
