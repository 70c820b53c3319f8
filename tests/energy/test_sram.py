import csv

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.core.errors import InputError
from accelsim.energy.sram import FIGURES, figures, macro, memory

CELL = (28, "itrs-lstp+itrs-lop")


def test_the_tables_points_come_back_as_they_are():
    with FIGURES.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 306
    for row in rows:
        got = macro(float(row["size_kib"]), float(row["width_bits"]), int(row["node_nm"]), row["cell"])
        assert got == tuple(float(row[c]) for c in ("read_pj", "write_pj", "leakage_mw", "area_mm2"))


def test_the_table_is_a_copy_of_the_cacti_runs(reference):
    with (reference / "energy" / "sram_cacti7.csv").open() as file:
        runs = {
            (r["node_nm"], r["cell"], r["width_bits"], r["size_kb"]): r
            for r in csv.DictReader(file)
            if r["banks"] == "1"
        }
    with FIGURES.open() as file:
        for row in csv.DictReader(file):
            run = runs[row["node_nm"], row["cell"], row["width_bits"], row["size_kib"]]
            assert [row[c] for c in ("read_pj", "write_pj", "leakage_mw", "area_mm2")] == [
                run[c] for c in ("read_pj", "write_pj", "leak_mw_total", "area_mm2")
            ]


def test_halfway_between_two_points_is_the_geometric_mean():
    """64 and 256 KiB, 128 bits: neighbours are 64, 108, 128, 256; sqrt(128 * 256) KiB lies between the last two."""
    low, high = macro(128, 128, *CELL), macro(256, 128, *CELL)
    middle = macro((128 * 256) ** 0.5, 128, *CELL)
    assert middle == pytest.approx([(a * b) ** 0.5 for a, b in zip(low, high)])
    low, high = macro(16, 64, *CELL), macro(16, 128, *CELL)
    assert macro(16, (64 * 128) ** 0.5, *CELL) == pytest.approx([(a * b) ** 0.5 for a, b in zip(low, high)])


def test_banks_are_memories_of_their_own():
    """Of 8 KiB and 64 bits, CACTI's point: there is no way to cover less."""
    bank, whole = memory(8 << 10, 8, 1, *CELL, "x"), memory(32 << 10, 8, 4, *CELL, "x")
    assert whole.read_pj_per_byte == bank.read_pj_per_byte == pytest.approx(2.3581 / 8)
    assert whole.write_pj_per_byte == pytest.approx(1.95638 / 8)
    assert (whole.leakage_uw, whole.um2) == pytest.approx((4 * 265.776, 4 * 11038.7))
    assert whole.macros == 4


def test_a_port_wider_than_128_bits_is_macros_side_by_side():
    """64 bytes of 8 KiB: four macros of 128 bits and 2 KiB, where CACTI would have one of 512 bits."""
    half, wide = memory(4 << 10, 32, 1, *CELL, "x"), memory(8 << 10, 64, 1, *CELL, "x")
    assert (half.macros, wide.macros) == (2, 4)
    assert wide.read_pj_per_byte == pytest.approx(half.read_pj_per_byte) == pytest.approx(0.843076 / 16)
    assert wide.um2 == pytest.approx(2 * half.um2) == pytest.approx(4 * 3209.92)
    one = memory(8 << 10, 64, 1, *CELL, "x", macro_bits=512)
    assert min(w for w in figures(*CELL) if w >= 512) == 512 and one.um2 <= wide.um2


def test_macros_behind_one_another_where_that_covers_less_and_one_wakes():
    """16 KiB of 64 bits: two of 8 KiB cover 22,077 um2, one covers 24,417."""
    two = memory(16 << 10, 8, 1, *CELL, "x")
    assert (two.macros, two.um2) == (2, pytest.approx(2 * 11038.7))
    assert two.read_pj_per_byte == pytest.approx(2.3581 / 8)
    assert two.leakage_uw == pytest.approx(2 * 265.776)


def test_a_memory_larger_than_all_macros_there_are():
    """320 KiB is the largest; 3,000 KiB need ten and more of them."""
    huge = memory(3000 << 10, 8, 1, *CELL, "x")
    assert huge.macros >= 10
    assert huge.um2 == pytest.approx(2 * memory(1500 << 10, 8, 1, *CELL, "x").um2, rel=0.1)


@settings(max_examples=100, deadline=None)
@given(
    capacity=st.integers(1, 1 << 21), port=st.sampled_from([1, 2, 4, 8, 16, 32, 64, 128, 256]),
    banks=st.integers(1, 16), node=st.sampled_from([CELL, (22, "itrs-lop"), (65, "itrs-lop")]),
)  # fmt: skip
def test_twice_as_much_of_a_memory_never_covers_less(capacity, port, banks, node):
    base = memory(capacity, port, banks, *node, "x").um2 * (1 - 1e-9)
    assert memory(2 * capacity, port, banks, *node, "x").um2 >= base
    assert memory(capacity, 2 * port, banks, *node, "x").um2 >= base
    assert memory(capacity, port, 2 * banks, *node, "x").um2 >= base


def test_a_narrow_port_still_wakes_64_bits():
    assert memory(8 << 10, 1, 1, *CELL, "x").read_pj_per_byte == pytest.approx(2.3581)
    assert memory(8 << 10, 8, 1, *CELL, "x").read_pj_per_byte == pytest.approx(2.3581 / 8)


@settings(max_examples=60, deadline=None)
@given(size=st.floats(1, 320), width=st.floats(64, 512))
def test_between_the_points_no_figure_leaves_their_range(size, width):
    table = figures(*CELL)
    low = [w for w in table if w <= width][-1]
    high = next(w for w in table if w >= width)
    corners = []
    for w in (low, high):
        rows = table[w]
        held = min(max(size, rows[0][0]), rows[-1][0])
        corners += [[r for r in rows if r[0] <= held][-1], next(r for r in rows if r[0] >= held)]
    for i, figure in enumerate(macro(size, width, *CELL)):
        assert min(c[i + 1] for c in corners) * (1 - 1e-9) <= figure <= max(c[i + 1] for c in corners) * (1 + 1e-9)


def test_what_is_no_memory_is_refused():
    with pytest.raises(InputError, match=r"act_gb0\.memory: a memory's banks must be more than 0, not 0"):
        memory(1024, 8, 0, *CELL, "act_gb0.memory")
    with pytest.raises(
        InputError, match=r"no CACTI figures for node_nm 7 with cell 'x', only for 22 nm itrs-lop, 28 nm"
    ):
        memory(1024, 8, 1, 7, "x", "w")
