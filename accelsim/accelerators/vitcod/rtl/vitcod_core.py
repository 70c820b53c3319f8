"""`vitcod_core`: the whole machine's control in hardware, wired as the machine wires itself. It runs a network by
itself: nothing comes from outside but what its tables hold when time begins."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from math import ceil, floor

import numpy as np

from accelsim.accelerators.netlist import links
from accelsim.accelerators.trial import draw_workload
from accelsim.accelerators.vitcod.machine import MACHINE
from accelsim.accelerators.vitcod.rtl.modules import PACKAGE, TWINS
from accelsim.config.arch import Arch
from accelsim.core import InputError, Param, Simulator
from accelsim.rtl import memory
from accelsim.rtl.cosim import EVENTS, Case
from accelsim.rtl.netlist import Netlist, Unit, Wire
from accelsim.rtl.stimulus import Script
from accelsim.workload.workload import Workload

TOP, MEMORY = "vitcod_core", "dram"
WORD = 24  # bits
# Rows of the tables, of which a network fills a part: networks differ in what is loaded.
SMALL = 1 << 14
NONE = Script(np.zeros(0, np.int64), np.zeros((0, 1), np.int64))
CAPACITY = {"index": 1 << 19, "columns": 1 << 17, "rows": 1 << 17, "passes": 1 << 10, "queries": 1 << 10}


def core(arch: Arch, sim: Simulator, tables: Mapping[str, np.ndarray], outside: Collection[str]) -> Netlist:
    """The netlist of a configuration, of which `sim` has the components; those `outside` are no part of it.

    Raises InputError for another part without a module.
    """
    found = {twin.component: twin for twin in (*TWINS.values(), *memory.TWINS.values())}
    units = []
    for part in sim.components:
        if part.name in outside:
            continue
        if type(part) in found:
            twin = found[type(part)]
            values = {name: part.value(name) for name in part.declared(Param)}
            own = {table: part.name for table in twin.tables if table not in tables}  # the program's, of its name
            units.append(Unit(part.name, twin, values, own))
        else:
            raise InputError(f"cosim: the part {part.name} is a {type(part).__name__}, which has no module")
    inside, wires = {unit.name for unit in units}, []
    faster = ceil(arch.clocks["dram"] / arch.clocks["core"])
    for link in links(MACHINE.schema, MACHINE.wired(arch), arch):
        name, ends = link.out.replace(".", "_"), [tuple(end.split(".", 1)) for end in (link.out, link.into)]
        out, into = (end if end[0] in inside else None for end in ends)
        most = 0 if out else faster
        wires.append(Wire(name, link.depth + most, out, into, outside=into is None, most=most))
    net = Netlist(PACKAGE, TOP, units, wires, bits=WORD, done=True)
    for name in net.tables():
        net.rows[name] = max(CAPACITY.get(name, SMALL), 1 << len(tables[name]).bit_length())
    return net


def piped(arch: Arch) -> Arch:
    """The configuration; if its memory is a pipe, with that in cycles of the core: all modules have one clock."""
    if arch.models[MEMORY] != "pipe":
        return arch
    slower, pipe = arch.clocks["core"] / arch.clocks["dram"], arch.parts[MEMORY]
    pipe = pipe | {
        "latency": ceil(pipe["latency"] * slower),
        "bytes_per_cycle": max(1, floor(pipe["bytes_per_cycle"] / slower)),
    }
    return replace(arch, clocks={**arch.clocks, "dram": arch.clocks["core"]}, parts={**arch.parts, MEMORY: pipe})


def whole(arch: Arch, workload: Workload) -> tuple[Case, Simulator]:
    """A workload on a configuration, for modules and simulator. The exact memory has no module and stays outside."""
    return both(piped(arch), workload, (MEMORY,) if arch.models[MEMORY] == "exact" else ())


def networks(arch: Arch, count: int, seed: int) -> Iterator[tuple[Case, Simulator]]:
    """Random networks on a configuration, with memories of any speed, which all stay outside; every fourth time with
    the configuration's own."""
    for n in range(count):
        rng = np.random.default_rng([seed, n, 90])
        pipe = {"latency": 300, "channels": 4, "bytes_per_cycle": 32, "interleave_bytes": 256, "window": 32}
        pipe = {name: int(rng.integers(1, most + 1)) for name, most in pipe.items()}
        other = replace(arch, parts={**arch.parts, MEMORY: pipe}, models={**arch.models, MEMORY: "pipe"})
        yield both(arch if n % 4 == 3 else other, draw_workload(1000 * seed + n), (MEMORY,))


def both(arch: Arch, workload: Workload, outside: Collection[str]) -> tuple[Case, Simulator]:
    """The case for the modules, and the simulator."""
    sim, program = MACHINE.build(arch, workload, trace=EVENTS, monitored=True)
    tables = program.finish()
    net = core(arch, sim, tables, outside)
    return Case(workload.name, net, tables, {w.name: NONE for w in net.wires if w.producer is None}, {}), sim
