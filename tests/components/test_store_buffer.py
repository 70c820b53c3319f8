"""Store buffer: results gather, leave in the order of the list of stores, and are held until DRAM has them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.components.store_buffer import StoreBuffer
from accelsim.core import InputError
from accelsim.isa.tables import BOTH, DESCRIPTOR, KEPT, TO_DRAM
from tests.components.harness import exercise, table


def emptied(make, feeds, **options):
    """What comes of a buffer that two units fill."""
    return exercise(make, feeds, arrays={"results": {"tile": (), "row": ()}}, **options)


def buffer(*stores, capacity=1000):
    """A store is (bytes, segments)."""
    rows = [(4096 * n, size, segments, size + 5, 0) for n, (size, segments) in enumerate(stores)]
    memory = table(DESCRIPTOR, rows)
    return lambda: StoreBuffer("buffer", capacity_bytes=capacity, stores=memory)


def test_a_store_leaves_with_its_last_byte_and_the_next_one_later():
    feed = {"results.tile": [(0, 60), (10, 39), (20, 101)], "written": [(50, 64), (51, 36), (60, 100)]}
    seen = emptied(buffer((50, 2), (100, 1)), feed)
    # 99 bytes in 11 are one short; the two that end in 21 leave in 21 and 22
    assert seen.pushes["request"] == [(21, 0, 50, 2, 55, 1), (22, 4096, 100, 1, 105, 1)]
    assert seen.pushes["done"] == [(52, 1), (61, 1)]
    assert seen.counts["write_bytes"] == seen.counts["read_bytes"] == 200
    assert seen.counts["byte_cycles"] == 60 * 10 + 99 * 10 + 200 * 30 + 136 + 100 * 9
    assert seen.component.value("peak_bytes") == 200


def test_a_result_waits_for_space_until_the_bytes_before_it_are_in_dram():
    stores, feed = ((60, 1), (41, 1)), {"results.tile": [(0, 60), (1, 41)], "written": [(50, 60), (60, 41)]}
    seen = emptied(buffer(*stores, capacity=100), feed)
    assert seen.cycles("request") == [1, 51]
    assert seen.status["blocked"] == 51 - 2
    assert emptied(buffer(*stores, capacity=101), feed).cycles("request") == [1, 2]


def test_rows_and_tiles_gather_side_by_side():
    feed = {"results.tile": [(0, 10)], "results.row": [(0, 20), (1, 5)], "written": [(30, 30), (31, 5)]}
    seen = emptied(buffer((30, 1), (5, 1)), feed)
    assert seen.cycles("request") == [1, 2]


def test_full_outputs_block():
    feed = {"results.tile": [(0, 10), (0, 10)], "written": [(60, 10), (61, 10)]}
    seen = emptied(buffer((10, 1), (10, 1)), feed, accept={"request": (40, 0)}, depth={"request": 1})
    assert seen.cycles("request") == [1, 41] and seen.status["blocked"] == 41 - 3
    seen = emptied(buffer((10, 1), (10, 1)), feed, accept={"done": (90, 0)}, depth={"done": 1})
    assert seen.cycles("done") == [61, 91]
    assert seen.component.value("held") == 0


@settings(max_examples=15, deadline=None)
@given(
    parts=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 50)), min_size=1, max_size=10).map(sorted),
    cut=st.integers(1, 60),
    gap=st.integers(0, 9),
)
def test_no_byte_is_lost(parts, cut, gap):
    whole = sum(size for _, size in parts)
    stores = [min(cut, whole - at) for at in range(0, whole, cut)]
    feed = {
        "results.tile": [p for n, p in enumerate(parts) if n % 2],
        "results.row": [p for n, p in enumerate(parts) if n % 2 == 0],
        "written": [(1000 + n, size) for n, size in enumerate(stores)],
    }
    seen = emptied(buffer(*((s, 1) for s in stores)), feed, accept={"request": (0, gap)}, depth={"request": 1})
    assert [r[2] for r in seen.pushes["request"]] == stores
    assert len(seen.pushes["done"]) == len(stores)
    assert seen.component.value("held") == seen.component.value("gathered") == 0
    assert seen.component.value("peak_bytes") == whole


def test_a_tile_that_does_not_fit_is_refused_before_the_run():
    with pytest.raises(
        InputError, match=r"buffer\.capacity_bytes: must hold the largest tile that is moved, 192 bytes"
    ):
        buffer((64, 1), (64, 3), capacity=128)()
    buffer((64, 1), (64, 3), capacity=192)()


def reference(stores, results, back, width, horizon):
    """Cycle by cycle, byte by byte: when stores are asked for and complete. Results first, then what DMA reads."""
    unwritten = unread = gathered = under_way = missing = 0
    size_of = [size * segments for size, segments in stores]
    asked, told, queues = [], [], {name: [] for name in results}
    came = []
    for now in range(horizon):
        came += [size for at, size in back if at + 1 == now]
        if came and came[0] <= under_way - unread:
            missing = missing or size_of[len(told)]
            part = came.pop(0)
            missing -= part
            under_way -= part
            if missing == 0:
                told.append(now)
        room = width
        while room and unwritten:
            room, unwritten = room - 1, unwritten - 1
        for name, items in results.items():
            queues[name] += [size for at, size in items if at + 1 == now]
            if queues[name] and room:
                size = queues[name].pop(0)
                gathered += size
                unwritten += max(0, size - room)
                room -= min(size, room)
        if len(asked) < len(stores) and gathered - unwritten >= size_of[len(asked)]:
            size = size_of[len(asked)]
            asked.append(now)
            gathered, unread, under_way = gathered - size, unread + size, under_way + size
        while room and unread:
            room, unread = room - 1, unread - 1
    return asked, told


@settings(max_examples=60, deadline=None)
@given(
    stores=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 3)), min_size=1, max_size=4),
    item=st.integers(1, 60),
    gaps=st.lists(st.integers(0, 9), min_size=1, max_size=5),
    answer=st.integers(1, 30),
    banks=st.integers(1, 3),
    port_bytes=st.integers(1, 9),
)
def test_results_are_written_first_and_stores_read_with_what_is_left(stores, item, gaps, answer, banks, port_bytes):
    total = sum(size * segments for size, segments in stores)
    items = [min(item, total - at) for at in range(0, total, item)]
    feed, at = {"results.vector": [], "results.merge": []}, 3
    for n, size in enumerate(items):
        at += gaps[n % len(gaps)]
        feed[f"results.{('vector', 'merge')[n % 3 == 2]}"].append((at, size))
    make = lambda: StoreBuffer(  # noqa: E731
        "buffer",
        banks=banks,
        port_bytes=port_bytes,
        stores=table(DESCRIPTOR, [(64 * n, a, b, a, 0) for n, (a, b) in enumerate(stores)]),
    )
    names = {"results": ["vector", "merge"]}
    first = exercise(make, feed, arrays=names, depth=dict.fromkeys(feed, 256), cycles=3000)
    results = {n.split(".")[1]: some for n, some in feed.items()}
    assert first.cycles("request") == reference(stores, results, [], banks * port_bytes, 3000)[0]
    # as soon as it is asked for, DRAM answers: faster than the bytes can be read
    back = [
        (when + 1, min(answer, a * b - at))
        for when, (a, b) in zip(first.cycles("request"), stores, strict=True)
        for at in range(0, a * b, answer)
    ]
    seen = exercise(
        make, feed | {"written": back}, arrays=names, depth=dict.fromkeys([*feed, "written"], 256), cycles=6000
    )
    expected = reference(stores, results, back, banks * port_bytes, 6000)
    assert (seen.cycles("request"), seen.cycles("done")) == expected
    assert len(expected[1]) == len(stores)


def test_a_result_takes_its_bytes_of_the_port_and_a_store_is_asked_for_with_its_last():
    # 100 bytes at 8 a cycle: taken in 11, the last is written in 11 + 12
    stores = table(DESCRIPTOR, [(0, 100, 1, 100, 0)])
    feed = {"results.vector": [(10, 100)], "written": [(24, 100)]}
    for banks, port, asked, told in ((1, 8, 23, 23 + 13), (2, 8, 17, 25), (1, 100, 11, 25)):
        seen = exercise(
            lambda b=banks, p=port: StoreBuffer("buffer", banks=b, port_bytes=p, stores=stores),
            feed,
            arrays={"results": ["vector"]},
        )
        # of the cycle in which it is asked for 4 bytes are left for reading; the reply is taken once all have been read
        assert (seen.cycles("request"), seen.cycles("done")) == ([asked], [told])


def kept(*stores, **sizes):
    """A store is (bytes, segments, where it goes)."""
    rows = [(4096 * n, size, segments, size + 5, goes) for n, (size, segments, goes) in enumerate(stores)]
    memory = table(DESCRIPTOR, rows)
    return lambda: StoreBuffer("buffer", **{"banks": 1, "port_bytes": 64, **sizes}, stores=memory)


ON = {"results": ["tile"], "keep": ["on"], "kept": ["on"]}


def test_a_store_that_is_kept_goes_on_and_not_to_dram():
    feed = {"results.tile": [(0, 60), (10, 40)], "kept.on": [(20, 60)], "written": [(30, 40)]}
    seen = exercise(kept((30, 2, KEPT), (40, 1, TO_DRAM)), feed, arrays=ON)
    assert seen.pushes["keep.on"] == [(1, 30, 2)]
    assert seen.pushes["request"] == [(11, 4096, 40, 1, 45, 1)]
    assert seen.pushes["done"] == [(21, 1), (31, 1)]
    assert seen.counts["read_bytes"] == 100
    # its room is free when it is written there
    assert seen.counts["byte_cycles"] == 60 * 10 + 100 * 10 + 40 * 10


def test_a_store_that_goes_both_ways_is_read_once_and_told_with_the_later():
    for there, told in ((25, 31), (90, 91)):
        feed = {"results.tile": [(0, 60)], "kept.on": [(there, 60)], "written": [(20, 20), (30, 40)]}
        seen = exercise(kept((60, 1, BOTH)), feed, arrays=ON)
        assert seen.cycles("keep.on") == seen.cycles("request") == [1]
        assert seen.pushes["done"] == [(told, 1)]
        assert seen.counts["read_bytes"] == 60


def test_what_is_kept_is_told_when_it_has_been_read():
    # 100 bytes come at 8 a cycle until 13, and go by 26, however soon they are said to be there
    seen = exercise(kept((100, 1, KEPT), port_bytes=8), {"results.tile": [(0, 100)], "kept.on": [(15, 100)]}, arrays=ON)
    assert (seen.cycles("keep.on"), seen.cycles("done")) == ([13], [26])


def test_it_waits_for_the_buffer_that_takes_it_on():
    feed = {"results.tile": [(0, 10), (1, 10)], "kept.on": [(60, 10), (61, 10)]}
    stores = (10, 1, KEPT), (10, 1, KEPT)
    seen = exercise(kept(*stores), feed, arrays=ON, accept={"keep.on": (40, 0)}, depth={"keep.on": 1})
    assert seen.cycles("keep.on") == [1, 41]
