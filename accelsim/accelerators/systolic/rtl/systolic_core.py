"""`systolic_core`: the whole machine's control in hardware, wired as the machine wires itself. It runs a network by
itself: nothing comes from outside but what its tables hold when time begins, and the exact memory's answers."""

from collections.abc import Collection, Iterator, Mapping
from math import ceil

import numpy as np

from accelsim.accelerators.netlist import links
from accelsim.accelerators.systolic.machine import MACHINE
from accelsim.accelerators.systolic.rtl.layers import UNIT, parameters
from accelsim.accelerators.systolic.rtl.modules import AROUND, ARRAY, PACKAGE, WIDE
from accelsim.accelerators.systolic.rtl.softmax_cases import seen
from accelsim.accelerators.trial import draw_workload
from accelsim.components.systolic_array import PART
from accelsim.config.arch import Arch
from accelsim.core import Param, Simulator
from accelsim.dataflows.program import Program
from accelsim.rtl.cosim import EVENTS, Case
from accelsim.rtl.wired import MEMORY, NONE, any_memory, piped, whole_netlist
from accelsim.workload.workload import Workload

TOP = "systolic_core"


def whole(arch: Arch, workload: Workload) -> tuple[Case, Simulator]:
    """A workload on a configuration, for modules and simulator. The exact memory has no module and stays outside."""
    return both(piped(arch), workload, (MEMORY,) if arch.models[MEMORY] == "exact" else ())


def networks(arch: Arch, count: int, seed: int) -> Iterator[tuple[Case, Simulator]]:
    """Random networks on a configuration, with memories of any speed, which all stay outside; every fourth time with
    the configuration's own."""
    for n in range(count):
        rng = np.random.default_rng([seed, n, 93])
        yield both(arch if n % 4 == 3 else any_memory(arch, rng), draw_workload(1000 * seed + n), (MEMORY,))


def both(arch: Arch, workload: Workload, outside: Collection[str]) -> tuple[Case, Simulator]:
    """The case for the modules, and the simulator. Raises InputError for an array that has no module."""
    parameters(arch)
    sim, program = MACHINE.build(arch, workload, trace=EVENTS, monitored=True)
    softmax = next(part for part in sim.components if part.name == "softmax")
    tables = program.finish() | {
        "commands": commands(program),
        "seen": seen({name: softmax.value(name) for name in softmax.declared(Param)}),
    }
    net = whole_netlist(
        PACKAGE,
        TOP,
        (ARRAY, *AROUND),
        sim,
        links(MACHINE.schema, MACHINE.wired(arch), arch),
        tables,
        outside=outside,
        faster=ceil(arch.clocks["dram"] / arch.clocks["core"]),
        bits=WIDE,
        rows={"seen": len(tables["seen"])},
    )
    scripts = {wire.name: NONE for wire in net.wires if wire.producer is None}
    return Case(workload.name, net, tables, scripts, {}), sim


def commands(program: Program) -> np.ndarray:
    """int64[commands, fields]: those of the array, in order."""
    tables: Mapping[str, np.ndarray] = program.finish()
    mine = tables["program"]["unit"] == list(program.names.units).index(UNIT)
    first = tables["program"]["first"][mine]
    return tables["operands"][first[:, None] + np.arange(len(PART))]
