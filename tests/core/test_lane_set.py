"""Sets of lanes against Python's own."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from accelsim.core.lane_set import add, first, first_of_either, no_lanes, remove


@njit
def put(lanes, lane):
    add(lanes, lane)


@njit
def take(lanes, lane):
    remove(lanes, lane)


@njit
def members(lanes, found):
    """How many lanes are in the set, and which, in order."""
    count, lane = 0, first(lanes, 0)
    while lane >= 0:
        found[count] = lane
        count += 1
        lane = first(lanes, lane + 1)
    return count


@njit
def members_of_either(some, others, found):
    """The same of two sets together."""
    count, lane = 0, first_of_either(some, others, 0)
    while lane >= 0:
        found[count] = lane
        count += 1
        lane = first_of_either(some, others, lane + 1)
    return count


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 200).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.booleans(), st.integers(0, n - 1))))
    )
)
def test_lanes_come_in_order_and_go(drawn):
    lanes, moves = drawn
    ours, theirs, found = no_lanes(lanes), set(), np.zeros(lanes, np.int64)
    for goes_in, lane in [(True, lanes - 1), *moves]:
        (put if goes_in else take)(ours, lane)
        (theirs.add if goes_in else theirs.discard)(lane)
        assert found[: members(ours, found)].tolist() == sorted(theirs)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.just(n), *2 * [st.sets(st.integers(0, n - 1))])))
def test_lanes_of_two_sets_come_in_order_once(drawn):
    lanes, *wanted = drawn
    ours, found = [no_lanes(lanes) for _ in wanted], np.zeros(lanes, np.int64)
    for one, members in zip(ours, wanted):
        for lane in members:
            put(one, lane)
    assert found[: members_of_either(*ours, found)].tolist() == sorted(wanted[0] | wanted[1])


def test_a_word_holds_64():
    assert [len(no_lanes(n)) for n in (1, 64, 65, 256)] == [1, 1, 2, 4]
