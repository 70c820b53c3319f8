"""Elaboration: every component's tick behind one C signature, compiled once and kept on disk.

An entry is called as `entry(now, words)`: `words` is the address of a row of integers that say where the arguments of
the tick lie, its record first. So the kernel needs no wiring of its own: it calls a table of entries, and another
choice of components compiles only what no netlist has held before. Generated is only how the arguments are found; what
follows is the tick's body as it was written. ACCELSIM_DUMP=1 prints the entries.
"""

import ast
import hashlib
import importlib.util
import inspect
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import takewhile
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np

from accelsim.core.channel import Channel
from accelsim.core.component import Component

PACKAGE = Path(__file__).resolve().parents[1]
IMPORT = re.compile(r"^\s*from ([\w.]+) import (\([^)]*\)|.*)", re.MULTILINE)
WORKERS = 4  # processes that compile at once, at most

KERNEL = """\
from numba import njit
from accelsim.core.schedule import advance


@njit(cache=True, nogil=True, error_model="numpy", _nrt=False)
def kernel({arguments}):
    return advance({arguments})
"""

ENTRY = """\
import numpy as np
from numba import cfunc
from accelsim.core.channel import Channel as _Channel
from accelsim.core.invoke import array_at as _array_at, record_at as _record_at
from {module} import {names}

{types}


@cfunc("i8(i8, i8)", cache=True, error_model="numpy", _nrt=False)
def entry(now, _words):
{bindings}
{body}
"""

Argument = int | Channel | np.record | np.ndarray


@lru_cache
def literal(dtype: np.dtype) -> str:
    """A number's or a record's type as an expression."""
    if dtype.names is None:
        return f"np.dtype({dtype.str!r})"
    names = list(dtype.names)
    formats, offsets = [dtype.fields[n][0].str for n in names], [dtype.fields[n][1] for n in names]
    fields = {"names": names, "formats": formats, "offsets": offsets, "itemsize": dtype.itemsize}
    return f"np.dtype({fields})"


def words(value: Argument) -> list[int]:
    """Where an argument lies: a record's address; an array's and its shape; both of a channel; nowhere for a number."""
    if isinstance(value, int):
        return []
    if isinstance(value, Channel):
        return [*words(value.control), *words(value.slots)]
    if value.shape and not value.flags.c_contiguous:
        raise TypeError("a component's memory must lie in one piece")
    return [value.__array_interface__["data"][0], *value.shape]


class Generated(NamedTuple):
    """A module to be: its name, what it is made for, how its text is made if it has to be."""

    name: str
    kind: type[Component] | None
    text: Callable[[], str]


def entry_module(kind: type[Component], values: Mapping[str, Argument]) -> Generated:
    """The entry of a component whose tick is called with these arguments; a number is compiled in."""
    types, bindings = ['_word = np.dtype("i8")'], []
    length = 0

    def bind(name: str, value: np.record | np.ndarray) -> None:
        nonlocal length
        types.append(f"{name}_type = {literal(value.dtype)}")
        shape = "".join(f"_w[{length + 1 + n}], " for n in range(len(value.shape)))
        what = f"_array_at(_w[{length}], ({shape}), " if shape else f"_record_at(_w[{length}], "
        bindings.append(f"    {name} = {what}{name}_type)")
        length += 1 + len(value.shape)

    for name, value in values.items():
        if isinstance(value, int):
            types.append(f"{name} = {value}")
        elif isinstance(value, Channel):
            bind(f"{name}_control", value.control)
            bind(f"{name}_slots", value.slots)
            bindings.append(f"    {name} = _Channel({name}_control, {name}_slots)")
        else:
            bind(name, value)
    bindings.insert(0, f"    _w = _array_at(_words, ({length},), _word)")

    def text() -> str:
        lines = textwrap.dedent(inspect.getsource(kind.tick)).splitlines()
        body = ast.parse("\n".join(lines)).body[0].body
        made = ENTRY.format(
            module=kind.__module__,
            names=", ".join(n for n in kind.tick.__code__.co_names if n in kind.tick.__globals__),
            types="\n".join(types),
            bindings="\n".join(bindings),
            body="\n".join(lines[body[0].lineno - 1 :]),
        )
        if os.environ.get("ACCELSIM_DUMP"):
            sys.stderr.write(made)
        return made

    made_of = "\n".join([ENTRY, kind.__qualname__, kind.tick.__code__.co_filename, *types, *bindings])
    return Generated(name_of(kind.__name__, made_of, kind), kind, text)


def kernel_module() -> Generated:
    """The kernel, which calls the entries."""
    from accelsim.core.schedule import advance

    text = KERNEL.format(arguments=", ".join(inspect.signature(advance.py_func).parameters))
    return Generated(name_of("kernel", text, None), None, lambda: text)


def name_of(stem: str, text: str, kind: type[Component] | None) -> str:
    """A module's name, from a digest of everything it is made of.

    Numba's cache knows when a file changes but not when a function it calls does, in another file; so the name covers
    the core, the component's file, and whatever that imports.
    """
    return f"{stem}_{hashlib.sha256(core_digest() + source_of(kind)[0] + text.encode()).hexdigest()[:16]}"


def sources(file: Path, found: set[Path]) -> None:
    """Add a file, and every file of the package that it imports from, and so on."""
    found.add(file)
    for other in imported(file):
        if other not in found:
            sources(other, found)


@lru_cache
def imported(file: Path) -> list[Path]:
    """The files that a file imports from, its own package's and those beside it; no installed library's."""
    found = []
    for module, names in re.findall(IMPORT, file.read_text()):
        dots = len(module) - len(module.lstrip("."))
        parts = [part for part in module.split(".") if part]
        if dots:
            folder = file.parents[dots - 1].joinpath(*parts)
        elif parts[0] == PACKAGE.name:
            folder = PACKAGE.joinpath(*parts[1:])
        elif PACKAGE in file.parents:
            continue
        else:  # a user's own, in a folder above the component's file
            above = takewhile(lambda p: p.name not in ("site-packages", "dist-packages"), file.parents)
            places = [p.joinpath(*parts) for p in above]
            folder = next((f for f in places if f.with_suffix(".py").is_file() or (f / "__init__.py").is_file()), None)
            if folder is None:
                continue
        named = [folder / f"{name}.py" for name in re.findall(r"\w+", names)]
        found += [f for f in (folder.with_suffix(".py"), folder / "__init__.py", *named) if f.is_file()]
    return found


@lru_cache
def source_of(kind: type[Component] | None) -> tuple[bytes, int]:
    """A digest of everything that an entry, or the kernel, is made of, but for the core; and its length in bytes."""
    core, files = set((PACKAGE / "core").glob("*.py")), set()
    if kind:
        sources(Path(inspect.getsourcefile(kind)), files)
    source = b"".join(file.read_bytes() for file in sorted(files - core))
    return hashlib.sha256(source).digest(), len(source)


@lru_cache
def core_digest() -> bytes:
    import numba

    digest = hashlib.sha256(f"numba {numba.__version__} python {sys.version}".encode())
    for file in sorted((PACKAGE / "core").glob("*.py")):
        digest.update(file.read_bytes())
    return digest.digest()


def cache_folder() -> Path:
    """Where compiled code is kept: ACCELSIM_CACHE, else the user's cache folder, else a temporary one."""
    chosen = os.environ.get("ACCELSIM_CACHE")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "accelsim"
    for folder in [Path(chosen)] if chosen else [home, Path(tempfile.gettempdir()) / "accelsim-cache"]:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return Path(tempfile.mkdtemp(prefix="accelsim-cache-"))


def write(name: str, text: Callable[[], str]) -> Path:
    """A generated module's file in the cache folder."""
    folder = cache_folder()
    path = folder / f"{name}.py"
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".tmp", delete=False) as file:
            file.write(text())
        os.replace(file.name, path)
    return path


def load(path: Path) -> ModuleType:
    """A generated module, from its file; numba keeps its machine code beside it.

    At LLVM's lowest level of optimization: it compiles faster by a sixth, and what comes out runs as fast.
    """
    from numba import config

    name = path.stem
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # first: numba cannot load again what it compiled for a module nobody knows
        level, config.OPT = config.OPT, type(config.OPT)(1)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        finally:
            config.OPT = level
    return sys.modules[name]


def kept(name: str, text: Callable[[], str]) -> ModuleType:
    """A generated module, kept in the cache folder so that numba can keep its machine code beside it."""
    return sys.modules.get(name) or load(write(name, text))


def kept_together(modules: Sequence[Generated], meanwhile: Callable[[], object]) -> list[ModuleType]:
    """Generated modules; those that never were compiled are, by several processes, while this one first does what is
    to be done `meanwhile`."""
    missing = {m.name: m for m in modules if m.name not in sys.modules}.values()
    paths = {write(m.name, m.text): source_of(m.kind)[1] for m in missing}
    fresh = {path: weight for path, weight in paths.items() if not compiled_before(path)}
    shares = deal(fresh, max(1, min(WORKERS, processors(), len(fresh))))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    work = (
        "import pathlib, sys; from accelsim.core.elaborate import load; [*map(load, map(pathlib.Path, sys.argv[1:]))]"
    )
    workers = [
        subprocess.Popen([sys.executable, "-c", work, *map(str, files)], env=environment, stderr=subprocess.DEVNULL)
        for files in shares[:-1]
    ]
    try:
        meanwhile()
        for path in shares[-1]:
            load(path)
    finally:
        for worker in workers:
            worker.wait()
    return [kept(m.name, m.text) for m in modules]  # what a worker failed at is compiled here


def processors() -> int:
    """How many this process may use; not every system says."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def compiled_before(path: Path) -> bool:
    """Whether numba has kept machine code of a generated module."""
    return any((path.parent / "__pycache__").glob(f"{path.stem}.*.nbi"))


def deal(weights: Mapping[Path, int], hands: int) -> list[list[Path]]:
    """Files dealt out, the heaviest first, each to the hand that holds least."""
    held, load = [[] for _ in range(hands)], [0] * hands
    for path in sorted(weights, key=lambda p: (-weights[p], p)):
        least = load.index(min(load))
        held[least].append(path)
        load[least] += weights[path]
    return held
