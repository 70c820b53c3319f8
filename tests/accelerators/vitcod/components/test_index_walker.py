"""Index walker: one column after another, at the width of the index buffer's port."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.accelerators.vitcod.components.index_walker import IndexWalker
from accelsim.accelerators.vitcod.tables import COLUMNS, PASSES
from tests.components.harness import exercise, table


def walker(*counts, word_bytes=4, index_bytes=1, **ports):
    """Pass 0 has the columns with these counts, but for the last; pass 1 has the last one."""
    firsts = [sum(counts[:n]) for n in range(len(counts))]
    columns = [(n % 3, 7 + n, first, count) for n, (first, count) in enumerate(zip(firsts, counts))]
    own = {"first_column": 0, "sparse_columns": len(counts) - 1}
    passes = [own, {"first_column": len(counts) - 1, "sparse_columns": 1}]
    memory = {"passes": table(PASSES, passes), "columns": table(COLUMNS, columns)}
    return lambda: IndexWalker("walker", word_bytes=word_bytes, index_bytes=index_bytes, **memory, **ports)


def test_a_column_takes_the_words_of_its_rows_and_its_entry():
    # 4 bytes of entry and 1, 2, 4, 14 row numbers of a byte: 2, 2, 2, 5 words of 4 bytes, one after another
    seen = exercise(walker(1, 2, 4, 14), {"command": [(5, 0, 0, 0, 0), (5, 0, 1, 0, 0)]})
    assert seen.pushes["column"] == [(8, 0, 7, 0, 1), (10, 1, 8, 1, 2), (12, 2, 9, 3, 4), (17, 0, 10, 7, 14)]
    assert seen.counts == {"read_bytes": 4 * 4 + 21}
    assert seen.status["busy"] == 11


@pytest.mark.parametrize(("index_bytes", "words"), [(1, 2), (2, 3), (3, 4), (4, 5)])
def test_a_wider_row_number_costs_more_words(index_bytes, words):
    seen = exercise(walker(5, 5, word_bytes=5, index_bytes=index_bytes), {"command": [(0, 0, 0, 0, 0)]})
    assert seen.cycles("column") == [1 + words]


@pytest.mark.parametrize(("banks", "port_bytes", "cycles"), [(1, 4, 16), (2, 2, 14), (2, 4, 8), (3, 2, 7), (1, 16, 4)])
def test_a_column_is_not_faster_than_the_buffer_s_banks_and_holds_them_while_it_is_read(banks, port_bytes, cycles):
    """14 bytes; two banks' ports are for the other tables and what arrives, half of them if there are two, three
    quarters if there is one."""
    made = walker(10, 10, 10, banks=banks, port_bytes=port_bytes)
    seen = exercise(made, {"command": [(0, 0, 0, 0, 0)]}, accept={"column": (60, 0)}, depth={"column": 1})
    assert seen.cycles("column") == [1 + cycles, 61]
    # it stops while it waits for the first column to be taken
    assert seen.pushes["reading"] == [(1, 4), (1 + 2 * cycles, -4)]


@settings(max_examples=10, deadline=None)
@given(counts=st.lists(st.integers(1, 40), min_size=2, max_size=8), gap=st.integers(0, 12))
def test_nothing_is_lost_under_back_pressure(counts, gap):
    feed = {"command": [(0, 0, 0, 0, 0), (0, 0, 1, 0, 0)]}
    seen = exercise(walker(*counts), feed, accept={"column": (0, gap)}, depth={"column": 1})
    assert [item[4] for item in seen.pushes["column"]] == counts
    words = [-(-(4 + n) // 4) for n in counts]
    for earlier, later, more in zip(seen.cycles("column"), seen.cycles("column")[1:], words[1:]):
        assert later >= earlier + more
    assert seen.counts == {"read_bytes": sum(counts) + 4 * len(counts)}
