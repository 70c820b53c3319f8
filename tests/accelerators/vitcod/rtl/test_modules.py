"""The words that tables carry in hardware, which the model finds by counting."""

import re

import numpy as np
import pytest

from accelsim.accelerators.vitcod.rtl.attention import Shape, tabulate
from accelsim.accelerators.vitcod.rtl.cases import passes
from accelsim.accelerators.vitcod.rtl.derived import dense_words, passes_rows, rows_words
from accelsim.accelerators.vitcod.rtl.loads import places_table
from accelsim.accelerators.vitcod.rtl.modules import PACKAGE, TABLES
from accelsim.accelerators.vitcod.tables import COLUMN_BYTES, DENSE_BYTES, PASS_BYTES, ROW_BYTES
from accelsim.core import InputError

LINES, SEGMENT, AT_ONCE = 6, 3, 5


@pytest.fixture
def tools() -> None:
    """Nothing is needed to count."""


@pytest.fixture(params=range(4))
def tables(request) -> dict[str, np.recarray]:
    """Two passes."""
    shapes, kept, _ = passes(np.random.default_rng(request.param), LINES, 2, SEGMENT, 12)
    return tabulate(shapes, kept, SEGMENT, 16)


def test_a_row_has_as_many_bits_as_the_model_reads_of_it():
    """The widths of the structs in the package that modules are built with, against what the model says it loads."""
    text, model = PACKAGE.text(20), {"passes": PASS_BYTES, "dense": DENSE_BYTES, "columns": COLUMN_BYTES}
    for name, size in (model | {"rows": ROW_BYTES}).items():
        (bits,) = re.findall(rf"int {name}_row_bits = (\d+);", text)
        (body,) = re.findall(rf"struct packed {{(.*)}} {name}_row_t;", text)
        assert int(bits) == sum(int(high) + 1 for high in re.findall(r"logic \[(\d+):0\]", body)) == 8 * size
        assert "word_t" not in body


def test_a_word_that_does_not_hold_its_value_is_refused(tables):
    tables["columns"]["count"] = 256
    with pytest.raises(InputError, match="the table columns has 256 as count: expected at most 255"):
        PACKAGE.rows("columns", tables, {})


def test_a_row_knows_where_the_next_ones_with_work_are(tables):
    rows, table = tables["rows"], rows_words(tables)
    assert len(table) == len(rows)
    for one in tables["passes"]:
        outputs = int(one.heads * one.rows)
        (said,) = (w for w, p in zip(passes_rows(tables, {}), tables["passes"]) if p == one)
        skips = dict(zip(TABLES["passes"], said.tolist(), strict=True))
        for first in (int(one.first_row), int(one.first_share)):
            mine = rows[first : first + outputs]
            for kind in ("sparse", "dense"):
                used = [n for n in range(outputs) if mine[kind][n]]
                if first == one.first_share:
                    assert skips[f"skip_{kind}"] == (used or [outputs])[0]
                for n in range(outputs):
                    found = dict(zip(TABLES["rows"], table[first + n].tolist(), strict=True))
                    end = (n // one.rows + 1) * one.rows if kind == "dense" else n + 1
                    begin = end if kind == "dense" else n
                    assert begin + found[f"next_{kind}"] == next((m for m in used if m >= end), outputs)


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
