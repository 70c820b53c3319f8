"""The written testbench: passes on what was co-simulated, fails on anything else."""

import os
import subprocess

import numpy as np
import pytest
from typer.testing import CliRunner

from accelsim import cli
from accelsim.rtl.core import SMALL, core
from accelsim.rtl.testbench import run_testbench, store, telling, write_testbench
from accelsim.rtl.vsim import find_verilator, verilator
from accelsim.rtl.write import write

VALUES = {**SMALL, "encoder": {"lines": 2, "macs": 3}}


@pytest.fixture
def encoder(tmp_path):
    files = write(VALUES, tmp_path)
    return tmp_path, write_testbench(telling("encoder_bench", VALUES, 5), tmp_path, files)


def changed(path, row: int, word: int, by: int) -> None:
    """Add to a word of a stored row; words count from the low end."""
    lines = path.read_text().split()
    end = len(lines[row]) - 8 * word
    value = (int(lines[row][end - 8 : end], 16) + by) & 0xFFFFFFFF
    lines[row] = f"{lines[row][: end - 8]}{value:08x}{lines[row][end:]}"
    path.write_text("\n".join(lines) + "\n")


def test_one_word_makes_it_fail(encoder, capfd):
    folder, listed = encoder
    assert run_testbench("encoder_bench", folder, listed).startswith("PASS")
    expected = folder / "stimulus" / "encoder_bench_out_expected.hex"
    kept = expected.read_text()
    changed(expected, 3, 1, 1)
    assert run_testbench("encoder_bench", folder, listed).startswith("FAIL: encoder_bench, 1 of ")
    assert "out: cycle" in capfd.readouterr().out
    expected.write_text(kept)
    changed(expected, 3, 0, -1)  # a cycle early
    assert run_testbench("encoder_bench", folder, listed).startswith("FAIL: encoder_bench, 1 of ")
    expected.write_text(kept)
    changed(folder / "stimulus" / "encoder_bench_unit_status_expected.hex", 1, 1, 1)
    assert run_testbench("encoder_bench", folder, listed).startswith("FAIL: encoder_bench, 1 of ")
    assert "unit_status: cycle" in capfd.readouterr().out


def test_missing_and_additional_items_make_it_fail(encoder):
    folder, listed = encoder
    source = folder / "stimulus" / "encoder_bench_outputs_source.hex"
    kept = source.read_text()
    changed(source, len(kept.split()) - 1, 0, 1 << 20)  # the last item never comes
    missing = run_testbench("encoder_bench", folder, listed)
    assert missing.startswith("FAIL: encoder_bench, ") and 1 <= int(missing.split()[2]) <= 4
    source.write_text(kept)
    opens = folder / "stimulus" / "encoder_bench_out_open.hex"
    opens.write_text("00000000\n" * len(opens.read_text().split()))  # nothing leaves
    assert int(run_testbench("encoder_bench", folder, listed).split()[2]) > 10


def test_words_are_stored_low_word_last(tmp_path):
    store(tmp_path / "rows.hex", np.array([[1, 2], [0xABCD, -1]]))
    assert (tmp_path / "rows.hex").read_text() == "0000000200000001\nffffffff0000abcd\n"


def test_the_command_runs_both_testbenches(tmp_path):
    folder = tmp_path / "rtl"
    small = ["engine.lines=8", "engine.macs=4", "sparser.score_ports=2", "sparser.segment=5", "softmax.lanes=2"]
    chosen = [word for value in small for word in ("--set", value)]
    done = CliRunner().invoke(cli.app, ["rtl", "vitcod", "-o", str(folder), "--seed", "3", "--simulate", *chosen])
    assert done.exit_code == 0, done.output
    passed = [line.split(",")[0] for line in done.output.splitlines() if line.startswith("PASS")]
    assert passed == ["PASS: encoder_bench", "PASS: attention_core"]
    counts = [len(path.read_text().split()) for path in (folder / "stimulus").glob("attention_core_*_expected.hex")]
    assert len(counts) == len(core(SMALL).logged()) + 1 and all(counts), "every channel carries something; and outputs"
    assert f"PASS: attention_core, {sum(counts)} transfers" in done.output
    names = (folder / "attention_core_tb.f").read_text().split()
    assert all((folder / name).exists() for name in names) and names[-1] == "attention_core_tb.sv"
    changed(folder / "stimulus" / "attention_core_rows_values_expected.hex", 2, 2, 1)  # a value of the third output
    outcome = run_testbench("attention_core", folder, [folder / name for name in names])
    assert outcome.startswith("FAIL: attention_core, 1 of ")
    assert "encoder #(.LINES(8), .MACS(8))" in (folder / "encoder_bench.sv").read_text()


def test_verilator_reads_the_testbench_with_its_clock(encoder, monkeypatch):
    folder, _ = encoder
    monkeypatch.chdir(folder)
    top = "encoder_bench_tb"
    said = verilator("--lint-only", "--timing", "-Wno-lint", "-Wno-PROCASSINIT", "--top-module", top, "-f", f"{top}.f")
    assert "%Error" not in said


@pytest.mark.slow
def test_it_runs_with_a_clock_of_its_own(encoder):
    folder, _ = encoder
    program, root = find_verilator()
    command = [
        program, "--binary", "--timing", "-CFLAGS", "-std=c++20", "-MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include",
        "-Wno-fatal", "-Wno-PROCASSINIT", "--top-module", "encoder_bench_tb", "-f", "encoder_bench_tb.f",
    ]  # fmt: skip
    environment = {**os.environ, "VERILATOR_ROOT": str(root)}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    done = subprocess.run([folder / "obj_dir" / "Vencoder_bench_tb"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0 and "PASS: encoder_bench, " in done.stdout
    changed(folder / "stimulus" / "encoder_bench_out_expected.hex", 3, 1, 1)
    done = subprocess.run([folder / "obj_dir" / "Vencoder_bench_tb"], cwd=folder, capture_output=True, text=True)
    assert done.returncode != 0 and "FAIL: encoder_bench, 1 of " in done.stdout + done.stderr
