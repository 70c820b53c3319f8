"""`vitcod_values`: the whole machine in hardware with values in it: `vitcod_core`, the data paths behind its units, and
memories that hold what the program moves."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from accelsim.accelerators.vitcod.rtl.values_chain import CHAINED, check, whole_chain
from accelsim.accelerators.vitcod.rtl.values_core import ValuesSizes
from accelsim.accelerators.vitcod.rtl.values_layers import lay
from accelsim.accelerators.vitcod.rtl.values_random import draw_transformer
from accelsim.accelerators.vitcod.rtl.values_work import Laid
from accelsim.accelerators.vitcod.rtl.vitcod_core import core
from accelsim.config.arch import Arch
from accelsim.core import Simulator
from accelsim.rtl.cosim import EVENTS, Case, by_name, ordered
from accelsim.rtl.whole import period_of
from accelsim.rtl.wired import MEMORY, NONE, any_memory, piped
from accelsim.workload.workload import Workload

TOP = "vitcod_values"
LEAST = 8  # cycles a random pipe takes at least: what is written must be there before it can be read back


def whole(arch: Arch, workload: Workload) -> tuple[Case, Simulator]:
    """A workload with its values on a configuration, for modules and simulator.

    Raises InputError for a network or a configuration that is not run with values.
    """
    return both(piped(arch), workload, (MEMORY,) if arch.models[MEMORY] == "exact" else ())


def networks(arch: Arch, count: int, seed: int) -> Iterator[tuple[Case, Simulator]]:
    """Random transformers on a configuration, with memories of any speed; every fourth time with its own."""
    for n in range(count):
        rng, here = np.random.default_rng([seed, n, 91]), arch
        if n % 4 != 3:
            here = any_memory(arch, rng)
            pipe = here.parts[MEMORY]
            pipe = {**pipe, "latency": max(LEAST, pipe["latency"])}
            here = replace(here, parts={**here.parts, MEMORY: pipe})
        yield both(here, draw_transformer(1000 * seed + n, arch.parts["vector"]["lanes"]), (MEMORY,))


def both(arch: Arch, workload: Workload, outside: tuple[str, ...]) -> tuple[Case, Simulator]:
    """The case for the modules, and the simulator. A run of the simulator before says when loads are asked for."""
    workload = whole_chain(workload)
    check(arch, workload)
    sim, program = CHAINED.build(arch, workload, trace=EVENTS, monitored=True)
    tables = program.finish()
    net = replace(core(arch, sim, tables, outside), top=TOP)
    case = Case(workload.name, net, tables, {w.name: NONE for w in net.wires if w.producer is None}, {})
    period = period_of(case, sim)
    sim.run()
    laid = Laid(arch, workload, program, by_name(case, ordered(net, sim, period)))
    values = lay(laid, ValuesSizes().behind(net.parameters, {}, {}).vector)
    sim, _ = CHAINED.build(arch, workload, trace=EVENTS, monitored=True)
    return replace(case, netlist=replace(net, sizes=values.sizes()), operands=values), sim
