"""Generated modules: what they are called, and where they and their machine code are kept."""

import gc
import hashlib
import inspect
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from accelsim.core.component import Component
from accelsim.core.imports import PACKAGE, recall, remember, sources
from accelsim.core.machine_code import address_of, keep, linked
from accelsim.core.private import cache_folder, get, put
from accelsim.core.processors import processors
from accelsim.core.refusal import refusal

WORKERS = 4  # processes that compile at once, at most
observers: list[Callable[[int], None]] = []  # told how many modules are about to be compiled, which takes a while
addresses: dict[str, int] = {}  # where the functions of generated modules begin in this process
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
    recalled()
    core, files = set((PACKAGE / "core").glob("*.py")), set()
    for file in files_of(kind) if kind else ():
        sources(file, files)
    source = b"".join(file.read_bytes() for file in sorted(files - core))
    return hashlib.sha256(source).digest(), len(source)


@cache
def recalled() -> None:
    """Know the imports that earlier runs found."""
    recall(cache_folder())


def files_of(kind: type[Component]) -> set[Path]:
    """The files of a component's class, of the classes it is derived from, and of its tick."""
    classes = takewhile(lambda base: base is not Component, kind.__mro__)
    written = {inspect.getsourcefile(base) for base in classes} | {kind.tick.__code__.co_filename}
    return {Path(file) for file in written if file and Path(file).is_file()}


@lru_cache
def core_digest() -> bytes:
    bounds = os.environ.get("NUMBA_BOUNDSCHECK", "")  # numba's: every index is looked at
    digest = hashlib.sha256(f"numba {numba_version()} python {sys.version} {bounds}".encode())
    for file in sorted((PACKAGE / "core").glob("*.py")):
        digest.update(file.read_bytes())
    return digest.digest()


def numba_version() -> str:
    """Of the numba that is installed, which is not imported for it; nor is what reads all packages' metadata."""
    said = Path(find_spec("numba").origin).with_name("_version.py")
    if said.is_file():
        return said.read_text(encoding="utf-8")
    from importlib.metadata import version

    return version("numba")


def write(folder: Path, name: str, text: Callable[[], str]) -> tuple[Path, str]:
    """A generated module's file in the cache folder, and its text: what was kept, if it is whole."""
    path = folder / f"{name}.py"
    content = get(path)
    if content is None:
        content = text().encode()
        put(path, content)
    return path, content.decode()


def compile_kept(path: Path, text: str | None = None) -> bytes:
    """Compile a generated module, from its kept text unless that is given; its machine code, which is kept beside it.

    At LLVM's second level of optimization: at the lowest, compiling takes a fifteenth less and a run as much more. The
    kernel's loops are short, and what vector code of them needs would be loaded again after every tick: there is none.
    What is made meanwhile is needed to the end, so that to look for garbage takes an eighth of the time and finds none.
    """
    from numba import config

    if text is None:
        text = get(path).decode()
    # Python's own way would keep bytecode, which it would run unchecked. The file has one line more than the text.
    code = compile(f"\n{text}", str(path), "exec", dont_inherit=True)
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    before, collects = (config.OPT, config.LOOP_VECTORIZE), gc.isenabled()
    config.OPT, config.LOOP_VECTORIZE = type(config.OPT)(2), int(not path.stem.startswith("kernel_"))
    gc.disable()
    sys.modules[path.stem] = module  # where numba looks for what is said of a mistake
    try:
        exec(code, vars(module))
        return keep(path, module.entry)
    finally:
        config.OPT, config.LOOP_VECTORIZE = before
        if collects:
            gc.enable()
        del sys.modules[path.stem]


def kept(folder: Path, module: Generated) -> int | None:
    """Where a generated module's function begins; None if no machine code of it is kept that is whole."""
    if module.name not in addresses and (found := address_of(folder / f"{module.name}.py")):
        addresses[module.name] = found
    return addresses.get(module.name)


def kept_together(modules: Sequence[Generated]) -> list[int]:
    """Where the functions of generated modules begin; those that never were compiled are, by several processes."""
    folder = cache_folder()
    remember(folder)
    missing = {m.name: m for m in modules if kept(folder, m) is None}
    if not missing:
        return [addresses[m.name] for m in modules]
    for told in observers:
        told(len(missing))
    texts = dict(write(folder, m.name, m.text) for m in missing.values())
    weights = dict(zip(texts, (source_of(m.kind)[1] for m in missing.values())))
    paths = sorted(texts, key=lambda path: (weights[path] > 0, -weights[path], path))  # the kernel first: it is long
    queue, ordered = os.pipe()
    os.write(ordered, bytes(range(min(len(paths), 256))))  # what is beyond is compiled below
    os.close(ordered)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path)}
    work = "import sys; from accelsim.core.keep import compile_some; compile_some(sys.argv[1:])"
    command = [sys.executable, SAFELY, "-c", work, *map(str, paths)]
    workers = [
        subprocess.Popen(command, env=environment, stdin=queue, stderr=subprocess.DEVNULL)
        for _ in range(min(WORKERS, processors(), len(missing)) - 1)
    ]
    try:
        for path in taken(paths, queue):
            with suppress(Exception):  # it is said below
                addresses[path.stem] = linked(compile_kept(path, texts[path]))
    finally:
        os.close(queue)
        for worker in workers:
            worker.wait()
    return [kept(folder, m) or compiled(folder, m) for m in modules]  # what a worker failed at is compiled here


def taken(paths: Sequence[Path], queue: int) -> Iterator[Path]:
    """The next file that no other process has taken, again and again: their numbers are bytes of a pipe."""
    while number := os.read(queue, 1):
        yield paths[number[0]]


def compile_some(paths: Sequence[str], queue: int = 0) -> None:
    """What a worker does; whoever started it says what is wrong."""
    for path in taken([Path(path) for path in paths], queue):
        with suppress(Exception):
            compile_kept(path)


def compiled(folder: Path, module: Generated) -> int:
    """A generated module. Raises InputError, which says file and line, when numba refuses a component's tick."""
    path, text = write(folder, module.name, module.text)
    try:
        addresses[module.name] = linked(compile_kept(path, text))
    except OSError:
        raise
    except Exception as error:  # numba has its own, and some that are none of its own
        if module.kind is None:
            raise
        raise refusal(module.kind, path, text, error) from error
    return addresses[module.name]
