"""Denser engine: tiles of columns (scores) and of rows (values), and what each of them waits for."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.accelerators.vitcod.components.denser_engine import DenserEngine
from accelsim.accelerators.vitcod.tables import DENSE, PASSES, ROWS
from tests.components.harness import exercise, table

K, Q = 0, 1
SCORES, VALUES = 0, 1
ALL = 1 << 30


def engine(
    columns, rows, *, lines=4, tile_rows=2, dim=10, value_dim=6, row0=0, macs=4, q_port_bytes=64, passes=1, **sizes
):
    """Passes that are alike: `columns` of each head (their tokens), `rows` of every head. The list of columns is read
    faster than their keys, if it is not said otherwise."""
    sizes.setdefault("index_port_bytes", 64)
    dense = [(head, column) for head, mine in enumerate(columns) for column in mine]
    entry = {
        "heads": len(columns), "rows": rows, "row0": row0, "dim": dim, "value_dim": value_dim, "denser_lines": lines,
        "tile_rows": tile_rows, "dense": len(dense),
    }  # fmt: skip
    outputs = [{"head": head, "dense": len(mine)} for head, mine in enumerate(columns) for _ in range(rows)]
    memory = {"passes": table(PASSES, [entry] * passes), "dense": table(DENSE, dense), "rows": table(ROWS, outputs)}
    return lambda: DenserEngine("denser", lines=lines, macs=macs, q_port_bytes=q_port_bytes, **sizes, **memory)


THERE = [(0, 0, K, 100), (0, 0, Q, 100)]


def test_a_tile_of_columns_loads_its_keys_and_then_streams_the_rows():
    # 6 columns on 4 lines: tiles of 4 and 2; 5 rows of ceil(10 / 4) = 3 cycles; the tile of 2 does two rows at once
    seen = exercise(engine([[0, 1, 2, 3, 4, 5]], 5), {"command": [(9, SCORES, 0, 0, 0)], "operands": THERE})
    first, second = 10 + 4, 10 + 4 + 15 + 2
    assert seen.pushes["scores"] == [
        *((first + 3 * (n + 1), n, 1, 0, 4) for n in range(5)),
        (second + 3, 0, 2, 4, 2),
        (second + 6, 2, 2, 4, 2),
        (second + 9, 4, 1, 4, 2),
    ]
    assert seen.cycles("done") == [second + 9]
    counts = seen.counts
    assert counts["mac_ops"] == 5 * 6 * 10 and counts["k_read_bytes"] == 6 * 10
    assert counts["q_read_bytes"] == 2 * 5 * 10 and counts["accumulator_bytes"] == 4 * 5 * 6 * 3
    assert seen.status["busy"] == second + 9 - 10


@pytest.mark.parametrize(("banks", "port_bytes", "cycles"), [(8, 8, 6), (2, 8, 6), (2, 3, 16), (1, 8, 24), (8, 64, 4)])
def test_columns_are_read_through_half_of_a_port_of_the_index_buffer(banks, port_bytes, cycles):
    """Three bytes of each of four columns and 12 of their tile, beside keys of a word each; an eighth of the
    only bank's port."""
    made = engine([[0, 1, 2, 3]], 1, index_banks=banks, index_port_bytes=port_bytes)
    seen = exercise(made, {"command": [(9, SCORES, 0, 0, 0)], "operands": THERE})
    assert seen.cycles("scores") == [10 + cycles + 3]
    assert seen.counts["table_read_bytes"] == 4 * 3 + 12


@pytest.mark.parametrize(("q_port_bytes", "group"), [(16, 2), (15, 1), (64, 4)])
def test_rows_at_once_are_bounded_by_the_port_of_the_q_buffer(q_port_bytes, group):
    # two columns of two heads on 8 lines: 4 repetitions, each of which takes 4 bytes a head and cycle
    make = engine([[0], [0]], 8, lines=8, q_port_bytes=q_port_bytes)
    seen = exercise(make, {"command": [(0, SCORES, 0, 0, 0)], "operands": THERE})
    assert seen.cycles("scores") == [1 + 2 + 3 * (n + 1) for n in range(8 // group)]
    assert seen.counts["q_read_bytes"] == 2 * 8 * 10


def test_keys_are_loaded_when_the_last_of_the_tile_is_there():
    # the tile's largest token is 7: 7 tokens are not enough, 8 are; then K (2) and a row (3)
    command = [(0, SCORES, 0, 0, 0)]
    feed = {"command": command, "operands": [(0, 0, Q, 100), (20, 0, K, 7), (40, 0, K, 8)]}
    seen = exercise(engine([[7, 2]], 1), feed)
    assert seen.cycles("scores") == [41 + 2 + 3]
    assert seen.status["starved"] == 41 - 1


def test_a_row_streams_when_its_q_is_there():
    # rows 3, 4, 5 of the layer: tokens up to 4 are there from 21 on, up to 5 from 31, up to 6 from 41
    operands = [(0, 0, K, 9), (20, 0, Q, 4), (30, 0, Q, 5), (40, 0, Q, 6)]
    seen = exercise(engine([[0, 1, 2]], 3, row0=3), {"command": [(0, SCORES, 0, 0, 0)], "operands": operands})
    assert seen.cycles("scores") == [24, 34, 44]
    assert seen.cycles("done") == [44]


def test_operands_of_the_pass_before_the_last_do_not_count():
    # pass 2 has the side of pass 0, of which all is there: its K comes in 50, its Q in 80
    operands = [*THERE, (50, 2, K, 100), (80, 2, Q, 100)]
    feed = {"command": [(0, SCORES, 0, 0, 0), (40, SCORES, 2, 0, 0)], "operands": operands}
    seen = exercise(engine([[0]], 1, passes=3), feed)
    assert seen.cycles("scores") == [1 + 1 + 3, 81 + 3]


def test_a_full_output_stops_the_rows():
    feed = {"command": [(0, SCORES, 0, 0, 0)], "operands": THERE}
    seen = exercise(engine([[0, 1, 2]], 3), feed, accept={"scores": (50, 0)}, depth={"scores": 1})
    assert seen.cycles("scores") == [1 + 3 + 3, 51, 54]
    assert seen.status["blocked"] == 51 - 10


@pytest.mark.parametrize(("port", "brought", "second"), [(4, 0, 3), (4, 1, 5), (5, 1, 4), (12, 1, 3)])
def test_what_the_decoder_brings_lengthens_a_group_whose_port_is_full(port, brought, second):
    # rows of 3 beats, 10 bytes; a token of Q of 10 bytes that comes while the first streams is written with the second
    operands = [*THERE, *[(14, 0, Q, 100)] * brought]
    make = engine([[0, 1, 2]], 3, q_port_bytes=port)
    seen = exercise(make, {"command": [(10, SCORES, 0, 0, 0)], "operands": operands})
    assert seen.cycles("scores") == [17, 17 + second, 17 + second + 3]


def test_keys_that_are_brought_share_the_ports_with_those_that_are_loaded():
    # 3 keys of 10 bytes, 3 words of 4 each through a bank, and 10 or 20 bytes that came a cycle before
    feed = {"command": [(20, SCORES, 0, 0, 0)], "operands": [*THERE, (20, 0, K, 100)]}
    for banks, load in ((4, 9), (1, 10)):
        seen = exercise(engine([[0, 1, 2]], 1, banks=banks, bank_bytes=4), feed)
        assert seen.cycles("scores") == [21 + load + 3]


@pytest.mark.parametrize(("banks", "port_bytes", "cycles"), [(4, 64, 2), (1, 2, 6), (2, 1, 4), (1, 6, 2)])
def test_values_are_not_faster_than_the_banks_they_lie_in(banks, port_bytes, cycles):
    # 6 bytes each; every other cycle a word of one bank is kept for what arrives
    make = engine([[0, 1, 2]], 2, v_banks=banks, v_port_bytes=port_bytes)
    seen = exercise(make, values([0] * 2, [(0, ALL)], count=2))
    assert seen.cycles("partial") == [1 + 1 + 3 * cycles]


def values(ready, window, begin=0, end=None, count=4):
    return {
        "command": [(0, VALUES, 0, begin, count if end is None else end)],
        "softmaxed": [(at, place) for place, at in enumerate(ready)],
        "window": window,
    }


def test_a_tile_of_rows_takes_its_values_one_after_another():
    # 3 columns of 6 features on 4 multipliers: 3 x 2 cycles a tile of 2 rows, whose scores are read in 1 before
    seen = exercise(engine([[0, 1, 2]], 5), values([0] * 5, [(0, ALL)], count=5), depth={"softmaxed": 8})
    assert seen.pushes["partial"] == [(8, 0, 2, 3), (15, 2, 2, 3), (22, 4, 1, 3)]
    assert seen.pushes["reads"] == [(1, 1), (8, 1), (15, 1)]
    assert seen.cycles("done") == [22]
    counts = seen.counts
    assert counts["mac_ops"] == 5 * 3 * 6 and counts["v_read_bytes"] == 3 * 3 * 6
    assert counts["score_read_bytes"] == 2 * 15 and counts["normalise_ops"] == 15
    assert counts["accumulator_bytes"] == 4 * 5 * 3 * 6


def test_a_tile_waits_for_all_its_rows_and_for_the_window():
    make = engine([[0, 1, 2]], 4)
    assert exercise(make, values([0, 30, 0, 0], [(0, ALL)])).cycles("partial") == [31 + 7, 31 + 14]
    assert exercise(make, values([0, 0, 0, 60], [(0, ALL)])).cycles("partial") == [8, 61 + 7]
    # a window that ends within a tile holds it back
    seen = exercise(make, values([0] * 4, [(0, 1), (20, 2), (30, 3), (40, 4)]))
    assert seen.cycles("partial") == [21 + 7, 41 + 7]
    assert seen.status["starved"] == 20 + (41 - 28)


def test_a_command_may_be_a_part_of_the_outputs_and_a_head_without_columns_costs_nothing():
    # heads of 3 rows with 2, 0 and 1 columns; outputs 1 to 7: 2 rows of head 0, head 1 skipped, 2 of head 2
    feed = values([0] * 9, [(0, ALL)], begin=1, end=8)
    seen = exercise(engine([[0, 1], [], [5]], 3), feed, depth={"softmaxed": 16})
    assert seen.pushes["partial"] == [(1 + 1 + 4, 1, 2, 2), (6 + 1 + 2, 6, 2, 1)]
    assert seen.cycles("reads") == [1, 6]
    assert seen.cycles("done") == [9]


def test_one_phase_a_cycle_is_done_and_one_taken():
    # heads of 1 row with 1, 0 and 0 columns; the second and the third phase have nothing to do
    feed = values([0], [(0, ALL)], count=1)
    feed["command"] += [(0, VALUES, 0, 1, 2), (0, VALUES, 0, 2, 3)]
    seen = exercise(engine([[0], [], []], 1), feed)
    assert seen.cycles("done") == [1 + 3, 1 + 4, 1 + 5]
    assert seen.status["busy"] == 3 + 1 + 1
    # alone, an empty phase is taken and done in one cycle, and that is work
    seen = exercise(engine([[0], []], 1), {"command": [(5, VALUES, 0, 1, 2)]})
    assert seen.cycles("done") == [6]
    assert seen.status["busy"] == 1


@pytest.mark.parametrize(
    ("psum_banks", "psum_port_bytes", "cycles"), [(4, 6, 1), (4, 5, 2), (3, 6, 2), (2, 4, 4), (1, 2, 12), (64, 64, 1)]
)
def test_a_tiles_scores_are_read_a_row_a_bank_and_a_word_a_cycle(psum_banks, psum_port_bytes, cycles):
    # 4 rows of 3 scores of 2 bytes; then the Vs of 3 columns, 2 cycles each
    make = engine([[0, 1, 2]], 4, tile_rows=4, psum_banks=psum_banks, psum_port_bytes=psum_port_bytes)
    seen = exercise(make, values([0] * 4, [(0, ALL)]))
    assert seen.pushes["reads"] == [(1, cycles)]
    assert seen.cycles("partial") == [1 + cycles + 6]


@pytest.mark.parametrize(("row_values", "leaves"), [(12, [8, 51, 58]), (11, [8, 58, 67])])
def test_a_tile_waits_for_the_last_to_be_taken_unless_a_line_holds_the_sums_of_both(row_values, leaves):
    # the first leaves in 8 and is taken in 50: with room for both the second is done by then, else it begins in 51;
    # the third of those waits for the second again, which is taken in 59
    make = engine([[0, 1, 2]], 6, row_values=row_values)
    feed = values([0] * 6, [(0, ALL)], count=6)
    seen = exercise(make, feed, accept={"partial": (50, 0)}, depth={"partial": 1, "softmaxed": 8})
    assert seen.cycles("partial") == leaves


def test_a_tile_waits_until_its_reads_can_be_told():
    make = engine([[0, 1, 2]], 4)
    seen = exercise(make, values([0] * 4, [(0, ALL)]), accept={"reads": (50, 0)}, depth={"reads": 1})
    assert seen.cycles("reads") == [1, 51] and seen.cycles("partial") == [8, 51 + 7]


@settings(max_examples=20, deadline=None)
@given(
    columns=st.lists(st.sets(st.integers(0, 9), max_size=6).map(sorted), min_size=1, max_size=3).filter(any),
    rows=st.integers(1, 7),
    lines=st.integers(1, 6),
    dims=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    gap=st.integers(0, 12),
)
def test_every_score_and_every_row_leaves_once(columns, rows, lines, dims, gap):
    make = engine(columns, rows, lines=lines, dim=dims[0], value_dim=dims[1], tile_rows=lines)
    outputs = rows * len(columns)
    feed = values([0] * outputs, [(0, ALL)], count=outputs)
    feed["command"] = [(0, SCORES, 0, 0, 0), *feed["command"]]
    feed["operands"] = THERE
    seen = exercise(make, feed, accept={"scores": (0, gap), "partial": (0, gap)}, depth={"scores": 1, "partial": 1})
    dense = [(head, column) for head, mine in enumerate(columns) for column in mine]
    left = [
        (dense[first + c], row + n)
        for _, row, some, first, count in seen.pushes["scores"]
        for n in range(some)
        for c in range(count)
    ]
    assert sorted(left) == sorted((d, row) for d in dense for row in range(rows))
    done = [place + n for _, place, some, _ in seen.pushes["partial"] for n in range(some)]
    assert done == [head * rows + row for head, mine in enumerate(columns) if mine for row in range(rows)]
    assert seen.counts["mac_ops"] == rows * len(dense) * sum(dims)
    assert len(seen.pushes["done"]) == 2
    # no more multiply-accumulates in a cycle than there are multipliers
    assert seen.counts["mac_ops"] <= seen.status["busy"] * lines * 4
