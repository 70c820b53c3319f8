"""Softmax over whole rows: when rows are known, what leaves, what is counted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.components.row_softmax import FETCH, KEEP, PASS, RowSoftmax
from tests.components.harness import exercise

DELAY = 4 + 16  # exponential and reciprocal


def unit(**options):
    return lambda: RowSoftmax("softmax", **{"lanes": 4, "score_bytes": 4096} | options)


def ceil(a: int, b: int) -> int:
    return -(-a // b)


@pytest.mark.parametrize(("mode", "passes"), [("bounded", 1), ("max", 2)])
def test_rows_are_known_once_their_last_column_has_come(mode, passes):
    # two blocks of 3 rows x 5 and x 2 columns: 4 and 2 cycles; max: 21 scores, 6 cycles more
    feed = {"command": [(0, KEEP, 3, 7, 2)], "scores": [(0, 0, 3, 5), (20, 0, 3, 2)]}
    seen = exercise(unit(mode=mode), feed)
    end = 21 + 2 + (6 if mode == "max" else 0)
    assert seen.pushes["done"] == [(end + DELAY + 2, 3)] and not seen.pushes["out"]
    assert seen.counts == {
        "scale_ops": 21, "exp_ops": 21, "compare_ops": 21 * (passes - 1), "add_ops": 21, "divide_ops": 3,
        "normalise_ops": 42, "score_write_bytes": 42 * passes, "score_read_bytes": 42 * (passes - 1) + 2 * 42,
        "fetch_read_bytes": 0,
    }  # fmt: skip


def test_blocks_of_rows_are_known_one_after_the_other():
    # columns come as 2 + 2; each half of the rows is known with its own last block
    blocks = [(0, row, 2, 2) for _ in range(2) for row in (0, 2)]
    seen = exercise(unit(divide_interval=5), {"command": [(0, KEEP, 4, 4, 1)], "scores": blocks})
    # blocks end in 2, 3, 4, 5; a divider that begins every 5 cycles: rows 0 and 1 from 8 on, rows 2 and 3 from 18 on
    assert seen.pushes["done"] == [(4 + 4 + 5 + 16, 2), (8 + 10 + 5 + 16, 2)]


def test_scores_that_leave_take_two_bytes_and_tell_nobody():
    seen = exercise(unit(), {"command": [(0, PASS, 4, 5, 0)], "scores": [(0, 0, 4, 3), (0, 0, 4, 2)]})
    assert [item[1] for item in seen.pushes["out"]] == [24, 16] and not seen.pushes["done"]
    assert seen.cycles("out") == [1 + 3, 1 + 3 + 2]
    assert seen.counts["scale_ops"] == 20 and seen.counts["exp_ops"] == seen.counts["score_write_bytes"] == 0


@pytest.mark.parametrize(("mode", "passes"), [("bounded", 1), ("max", 2)])
def test_scores_that_are_fetched_leave_as_probabilities(mode, passes):
    seen = exercise(unit(mode=mode), {"command": [(0, FETCH, 4, 5, 0), (0, FETCH, 2, 5, 0)]})
    first, second = 1 + passes * 5, 1 + passes * 5 + ceil(passes * 10, 4)
    divided = max(second + 4, first + 4 + 4)  # the divider is free once it has begun with the four rows before
    assert seen.pushes["out"] == [(first + DELAY + 3, 20), (divided + 1 + 16, 10)]
    assert [item[1] for item in seen.pushes["done"]] == [4, 2]
    assert seen.counts["fetch_read_bytes"] == 60 and seen.counts["normalise_ops"] == 30
    assert seen.counts["score_write_bytes"] == seen.counts["score_read_bytes"] == 60 * passes


@settings(max_examples=20, deadline=None)
@given(
    tiles=st.lists(st.tuples(st.sampled_from((KEEP, PASS, FETCH)), st.integers(1, 6), st.integers(1, 9)), max_size=6),
    mode=st.sampled_from(("bounded", "max")),
    lanes=st.integers(1, 9),
    ahead=st.integers(1, 3),
    wide=st.integers(1, 4),
    gap=st.integers(0, 30),
    port=st.sampled_from(("out", "done")),
    interval=st.integers(1, 4),
)
def test_nothing_is_lost_under_back_pressure(tiles, mode, lanes, ahead, wide, gap, port, interval):
    commands = [(0, kind, rows, columns, 1) for kind, rows, columns in tiles]
    blocks = [
        (0, 0, rows, min(wide, columns - at))
        for kind, rows, columns in tiles
        if kind != FETCH
        for at in range(0, columns, wide)
    ]
    make = unit(mode=mode, lanes=lanes, ahead=ahead, divide_interval=interval)
    seen = exercise(make, {"command": commands, "scores": blocks}, accept={port: (0, gap)}, depth={port: 1})
    assert sum(item[1] for item in seen.pushes["done"]) == sum(rows for kind, rows, _ in tiles if kind != PASS)
    left = sum({KEEP: 0, PASS: 2, FETCH: 1}[kind] * rows * columns for kind, rows, columns in tiles)
    assert sum(item[1] for item in seen.pushes["out"]) == left
    assert seen.counts["exp_ops"] == sum(rows * columns for kind, rows, columns in tiles if kind != PASS)
