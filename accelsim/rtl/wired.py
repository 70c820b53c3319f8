"""The netlist of a whole machine, from the components and channels of its own simulator, so that the two cannot drift
apart."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from math import ceil, floor
from typing import Any

import numpy as np

from accelsim.core import InputError, Param, Simulator
from accelsim.rtl.netlist import Netlist, Unit, Wire
from accelsim.rtl.package import Package
from accelsim.rtl.stimulus import Script
from accelsim.rtl.twin import Twin

MEMORY = "dram"  # what every machine calls it
SMALL = 1 << 14  # rows of a table, of which a network fills a part: networks differ in what is loaded
NONE = Script(np.zeros(0, np.int64), np.zeros((0, 1), np.int64))  # of what comes from outside: what the simulator gave


def whole_netlist(
    package: Package,
    top: str,
    twins: Iterable[Twin],
    sim: Simulator,
    links: Iterable[Any],
    tables: Mapping[str, np.ndarray],
    *,
    outside: Collection[str] = (),
    faster: int = 1,
    bits: int,
    rows: Mapping[str, int],
) -> Netlist:
    """The netlist of a simulator's components, those `outside` excepted, whose clocks are up to `faster` times as fast.

    `twins`: the machine's. `links`: its channels (accelerators.netlist.Link), in the simulator's order. `tables`: what
    is loaded; a table called otherwise is a unit's own, under the unit's name. `bits`: of a word. `rows`: of tables
    that are not SMALL. Raises InputError for another part without a module.
    """
    found = {twin.component: twin for twin in twins}
    units = []
    for part in sim.components:
        if part.name in outside:
            continue
        if type(part) not in found:
            raise InputError(f"cosim: the part {part.name} is a {type(part).__name__}, which has no module")
        twin = found[type(part)]
        values = {name: part.value(name) for name in part.declared(Param)}
        own = {table: part.name for table in twin.tables if table not in tables}  # the program's, of its name
        units.append(Unit(part.name, twin, values, own))
    inside, wires = {unit.name for unit in units}, []
    for link in links:
        name, ends = link.out.replace(".", "_"), [tuple(end.split(".", 1)) for end in (link.out, link.into)]
        out, into = (end if end[0] in inside else None for end in ends)
        most = 0 if out else faster
        wires.append(Wire(name, link.depth + most, out, into, outside=into is None, most=most))
    net = Netlist(package, top, units, wires, bits=bits, done=True)
    for name in net.tables():
        net.rows[name] = max(rows.get(name, SMALL), 1 << len(tables[name]).bit_length())
    return net


def piped(arch: Any) -> Any:
    """A configuration (an Arch); if its memory is a pipe, with that in cycles of the core: all modules have one
    clock."""
    if arch.models[MEMORY] != "pipe":
        return arch
    slower, pipe = arch.clocks["core"] / arch.clocks["dram"], arch.parts[MEMORY]
    pipe = pipe | {
        "latency": ceil(pipe["latency"] * slower),
        "bytes_per_cycle": max(1, floor(pipe["bytes_per_cycle"] / slower)),
    }
    return replace(arch, clocks={**arch.clocks, "dram": arch.clocks["core"]}, parts={**arch.parts, MEMORY: pipe})


def any_memory(arch: Any, rng: np.random.Generator) -> Any:
    """A configuration with a pipe of any latency and bandwidth as its memory."""
    pipe = {"latency": 300, "channels": 4, "bytes_per_cycle": 32, "interleave_bytes": 256, "window": 32}
    pipe = {name: int(rng.integers(1, most + 1)) for name, most in pipe.items()}
    return replace(arch, parts={**arch.parts, MEMORY: pipe}, models={**arch.models, MEMORY: "pipe"})
