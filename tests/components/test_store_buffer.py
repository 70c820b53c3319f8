"""Store buffer: results gather, leave in the order of the list of stores, and are held until DRAM has them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.components.store_buffer import StoreBuffer
from accelsim.core import InputError
from accelsim.isa.tables import DESCRIPTOR
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
