"""Encoder: latency, features that a step of the array cuts, back-pressure."""

from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.accelerators.vitcod.components.encoder import Encoder
from tests.components.harness import exercise

ITEMS = st.lists(
    st.tuples(
        st.integers(0, 9), st.integers(1, 9), st.integers(1, 10), st.sampled_from([(0, 0), (3, 2)]), st.integers(1, 3)
    ),
    min_size=1,
    max_size=8,
)


def encoder(lines=2, macs=4, sum_port_bytes=1024):
    return lambda: Encoder("encoder", lines=lines, macs=macs, sum_port_bytes=sum_port_bytes)


def item(at, rows, columns, heads=3, encoded=2, met=0, passes=1):
    return (at, rows, columns, heads, encoded, passes, 0, met)


def test_an_item_takes_its_weights_divided_by_the_multipliers():
    # pushed in 10, taken in 11; 100 x 2 / 8 = 25 cycles later 10 tokens x 3 features x 2 values leave
    seen = exercise(encoder(), {"outputs": [item(10, 10, 10)]})
    assert seen.pushes["out"] == [(11 + 25, 60, 1)]
    assert seen.counts == {"mac_ops": 200, "sum_read_bytes": 0, "sum_write_bytes": 4 * 10 * 2}
    assert seen.status["busy"] == 25
    # one multiplier less than that, and it takes one cycle more; it is not ready earlier either
    assert exercise(encoder(25, 8), {"outputs": [item(10, 10, 10)]}).cycles("out") == [12]
    assert exercise(encoder(199, 1), {"outputs": [item(10, 10, 10)]}).cycles("out") == [13]


def test_an_item_that_is_not_encoded_passes_in_one_cycle():
    seen = exercise(encoder(), {"outputs": [item(0, 10, 10, 0, 0, passes=2), item(0, 1, 7, 0, 0)]})
    assert seen.pushes["out"] == [(2, 100, 2), (3, 7, 1)]
    assert seen.counts == {"mac_ops": 0, "sum_read_bytes": 0, "sum_write_bytes": 0}


def test_a_feature_s_values_leave_with_the_last_of_its_heads():
    # of 3 heads, 5 tokens: nothing of the first two, then 2 values a token; 4 columns that end two features
    cut = [item(0, 5, 1), item(0, 5, 1, met=1), item(0, 5, 4, met=2), item(0, 5, 1, met=0)]
    seen = exercise(encoder(10, 1), {"outputs": cut})
    assert seen.pushes["out"] == [(1 + 1 + 1 + 4, 5 * 2 * 2, 1)]
    assert exercise(encoder(), {"outputs": [item(0, 1, 5, met=1)]}).pushes["out"] == [(3, 4, 1)]


def test_sums_of_a_feature_that_is_cut_go_through_a_port():
    # 5 tokens x 2 sums of 4 bytes: written by the first, read and written by the second, read by the third
    cut = [item(0, 5, 1), item(0, 5, 1, met=1), item(0, 5, 1, met=2), item(0, 5, 3)]
    seen = exercise(encoder(30, 1, sum_port_bytes=9), {"outputs": cut})
    assert seen.counts["sum_write_bytes"] == seen.counts["sum_read_bytes"] == 2 * 40
    # 40 bytes take 5 cycles, 80 take 9; what is not cut takes its weights' one cycle
    assert seen.pushes["out"] == [(1 + 5 + 9 + 5, 10, 1), (1 + 5 + 9 + 5 + 1, 10, 1)]
    assert exercise(encoder(30, 1, sum_port_bytes=80), {"outputs": cut}).cycles("out") == [4, 5]


@settings(max_examples=15, deadline=None)
@given(items=ITEMS, gap=st.integers(0, 30), depth=st.integers(1, 3))
def test_nothing_is_lost_under_back_pressure(items, gap, depth):
    feed, at, met, values, ops, busy = [], 0, 0, 0, 0, 0
    for wait, rows, columns, (heads, encoded), passes in items:
        at += wait
        feed.append(item(at, rows, columns, heads, encoded, met if heads else 0, passes))
        ops += rows * columns * encoded
        busy += -(-rows * columns * encoded // 8) if heads else 1
        values += rows * sum((met + n) % 3 == 2 for n in range(columns)) * 2 if heads else rows * columns
        met = (met + columns) % 3 if heads else met
    seen = exercise(encoder(), {"outputs": feed}, accept={"out": (0, gap)}, depth={"out": depth, "outputs": 2})
    assert sum(out[1] for out in seen.pushes["out"]) == values
    assert seen.counts["mac_ops"] == ops
    assert seen.peaks["out"] <= depth
    if gap == 0:  # the items follow each other without a gap once they are there
        assert seen.status["busy"] == busy


def test_a_full_output_holds_the_item_until_there_is_room():
    # the sink takes its first item in 50, so that the second can be pushed in 51
    seen = exercise(encoder(), {"outputs": [item(0, 1, 5, 0, 0)] * 2}, accept={"out": (50, 0)}, depth={"out": 1})
    assert seen.cycles("out") == [2, 51]
    assert seen.status["blocked"] == 51 - 3
