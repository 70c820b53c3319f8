"""The words that tables carry in hardware, which the model finds by counting."""

import numpy as np
import pytest

from accelsim.accelerators.vitcod.rtl.attention import Shape, tabulate
from accelsim.accelerators.vitcod.rtl.cases import passes
from accelsim.accelerators.vitcod.rtl.derived import dense_words, passes_rows, rows_words
from accelsim.accelerators.vitcod.rtl.loads import places_table
from accelsim.accelerators.vitcod.rtl.modules import TABLES

LINES, SEGMENT, AT_ONCE = 6, 3, 5


@pytest.fixture
def tools() -> None:
    """Nothing is needed to count."""


@pytest.fixture(params=range(4))
def tables(request) -> dict[str, np.recarray]:
    """Two passes."""
    shapes, kept, _ = passes(np.random.default_rng(request.param), LINES, 2, SEGMENT, 12)
    return tabulate(shapes, kept, SEGMENT, 16)


def test_a_row_knows_what_comes_before_and_after_it(tables):
    rows, table = tables["rows"], rows_words(tables)
    assert len(table) == len(rows) + 1
    for n, words in enumerate(table):
        found = dict(zip(TABLES["rows"], words.tolist(), strict=True))
        after = [next((m for m in range(n, len(rows)) if some[m]), len(rows)) for some in (rows.sparse, rows.dense)]
        assert [found["following"], found["next_dense"]] == after
        if after[0] < len(rows):
            row = rows[after[0]]
            assert [found[f"sparse_{name}"] for name in ("head", "first", "left")] == [row.head, row.first, row.sparse]
        if after[1] < len(rows):
            assert found["dense_count"] == rows[after[1]].dense
    for one in tables["passes"]:
        outputs = int(one.heads * one.rows)
        for first in (int(one.first_row), int(one.first_share)):
            for n in range(outputs):
                found = dict(zip(TABLES["rows"], table[first + n].tolist(), strict=True))
                dense, sparse = found["next_dense"] - first, found["following"] - first
                if dense < outputs:
                    assert found["dense_place"] == one.first_row + dense
                    assert found["rest"] == one.rows - dense % one.rows
                if sparse < outputs:
                    assert found["sparse_place"] == one.first_row + sparse


def test_a_pass_knows_the_next_ones_with_work(tables):
    table = passes_rows(tables, {})
    for n, words in enumerate(table):
        found = dict(zip(TABLES["passes"], words.tolist(), strict=True))
        for word, has in (("next_dense", "dense"), ("next_sparse", "sparse_columns")):
            assert found[word] == next((m for m in range(n + 1, len(table)) if tables["passes"][m][has]), len(table))


def test_scores_of_a_head_are_side_by_side_whatever_block_their_keys_are_in():
    shape = Shape(2, 3, 10, 8, 8, 4, 4, 0, 1, ends=(4, 7))
    dense = [np.array([0, 5, 6, 9]), np.array([3, 4])]
    tables = tabulate([shape], [(dense, np.zeros((2, 3, 10), bool))], SEGMENT, 16)
    assert tables["dense"].tolist() == [(0, 0), (1, 3), (0, 5), (0, 6), (1, 4), (0, 9)]
    assert dense_words(tables, AT_ONCE)[:, TABLES["dense"].index("scores_at")].tolist() == [0, 12, 3, 6, 15, 9]
    found = places_table(tables)[:, 3:].tolist()
    assert found[:6] == [[0, row] for row in range(3)] + [[1, 12 + row] for row in range(3)]  # outputs
    assert found[12:18] == [[2, 3 + row] for row in range(3)] + [[4, 15 + row] for row in range(3)]  # the second block
    assert [tables["rows"].dense[n] for n in (0, 3, 6, 9, 12, 15, 18, 21)] == [4, 2, 1, 1, 2, 1, 1, 0]


def test_the_first_column_of_a_tile_knows_the_tile(tables):
    dense, table = tables["dense"], dense_words(tables, AT_ONCE, 4)
    for one in tables["passes"]:
        for first in range(0, int(one.dense), int(one.denser_lines)):
            tile = dense[int(one.first_dense) + first :][: min(int(one.denser_lines), int(one.dense) - first)]
            found = dict(zip(TABLES["dense"], table[int(one.first_dense) + first].tolist(), strict=True))
            assert found["needed"] == tile.column.max()
            heads = int(tile.head[-1] - tile.head[0]) + 1
            assert found["group"] == max(1, min(int(one.denser_lines) // len(tile), AT_ONCE // heads))
            group, rows = int(found["group"]), int(one.rows)
            assert found["load_bytes"] == len(tile) * one.dim and found["load_cycles"] == len(tile) * -(-one.dim // 4)
            sizes = [min(group, rows - row) * heads * int(one.dim) for row in range(0, rows, group)]
            assert found["last_bytes"] == sizes[-1] and {found["group_bytes"]} >= set(sizes[:-1])
