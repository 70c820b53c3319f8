"""The block's closed forms: the first beat, the credit loop, the dividers, weights; and sleeping never matters."""

import pytest

from accelsim.accelerators.ita.bench import Tiles, gate
from accelsim.core import InputError
from tests.accelerators.ita.machines import streamed


@pytest.mark.parametrize(("layer", "tiles", "beats"), [
    ("Attention", Tiles(1, 1, 1), 6), ("Linear", Tiles(2, 3, 1), 6), ("Feedforward", Tiles(1, 1, 1, 4), 8),
    ("SingleAttention", Tiles(2, 1, 1), 8),
])  # fmt: skip
def test_total_is_the_first_beat_all_beats_and_the_latency(layer, tiles, beats):
    total, block = streamed(layer, tiles)
    assert total == 64 + 256 * beats + 11
    assert block.value("beats") == 256 * beats and block.value("lost_out") == block.value("lost_division") == 0


@pytest.mark.parametrize(("preload", "first"), [(0, 64), (32, 32), (63, 1), (128, 1)])
def test_weights_before_the_start(preload, first):
    total, block = streamed("Linear", Tiles(), preload=preload)
    assert total == first + 256 + 11 and block.value("lost_weight") == first - 1


@pytest.mark.parametrize("depth", [4, 8, 11, 12, 32])
def test_the_credit_loop_is_twelve_cycles(depth):
    n = 256 * 11  # a multiple of every depth tried
    total, block = streamed("Linear", Tiles(11, 1, 1), out_fifo=depth)
    wanted = 64 + 12 * n // depth - (12 - depth) + 11 if depth < 12 else 64 + n + 11
    assert total == wanted and block.value("most_credit") == min(depth, 11)


@pytest.mark.parametrize(("bits", "stall"), [(9, 4), (10, 3), (12, 1), (13, 0), (17, 0)])
def test_a_row_waits_for_its_division_in_small_tiles_only(bits, stall):
    size = {"columns": 16, "length": 16, "weight_beats": 16, "bits": bits}
    total, block = streamed("SingleAttention", Tiles(3, 1, 1), **size)
    assert block.value("lost_division") == 3 * stall
    assert total == 16 + 16 * 18 + 11 + 3 * stall
    assert streamed("SingleAttention", Tiles(1, 1, 1), bits=9)[1].value("lost_division") == 0


@pytest.mark.parametrize("dividers", [1, 2, 3, 4, 6, 10])
def test_a_serial_divider_takes_its_next_row_a_cycle_after_the_last(dividers):
    """A sum of 9 bits takes 2 + 16 - 9 cycles; of 16 rows the last waits for those that its divider had before."""
    size = {"columns": 16, "length": 16, "weight_beats": 16, "bits": 9}
    few, many = (streamed("SingleAttention", Tiles(1, 1, 1), dividers=n, **size)[0] for n in (dividers, 64))
    assert few - many == (15 % dividers + 15 // dividers * 10) - 15


def test_a_slow_weight_port_is_the_bottleneck():
    total, block = streamed("Linear", Tiles(1, 4, 1), ("1", "p:1:2", "1"))
    assert total == (2 * 64 * 16 - 2) + 1 + 64 + 11
    narrow, _ = streamed("Linear", Tiles(1, 4, 1), ("1", "p:1:8", "1"), weight_beats=8)
    assert narrow == 57 + 1024 + 11 and block.value("lost_input") == 0


def test_gated_streams_wait_and_lose_nothing():
    total, block = streamed("Attention", Tiles(2, 1, 1), ("r:200", "r:200", "r:100"))
    lost = sum(block.value(n) for n in ("lost_out", "lost_division", "lost_sums", "lost_weight", "lost_input"))
    cycles = int(block.storage["stepping"]["cycles"].sum())
    assert cycles == lost + block.value("beats") and total > cycles
    assert block.value("out_beats") == 256 * (2 * 3 + 2 * (2 + 1) + 2)


@pytest.mark.parametrize("text", ["2", "p:3:2", "p:0:4", "r:0", "r:257", "x", "p:1", ""])
def test_a_gate_that_is_none(text):
    with pytest.raises(InputError, match="gate: expected 1, p:k:n"):
        gate(text, 1)


def test_groups_that_do_not_fill_a_tile():
    with pytest.raises(InputError, match="block.columns: must divide block.length = 64"):
        streamed("Linear", Tiles(), columns=24)
