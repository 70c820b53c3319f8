"""The prediction array on the wires: a strip takes the cycles of its tiles, and the strip buffer has room or not."""

import pytest

from tests.accelerators.sanger.machines import attention, full, logged, sized


@pytest.mark.parametrize(("side", "dim", "rows", "columns"), [(64, 64, 64, 64), (64, 64, 64, 65), (8, 3, 11, 20)])
def test_prediction_takes_the_cycles_of_its_tiles(side, dim, rows, columns):
    log = logged(sized(side, "predictor.strip_bytes=1 MiB"), attention(full(1, rows, columns, 0.1), dim))
    tile = 1 + (dim + 2 * side - 1) + (side + 1)
    assert side != 64 or tile == 257, "as the RTL"
    begin, strips = log["sequencer.command.predictor"]["at"][0] + 1, -(-rows // side)
    each = -(-columns // side) * tile
    assert log["predictor.strip"]["at"].tolist() == [begin + each * (n + 1) for n in range(strips)]
    assert log["predictor.done"]["at"].tolist() == log["predictor.strip"]["at"][-1:].tolist()


def test_a_smaller_array_predicts_a_strip_in_more_tiles():
    smaller = ("predictor.width=4", "predictor.height=3", "predictor.strip_bytes=1 MiB")
    log = logged(sized(8, *smaller), attention(full(1, 8, 9, 0.1), 5))
    begin = log["sequencer.command.predictor"]["at"][0] + 1
    assert log["predictor.strip"]["at"].tolist() == [begin + 3 * 3 * (1 + 5 + 4 + 3 - 1 + 4 + 1)]


def test_the_strip_buffer_holds_the_next_tile_back():
    """Room for one strip: the next one's first tile begins when the pack unit has taken the first columns."""
    bits = 20 * 8
    log = logged(sized(8, f"predictor.strip_bytes={bits * 16 // 8}"), attention(full(1, 16, 16, 0.1), 5))
    tile = 1 + 5 + 15 + 9
    first, second = log["predictor.strip"]["at"]
    drained = log["pack.drained"]["at"]
    assert second == drained[0] + 1 + 2 * tile > first + 2 * tile
