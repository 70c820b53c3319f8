"""Encoder: latency, the carry of incomplete groups, back-pressure."""

from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.components.encoder import Encoder
from tests.components.harness import exercise

ITEMS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(1, 90), st.sampled_from([(0, 0), (3, 2)]), st.integers(1, 3)),
    min_size=1,
    max_size=8,
)


def encoder(lines=2, macs=4):
    return lambda: Encoder("encoder", lines=lines, macs=macs)


def test_an_item_takes_its_weights_divided_by_the_multipliers():
    # pushed in 10, taken in 11; 100 x 2 / 8 = 25 cycles later 200 // 3 = 66 values leave
    seen = exercise(encoder(), {"outputs": [(10, 100, 3, 2, 1)]})
    assert seen.pushes["out"] == [(11 + 25, 66, 1)]
    assert seen.counts == {"mac_ops": 200}
    assert seen.status["busy"] == 25
    # one multiplier less than that, and it takes one cycle more; it is not ready earlier either
    assert exercise(encoder(25, 8), {"outputs": [(10, 100, 3, 2, 1)]}).cycles("out") == [12]
    assert exercise(encoder(199, 1), {"outputs": [(10, 100, 3, 2, 1)]}).cycles("out") == [13]


def test_an_item_that_is_not_encoded_passes_in_one_cycle():
    seen = exercise(encoder(), {"outputs": [(0, 100, 0, 0, 2), (0, 7, 0, 0, 1)]})
    assert seen.pushes["out"] == [(2, 100, 2), (3, 7, 1)]
    assert seen.counts == {"mac_ops": 0}


def test_values_of_an_incomplete_group_leave_with_the_next_item():
    # a group is 3 inputs and 2 outputs; 1 input is 2/3 of a value: nothing leaves, then 1, then 1
    seen = exercise(encoder(1, 1), {"outputs": [(0, 1, 3, 2, 1)] * 3})
    assert seen.pushes["out"] == [(1 + 4, 1, 1), (1 + 6, 1, 1)]


@settings(max_examples=15, deadline=None)
@given(items=ITEMS, gap=st.integers(0, 30), depth=st.integers(1, 3))
def test_nothing_is_lost_under_back_pressure(items, gap, depth):
    feed, at = [], 0
    for wait, elements, (heads, encoded), passes in items:
        at += wait
        feed.append((at, elements, heads, encoded, passes))
    seen = exercise(encoder(), {"outputs": feed}, accept={"out": (0, gap)}, depth={"out": depth, "outputs": 2})
    coded = sum(e for _, e, heads, *_ in feed if heads)
    assert sum(out[1] for out in seen.pushes["out"]) == coded * 2 // 3 + sum(e for _, e, h, *_ in feed if not h)
    assert seen.counts["mac_ops"] == 2 * coded
    assert seen.peaks["out"] <= depth
    if feed and gap == 0:  # the items follow each other without a gap once they are there
        busy = sum(-(-e * c // 8) if h else 1 for _, e, h, c, _ in feed)
        assert seen.status["busy"] == busy


def test_a_full_output_holds_the_item_until_there_is_room():
    # the sink takes its first item in 50, so that the second can be pushed in 51
    seen = exercise(encoder(), {"outputs": [(0, 5, 0, 0, 1)] * 2}, accept={"out": (50, 0)}, depth={"out": 1})
    assert seen.cycles("out") == [2, 51]
    assert seen.status["blocked"] == 51 - 3
