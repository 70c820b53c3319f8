"""FLAT's footprints, traffic and schedules against the reference data and brute force."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.accelerators.systolic.flat import Attention, Scratchpad, pipelined_cycles, serial_cycles
from accelsim.core.errors import InputError

CYCLES = st.integers(0, 12)
DEIT_T = Attention(197, 64, 3)


def table(folder, name: str) -> list[dict]:
    with (folder / "flat" / name).open() as file:
        return list(csv.DictReader(file))


def test_every_footprint(reference):
    rows = table(reference, "footprint.csv")
    assert len(rows) == 108
    for row in rows:
        number = {name: int(row[name]) for name in row if name not in ("model", "granularity", "ops_per_byte_fused")}
        attention = Attention(number["tokens"], number["head_dim"], number["heads"], number["batch"])
        live, size = attention.live(row["granularity"], number["rows"]), number["bytes_per_element"]
        assert live == tuple(number[name] for name in "qkvso"), row
        assert live.elements == number["tile_elements"]
        assert live.elements * size == number["tile_bytes_single"]
        assert live.double_buffered * size == number["tile_bytes_double_buffered"]
        assert attention.dram_elements() == number["dram_elements_fused"]
        assert attention.dram_elements(fused=False) == number["dram_elements_unfused"]
        intensity = attention.operations / (attention.dram_elements() * size)
        assert intensity == pytest.approx(float(row["ops_per_byte_fused"]), rel=1e-9)


def test_every_ideal_latency_of_fusemax(reference):
    rows = table(reference, "fusemax_flat_validation.csv")
    assert len(rows) == 48
    for row in rows:
        assert row["M"] == row["P"] and row["E"] == row["F"]
        attention = Attention(int(row["M"]), int(row["E"]), int(row["H"]), int(row["B"]))
        pes = {"cloud": 256, "edge": 32}[row["platform"]] ** 2
        assert attention.ideal_seconds(pes, 0.94e9) == pytest.approx(float(row["ideal_latency"]), rel=1e-12)


def test_dram_traffic_with_keys_and_values_held_and_streamed():
    one = 197 * 64
    assert DEIT_T.dram_elements() == 3 * 4 * one
    assert DEIT_T.dram_elements(rows=32) == 3 * (2 * one + 2 * one * 7)
    assert DEIT_T.dram_elements(rows=197) == DEIT_T.dram_elements()
    assert DEIT_T.dram_elements(fused=False, score_passes=2) == 3 * (4 * one + 2 * 197**2)
    traffic = [DEIT_T.dram_elements(rows=rows) for rows in range(1, 198)]
    assert traffic == sorted(traffic, reverse=True)
    # of the text: 197 operations a byte fused, 48 unfused
    assert DEIT_T.operations / DEIT_T.dram_elements() == 197
    assert int(DEIT_T.operations / DEIT_T.dram_elements(fused=False)) == 48


@pytest.mark.parametrize("pad", [Scratchpad(0), Scratchpad(0, 1, False), Scratchpad(0, score_tiles=2)], ids=str)
def test_a_byte_less_picks_the_next_smaller_tile(pad):
    sizes = [197, 192, 160, 128, 96, 64, 32]
    for rows, fewer in zip(sizes, [*sizes[1:], None]):
        need = pad.needs(DEIT_T, rows)
        sized = {"score_bytes": pad.score_bytes, "double_buffered": pad.double_buffered, "score_tiles": pad.score_tiles}
        assert Scratchpad(need, **sized).most_rows(DEIT_T, 32) == rows
        if fewer:
            assert Scratchpad(need - 1, **sized).most_rows(DEIT_T, 32) == fewer
            continue
        with pytest.raises(InputError, match=rf"needs {need} bytes for a tile of 32 rows x 197 tokens, not {need - 1}"):
            Scratchpad(need - 1, **sized).most_rows(DEIT_T, 32)


def test_what_a_scratchpad_needs():
    live = 2 * 64 * 32 + 2 * 64 * 197
    assert Scratchpad(0, 2, False, 1).needs(DEIT_T, 32) == live + 2 * 32 * 197
    assert Scratchpad(0, 2, True, 2).needs(DEIT_T, 32) == 2 * live + 2 * 2 * 32 * 197
    assert Scratchpad(1 << 20).most_rows(Attention(5, 64, 1), 32) == 5
    assert Scratchpad(1 << 20).most_rows(Attention(1, 64, 1), 32) == 1


def test_an_unknown_granularity_is_refused():
    with pytest.raises(InputError, match="expected one of M, B, H, R, not 'T'"):
        DEIT_T.live("T")


def played(tiles: int, logit: int, softmax: int, attend: int) -> int:
    """The array's order L1, L2, A1, L3, A2, ... played; the softmax unit takes tiles as they are finished."""
    order = [("L", 1)]
    for n in range(1, tiles + 1):
        order += [("L", n + 1)] * (n < tiles) + [("A", n)]
    array = unit = 0
    scored: dict[int, int] = {}
    for what, n in order:
        if what == "L":
            array += logit
            unit = max(unit, array) + softmax
            scored[n] = unit
        else:
            array = max(array, scored[n]) + attend
    return array


@given(tiles=st.integers(1, 7), logit=CYCLES, softmax=CYCLES, attend=CYCLES)
def test_the_pipelined_schedule_is_the_played_one(tiles, logit, softmax, attend):
    pipelined = pipelined_cycles(tiles, logit, softmax, attend)
    assert pipelined == played(tiles, logit, softmax, attend)
    assert serial_cycles(tiles, logit, softmax, attend) >= pipelined
    assert pipelined >= max(tiles * (logit + attend), tiles * softmax)


def test_a_slow_softmax_bounds_the_tiles():
    assert pipelined_cycles(10, 5, 10_000, 7) == 10 * 10_000 + 12
    assert pipelined_cycles(0, 1, 2, 3) == serial_cycles(0, 1, 2, 3) == 0
