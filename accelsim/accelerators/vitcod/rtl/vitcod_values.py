"""`vitcod_values`: the whole machine in hardware with values in it: `vitcod_core`, the data paths behind its units, and
memories that hold what the program moves."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from accelsim.accelerators.vitcod.rtl.dense_layers import lies
from accelsim.accelerators.vitcod.rtl.stage import late, steps_of
from accelsim.accelerators.vitcod.rtl.values_chain import CHAINED, check, whole_chain
from accelsim.accelerators.vitcod.rtl.values_core import ValuesSizes
from accelsim.accelerators.vitcod.rtl.values_layers import lay
from accelsim.accelerators.vitcod.rtl.values_pyramid import any_cuts, draw_pyramid
from accelsim.accelerators.vitcod.rtl.values_random import draw_transformer
from accelsim.accelerators.vitcod.rtl.values_work import Laid, TooSoonError
from accelsim.accelerators.vitcod.rtl.vitcod_core import core
from accelsim.config.arch import Arch
from accelsim.core import Simulator
from accelsim.core.errors import InputError
from accelsim.rtl.cosim import EVENTS, Case, by_name, ordered
from accelsim.rtl.whole import period_of
from accelsim.rtl.wired import MEMORY, NONE, any_memory, piped
from accelsim.workload.workload import Workload

TOP = "vitcod_values"


class LateError(InputError):
    """Steps of the array are shorter than the transposing stage takes for them."""


LEAST = 8  # cycles a random pipe takes at least: what is written must be there before it can be read back


def whole(arch: Arch, workload: Workload) -> tuple[Case, Simulator]:
    """A workload with its values on a configuration, for modules and simulator.

    Raises InputError for a network or a configuration that is not run with values.
    """
    return both(piped(arch), workload, (MEMORY,) if arch.models[MEMORY] == "exact" else ())


def networks(arch: Arch, count: int, seed: int) -> Iterator[tuple[Case, Simulator]]:
    """Random networks on a configuration, transformers and pyramids in turn, with memories of any speed; every fourth
    time with its own, if that gives nothing back too soon."""
    for n in range(count):
        rng = np.random.default_rng([seed, n, 91])
        here = arch if n % 4 == 3 else slow(arch, rng)
        draw = draw_pyramid if n % 2 else draw_transformer
        network = draw(1000 * seed + n, arch.parts["vector"]["lanes"])
        if n % 2:
            here = replace(here, mapping=any_cuts(here, network, rng))
        try:
            run = both(here, network, (MEMORY,))
        except LateError:
            here, run = replace(here, mapping={}), None
        except TooSoonError:
            here, run = slow(here, rng), None
        yield run or both(here, network, (MEMORY,))


def check_stage(arch: Arch, workload: Workload, values: Mapping[str, int], moved: Mapping[str, np.ndarray]) -> None:
    """Raise LateError for a run in which the transposing stage does not keep up with the array."""
    ports = {"command": "sequencer_command_engine", "out": "engine_out", "done": "engine_done"}
    run = {name: moved[wire] for name, wire in ports.items()}
    found = late(values, steps_of(values, run, lies(workload, arch, run["command"][:, 1:])))
    if found.steps:
        raise LateError(f"{workload.name}: the transposing stage is late in {found.steps} steps of its array")


def slow(arch: Arch, rng: np.random.Generator) -> Arch:
    """The configuration with a pipe of any bandwidth, and a latency that is not too short, as its memory."""
    here = any_memory(arch, rng)
    pipe = here.parts[MEMORY]
    return replace(here, parts={**here.parts, MEMORY: {**pipe, "latency": max(LEAST, pipe["latency"])}})


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
    moved = by_name(case, ordered(net, sim, period))
    laid = Laid(arch, workload, program, moved)
    laid.check_memory(moved["dma_request"], moved["dram_reply"])
    check_stage(arch, workload, net.parameters["engine"], moved)
    values = lay(laid, ValuesSizes().behind(net.parameters, {}, {}).vector)
    sim, _ = CHAINED.build(arch, workload, trace=EVENTS, monitored=True)
    return replace(case, netlist=replace(net, sizes=values.sizes()), operands=values), sim
