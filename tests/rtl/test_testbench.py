"""The written testbench: passes on what was co-simulated, fails on anything else."""

import subprocess

import numpy as np
import pytest

from accelsim.core.errors import InputError
from accelsim.rtl.testbench import run_testbench, store, telling, write_testbench
from accelsim.rtl.verilator import environment, find_verilator, verilator
from accelsim.rtl.write import write
from tests.rtl.stored import changed
from tests.rtl.toy import TWINS, VALUES

SETTING = {"scaler": VALUES[0]}


@pytest.fixture
def bench(tmp_path):
    files = write(TWINS.tops(SETTING), tmp_path)
    return tmp_path, write_testbench(telling(TWINS.trials("scaler_bench", SETTING, 5)), tmp_path, files)


def test_one_word_makes_it_fail(bench, capfd):
    folder, listed = bench
    assert run_testbench("scaler_bench", folder, listed).startswith("PASS")
    expected = folder / "stimulus" / "scaler_bench_product_expected.hex"
    kept = expected.read_text()
    changed(expected, 3, 1, 1)
    assert run_testbench("scaler_bench", folder, listed).startswith("FAIL: scaler_bench, 1 of ")
    assert "product: cycle" in capfd.readouterr().out
    expected.write_text(kept)
    changed(expected, 3, 0, -1)  # a cycle early
    assert run_testbench("scaler_bench", folder, listed).startswith("FAIL: scaler_bench, 1 of ")
    expected.write_text(kept)
    changed(folder / "stimulus" / "scaler_bench_unit_status_expected.hex", 1, 1, 1)
    assert run_testbench("scaler_bench", folder, listed).startswith("FAIL: scaler_bench, 1 of ")
    assert "unit_status: cycle" in capfd.readouterr().out


def test_missing_and_additional_items_make_it_fail(bench):
    folder, listed = bench
    source = folder / "stimulus" / "scaler_bench_order_source.hex"
    kept = source.read_text()
    changed(source, len(kept.split()) - 1, 0, 1 << 20)  # the last item never comes
    missing = run_testbench("scaler_bench", folder, listed)
    assert missing.startswith("FAIL: scaler_bench, ") and 1 <= int(missing.split()[2]) <= 20
    source.write_text(kept)
    opens = folder / "stimulus" / "scaler_bench_product_open.hex"
    opens.write_text("00000000\n" * len(opens.read_text().split()))  # nothing leaves
    assert int(run_testbench("scaler_bench", folder, listed).split()[2]) > 10


def test_words_are_stored_low_word_last(tmp_path):
    store(tmp_path / "rows.hex", np.array([[1, 2], [0xABCD, -1]]))
    assert (tmp_path / "rows.hex").read_text() == "0000000200000001\nffffffff0000abcd\n"


def test_verilator_reads_the_testbench_with_its_clock(bench, monkeypatch):
    folder, _ = bench
    monkeypatch.chdir(folder)
    top = "scaler_bench_tb"
    said = verilator("--lint-only", "--timing", "-Wno-lint", "-Wno-PROCASSINIT", "--top-module", top, "-f", f"{top}.f")
    assert "%Error" not in said


@pytest.mark.slow
def test_it_runs_with_a_clock_of_its_own(bench):
    folder, _ = bench
    program, root = find_verilator()
    command = [
        program, "--binary", "--timing", "-CFLAGS", "-std=c++20", "-MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include",
        "-Wno-fatal", "-Wno-PROCASSINIT", "--top-module", "scaler_bench_tb", "-f", "scaler_bench_tb.f",
    ]  # fmt: skip
    subprocess.run(command, cwd=folder, env=environment(root), check=True, capture_output=True)
    done = subprocess.run([folder / "obj_dir" / "Vscaler_bench_tb"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0 and "PASS: scaler_bench, " in done.stdout
    changed(folder / "stimulus" / "scaler_bench_product_expected.hex", 3, 1, 1)
    done = subprocess.run([folder / "obj_dir" / "Vscaler_bench_tb"], cwd=folder, capture_output=True, text=True)
    assert done.returncode != 0 and "FAIL: scaler_bench, 1 of " in done.stdout + done.stderr


def test_a_folder_with_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(InputError) as error:
        write(TWINS.tops(SETTING), tmp_path)
    assert str(error.value) == (f"{tmp_path}: the folder is not empty and holds no files.f; choose another for the RTL")
