import io

import pytest
from rich.console import Console

from accelsim.report import summarize
from accelsim.report.quantities import joules, percent, scaled
from accelsim.report.tables import CAVEAT, report

from .records import record


def shown(made, width: int = 100, **options) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(report(made, summarize(made), **options))
    return console.file.getvalue()


def test_a_run_in_tables():
    text = shown(record(2))
    assert "vitcod running deit_tiny_s90 (DeiT-Tiny), batch 1" in text
    assert "The workload is synthetic: its masks were generated, not taken from a trained model." in text
    assert text.startswith(f"{record(2).result.cycles():,} core cycles, ")
    assert "dram model: pipe" not in text and "dram model: pipe" in shown(record(2), verbose=True)
    assert " ".join(CAVEAT.split()) in " ".join(text.split())
    lines = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert "100.0 %" in lines["total"]
    assert "…" not in text, "nothing is cut off at 100 columns"
    assert "blocks.1.mlp.fc2" not in text
    assert "blocks.1.mlp.fc2" in shown(record(2), layers=True)


@pytest.mark.parametrize("width", [40, 60, 80])
def test_no_number_is_cut_on_a_narrow_terminal(width):
    made = record(3)
    text = shown(made, width, layers=True, verbose=True)
    assert max(map(len, text.splitlines())) <= width
    words = set(text.split())
    for s in summarize(made).layers:
        assert {f"{s.cycles:,}", f"{100 * s.cycle_share:.1f}"} <= words
    assert f"{made.result.cycles():,}" in words and "…" not in text


def test_a_real_workload_is_not_called_synthetic():
    made = record(1)
    made.workload["synthetic"] = False
    assert "synthetic" not in shown(made)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 J"), (None, "-"), (1.5e9, "1.50 mJ"), (999.4, "999 pJ"), (999.6, "1.00 nJ"), (1e-3, "0.00100 pJ"),
     (123456, "123 nJ")],
)  # fmt: skip
def test_joules(value, text):
    assert joules(value) == text


def test_other_quantities():
    assert (scaled(512e9, "op/s"), scaled(7.0328e-3, "s", 4)) == ("512 Gop/s", "7.033 ms")
    assert scaled(-2000, "B") == "-2.00 kB"
    assert (percent(0.1234), percent(None)) == ("12.3 %", "-")
