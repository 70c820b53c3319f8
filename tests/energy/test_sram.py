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
    bank, whole = memory(16 << 10, 16, 1, *CELL, "x"), memory(64 << 10, 16, 4, *CELL, "x")
    assert whole.read_pj_per_byte == bank.read_pj_per_byte == pytest.approx(3.49586 / 16)
    assert whole.write_pj_per_byte == pytest.approx(4.0057 / 16)
    assert (whole.leakage_uw, whole.um2) == pytest.approx((4 * 533.661, 4 * 28783.3))
    assert whole.macros == 4


def test_a_port_wider_than_a_macro_is_macros_side_by_side():
    half, wide = memory(32 << 10, 64, 1, *CELL, "x"), memory(64 << 10, 128, 1, *CELL, "x")
    assert wide.macros == 2
    assert wide.read_pj_per_byte == pytest.approx(half.read_pj_per_byte)
    assert wide.um2 == pytest.approx(2 * half.um2)


def test_a_memory_larger_than_a_macro_is_macros_behind_one_another_and_wakes_one():
    one, three = memory(300 << 10, 32, 1, *CELL, "x"), memory(900 << 10, 32, 1, *CELL, "x")
    assert three.macros == 3
    assert three.read_pj_per_byte == pytest.approx(one.read_pj_per_byte)
    assert three.leakage_uw == pytest.approx(3 * one.leakage_uw)


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
