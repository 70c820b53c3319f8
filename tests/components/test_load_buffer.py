"""Load buffer: when a load is asked for, complete, and its space free again."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.components.load_buffer import LoadBuffer
from accelsim.isa.tables import DESCRIPTOR
from tests.components.harness import exercise, table


def buffer(*loads, capacity=1000, outstanding=4, overlap="true"):
    """A load is (bytes, segments, fence)."""
    rows = [(4096 * n, size, segments, size + 5, fence) for n, (size, segments, fence) in enumerate(loads)]
    memory = table(DESCRIPTOR, rows)
    return lambda: LoadBuffer("buffer", capacity_bytes=capacity, outstanding=outstanding, overlap=overlap, loads=memory)


def test_loads_are_asked_for_one_a_cycle_and_complete_with_their_last_byte():
    fills = [(20, 64), (21, 36), (22, 50), (30, 50)]
    seen = exercise(buffer((100, 1, 0), (50, 2, 0)), {"fill": fills})
    assert seen.pushes["request"] == [(0, 0, 100, 1, 105, 0), (1, 4096, 50, 2, 55, 0)]
    assert seen.pushes["done"] == [(22, 1), (31, 1)]
    assert seen.counts == {"write_bytes": 200, "read_bytes": 0, "byte_cycles": 100}
    assert seen.component.value("peak_bytes") == 200


def test_a_load_waits_until_there_is_room_for_all_of_it():
    # 600 + 401 > 1000: the second waits for the release pushed in 50, which it sees and uses in 51
    loads = (600, 1, 0), (401, 1, 0)
    feed = {"fill": [(10, 600), (60, 401)], "release": [(50, 600, 77)]}
    seen = exercise(buffer(*loads), feed)
    assert seen.cycles("request") == [0, 51]
    assert seen.counts == {"write_bytes": 1001, "read_bytes": 77, "byte_cycles": 51 * 600}
    assert seen.component.value("peak_bytes") == 600
    assert exercise(buffer(*loads, capacity=1001), feed).cycles("request") == [0, 1]
    # a byte short is not enough; the grant of one more is
    feed = {"fill": [(10, 600), (80, 401)], "release": [(50, 0, 600)], "command": [(70, 1, 0)]}
    assert exercise(buffer(*loads), feed).cycles("request") == [0, 71]


def test_a_load_waits_for_its_fence():
    feed = {"fill": [(100, 10), (101, 10)], "command": [(20, 0, 1), (40, 0, 1)]}
    assert exercise(buffer((10, 1, 1), (10, 1, 2)), feed).cycles("request") == [21, 41]


def test_without_overlap_a_load_waits_until_the_buffer_is_empty():
    feed = {"fill": [(10, 10), (60, 10)], "release": [(30, 9, 9), (50, 1, 1)]}
    assert exercise(buffer((10, 1, 0), (10, 1, 0), overlap="false"), feed).cycles("request") == [0, 51]


def test_no_more_loads_than_allowed_are_on_their_way():
    feed = {"fill": [(20, 10), (30, 10), (40, 10)]}
    assert exercise(buffer(*[(10, 1, 0)] * 3, outstanding=1), feed).cycles("request") == [0, 21, 31]


@pytest.mark.parametrize("port", ["done", "request"])
def test_a_full_output_blocks(port):
    # with one place, and a sink that takes from 40 on, the second item leaves in 41
    feed = {"fill": [(10, 10), (11, 10)]}
    if port == "request":
        feed = {"fill": [(50, 10), (51, 10)]}
    seen = exercise(buffer((10, 1, 0), (10, 1, 0)), feed, accept={port: (40, 0)}, depth={port: 1})
    assert seen.cycles(port)[1] == 41
    assert seen.status["blocked"] == 41 - (12 if port == "done" else 1)


@settings(max_examples=15, deadline=None)
@given(
    loads=st.lists(st.tuples(st.integers(1, 60), st.integers(1, 3)), min_size=1, max_size=7),
    burst=st.integers(1, 40),
    capacity=st.integers(180, 400),
    gap=st.integers(0, 9),
)
def test_a_buffer_is_never_overfull_and_asks_in_order(loads, burst, capacity, gap):
    sizes = [size * segments for size, segments in loads]
    bursts = [min(burst, size - at) for size in sizes for at in range(0, size, burst)]
    feed = {
        "fill": [(500 * (n + 1), size) for n, size in enumerate(bursts)],
        "release": [(600_000 + 10 * n, size, 2 * size) for n, size in enumerate(sizes)],
    }
    make = buffer(*((size, segments, 0) for size, segments in loads), capacity=capacity)
    # a fill comes long after its load could have been asked for, unless that waits for the releases
    fitting, held = 0, 0
    while fitting < len(sizes) and held + sizes[fitting] <= capacity:
        held += sizes[fitting]
        fitting += 1
    if fitting < len(sizes):
        feed["fill"] = feed["fill"][: sum(-(-size // burst) for size in sizes[:fitting])]
    seen = exercise(make, feed, accept={"request": (0, gap)}, depth={"request": 1}, cycles=700_000)
    assert held <= seen.component.value("peak_bytes") <= capacity
    early = [r for r in seen.pushes["request"] if r[0] < 600_000]
    assert [(r[2], r[3]) for r in early] == loads[:fitting]
    assert len(seen.pushes["done"]) == fitting
