"""The systolic array's modules: which component has which, and what its table and channels carry."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from accelsim.accelerators.systolic.rtl.lengths import WORDS, frees_rows
from accelsim.components.row_softmax import TILE, RowSoftmax
from accelsim.components.sequencer import Sequencer
from accelsim.components.systolic_array import BLOCK, PART, SystolicArray
from accelsim.components.vector_unit import VectorUnit
from accelsim.core import InputError
from accelsim.isa.instructions import record
from accelsim.isa.tables import ELEMENTS, FREES
from accelsim.rtl import memory
from accelsim.rtl.datapath import Sizes
from accelsim.rtl.netlist import Netlist, alone
from accelsim.rtl.package import Package
from accelsim.rtl.program import program_fields, program_rows
from accelsim.rtl.twin import Twin

NAME, SOFTMAX = "systolic_array", "row_softmax"
WIDE = 24  # bits of a word: what a command reads is counted in bytes
WIDEST = len(PART)  # of the longest command
PAYLOADS: dict[str, tuple[str, ...]] = memory.PAYLOADS | {
    "part": tuple(PART), "encoded": tuple(ELEMENTS), "block": tuple(BLOCK), "scoring": tuple(TILE),
    "sweep": VectorUnit.fields["command"].payload,
}  # fmt: skip
# Beside what the compiler fills: scores seen of each row of a tile, none when time begins.
SEEN = record("scores")
TABLES = memory.TABLES | {
    "frees": FREES.names + WORDS, "seen": SEEN.names, "program": program_fields(WIDEST)
}  # fmt: skip
PACKAGE = Package(
    Path(__file__).with_name("sv"),
    TABLES,
    PAYLOADS,
    memory.DERIVED | {"frees": frees_rows, "program": program_rows(WIDEST)},
    signed=memory.SIGNED,
    components=("sequencer", "vector_unit", *memory.TWINS),
)
# What the edges' widths and the accumulators' size come to stands in `frees`; the data path has the accumulators.
UNSEEN = ("timing", "row_skip", "accumulator_bytes", "left_bytes", "top_bytes", "left_word", "top_word",
          "item_rows")  # fmt: skip
ARRAY = Twin(SystolicArray, NAME, ("frees",), UNSEEN)
ROWS = Twin(RowSoftmax, SOFTMAX, ("seen",), ("score_bytes", "banks", "port_bytes"))
AROUND = (
    ROWS,
    Twin(Sequencer, "sequencer", ("program",), most={"notice": lambda v: v["depth"]}),
    Twin(VectorUnit, "vector_unit", (), ("reduce_cycles", "rsqrt_cycles", "rows", "banks", "port_bytes")),
    *memory.TWINS.values(),
)


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
