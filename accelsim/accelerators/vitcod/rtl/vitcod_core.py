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
from accelsim.rtl.cosim import EVENTS, Case
from accelsim.rtl.netlist import Netlist, Unit, Wire
from accelsim.rtl.twin import Twin
from accelsim.workload.workload import Workload

TOP = "vitcod_core"
WORD = 32  # bits: an address is one
# Rows of the tables, of which a network fills a part: networks differ in what is loaded.
LARGE, SMALL = 1 << 17, 1 << 14
CAPACITY = {"index": 1 << 19, "columns": LARGE, "rows": LARGE, "passes": 1 << 10, "queries": 1 << 10}


def core(arch: Arch, tables: Mapping[str, np.ndarray]) -> Netlist:
    """The netlist of a configuration. Raises InputError for a part without a module."""
    parts, found = MACHINE.parts(arch), {twin.component: twin for twin in TWINS.values()}
    units = []
    for part in MACHINE.listed(arch):
        if parts[part] not in found:
            raise InputError(f"cosim: the part {part} is a {parts[part].__name__}, which has no module")
        units.append(unit(arch, part, found[parts[part]], tables))
    wires = []
    for link in links(MACHINE.schema, MACHINE.wired(arch), arch):
        (producer, _, out), (consumer, _, into) = link.out.partition("."), link.into.partition(".")
        wires.append(Wire(link.out.replace(".", "_"), link.depth, (producer, out), (consumer, into)))
    net = Netlist(PACKAGE, TOP, units, wires, bits=WORD)
    for name in net.tables():
        least, rows = CAPACITY.get(name, SMALL), len(tables[name]) + 1
        net.rows[name] = max(least, 1 << (rows - 1).bit_length())
    return net


def unit(arch: Arch, part: str, twin: Twin, tables: Mapping[str, np.ndarray]) -> Unit:
    """A part's module with its parameters; a table that the program has under the part's name is its own."""
    values = arch.parts[part] | MACHINE.schema.shared(arch, part)
    settled = {n: p.check(part, values[n]) for n, p in twin.component.declared(Param).items()}
    return Unit(part, twin, settled, {table: part for table in twin.tables if table not in tables})


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
    return Case(workload.name, core(one, tables), tables, {}, {}), sim
