"""The exact memory as a component: lines of bursts at any offset, and when a line read alone is there."""

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
