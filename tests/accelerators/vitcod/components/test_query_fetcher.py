"""Query fetcher: addresses, answers in order and when a vector is there, a token fetched once while it is held."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.accelerators.vitcod.components.query_fetcher import QueryFetcher
from accelsim.accelerators.vitcod.tables import QUERIES
from tests.components.harness import exercise, table

APART = {"address": 1000, "token_pitch": 10, "head_pitch": 500, "bytes": 10}
CODED = {"address": 4000, "token_pitch": 20, "head_pitch": 0, "bytes": 20}


def fetcher(**sizes):
    memory = table(QUERIES, [APART, CODED])
    sizes = {"capacity_bytes": 100, "places": 8, "port_bytes": 10} | sizes
    return lambda: QueryFetcher("queries", queries=memory, **sizes)


def asks(*all):
    """(cycle, pass, row, head), each of a line of its own."""
    return [(at, number, row, head, n) for n, (at, number, row, head) in enumerate(all)]


def test_a_vector_is_asked_for_where_it_lies_and_handed_on_when_it_is_there():
    feed = {"ask": asks((0, 0, 3, 2), (0, 1, 4, 2)), "fill": [(20, 10), (30, 20)]}
    seen = exercise(fetcher(), feed)
    assert [p[:3] for p in seen.pushes["request"]] == [(1, 1000 + 30 + 1000, 10), (2, 4000 + 80, 20)]
    # the first in the cycle its bytes are taken; the second needs two cycles of the file's port
    assert seen.pushes["found"] == [(21, 0, 3, 2, 0), (32, 1, 4, 2, 1)]
    assert seen.counts == {"fetches": 2, "joins": 0, "write_bytes": 30, "read_bytes": 30}


@pytest.mark.parametrize(("number", "head", "joins"), [(1, 1, 1), (0, 1, 0), (0, 0, 1)])
def test_a_token_on_its_way_is_waited_for(number, head, joins):
    """All heads of a compressed token come together; others are a vector each."""
    feed = {"ask": asks((0, number, 5, 0), (3, number, 5, head)), "fill": [(20, 10 + 10 * number), (40, 10)]}
    feed["fill"] = feed["fill"][: 2 - joins]
    seen = exercise(fetcher(), feed)
    assert len(seen.pushes["request"]) == 2 - joins == seen.counts["fetches"] and seen.counts["joins"] == joins
    assert len(seen.pushes["found"]) == 2


@pytest.mark.parametrize(("capacity", "at"), [(40, 4), (39, None), (30, None)])
def test_a_fetch_waits_for_room(capacity, at):
    """Room is free when the decoder has taken the second vector behind one: it has read that."""
    feed = {"ask": asks(*((0, 0, row, 0) for row in range(4))), "fill": [(20, 10), (30, 10), (40, 10), (60, 10)]}
    seen = exercise(fetcher(capacity_bytes=capacity), feed)
    assert seen.cycles("request")[3] == (at or 41)


def test_room_is_given_back_behind_the_last_that_needs_the_vector():
    rows = (1, 1, 2, 3, 4)
    feed = {"ask": asks(*((0, 0, row, 0) for row in rows)), "fill": [(20, 10), (30, 10), (60, 10), (70, 10)]}
    seen = exercise(fetcher(capacity_bytes=20, places=5), feed, cycles=200)
    # row 1 is handed on twice, in 21 and 22, row 2 in 31; nobody waits for a fourth answer, so that row 1 stays
    assert seen.cycles("found") == [21, 22, 31] and len(seen.pushes["request"]) == 2
    feed = {"ask": asks(*((0, 0, row, 0) for row in rows)), "fill": feed["fill"]}
    seen = exercise(fetcher(capacity_bytes=30, places=5), feed)
    assert seen.cycles("found") == [21, 22, 31, 61, 71]
    assert seen.cycles("request") == [1, 3, 4, 61]  # behind the answer two behind the second of row 1


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=9).map(sorted), st.integers(3, 8), st.integers(30, 50),
    st.integers(0, 30),
)  # fmt: skip
def test_every_ask_is_answered_in_order(times, places, capacity, gap):
    feed = {"ask": asks(*((at, 0, row, 0) for row, at in enumerate(times)))}
    feed["fill"] = [(100 + 200 * n, 10) for n in range(len(times))]
    how = {"accept": {"found": (0, gap), "request": (0, gap)}, "depth": {"found": 1, "request": 1}}
    seen = exercise(fetcher(places=places, capacity_bytes=capacity), feed, **how)
    assert [p[2] for p in seen.pushes["found"]] == list(range(len(times)))
    assert seen.counts["fetches"] == len(times)
