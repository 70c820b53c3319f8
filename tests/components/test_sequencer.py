"""Sequencer: one instruction a cycle, in order, when what it waits for has happened."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.components.sequencer import Sequencer
from accelsim.isa import instructions as isa
from tests.components.harness import exercise, table

OUTPUT = {
    isa.ARRAY: ("array", 11), isa.VECTOR: ("vector", 3), isa.DECODE: ("decode", 4), isa.DENSER: ("denser", 4),
    isa.SPARSER: ("sparser", 4), isa.WALKER: ("walker", 4), isa.SOFTMAX: ("softmax", 4), isa.MERGE: ("merge", 4),
    isa.GRANT_WEIGHT: ("grant_weight", 2), isa.GRANT_ACT: ("grant_act", 2), isa.GRANT_INDEX: ("grant_index", 2),
}  # fmt: skip
ARGUMENTS = tuple(range(21, 32))


def sequencer(*program):
    """An instruction is (op, counter, count, counter2, count2), what is left out nothing."""
    rows = [(op, *ARGUMENTS, *wait, *(0,) * (4 - len(wait))) for op, *wait in program]
    memory = table(isa.INSTRUCTION, rows)
    return lambda: Sequencer("sequencer", program=memory)


def test_every_instruction_goes_to_its_unit_with_its_arguments_one_a_cycle():
    seen = exercise(sequencer(*((op,) for op in OUTPUT)), {})
    for cycle, (port, fields) in enumerate(OUTPUT.values()):
        assert seen.pushes[port] == [(cycle, *ARGUMENTS[:fields])]
    assert seen.counts == {"instructions": 11}
    assert seen.status["busy"] == 11


@pytest.mark.parametrize("counter", range(1, len(isa.COUNTERS)))
def test_an_instruction_waits_for_its_counter(counter):
    # the counter reaches 5 with the notice pushed in 30; the instruction leaves in 31
    feed = {isa.COUNTERS[counter]: [(10, 3), (20, 1), (30, 1), (40, 1)]}
    seen = exercise(sequencer((isa.VECTOR, counter, 5), (isa.ARRAY,)), feed)
    assert seen.cycles("vector") == [31] and seen.cycles("array") == [32]
    assert seen.status["starved"] == 31
    seen = exercise(sequencer((isa.VECTOR, isa.NOTHING, 0, counter, 4)), feed)
    assert seen.cycles("vector") == [21]


def test_an_instruction_waits_for_both_counters():
    feed = {"stored": [(50, 1)], "array_done": [(10, 1)]}
    assert exercise(sequencer((isa.VECTOR, isa.STORED, 1, isa.ARRAY_DONE, 1)), feed).cycles("vector") == [51]
    feed = {"stored": [(10, 1)], "array_done": [(50, 1)]}
    assert exercise(sequencer((isa.VECTOR, isa.STORED, 1, isa.ARRAY_DONE, 1)), feed).cycles("vector") == [51]


@pytest.mark.parametrize("op", OUTPUT)
def test_a_full_channel_holds_up_all_that_follows(op):
    port, _ = OUTPUT[op]
    other = isa.VECTOR if op != isa.VECTOR else isa.ARRAY
    seen = exercise(sequencer((op,), (op,), (other,)), {}, accept={port: (20, 0)}, depth={port: 1})
    assert seen.cycles(port) == [0, 21] and seen.cycles(OUTPUT[other][0]) == [22]
    assert seen.status["blocked"] == 20


def test_notices_that_come_together_are_all_counted():
    feed = {"stored": [(5, 1), (5, 1), (5, 1)]}
    assert exercise(sequencer((isa.VECTOR, isa.STORED, 3)), feed).cycles("vector") == [6]
    exercise(sequencer((isa.VECTOR,)), feed)


@settings(max_examples=10, deadline=None)
@given(
    ops=st.lists(st.sampled_from(list(OUTPUT)), min_size=1, max_size=20),
    gaps=st.lists(st.integers(0, 4), min_size=11, max_size=11),
)
def test_nothing_is_lost_and_order_is_kept(ops, gaps):
    accept = {port: (0, gap) for (port, _), gap in zip(OUTPUT.values(), gaps)}
    seen = exercise(sequencer(*((op,) for op in ops)), {}, accept=accept, depth=dict.fromkeys(accept, 1))
    left = sorted((cycle, op) for op, (port, _) in OUTPUT.items() for cycle in seen.cycles(port))
    assert [op for _, op in left] == ops and len({cycle for cycle, _ in left}) == len(ops)
