"""Random cases for ViTCoD's memory side: that of any machine, and the way from one activation buffer to the other."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from accelsim.accelerators.vitcod.machine import MACHINE
from accelsim.accelerators.vitcod.rtl.modules import PACKAGE, TWINS
from accelsim.accelerators.vitcod.wiring import WIRING
from accelsim.components.dram_pipe import DramPipe
from accelsim.config.arch import Arch
from accelsim.core import Param
from accelsim.rtl import memory, memory_cases
from accelsim.rtl.cosim import Case
from accelsim.rtl.datapath import Parameters
from accelsim.rtl.far_ends import make, script
from accelsim.rtl.memory_cases import Loading, Side, Storing, buffers, side
from accelsim.rtl.netlist import BITS, Netlist, alone
from accelsim.rtl.twins import Draw

TOP = "memory_bench"
STORE = "act_gb1"
TILE = 2048  # bytes at most of a random one
DRAM = {name: param.default for name, param in DramPipe.declared(Param).items()}


def hand_over(count: int, seed: int) -> Iterator[Case]:
    """Stores of any shape, on their way between two buffers."""
    for n in range(count):
        rng = np.random.default_rng([seed, n, 66])
        stores = [tuple(rng.integers(1, 1000, 2).tolist()) for _ in range(int(rng.integers(1, 100)))]
        net = alone(PACKAGE, TWINS["hand_over"], {}, dict.fromkeys(("keep", "out"), 1 + n % 2), {})
        yield make(rng, f"hand_over {n}", net, {}, {"keep": script(rng, stores, 2)})


MEMORY: Mapping[str, Draw] = {
    **{name: partial(memory_cases.cases, PACKAGE, name) for name in memory_cases.SETTINGS},
    "hand_over": hand_over,
}


def parameters(arch: Arch) -> dict[str, dict[str, int]]:
    """Those of each unit of the memory side; a pipe stands in for exact DRAM."""
    kinds = {**dict.fromkeys(WIRING.streams, "load_buffer"), STORE: "store_buffer", "dma": "dma"}
    found = {}
    for part, module in kinds.items():
        values = arch.parts[part] | MACHINE.schema.shared(arch, part)
        declared = memory.TWINS[module].component.declared(Param)
        found[part] = {name: param.check(part, values.get(name, param.default)) for name, param in declared.items()}
    return found | {
        "dram": DRAM if arch.models["dram"] != "pipe" else {name: arch.parts["dram"][name] for name in DRAM}
    }


def around() -> Side:
    """The memory side with as many streams, readers and units that fill it as the machine's wiring has."""
    ends = [link.into for link in WIRING.links] + [link.out for link in WIRING.links]

    def count(port: str) -> int:
        return sum(end.startswith(f"{port}.") for end in ends)

    made: dict[str, Loading | Storing] = {
        part: Storing(count(f"{part}.results"))
        if part == STORE
        else Loading(count(f"{part}.reading"), count(f"{part}.filling") > 0)
        for part in WIRING.streams
    }
    return Side(4, 0, made, TILE)


def memory_side(values: Parameters) -> Netlist:
    """All buffers, the DMA engine and a pipe as DRAM, as the machine wires them."""
    return replace(side(PACKAGE, TOP, values, around()), bits=BITS)


def memory_trial(rng: np.random.Generator, values: Parameters) -> Case:
    """Random loads and stores of all buffers at once."""
    case = buffers(PACKAGE, rng, values, around(), top=TOP)
    return replace(case, netlist=replace(case.netlist, bits=BITS))
