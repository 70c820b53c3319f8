"""Commands that say how long they take: that costs no byte of the program, and is what the array then takes."""

import pytest

from accelsim.accelerators import machine, schema
from accelsim.accelerators.vitcod.components.mac_array import MacArray
from accelsim.components.vector_unit import VectorUnit
from accelsim.config import load_arch
from accelsim.dataflows.steps import ArrayPorts, timed
from accelsim.dataflows.tiling import VectorRates
from accelsim.isa.instructions import instruction_bytes, spared_bits
from accelsim.validation.evidence import gather
from accelsim.validation.fetch import instruction_sizes
from accelsim.workload import Gemm, Workload
from tests.accelerators.small import one_of_each
from tests.accelerators.vitcod.small import small_machine
from tests.validation.faults import judged

PORTS = ArrayPorts(4, 64, 4, 64, 256)


def test_the_commands_of_array_and_vector_unit_take_a_word():
    operands = MacArray.fields["command"].payload
    assert MacArray.short.keys() <= set(operands)
    assert instruction_bytes(len(operands), spared_bits(MacArray.short)) == instruction_bytes(12) == 32
    assert instruction_bytes(len(operands)) == 64
    assert instruction_bytes(len(VectorUnit.fields["command"].payload)) == 32


@pytest.mark.parametrize(
    ("operand", "most"),
    [
        ("step_tokens", 255),
        ("heads", 31),
        ("passes", 3),
        ("constants", 15),
        ("act_rate", 1023),
        ("lead", 511),
        ("corner_cycles", 16383),
    ],
)
def test_an_instruction_whose_operands_are_too_large_for_short_fields_takes_another_word(operand, most):
    program = machine("vitcod").program(load_arch("vitcod", schema))
    operands = dict.fromkeys(MacArray.fields["command"].payload, 1) | {"depth": 60000}
    program.issue("engine", **operands | {operand: most})
    assert program.filled == 32
    program.issue("engine", **operands | {operand: most + 1})
    assert program.filled == 32 + 64


def test_a_program_with_long_instructions_is_as_large_as_its_fetch_is_judged_to_be(monkeypatch):
    monkeypatch.setitem(MacArray.short, "heads", 1)  # too few for the tiles of which heads are encoded
    found = gather(machine("vitcod"), small_machine(), one_of_each())
    assert len(set(found.commands("engine")["heads"] > 1)) == 2
    assert len(set(instruction_sizes(found)[found.instructions("engine")])) == 2
    assert not judged(found).failed


def test_the_times_of_a_tile_by_hand():
    # 5 x 7 outputs of a depth of 100 in steps of 2 x 3, with biases and scales of 8 bytes
    cut = {"tokens": 5, "features": 7, "depth": 100, "step_tokens": 2, "step_features": 3, "constants": 8, "added": 0}
    assert timed(PORTS, **cut, adds=False) == {
        "inner_cycles": 100, "bottom_cycles": 100, "right_cycles": 100, "corner_cycles": 100,
        "weight_rate": -(-(5 + 1) * 64 // 100), "act_rate": -(-2 * 2 * 64 // 100),
        "lead": 1 + 3,
    }  # fmt: skip
    # of a depth of 1, sums that come and go through a port of 4 bytes: two cycles an output
    narrow = ArrayPorts(1, 1, 1, 1, 4)
    found = timed(narrow, **cut | {"depth": 1, "constants": 0}, adds=True)
    assert [found[f"{kind}_cycles"] for kind in ("inner", "bottom", "right", "corner")] == [12, 6, 4, 2]
    assert (found["weight_rate"], found["act_rate"]) == (1, 1)


def test_kinds_of_steps_that_a_tile_has_not_take_no_time():
    cut = {"depth": 10, "step_tokens": 2, "step_features": 3, "constants": 8, "added": 0}
    one = timed(PORTS, tokens=2, features=3, **cut, adds=False)
    assert (one["inner_cycles"], one["bottom_cycles"], one["right_cycles"], one["corner_cycles"]) == (0, 0, 0, 10)
    row = timed(PORTS, tokens=2, features=4, **cut, adds=False)
    assert (row["inner_cycles"], row["bottom_cycles"], row["right_cycles"]) == (0, 10, 0)
    column = timed(PORTS, tokens=3, features=3, **cut, adds=False)
    assert (column["inner_cycles"], column["bottom_cycles"], column["right_cycles"]) == (0, 0, 10)


@pytest.mark.parametrize("change", [(), ("weight_gb.capacity_bytes=300",)])
def test_a_convolution_takes_the_cycles_of_its_runs(change):
    work = Workload("one", "none", (Gemm("conv", "stem", "conv", 16, 27, 10, input_elements=8 * 8 * 3),))
    found = gather(
        machine("vitcod"),
        small_machine("act_gb0.port_bytes=8", "act_gb0.banks=1", "decoder.port_bytes=8", *change),
        work,
    )
    said = found.commands("engine")
    assert (said["depth"] < 27).any() == bool(change)
    assert not judged(found).failed
    assert (said["corner_cycles"] > said["depth"]).all()  # a port of 8 bytes, half of the time
    assert (found.tables["windows"]["at_bytes"] == -9 * 3 % 8).any()  # the first window begins beyond the picture
    assert len(found.tables["windows"]) == len(said)


def test_the_time_of_a_sweep_by_hand():
    rates = VectorRates(8, 4, 64, 5, 9)
    assert rates.command(64, 2) == (16 + 5 + 9, 8)  # two words of 64 bytes in 16 cycles
    assert rates.command(63, 2) == (16 + 5 + 9, 8)  # each sweep has a last window
    assert rates.command(64, 1) == (8, 8)
    assert VectorRates(64, 1, 8).command(64, 1) == (16, 4)  # every other cycle of one bank
    assert VectorRates(64, 4, 64).command(0, 1) == (1, 0)
