"""Elaboration: from wired components to one function that runs them all.

Only the wiring is generated; every `tick` is called as it was written. ACCELSIM_DUMP=1 prints the result.
"""

import ast
import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from accelsim.core.component import Component

PACKAGE = Path(__file__).resolve().parents[1]

KERNEL = """\
from numba import njit
from accelsim.core.schedule import commit, last_instant, settle, ticked
from accelsim.core.status import NEVER
from accelsim.core.trace import has_room
{imports}


@njit(cache=True, nogil=True, error_model="numpy")
def kernel(start, stop, skip, control, slots, state, cycles, period, edge, trace, mark, {arguments}):
    # Instants are numbered on the time base; a component's `now` counts the edges of its own clock.
    at = start - 1
    while has_room(trace, state.shape[0], slots.shape[0]):
{next_edges}
        at = {earliest}
        if at >= NEVER:
            return last_instant(edge, period), True
        if at >= stop:
            return stop, False
{ticks}
        commit(at, control, slots, state, period, edge, trace)
        if mark[0]:
            return at + 1, False
    return at + 1, False
"""

DOMAIN = """\
        edge_{d} = {soonest} if skip else settle(edge[{d}], state)
        at_{d} = edge_{d} * period[{d}] if edge_{d} < NEVER else NEVER"""

# A component sleeps until its timer is due or one of its channels moved.
TICK = """\
            if not skip or state[{i}].due <= edge_{d}:
                {name}_r.wake = NEVER
                ticked(state[{i}], {kind}_tick({actual}), {name}_r.wake, edge_{d}, at, cycles, trace)"""


def minimum(terms: Sequence[str]) -> str:
    """A balanced tree of two-argument minima, which compiles to a few compares."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return f"min({minimum(terms[:half])}, {minimum(terms[half:])})"


def source(components: list[Component], binding: dict, domains: list[str]) -> tuple[str, list[str]]:
    """The kernel's text, and the names of its component arguments in order."""
    arguments, ticks, imports, next_edges = [], [], set(), []
    for d, domain in enumerate(domains):
        mine = [i for i, c in enumerate(components) if c.clock == domain]
        next_edges.append(DOMAIN.format(d=d, soonest=minimum([f"state[{i}].due" for i in mine])))
        ticks.append(f"        if at_{d} == at:\n            edge[{d}] = edge_{d}")
        for i in mine:
            c = components[i]
            kind = type(c).__name__
            imports.add(f"from {type(c).__module__} import {kind}; {kind}_tick = {kind}.tick")
            formal = [(n, binding[c.name, n]) for n in c.signature()]
            arguments += [a for n, a in formal if n not in ("now", "mark") and a not in arguments]
            actual = ", ".join(f"edge_{d}" if n == "now" else a for n, a in formal)
            ticks.append(TICK.format(name=c.name, i=i, d=d, kind=kind, actual=actual))
    text = KERNEL.format(
        imports="\n".join(sorted(imports)),
        arguments=", ".join(arguments),
        next_edges="\n".join(next_edges),
        earliest=minimum([f"at_{d}" for d in range(len(domains))]),
        ticks="\n".join(ticks),
    )
    return text, arguments


def sources(file: Path, found: set[Path]) -> None:
    """Add a file, and every file of the package that it imports from, and so on."""
    found.add(file)
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == PACKAGE.name:
            folder = PACKAGE.joinpath(*node.module.split(".")[1:])
            named = [folder / f"{alias.name}.py" for alias in node.names]
            for other in (folder.with_suffix(".py"), folder / "__init__.py", *named):
                if other not in found and other.is_file():
                    sources(other, found)


@lru_cache
def fingerprint(kinds: frozenset[type[Component]]) -> str:
    """A digest of all source that a kernel of these components is made of.

    Numba's cache knows when a file changes but not when a function it calls does, in another file; so the kernel's
    name covers the core, every component's file, and whatever these import.
    """
    import inspect

    import numba

    files: set[Path] = set((PACKAGE / "core").glob("*.py"))
    for file in {Path(inspect.getsourcefile(kind)) for kind in kinds}:
        sources(file, files)
    digest = hashlib.sha256(f"numba {numba.__version__} python {sys.version}".encode())
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def cache_folder() -> Path:
    """Where compiled kernels are kept: ACCELSIM_CACHE, else the user's cache folder, else a temporary one."""
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


def kept(name: str, text: str) -> ModuleType:
    """A generated module, kept in the cache folder so that numba can keep its machine code beside it."""
    if name not in sys.modules:
        folder = cache_folder()
        path = folder / f"{name}.py"
        if not path.exists():
            with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".tmp", delete=False) as file:
                file.write(text)
            os.replace(file.name, path)
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # first: numba cannot load again what it compiled for a module nobody knows
        spec.loader.exec_module(module)
    return sys.modules[name]


def compile_kernel(components: list[Component], binding: dict, domains: list[str]) -> tuple[ModuleType, list[str]]:
    """Write the kernel to a file named after everything it is made of, and import it; and its arguments' names."""
    text, arguments = source(components, binding, domains)
    if os.environ.get("ACCELSIM_DUMP"):
        sys.stderr.write(text)
    digest = hashlib.sha256((fingerprint(frozenset(map(type, components))) + text).encode())
    name = f"kernel_{digest.hexdigest()[:16]}"
    return kept(name, text), arguments
