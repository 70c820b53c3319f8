"""`vitcod_core`: the whole machine's control in hardware, wired as the machine wires itself. It runs a network by
itself: nothing comes from outside but what its tables hold when time begins."""

from collections.abc import Mapping
from dataclasses import replace
from math import ceil, floor

import numpy as np

from accelsim.accelerators.netlist import links
from accelsim.accelerators.vitcod.machine import MACHINE
from accelsim.accelerators.vitcod.rtl.modules import PACKAGE, TWINS
from accelsim.components.dram_pipe import DramPipe
from accelsim.config.arch import Arch
from accelsim.core import InputError, Param, Simulator
from accelsim.rtl import memory
from accelsim.rtl.cosim import EVENTS, Case
from accelsim.rtl.netlist import Netlist, Unit, Wire
from accelsim.workload.workload import Workload

TOP = "vitcod_core"
WORD = 24  # bits
# Rows of the tables, of which a network fills a part: networks differ in what is loaded.
SMALL = 1 << 14
CAPACITY = {"index": 1 << 19, "columns": 1 << 17, "rows": 1 << 17, "passes": 1 << 10, "queries": 1 << 10}


def core(arch: Arch, sim: Simulator, tables: Mapping[str, np.ndarray]) -> Netlist:
    """The netlist of a configuration, of which `sim` has the components. Raises InputError for a part without a
    module."""
    found = {twin.component: twin for twin in (*TWINS.values(), *memory.TWINS.values())}
    units = []
    for part in sim.components:
        if type(part) not in found:
            raise InputError(f"cosim: the part {part.name} is a {type(part).__name__}, which has no module")
        twin = found[type(part)]
        values = {name: part.value(name) for name in part.declared(Param)}
        own = {table: part.name for table in twin.tables if table not in tables}  # the program's, of the part's name
        units.append(Unit(part.name, twin, values, own))
    wires = []
    for link in links(MACHINE.schema, MACHINE.wired(arch), arch):
        (producer, _, out), (consumer, _, into) = link.out.partition("."), link.into.partition(".")
        wires.append(Wire(link.out.replace(".", "_"), link.depth, (producer, out), (consumer, into)))
    net = Netlist(PACKAGE, TOP, units, wires, bits=WORD)
    for name in net.tables():
        net.rows[name] = max(CAPACITY.get(name, SMALL), 1 << len(tables[name]).bit_length())
    return net


def piped(arch: Arch) -> Arch:
    """The configuration with its memory as a pipe, whose time is counted in cycles of the core: the exact memory has no
    module, and a bench has one clock."""
    slower = arch.clocks["core"] / arch.clocks["dram"]
    given = arch.parts["dram"] if arch.models["dram"] == "pipe" else {}
    memory = {name: given.get(name, param.default) for name, param in DramPipe.declared(Param).items()}
    memory["latency"] = ceil(memory["latency"] * slower)
    memory["bytes_per_cycle"] = max(1, floor(memory["bytes_per_cycle"] / slower))
    return replace(
        arch,
        clocks={**arch.clocks, "dram": arch.clocks["core"]},
        parts={**arch.parts, "dram": memory},
        models={**arch.models, "dram": "pipe"},
    )


def whole(arch: Arch, workload: Workload) -> tuple[Case, Simulator]:
    """A workload on a configuration, for modules and simulator."""
    one = piped(arch)
    sim, program = MACHINE.build(one, workload, trace=EVENTS, monitored=True)
    tables = program.finish()
    return Case(workload.name, core(one, sim, tables), tables, {}, {}), sim
