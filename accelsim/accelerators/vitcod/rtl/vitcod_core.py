"""`vitcod_core`: the whole machine's control in hardware, wired as the machine wires itself. It runs a network by
itself: nothing comes from outside but what its tables hold when time begins."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from math import ceil

import numpy as np

from accelsim.accelerators.netlist import links
from accelsim.accelerators.trial import draw_workload
from accelsim.accelerators.vitcod.machine import MACHINE, resources
from accelsim.accelerators.vitcod.rtl.modules import PACKAGE, TWINS
from accelsim.config.arch import Arch
from accelsim.core import Simulator
from accelsim.core.errors import InputError
from accelsim.dataflows.fusion import TOKENS, chains
from accelsim.dataflows.residency import FUSED, INPUT, chances
from accelsim.rtl import memory
from accelsim.rtl.cosim import EVENTS, Case
from accelsim.rtl.netlist import Netlist
from accelsim.rtl.wired import MEMORY, NONE, any_memory, piped, whole_netlist
from accelsim.workload.layers import Gemm, Norm
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
    the configuration's own. Where it fuses layers, as many as fit are."""
    for n in range(count):
        rng = np.random.default_rng([seed, n, 90])
        here, network = arch if n % 4 == 3 else any_memory(arch, rng), draw_workload(1000 * seed + n)
        if resources(arch).fuses:
            network = with_mlp(network, rng)
            here = replace(here, mapping=any_turns(here, network, rng))
        yield both(here, network, (MEMORY,))


def with_mlp(workload: Workload, rng: np.random.Generator) -> Workload:
    """A random network with a norm and an MLP of random size in front of its last layer, which pools."""
    last = workload.layers[-1]
    sizes = last.tokens, last.features
    hidden = int(rng.integers(1, 60))
    more = (
        Norm("mlp.norm", last.block, *sizes),
        Gemm("mlp.up", last.block, "mlp", *sizes, hidden, activation="gelu"),
        Gemm("mlp.down", last.block, "mlp", last.tokens, hidden, last.features, residual=True),
    )
    return replace(workload, layers=(*workload.layers[:-1], *more, last))


def any_turns(arch: Arch, workload: Workload, rng: np.random.Generator) -> dict[str, dict[str, object]]:
    """A mapping in which random chains of layers are fused, random rows at a time: so small ones would not be."""
    found: dict[str, dict[str, object]] = {}
    able, first = chances(workload), 0
    while first < len(workload.layers):
        ends, rows = list(chains(workload.layers, able, first)), getattr(workload.layers[first], "tokens", 0)
        first += 1
        if not ends or (rows := rows * workload.batch) < 2:
            continue
        end = int(rng.choice(ends))
        said = {INPUT: FUSED, TOKENS: int(rng.integers(1, rows))}
        more = found | {workload.layers[n].name: said for n in range(first, end + 1)}
        try:
            MACHINE.mapping(arch, workload, pinned=more)
        except InputError:  # no such block of rows fits
            continue
        found, first = more, end + 1
    return found


def both(arch: Arch, workload: Workload, outside: Collection[str]) -> tuple[Case, Simulator]:
    """The case for the modules, and the simulator."""
    sim, program = MACHINE.build(arch, workload, trace=EVENTS, monitored=True)
    tables = program.finish()
    net = core(arch, sim, tables, outside)
    return Case(workload.name, net, tables, {w.name: NONE for w in net.wires if w.producer is None}, {}), sim
