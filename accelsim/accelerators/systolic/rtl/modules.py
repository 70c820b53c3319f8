"""The systolic array's modules: which component has which, and what its table and channels carry."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from accelsim.accelerators.systolic.rtl.lengths import WORDS, frees_rows
from accelsim.components.systolic_array import BLOCK, PART, SystolicArray
from accelsim.core import InputError
from accelsim.isa.instructions import DONE
from accelsim.isa.tables import ELEMENTS, FREES, RELEASE
from accelsim.rtl.datapath import Sizes
from accelsim.rtl.netlist import Netlist, alone
from accelsim.rtl.package import Package
from accelsim.rtl.twin import Twin

NAME = "systolic_array"
WIDE = 24  # bits of a word: what a command reads is counted in bytes
PAYLOADS: dict[str, tuple[str, ...]] = {
    "part": tuple(PART), "elements": tuple(ELEMENTS), "block": tuple(BLOCK), "release": tuple(RELEASE),
    "done": tuple(DONE),
}  # fmt: skip
PACKAGE = Package(
    Path(__file__).with_name("sv"), {"frees": FREES.names + WORDS}, PAYLOADS, derived={"frees": frees_rows}
)
# What the edges' widths and the accumulators' size come to stands in `frees`; the data path has the accumulators.
ARRAY = Twin(SystolicArray, NAME, ("frees",), ("timing", "row_skip", "accumulator_bytes", "left_bytes", "top_bytes"))


def check(values: Mapping[str, int]) -> None:
    """Raise InputError for an array that has no module."""
    if values["timing"]:
        raise InputError(
            "array.timing: scalesim has no module, since it drains a fold before its sums are there; take exact"
        )
    if values["row_skip"]:
        raise InputError("array.row_skip: true has no module, since no wires lead operands to any row; take false")


def bench(values: Mapping[str, int], depths: Mapping[str, int], commands: int, sizes: Sizes | None) -> Netlist:
    """The array between its channels. Raises InputError for an array that has no module."""
    check(values)
    return replace(alone(PACKAGE, ARRAY, dict(values), depths, {"frees": commands}, sizes), bits=WIDE)
