"""Lanes beside an array: what a sweep takes, that a stream goes first, which vectors they wait for and hand on."""

import pytest

from accelsim.components.lane_unit import MODE, PERMIT, SWEEP, LaneUnit
from tests.components.harness import exercise

ARRAYS = {"results": ("next",), "passed": ("kept", "left"), "reading": ("act", "weight")}


def unit(**options):
    return lambda: LaneUnit("unit", **{"lanes": 4} | options)


def sweep(at, rows, columns, takes=0, gives=0, source=0, reads=0, writes=0):
    return at, SWEEP, rows, columns, takes, gives, source, reads, writes


def mode(kept, leaves, wide=0):
    return 0, MODE, kept, leaves, 0, wide, 0, 0, 0


def run(feed, accept=None, **options):
    return exercise(unit(**options), feed, arrays=ARRAYS, accept=accept)


@pytest.mark.parametrize(("latency", "interval"), [(0, 1), (5, 1), (3, 2)])
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (7, 4), (7, 5), (3, 12)])
def test_a_sweep_takes_a_row_after_the_other(rows, columns, latency, interval):
    seen = run({"command": [sweep(0, rows, columns, reads=1, gives=1)]}, latency=latency, interval=interval)
    work = rows * -(-columns // 4) * interval + latency
    assert seen.pushes["done"] == [(1 + work, 1)] and seen.pushes["results.next"] == [(1 + work, columns)]
    assert seen.pushes["reading.act"] == [(1, 4), (1 + work, -4)] and not seen.pushes["reading.weight"]
    assert seen.counts["element_ops"] == seen.counts["act_read_bytes"] == rows * columns


def test_sweeps_follow_each_other_and_say_which_buffer_they_use():
    seen = run({"command": [sweep(0, 4, 4), sweep(0, 2, 8, source=1, reads=1, writes=1)]})
    # begun in cycle 1, four cycles; the next is taken up in the cycle in which it ends
    assert seen.cycles("done") == [5, 9]
    assert seen.pushes["reading.weight"] == [(5, 8), (9, -8)] and not seen.pushes["reading.act"]
    assert (seen.counts["weight_read_bytes"], seen.counts["weight_write_bytes"]) == (16, 16)


def test_a_sweep_begins_with_the_vector_it_takes():
    seen = run({"command": [sweep(0, 3, 4, takes=1)], "vectors": [(20, 4)]})
    assert seen.cycles("done") == [21 + 3] and seen.status["starved"] == 20
    late = exercise(unit(), {"command": [sweep(0, 3, 4, takes=1)]}, arrays=ARRAYS, cycles=99)
    assert not late.pushes["done"] and late.counts["element_ops"] == 0


def test_a_stream_goes_first_and_a_sweep_stands_still_meanwhile():
    feed = {"command": [mode(0, 1), sweep(0, 10, 4)], "stream": [(5, 1, 3, 8)]}
    seen = run(feed)
    # the sweep is taken up in cycle 2; three rows of two groups hold it up for six cycles
    assert seen.pushes["passed.left"] == [(6 + 6, 1, 3, 8)] and seen.cycles("done") == [2 + 10 + 6]
    assert seen.counts["row_ops"] == 6 and seen.counts["element_ops"] == 40 + 24
    wide = run(feed | {"command": [mode(0, 1, wide=1)]})
    assert wide.counts["row_ops"] == 24


def test_a_stream_that_is_not_worked_on_passes_in_a_cycle():
    seen = run({"command": [mode(0, 0)], "stream": [(3, 0, 3, 8), (3, 2, 3, 8)]}, latency=9)
    assert seen.pushes["passed.kept"] == [(5, 0, 3, 8)] and seen.pushes["passed.left"] == [(6, 2, 3, 8)]
    assert seen.counts["element_ops"] == 0


def test_results_of_a_stream_are_behind_each_other_by_its_work_alone():
    seen = run({"command": [mode(0, 1)], "stream": [(3, 1, 2, 4), (3, 1, 2, 4)]}, latency=9)
    assert seen.cycles("passed.left") == [4 + 2 + 9, 4 + 4 + 9]


def test_what_stays_waits_until_it_may_pass():
    permit = 0, PERMIT, 24, 0, 1, 0, 0, 0, 0
    seen = run({"command": [mode(1, 0), permit], "vectors": [(30, 8)], "stream": [(3, 0, 3, 8), (3, 1, 1, 1)]})
    assert seen.pushes["passed.kept"] == [(31 + 1 + 6, 0, 3, 8)]
    assert seen.pushes["passed.left"] == [(31 + 1 + 6 + 1, 1, 1, 1)]  # in order behind it


def test_nothing_is_lost_where_nobody_takes_it():
    feed = {"command": [mode(0, 1), sweep(0, 2, 4, gives=1)], "stream": [(5, 1, 1, 4)] * 9}
    seen = run(feed, accept={"passed.left": (60, 3), "results.next": (80, 0), "done": (90, 0)}, ahead=2)
    assert len(seen.pushes["passed.left"]) == 9 and len(seen.pushes["done"]) == 1
    assert seen.counts["element_ops"] == 8 + 36 and seen.status["blocked"] > 0
