"""The written testbench: passes on what was co-simulated, fails on anything else."""

from typer.testing import CliRunner

from accelsim import cli
from accelsim.accelerators.vitcod.rtl.core import core
from accelsim.accelerators.vitcod.rtl.settings import SMALL
from accelsim.rtl.testbench import run_testbench
from tests.rtl.stored import changed

TOPS = ("encoder_bench", "mac_array_bench", "vector_unit_bench", "memory_bench", "attention_core")


def test_the_command_runs_every_testbench(tmp_path):
    folder = tmp_path / "rtl"
    small = ["engine.lines=8", "engine.macs=4", "sparser.score_ports=2", "sparser.segment=5", "softmax.lanes=2"]
    small.append("vector.lanes=8")
    chosen = [word for value in small for word in ("--set", value)]
    done = CliRunner().invoke(cli.app, ["rtl", "vitcod", "-o", str(folder), "--seed", "3", "--simulate", *chosen])
    assert done.exit_code == 0, done.output
    passed = [line.split(",")[0] for line in done.output.splitlines() if line.startswith("PASS")]
    assert passed == [f"PASS: {top}" for top in TOPS]
    counts = [len(path.read_text().split()) for path in (folder / "stimulus").glob("attention_core_*_expected.hex")]
    assert len(counts) == len(core(SMALL).logged()) + 1 and all(counts), "every channel carries something; and outputs"
    assert f"PASS: attention_core, {sum(counts)} transfers" in done.output
    names = (folder / "attention_core_tb.f").read_text().split()
    assert all((folder / name).exists() for name in names) and names[-1] == "attention_core_tb.sv"
    changed(folder / "stimulus" / "attention_core_rows_values_expected.hex", 2, 2, 1)  # a value of the third output
    outcome = run_testbench("attention_core", folder, [folder / name for name in names])
    assert outcome.startswith("FAIL: attention_core, 1 of ")
    assert "encoder #(.LINES(8), .MACS(8), .SUM_PORT_BYTES(32))" in (folder / "encoder_bench.sv").read_text()
