"""The systolic array's hardware twins, as the harness takes them: its array, with the data path behind it."""

from collections.abc import Iterator, Mapping

import numpy as np

from accelsim.accelerators.systolic.rtl.cases import COMMANDS, cases, systolic_array
from accelsim.accelerators.systolic.rtl.datapath import ArraySizes
from accelsim.accelerators.systolic.rtl.layers import array_case, parameters, remarks
from accelsim.accelerators.systolic.rtl.modules import ARRAY, NAME, PACKAGE, bench
from accelsim.accelerators.systolic.rtl.mutations import MUTATIONS
from accelsim.rtl.cosim import Case
from accelsim.rtl.netlist import Netlist
from accelsim.rtl.twins import Twins

DEPTHS = dict.fromkeys(ARRAY.ports(), 4)  # as the machine wires it
TRIALS = 100  # more than are looked at


def tops(values: Mapping[str, dict[str, int]]) -> list[Netlist]:
    """The array between its channels."""
    return [bench(values[NAME], DEPTHS, COMMANDS, ArraySizes())]


def trials(top: str, values: Mapping[str, dict[str, int]], seed: int) -> Iterator[Case]:
    """Random products on it."""
    rng = np.random.default_rng([seed, 88])
    for n in range(TRIALS):
        yield systolic_array(rng, f"{NAME} {n}", values[NAME], DEPTHS)


TWINS = Twins(
    package=PACKAGE,
    cases={NAME: cases},
    mutations=MUTATIONS,
    parameters=lambda arch: {NAME: parameters(arch)},
    tops=tops,
    trials=trials,
    layers={NAME: array_case},
    remarks=remarks,
    pictured=("command", "out"),
)
