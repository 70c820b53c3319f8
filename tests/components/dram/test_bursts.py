"""The exact memory as a component: lines of bursts at any offset, and when a line read alone is there."""

import numpy as np
import pytest

from accelsim.components.dram.memory import ExactDram
from accelsim.components.dram.standard import load_standard
from tests.components.harness import exercise

READ = 0


def memory():
    return ExactDram("dram", standard="ddr4_2400_reference", channels=1, controller="dramsim3")


def test_a_burst_is_all_the_lines_it_touches():
    bursts = [(address, size) for address in (0, 1, 63, 64, 100) for size in (1, 63, 65, 200)]
    seen = exercise(memory, {"request": [(10 + n, *burst, READ, 0) for n, burst in enumerate(bursts)]})
    lines = sum((address + size - 1) // 64 - address // 64 + 1 for address, size in bursts)
    assert seen.counts["read_lines"] == lines
    assert [item[1] for item in seen.pushes["reply"]] == [size for _, size in bursts]


def test_a_line_read_alone_takes_the_row_the_column_and_the_burst():
    timing = load_standard("ddr4_2400_reference").timing
    seen = exercise(memory, {"request": [(10, 0, 64, READ, 0)]})
    wanted = timing["tRCD"] + timing["CL"] + timing["tBL"]
    assert wanted <= seen.counts["read_cycles"] <= wanted + 4
    assert abs(seen.cycles("reply")[0] - 11 - seen.counts["read_cycles"]) <= 1


@pytest.mark.parametrize("gap", [0, 60])
@pytest.mark.parametrize("window", [3, 40])
@pytest.mark.parametrize("controller", ["dramsim3", "frfcfs"])
def test_a_full_window_and_full_queues_hold_bursts_back_to_the_clock(controller, window, gap):
    """Long bursts to ever new rows, of three streams, all at once: the window is full, or the controller's queues are
    and lines are refused; a burst is taken in the first clock in which there is room, however long that was asleep."""
    random = np.random.default_rng(window + gap)
    rows = random.integers(0, 1 << 12, 60) << 17
    kinds = random.integers(0, 3, (60, 2))
    feed = [(10, int(row), 640 - 64 * int(s), int(w == 0), int(s)) for row, (w, s) in zip(rows, kinds)]

    def memory():
        return ExactDram("dram", standard="ddr4_2400_reference", channels=1, controller=controller, window=window)

    seen = exercise(memory, {"request": feed}, accept={"reply": (0, gap)})
    assert len(seen.pushes["reply"]) == len(feed) and seen.peaks["request"] == 4
    for stream in range(3):
        sizes = [burst[2] for burst in feed if burst[4] == stream]
        assert [item[1] for item in seen.pushes["reply"] if item[2] == stream] == sizes
