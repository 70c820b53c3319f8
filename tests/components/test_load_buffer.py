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
    sizes = {"capacity_bytes": capacity, "outstanding": outstanding, "overlap": overlap}
    return lambda **ports: LoadBuffer("buffer", **sizes, **ports, loads=memory)


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


def reference(loads, fills, changes, banks, port_bytes, horizon):
    """When loads complete, cycle by cycle and byte by byte: readers first, but for every other word of one bank."""
    taken = written = backlog = 0
    missing, told, queue = [a * b for a, b in loads], [], []
    for now in range(horizon):
        taken += sum(more for at, more in changes if at + 1 == now)
        room = max(banks * port_bytes - taken, (port_bytes + 1) // 2)
        queue += [size for at, size in fills if at + 1 == now]
        completed = False
        ends = backlog > 0 and missing and missing[0] == 0
        while room and backlog:
            room, backlog, written = room - 1, backlog - 1, written + 1
        if ends:
            completed = backlog == 0
        elif backlog == 0 and room and queue:
            size = queue.pop(0)
            missing[0] -= size
            while room and size:
                room, size, written = room - 1, size - 1, written + 1
            backlog = size
            completed = missing[0] == 0 and backlog == 0
        if completed:
            told.append(now)
            missing.pop(0)
    assert written + backlog + sum(queue) == sum(size for _, size in fills)
    return told


@settings(max_examples=60, deadline=None)
@given(
    loads=st.lists(st.tuples(st.integers(1, 60), st.integers(1, 3)), min_size=1, max_size=4),
    burst=st.integers(1, 50),
    gaps=st.lists(st.integers(0, 12), min_size=1, max_size=6),
    rates=st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["array", "walker"]), st.integers(0, 40)), max_size=6),
    banks=st.integers(1, 3),
    port_bytes=st.integers(1, 9),
)
def test_what_arrives_is_written_with_what_readers_leave(loads, burst, gaps, rates, banks, port_bytes):
    bursts = [min(burst, a * b - at) for a, b in loads for at in range(0, a * b, burst)]
    times = [10 + n * 3 + gaps[n % len(gaps)] for n in range(len(bursts))]
    fills = [(max(times[: n + 1]) + n, size) for n, size in enumerate(bursts)]
    now, changes = {"array": 0, "walker": 0}, {"array": [], "walker": []}
    for n, (at, reader, rate) in enumerate(sorted(rates)):
        changes[reader].append((at + 2 * n, rate - now[reader]))
        now[reader] = rate
    make = buffer(*((size, segments, 0) for size, segments in loads), capacity=10_000)
    seen = exercise(
        lambda: make(banks=banks, port_bytes=port_bytes),
        {"fill": fills, **{f"reading.{n}": some for n, some in changes.items()}},
        arrays={"reading": ["array", "walker"]},
        depth={"fill": 256},
        cycles=4000,
    )
    told = reference(loads, fills, [c for some in changes.values() for c in some], banks, port_bytes, 4000)
    assert seen.cycles("done") == told and len(told) == len(loads)


def test_a_reader_is_told_while_loads_are_on_their_way():
    loads, feed = (
        ((100, 1, 0), (50, 2, 0), (10, 1, 1)),
        {"fill": [(20, 100), (30, 100), (60, 10)], "command": [(50, 0, 1)]},
    )
    seen = exercise(buffer(*loads), feed, arrays={"filling": ["engine"]})
    assert seen.pushes["filling.engine"] == [(0, 1), (31, 0), (51, 1), (61, 0)]


def test_readers_leave_a_word_every_other_cycle():
    # 100 bytes into a bank of 8 bytes: 13 cycles; with a reader of 6 of them 4 are left, not 2
    feed = {"fill": [(10, 100)]}
    alone = exercise(lambda: buffer((100, 1, 0))(banks=1, port_bytes=8), feed)
    assert alone.pushes["done"] == [(11 + 12, 1)]
    for rate, end in ((2, 11 + 16), (6, 11 + 24), (8, 11 + 24), (100, 11 + 24)):
        feed["reading.walker"] = [(0, rate)]
        seen = exercise(lambda: buffer((100, 1, 0))(banks=1, port_bytes=8), feed, arrays={"reading": ["walker"]})
        assert seen.pushes["done"] == [(end, 1)]
        assert seen.status["busy"] > end - 11


def test_a_reader_that_stops_gives_its_port_back():
    # 8 of 16 bytes for the cycles 11 to 20, 80 bytes; then 16: 120 more take 8 cycles
    feed = {"fill": [(10, 200)], "reading.array": [(0, 8), (20, -8)]}
    seen = exercise(lambda: buffer((200, 1, 0))(banks=2, port_bytes=8), feed, arrays={"reading": ["array"]})
    assert seen.pushes["done"] == [(20 + 8, 1)]


@pytest.mark.parametrize("size", ["banks", "port_bytes"])
@pytest.mark.parametrize("times", [2, 16])
def test_more_ports_are_never_slower(size, times):
    narrow = {"banks": 1, "port_bytes": 3}
    feed = {"fill": [(10, 50), (11, 50)], "reading.array": [(0, 2)]}
    runs = [
        exercise(lambda some=some: buffer((100, 1, 0))(**some), feed, arrays={"reading": ["array"]}).cycles("done")
        for some in (narrow, narrow | {size: times * narrow[size]})
    ]
    assert runs[1] < runs[0]


ON = {"keep": ["on"], "kept": ["on"], "reading": ["array"]}


def test_what_is_handed_on_is_written_word_by_word_before_what_arrives():
    # three segments of 20 bytes take three words each of 8 bytes: 9 cycles; the load's 16 bytes two more
    feed = {"command": [(0, -60, 0)], "keep.on": [(10, 20, 3)], "fill": [(10, 16)], "release": [(50, 76, 0)]}
    seen = exercise(lambda: buffer((16, 1, 0))(banks=1, port_bytes=8), feed, arrays=ON)
    assert seen.pushes["kept.on"] == [(11 + 8, 60)]
    assert seen.cycles("done") == [11 + 8 + 2]
    assert seen.counts["write_bytes"] == 76
    assert seen.component.value("peak_bytes") == 76 and seen.component.value("held") == 0
    # three words fit a cycle of 256 bytes; where a reader leaves 56 of them they take four
    for rate, told in ((0, 11), (200, 14)):
        feed = {"command": [(0, -60, 0)], "keep.on": [(10, 20, 3)], "reading.array": [(0, rate)]}
        wide = exercise(lambda: buffer()(banks=4, port_bytes=64), feed, arrays=ON)
        assert wide.pushes["kept.on"] == [(told, 60)]


def test_a_reservation_waits_for_room_and_loads_wait_for_it():
    # 600 are held until 50; 500 are reserved then, and 401 more do not fit until 100 of them are given back
    feed = {
        "fill": [(10, 600), (90, 401)],
        "command": [(5, -500, 0), (6, 0, 1), (70, 100, 0)],
        "release": [(50, 500, 0)],
    }
    seen = exercise(buffer((600, 1, 0), (401, 1, 1)), feed)
    assert seen.cycles("request") == [0, 71]
    assert seen.component.value("peak_bytes") == 500 + 401
