"""The systolic array's hardware twins, as the harness takes them: its array, with the data path behind it, its softmax
unit's control, and the control of the whole machine."""

from collections.abc import Iterator, Mapping

import numpy as np

from accelsim.accelerators.systolic.machine import MACHINE
from accelsim.accelerators.systolic.rtl.cases import COMMANDS, cases, systolic_array
from accelsim.accelerators.systolic.rtl.datapath import ArraySizes
from accelsim.accelerators.systolic.rtl.layers import array_case, parameters, remarks
from accelsim.accelerators.systolic.rtl.modules import ARRAY, NAME, PACKAGE, SOFTMAX, bench
from accelsim.accelerators.systolic.rtl.mutations import MUTATIONS
from accelsim.accelerators.systolic.rtl.softmax_cases import cases as softmax_cases
from accelsim.accelerators.systolic.rtl.softmax_cases import row_softmax, softmax_bench
from accelsim.accelerators.systolic.rtl.systolic_core import TOP, networks, whole
from accelsim.config.arch import Arch
from accelsim.core import Param
from accelsim.rtl.cosim import Case
from accelsim.rtl.memory_mutations import MUTATIONS as MEMORY_MUTATIONS
from accelsim.rtl.netlist import Netlist
from accelsim.rtl.twins import Twins, Whole

DEPTH = 4  # of channels, as the machine wires them
TRIALS = 100  # more than are looked at
CHANNELS = (  # from memory through buffers to the array, and back
    "dma_request",
    "dram_reply",
    "dma_arrived_weight_buffer",
    "dma_arrived_act_buffer",
    "sequencer_command_array",
    "array_release_weight",
    "array_release_act",
    "array_scores",
    "softmax_out",
    "array_out",
    "vector_tile",
    "output_buffer_request",
    "dma_arrived_output_buffer",
)


def values_of(arch: Arch) -> dict[str, dict[str, int]]:
    """The parameters of the modules that are written. Raises InputError for an array that has no module."""
    softmax = MACHINE.schema.create(arch, "softmax")
    return {NAME: parameters(arch), SOFTMAX: {name: softmax.value(name) for name in softmax.declared(Param)}}


def tops(values: Mapping[str, dict[str, int]]) -> list[Netlist]:
    """The softmax unit, and the array, between their channels."""
    array = bench(values[NAME], dict.fromkeys(ARRAY.ports(), DEPTH), COMMANDS, ArraySizes())
    return [softmax_bench(values[SOFTMAX], DEPTH), array]


def trials(top: str, values: Mapping[str, dict[str, int]], seed: int) -> Iterator[Case]:
    """Random cases of one of them."""
    rng = np.random.default_rng([seed, 88])
    for n in range(TRIALS):
        if top == f"{SOFTMAX}_bench":
            yield row_softmax(rng, f"{SOFTMAX} {n}", values[SOFTMAX], DEPTH)
        else:
            yield systolic_array(rng, f"{NAME} {n}", values[NAME], dict.fromkeys(ARRAY.ports(), DEPTH))


TWINS = Twins(
    package=PACKAGE,
    cases={NAME: cases, SOFTMAX: softmax_cases},
    mutations=MUTATIONS,
    parameters=values_of,
    tops=tops,
    trials=trials,
    layers={NAME: array_case},
    remarks=remarks,
    whole={TOP: Whole(TOP, whole, networks, (*MUTATIONS, *MEMORY_MUTATIONS), CHANNELS)},
    pictured=("command", "out"),
)
