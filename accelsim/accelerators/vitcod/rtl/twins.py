"""ViTCoD's hardware twins, as the harness takes them: the attention units, alone and wired, the encoder, the array."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from accelsim.accelerators.vitcod.machine import MACHINE
from accelsim.accelerators.vitcod.rtl import buffers, vitcod_values
from accelsim.accelerators.vitcod.rtl.attention import CAPACITY
from accelsim.accelerators.vitcod.rtl.cases import SETTINGS, cases
from accelsim.accelerators.vitcod.rtl.coding import CodingSizes
from accelsim.accelerators.vitcod.rtl.core import RANDOM, UNITS, core, random_cases, values_of, workload_cases
from accelsim.accelerators.vitcod.rtl.datapath import Sizes
from accelsim.accelerators.vitcod.rtl.dense import DenseSizes
from accelsim.accelerators.vitcod.rtl.dense_cases import TILES, TWIN, bench, mac_array
from accelsim.accelerators.vitcod.rtl.dense_layers import ARRAY, array_case, remarks
from accelsim.accelerators.vitcod.rtl.encoder_cases import encoder
from accelsim.accelerators.vitcod.rtl.machine_mutations import MACHINE_MUTATIONS
from accelsim.accelerators.vitcod.rtl.modules import PACKAGE
from accelsim.accelerators.vitcod.rtl.modules import TWINS as MODULES
from accelsim.accelerators.vitcod.rtl.mutations import MUTATIONS
from accelsim.accelerators.vitcod.rtl.operands import workload_operands
from accelsim.accelerators.vitcod.rtl.settings import SMALL
from accelsim.accelerators.vitcod.rtl.values_mutations import VALUES_MUTATIONS
from accelsim.accelerators.vitcod.rtl.vector import VectorSizes
from accelsim.accelerators.vitcod.rtl.vector_cases import bench as vector_bench
from accelsim.accelerators.vitcod.rtl.vector_cases import vector_unit
from accelsim.accelerators.vitcod.rtl.vector_layers import VECTOR, vector_case
from accelsim.accelerators.vitcod.rtl.vitcod_core import TOP, networks, whole
from accelsim.config.arch import Arch
from accelsim.core import Param
from accelsim.rtl.cosim import Case
from accelsim.rtl.memory_mutations import MUTATIONS as MEMORY_MUTATIONS
from accelsim.rtl.netlist import BITS, Netlist, alone
from accelsim.rtl.twins import Twins, Whole
from accelsim.workload.workload import Workload

CORE = "attention_core"
ENCODER_DEPTHS = {"outputs": 4, "out": 4}  # as the machine wires it
ARRAY_DEPTHS = dict.fromkeys(TWIN.ports(), 4) | {"out": 1, "read_weight": 2, "read_act": 2}
VECTOR_DEPTHS = {"outputs": 1, "command": 4, "tile": 1, "done": 4, "reading": 2}
AT_WORK = {
    "attention_core": tuple(UNITS), "encoder": ("encoder",), "mac_array": (ARRAY,), "vector_unit": (VECTOR,),
}  # fmt: skip
TRIALS = 100  # more than are looked at
CHANNELS = (  # the engines' scores first: a picture looks closely where both have some
    "denser_scores",
    "sparser_score",
    "walker_column",
    "sparser_miss",
    "decoder_vector",
    "softmax_denser",
    "softmax_sparser",
    "denser_partial",
    "sparser_partial",
    "merge_row",
)
WHOLE_CHANNELS = (  # from memory through buffers to the array and the vector unit, and back
    "dma_request",
    "dram_reply",
    "dma_arrived_weight_gb",
    "dma_arrived_act_gb0",
    "weight_gb_done",
    "act_gb0_done",
    "sequencer_command_engine",
    "engine_read_weight",
    "engine_read_act",
    "engine_release_weight",
    "engine_release_act",
    "engine_out",
    "encoder_out",
    "sequencer_command_vector",
    "vector_reading_act",
    "vector_tile",
    "vector_done",
    "act_gb1_request",
    "dma_arrived_act_gb1",
    "act_gb1_done",
)


def parameters(arch: Arch) -> dict[str, dict[str, int]]:
    """Those of each unit of attention_core, and of those that stand outside it: `encoder`, `mac_array`, `vector_unit`,
    the memory side's."""
    modules = {**UNITS, "encoder": "encoder"}
    found = {name: settled(arch, name, module) for name, module in modules.items()}
    found |= {"mac_array": settled(arch, ARRAY, "mac_array"), "vector_unit": settled(arch, VECTOR, "vector_unit")}
    return found | buffers.parameters(arch)


def settled(arch: Arch, part: str, module: str) -> dict[str, int]:
    """A part's parameters as the tick of its module's component sees them."""
    values = arch.parts[part] | MACHINE.schema.shared(arch, part)
    return {n: p.check(part, values[n]) for n, p in MODULES[module].component.declared(Param).items()}


def tops(
    values: Mapping[str, dict[str, int]], rows: Mapping[str, int] = CAPACITY, sizes: Sizes = RANDOM
) -> list[Netlist]:
    """The encoder, the array, the vector unit, and the memory side between their channels, if there are values for
    them, and attention_core.

    `rows` are the sizes of the tables, `sizes` those of the data path.
    """
    nets = []
    if "encoder" in values:
        nets.append(alone(PACKAGE, MODULES["encoder"], values["encoder"], ENCODER_DEPTHS, {}, CodingSizes()))
    if "mac_array" in values:
        nets.append(replace(bench(values["mac_array"], ARRAY_DEPTHS, TILES, DenseSizes()), bits=BITS))
    if "vector_unit" in values:
        nets.append(vector_bench(values["vector_unit"], VECTOR_DEPTHS, 1, VectorSizes()))
    if "dma" in values:
        nets.append(buffers.memory_side(values))
    return [*nets, core(values, dict(rows), sizes=sizes)]


def trials(top: str, values: Mapping[str, dict[str, int]], seed: int) -> Iterable[Case]:
    """Random cases of one of them."""
    if top == CORE:
        yield from random_cases(TRIALS, seed, used=[values])
        return
    rng = np.random.default_rng([seed, 88])
    for _ in range(TRIALS):
        if top == "encoder_bench":
            yield encoder(rng, values["encoder"], ENCODER_DEPTHS, 0)
        elif top == "vector_unit_bench":
            yield vector_unit(rng, {**values["vector_unit"], "told": 1}, VECTOR_DEPTHS, 40)
        elif top == buffers.TOP:
            yield buffers.memory_trial(rng, values)
        else:
            case = mac_array(rng, values["mac_array"], ARRAY_DEPTHS, 40)
            yield replace(case, netlist=replace(case.netlist, bits=BITS))


def layers(arch: Arch, workload: Workload, data: bool) -> Iterator[Case]:
    """Every attention layer of a workload through attention_core."""
    sim, program = MACHINE.build(arch, workload)
    values = values_of(sim)
    on = {name: arch.options[name] == "true" for name in ("prune", "auto_encoder")}
    operands = workload_operands(workload, values["softmax"]["mode"] == 0, **on)
    return workload_cases(program, values, workload.name, operands, data=data)


TWINS = Twins(
    package=PACKAGE,
    cases={name: partial(cases, name) for name in SETTINGS} | buffers.MEMORY | {CORE: random_cases},
    small={CORE: partial(random_cases, used=[SMALL])},
    mutations=MUTATIONS,
    parameters=parameters,
    tops=tops,
    trials=trials,
    layers={CORE: layers, "mac_array": array_case, "vector_unit": vector_case},
    remarks=partial(remarks, units=AT_WORK),
    whole={
        MACHINE.schema.name: Whole(TOP, whole, networks, (*MACHINE_MUTATIONS, *MEMORY_MUTATIONS), WHOLE_CHANNELS),
        vitcod_values.TOP: Whole(
            vitcod_values.TOP, vitcod_values.whole, vitcod_values.networks, VALUES_MUTATIONS, WHOLE_CHANNELS, False
        ),
    },
    pictured=CHANNELS,
)
