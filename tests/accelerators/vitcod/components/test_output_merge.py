"""Output merge: rows of one and of several parts, the window, rows that leave in order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.accelerators.vitcod.components.output_merge import OutputMerge
from accelsim.accelerators.vitcod.tables import PASSES, ROWS
from tests.components.harness import exercise, table

VALUES = 5  # in one word of the memory as it is by default


def merge(*parts, places=4, heads=1, values=VALUES, activation=0, **sizes):
    """Pass 0 has rows with these parts, but for the last; pass 1 has the last one. An entry is read a cycle, if
    nothing else is said."""
    sizes.setdefault("index_port_bytes", 16)
    rows = [{"parts": n, "values": values} for n in parts]
    first = {"heads": heads, "rows": (len(parts) - 1) // heads, "first_row": 0, "places": places}
    first["activation"] = activation
    memory = {
        "passes": table(PASSES, [first, first | {"heads": 1, "rows": 1, "first_row": len(parts) - 1}]),
        "rows": table(ROWS, rows),
    }
    return lambda: OutputMerge("merge", **sizes, **memory)


def command(at, number):
    return (at, 0, number, 0, 0)


def test_rows_leave_with_their_last_part_in_order():
    # row 0 has two parts: it leaves with the second, seen in 21; row 1 was complete in 11 and leaves behind it
    feed = {"command": [command(0, 0)], "sparse": [(9, 0, 1, 3), (10, 1, 1, 2)], "dense": [(20, 0, 1, 4)]}
    seen = exercise(merge(2, 1, 1), feed)
    assert seen.pushes["row"] == [(21, VALUES), (22, VALUES)]
    assert seen.cycles("done") == [22]
    # written: 2 partial rows; read: one to add to, which leaves at once, and one that leaves; 4 bytes a value
    counts = {"add_ops": VALUES, "requant_ops": 2 * VALUES, "buffer_bytes": 4 * VALUES * (2 + 1 + 1)}
    counts["row_read_bytes"] = 2 * 16
    assert seen.counts == counts | {"lookup_ops": 0}
    # an activation is a look-up of each value that leaves, in the same cycle
    looked = exercise(merge(2, 1, 1, activation=1), feed)
    assert looked.pushes["row"] == seen.pushes["row"]
    assert looked.counts == counts | {"lookup_ops": 2 * VALUES}


def test_a_tile_of_the_denser_engine_is_taken_one_row_a_cycle():
    feed = {"command": [command(0, 0)], "dense": [(5, 0, 3, 7), (5, 3, 1, 7)]}
    seen = exercise(merge(1, 1, 1, 1, 1), feed, depth={"dense": 1})
    assert seen.cycles("dense") == [5, 9]  # its place is free after the cycle in which the third row is taken
    assert seen.cycles("row") == [6, 7, 8, 10]


def test_parts_that_come_in_one_cycle_are_taken_in_turn():
    # the denser engine's first, which is written; the other completes row 0 in 7; row 1 in 8
    feed = {"command": [command(0, 0)], "dense": [(5, 0, 1, 1)], "sparse": [(5, 0, 1, 1), (5, 1, 1, 1)]}
    seen = exercise(merge(2, 1, 1), feed)
    assert seen.cycles("row") == [7, 8]
    assert seen.counts["add_ops"] == VALUES
    # parts of rows 1 to 4 of the denser engine and 5, 6 of the other: dense, sparse, dense, sparse, dense, dense
    feed = {"command": [command(0, 0)], "dense": [(5, 1, 4, 1)], "sparse": [(5, 5, 1, 1), (5, 6, 1, 1)]}
    feed["sparse"] += [(30, 0, 1, 1)]
    seen = exercise(merge(*[1] * 8), feed, depth={"dense": 1, "sparse": 1})
    assert seen.cycles("accesses")[:6] == [6, 7, 8, 9, 10, 11]
    assert seen.cycles("sparse")[:2] == [5, 8]  # the second when the first has been taken in 7
    assert seen.cycles("row") == list(range(31, 38))


def test_the_window_moves_on_when_the_oldest_row_leaves():
    feed = {
        "command": [command(0, 0), command(0, 1)],
        "sparse": [(10, 1, 1, 1), (20, 0, 1, 1), (30, 2, 1, 1), (40, 3, 1, 1)],
    }
    seen = exercise(merge(1, 1, 1, 1, places=2), feed)
    # at the command to 2, an entry a cycle; as row 0 leaves in 21 to 3, which is the last of the pass and is here; row
    # 1 leaves in 22; the second pass is taken up in the cycle after the first was finished
    assert seen.pushes["denser_window"] == seen.pushes["sparser_window"] == [(2, 1), (3, 2), (21, 3), (33, 4)]
    assert seen.cycles("row") == [21, 22, 31, 41]
    assert seen.cycles("done") == [31, 41]


def test_full_outputs_hold_the_row_and_the_window_back():
    feed = {"command": [command(0, 0)], "sparse": [(10 + n, n, 1, 1) for n in range(3)]}
    seen = exercise(merge(1, 1, 1, 1, places=1), feed, accept={"row": (50, 0)}, depth={"row": 1})
    assert seen.cycles("row") == [11, 51, 53]
    assert seen.pushes["denser_window"] == [(2, 1), (11, 2), (51, 3)]
    for port in ("denser_window", "sparser_window"):
        seen = exercise(merge(1, 1, 1, 1, places=1), feed, accept={port: (50, 0)}, depth={port: 1})
        # both engines are told at the same time, of the window as it is by then
        assert seen.pushes["denser_window"] == seen.pushes["sparser_window"] == [(2, 1), (51, 3)]
        assert seen.cycles("row") == [11, 12, 13] and seen.cycles("done") == [51]


def test_an_access_takes_as_many_cycles_as_all_banks_need_for_a_row():
    # 100 sums of 4 bytes through 2 x 32 bytes: 7 cycles; the first part is written, the second read and written, the
    # third read and added on its way out
    make = merge(3, 1, values=100, psum_banks=2, psum_port_bytes=32)
    seen = exercise(make, {"command": [command(0, 0)], "sparse": [(10, 0, 1, 1)] * 3}, depth={"sparse": 4})
    assert seen.pushes["accesses"] == [(11, 7), (18, 14), (32, 7)]
    assert seen.pushes["row"] == [(32, 100)]
    # a row that waits for an older one is read to leave
    feed = {"command": [command(0, 0)], "sparse": [(10, 1, 1, 1), (10, 0, 1, 1)]}
    seen = exercise(merge(1, 1, 1, values=100, psum_banks=2), feed, depth={"sparse": 4})
    assert seen.pushes["accesses"] == [(11, 7), (20, 7)] and seen.cycles("row") == [18, 20]


@pytest.mark.parametrize(("lanes", "next_at"), [(8, 13), (64, 2), (100, 1), (99, 2)])
def test_a_row_takes_the_adders_as_long_as_its_values_need_lanes(lanes, next_at):
    make = merge(1, 1, 1, values=100, lanes=lanes, psum_banks=64)
    feed = {"command": [command(0, 0)], "sparse": [(10, 0, 1, 1), (10, 1, 1, 1)]}
    assert exercise(make, feed, depth={"sparse": 4}).cycles("row") == [11, 11 + next_at]


def test_the_engines_reads_of_scores_go_first():
    feed = {
        "command": [command(0, 0)],
        "sparse": [(10, 1, 1, 1), (20, 0, 1, 1)],
        "denser_reads": [(10, 5), (20, 5)],
        "sparser_reads": [(20, 3)],
    }
    seen = exercise(merge(1, 1, 1), feed)
    # row 1 is written in 16; row 0 leaves in 29 without a word in the memory, and then row 1, which is read
    assert seen.pushes["accesses"] == [(11, 5), (16, 1), (21, 8), (30, 1)]
    assert seen.cycles("row") == [29, 30]


def test_reads_are_told_when_there_is_no_pass():
    assert exercise(merge(1, 1), {"denser_reads": [(4, 6)]}).pushes["accesses"] == [(5, 6)]


@settings(max_examples=15, deadline=None)
@given(
    parts=st.lists(st.integers(1, 3), min_size=2, max_size=9),
    seed=st.randoms(use_true_random=False),
    gap=st.integers(0, 6),
    tile=st.integers(1, 4),
)
def test_no_part_is_lost_whatever_order_parts_come_in(parts, seed, gap, tile):
    """Every row has one part of the denser engine, in tiles; its other parts come from the sparser engine, shuffled."""
    rows = parts[:-1]
    others = [row for row, n in enumerate(rows) for _ in range(n - 1)]
    seed.shuffle(others)
    feed = {
        "command": [command(0, 0)],
        "dense": [(0, at, min(tile, len(rows) - at), 1) for at in range(0, len(rows), tile)],
        "sparse": [(seed.randint(0, 30), row, 1, 1) for row in others],
    }
    feed["sparse"] = [(at, *rest) for at, (_, *rest) in zip(sorted(f[0] for f in feed["sparse"]), feed["sparse"])]
    seen = exercise(merge(*parts, places=64), feed, accept={"row": (0, gap)}, depth={"row": 1, "dense": 1})
    assert len(seen.pushes["row"]) == len(rows) and seen.cycles("done") == [seen.cycles("row")[-1]]
    assert seen.counts["add_ops"] == VALUES * (sum(rows) - len(rows))
    assert seen.counts["requant_ops"] == VALUES * len(rows)


@pytest.mark.parametrize(
    ("banks", "port_bytes", "cycles", "taken"),
    [(8, 8, 2, 12), (8, 16, 1, 24), (3, 3, 6, 5), (2, 8, 4, 8), (1, 16, 8, 4), (1, 3, 43, 1)],
)
def test_the_window_moves_no_faster_than_entries_are_read(banks, port_bytes, cycles, taken):
    """16 bytes through a bank's port, half of one of two, an eighth of the only one; told while there is a pass."""
    made = merge(1, 1, 1, 1, index_banks=banks, index_port_bytes=port_bytes)
    feed = {"command": [command(0, 0)], "sparse": [(200 + n, n, 1, 1) for n in range(3)]}
    seen = exercise(made, feed)
    assert seen.pushes["denser_window"] == [(1 + n * cycles, n) for n in (1, 2, 3)]
    assert seen.pushes["reading"] == [(1, taken), (203, -taken)] and seen.cycles("done") == [203]
    assert seen.counts["row_read_bytes"] == 3 * 16


def test_a_pass_waits_for_its_buffer_to_be_told():
    feed = {"command": [command(0, 0)], "sparse": [(5, 0, 1, 1)]}
    seen = exercise(merge(1, 1, places=1), feed, accept={"reading": (30, 0)}, depth={"reading": 1})
    assert seen.cycles("reading") == [1, 31] and seen.cycles("row") == [6]
    assert seen.cycles("done") == [31], "nor is it finished before"


def test_a_row_whose_entry_is_not_here_does_not_leave():
    feed = {"command": [command(0, 0)], "sparse": [(1, 0, 1, 1)]}
    assert exercise(merge(1, 1, index_port_bytes=1), feed).cycles("row") == [18]
    assert exercise(merge(1, 1), feed).cycles("row") == [3]
