"""Generated modules: what they are called, and where they and their machine code are kept."""

import hashlib
import inspect
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import takewhile
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from accelsim.core.component import Component
from accelsim.core.imports import PACKAGE, sources
from accelsim.core.machine_code import compiled_before
from accelsim.core.private import cache_folder, get, put
from accelsim.core.processors import processors
from accelsim.core.refusal import refusal

WORKERS = 4  # processes that compile at once, at most
observers: list[Callable[[int], None]] = []  # told how many modules are about to be compiled, which takes a while
SAFELY = "-P"  # Python without the folder it is started in, where a module of anybody's may lie


class Generated(NamedTuple):
    """A module to be: its name, what it is made for, how its text is made if it has to be."""

    name: str
    kind: type[Component] | None
    text: Callable[[], str]


def name_of(stem: str, text: str, kind: type[Component] | None) -> str:
    """A module's name, from a digest of everything it is made of.

    Numba's cache knows when a file changes but not when a function it calls does, in another file; so the name covers
    the core, the files of the component's classes, and whatever those import.
    """
    return f"{stem}_{hashlib.sha256(core_digest() + source_of(kind)[0] + text.encode()).hexdigest()[:16]}"


@lru_cache
def source_of(kind: type[Component] | None) -> tuple[bytes, int]:
    """A digest of everything that an entry, or the kernel, is made of, but for the core; and its length in bytes."""
    core, files = set((PACKAGE / "core").glob("*.py")), set()
    for file in files_of(kind) if kind else ():
        sources(file, files)
    source = b"".join(file.read_bytes() for file in sorted(files - core))
    return hashlib.sha256(source).digest(), len(source)


def files_of(kind: type[Component]) -> set[Path]:
    """The files of a component's class, of the classes it is derived from, and of its tick."""
    classes = takewhile(lambda base: base is not Component, kind.__mro__)
    written = {inspect.getsourcefile(base) for base in classes} | {kind.tick.__code__.co_filename}
    return {Path(file) for file in written if file and Path(file).is_file()}


@lru_cache
def core_digest() -> bytes:
    import numba

    digest = hashlib.sha256(f"numba {numba.__version__} python {sys.version}".encode())
    for file in sorted((PACKAGE / "core").glob("*.py")):
        digest.update(file.read_bytes())
    return digest.digest()


def write(name: str, text: Callable[[], str]) -> tuple[Path, str]:
    """A generated module's file in the cache folder, and its text: what was kept, if it is whole."""
    path = cache_folder() / f"{name}.py"
    content = get(path)
    if content is None:
        content = text().encode()
        put(path, content)
    return path, content.decode()


def load(path: Path, text: str | None = None) -> ModuleType:
    """A generated module, from its kept text unless that is given; its machine code is kept beside it.

    At LLVM's lowest level of optimization: it compiles faster by a sixth, and what comes out runs as fast.
    """
    from numba import config

    name = path.stem
    if name not in sys.modules:
        if text is None:
            text = get(path).decode()
        # Python's own way would keep bytecode, which it would run unchecked. The file has one line more than the text.
        code = compile(f"\n{text}", str(path), "exec", dont_inherit=True)
        module = ModuleType(name)
        module.__file__ = str(path)
        sys.modules[name] = module  # first: numba cannot load again what it compiled for a module nobody knows
        level, config.OPT = config.OPT, type(config.OPT)(1)
        try:
            exec(code, vars(module))
        except BaseException:
            del sys.modules[name]
            raise
        finally:
            config.OPT = level
    return sys.modules[name]


def kept(name: str, text: Callable[[], str]) -> ModuleType:
    """A generated module, kept in the cache folder with its machine code beside it."""
    return sys.modules.get(name) or load(*write(name, text))


def kept_together(modules: Sequence[Generated], meanwhile: Callable[[], object]) -> list[ModuleType]:
    """Generated modules; those that never were compiled are, by several processes, while this one first does what is
    to be done `meanwhile`."""
    missing = {m.name: m for m in modules if m.name not in sys.modules}.values()
    texts = dict(write(m.name, m.text) for m in missing)
    weights = dict(zip(texts, (source_of(m.kind)[1] for m in missing)))
    fresh = {path: weight for path, weight in weights.items() if not compiled_before(path)}
    if fresh:
        for told in observers:
            told(len(fresh))
    shares = deal(fresh, max(1, min(WORKERS, processors(), len(fresh))))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path)}
    work = "import pathlib, sys; from accelsim.core.keep import load; [*map(load, map(pathlib.Path, sys.argv[1:]))]"
    workers = [
        subprocess.Popen(
            [sys.executable, SAFELY, "-c", work, *map(str, files)], env=environment, stderr=subprocess.DEVNULL
        )
        for files in shares[:-1]
    ]
    try:
        meanwhile()
        for path in shares[-1]:
            with suppress(Exception):  # it is said below
                load(path, texts[path])
    finally:
        for worker in workers:
            worker.wait()
    return [compiled(m) for m in modules]  # what a worker failed at is compiled here


def compiled(module: Generated) -> ModuleType:
    """A generated module. Raises InputError, which says file and line, when numba refuses a component's tick."""
    try:
        return kept(module.name, module.text)
    except OSError:
        raise
    except Exception as error:  # numba has its own, and some that are none of its own
        if module.kind is None:
            raise
        raise refusal(module.kind, *write(module.name, module.text), error) from error


def deal(weights: Mapping[Path, int], hands: int) -> list[list[Path]]:
    """Files dealt out, the heaviest first, each to the hand that holds least."""
    held, load = [[] for _ in range(hands)], [0] * hands
    for path in sorted(weights, key=lambda p: (-weights[p], p)):
        least = load.index(min(load))
        held[least].append(path)
        load[least] += weights[path]
    return held
