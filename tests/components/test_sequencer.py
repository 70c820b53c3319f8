"""Sequencer: one instruction a cycle, in order, when what it waits for has happened."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.components.sequencer import Sequencer
from accelsim.isa.instructions import INSTRUCTION, NOTHING
from tests.components.harness import exercise, table

# Units with commands of different widths, and counters; some have only one of the two.
UNITS = {
    "array": tuple("abcdefghijk"),
    "vector": tuple("abc"),
    "decoder": tuple("abcd"),
    "walker": ("number",),
    "buffer": ("bytes", "fences"),
}
COUNTERS = dict.fromkeys(("array", "vector", "decoder", "buffer", "stored"), ("number",))
NUMBER = {name: n for n, name in enumerate(UNITS)}
COUNTER = {name: 1 + n for n, name in enumerate(COUNTERS)}
ARRAYS = {"command": UNITS, "notice": COUNTERS}


def sequencer(*program):
    """An instruction is (unit, counter, count, counter2, count2), what is left out nothing; its operands count on."""
    rows, operands = [], []
    for unit, *wait in program:
        rows.append((NUMBER[unit], len(operands), *wait, *(0,) * (4 - len(wait))))
        operands += range(21, 21 + len(UNITS[unit]))

    def make():
        reached = np.zeros(1 + len(COUNTERS), np.int64)
        return Sequencer("sequencer", program=table(INSTRUCTION, rows), operands=np.array(operands), reached=reached)

    return make


def seen_by(program, feeds, *, accept=None, depth=None):
    feeds, accept, depth = (
        {f"{array}.{n}": v for n, v in (some or {}).items()}
        for array, some in (("notice", feeds), ("command", accept), ("command", depth))
    )
    return exercise(sequencer(*program), feeds, accept=accept, depth=depth, arrays=ARRAYS)


def test_every_instruction_goes_to_its_unit_with_its_operands_one_a_cycle():
    seen = seen_by([(unit,) for unit in UNITS], {})
    for cycle, (unit, fields) in enumerate(UNITS.items()):
        assert seen.pushes[f"command.{unit}"] == [(cycle, *range(21, 21 + len(fields)))]
    assert seen.counts == {"instructions": len(UNITS)}
    assert seen.status["busy"] == len(UNITS)


@pytest.mark.parametrize("counter", COUNTERS)
def test_an_instruction_waits_for_its_counter(counter):
    # the counter reaches 5 with the notice pushed in 30; the instruction leaves in 31
    feed = {counter: [(10, 3), (20, 1), (30, 1), (40, 1)]}
    seen = seen_by([("vector", COUNTER[counter], 5), ("array",)], feed)
    assert seen.cycles("command.vector") == [31] and seen.cycles("command.array") == [32]
    assert seen.status["starved"] == 31
    assert seen_by([("vector", NOTHING, 0, COUNTER[counter], 4)], feed).cycles("command.vector") == [21]


def test_an_instruction_waits_for_both_counters():
    both = [("vector", COUNTER["stored"], 1, COUNTER["array"], 1)]
    for late, early in (("stored", "array"), ("array", "stored")):
        assert seen_by(both, {late: [(50, 1)], early: [(10, 1)]}).cycles("command.vector") == [51]


@pytest.mark.parametrize("unit", UNITS)
def test_a_full_channel_holds_up_all_that_follows(unit):
    other = "vector" if unit != "vector" else "array"
    seen = seen_by([(unit,), (unit,), (other,)], {}, accept={unit: (20, 0)}, depth={unit: 1})
    assert seen.cycles(f"command.{unit}") == [0, 21] and seen.cycles(f"command.{other}") == [22]
    assert seen.status["blocked"] == 20


def test_notices_that_come_together_are_all_counted():
    feed = {"stored": [(5, 1), (5, 1), (5, 1)]}
    assert seen_by([("vector", COUNTER["stored"], 3)], feed).cycles("command.vector") == [6]
    seen_by([("vector",)], feed)


@settings(max_examples=10, deadline=None)
@given(
    units=st.lists(st.sampled_from(list(UNITS)), min_size=1, max_size=20),
    gaps=st.lists(st.integers(0, 4), min_size=len(UNITS), max_size=len(UNITS)),
)
def test_nothing_is_lost_and_order_is_kept(units, gaps):
    accept = {unit: (0, gap) for unit, gap in zip(UNITS, gaps)}
    seen = seen_by([(unit,) for unit in units], {}, accept=accept, depth=dict.fromkeys(accept, 1))
    left = sorted((cycle, unit) for unit in UNITS for cycle in seen.cycles(f"command.{unit}"))
    assert [unit for _, unit in left] == units and len({cycle for cycle, _ in left}) == len(units)
