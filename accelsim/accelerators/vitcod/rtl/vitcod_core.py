"""`vitcod_core`: the whole machine's control in hardware, wired as the machine wires itself. It runs a network by
itself: nothing comes from outside but what its tables hold when time begins."""

from collections.abc import Collection, Iterator, Mapping
from math import ceil

import numpy as np

from accelsim.accelerators.netlist import links
from accelsim.accelerators.trial import draw_workload
from accelsim.accelerators.vitcod.machine import MACHINE
from accelsim.accelerators.vitcod.rtl.modules import PACKAGE, TWINS
from accelsim.config.arch import Arch
from accelsim.core import Simulator
from accelsim.rtl import memory
from accelsim.rtl.cosim import EVENTS, Case
from accelsim.rtl.netlist import Netlist
from accelsim.rtl.wired import MEMORY, NONE, any_memory, piped, whole_netlist
from accelsim.workload.workload import Workload

TOP = "vitcod_core"
WORD = 24  # bits
CAPACITY = {"index": 1 << 19, "columns": 1 << 17, "rows": 1 << 17, "passes": 1 << 10, "queries": 1 << 10}


def core(arch: Arch, sim: Simulator, tables: Mapping[str, np.ndarray], outside: Collection[str]) -> Netlist:
    """The netlist of a configuration, of which `sim` has the components; those `outside` are no part of it.

    Raises InputError for another part without a module.
    """
    return whole_netlist(
        PACKAGE,
        TOP,
        (*TWINS.values(), *memory.TWINS.values()),
        sim,
        links(MACHINE.schema, MACHINE.wired(arch), arch),
        tables,
        outside=outside,
        faster=ceil(arch.clocks["dram"] / arch.clocks["core"]),
        bits=WORD,
        rows=CAPACITY,
    )


def whole(arch: Arch, workload: Workload) -> tuple[Case, Simulator]:
    """A workload on a configuration, for modules and simulator. The exact memory has no module and stays outside."""
    return both(piped(arch), workload, (MEMORY,) if arch.models[MEMORY] == "exact" else ())


def networks(arch: Arch, count: int, seed: int) -> Iterator[tuple[Case, Simulator]]:
    """Random networks on a configuration, with memories of any speed, which all stay outside; every fourth time with
    the configuration's own."""
    for n in range(count):
        rng = np.random.default_rng([seed, n, 90])
        yield both(arch if n % 4 == 3 else any_memory(arch, rng), draw_workload(1000 * seed + n), (MEMORY,))


def both(arch: Arch, workload: Workload, outside: Collection[str]) -> tuple[Case, Simulator]:
    """The case for the modules, and the simulator."""
    sim, program = MACHINE.build(arch, workload, trace=EVENTS, monitored=True)
    tables = program.finish()
    net = core(arch, sim, tables, outside)
    return Case(workload.name, net, tables, {w.name: NONE for w in net.wires if w.producer is None}, {}), sim
