"""The modules: clean, complete, written with a configuration's parameters and a testbench that passes; synthesized."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from accelsim import cli
from accelsim.accelerators import machine, shipped
from accelsim.accelerators.systolic.rtl.cases import cases
from accelsim.accelerators.systolic.rtl.modules import PACKAGE
from accelsim.accelerators.systolic.rtl.mutations import MUTATIONS
from accelsim.accelerators.systolic.rtl.softmax_cases import cases as softmax_cases
from accelsim.accelerators.systolic.rtl.twins import TWINS
from accelsim.rtl import synthesis
from accelsim.rtl.lint import lint
from accelsim.rtl.mutations import caught, seeded
from accelsim.rtl.suite import attempts

SMALL = ["--set", "array.rows=4", "--set", "array.columns=3"]
QUICK = ("outputs leave a cycle early", "operands have no sign")


def test_no_module_has_a_warning(tmp_path):
    found = lint(PACKAGE, tmp_path)
    assert len(found) == 21
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_there_are_seeded_bugs_in_every_module_and_each_is_one_text():
    own = {path.stem for path in PACKAGE.sources.glob("*.sv")}
    assert {m.module for m in MUTATIONS} == own and len(MUTATIONS) >= 50
    for mutation in MUTATIONS:
        text = PACKAGE.module(mutation.module).read_text()
        assert seeded(text, mutation, mutation.module) != text


@pytest.mark.parametrize("mutation", [m for m in MUTATIONS if m.bug in QUICK], ids=lambda m: m.bug)
def test_a_seeded_bug_is_caught(mutation):
    count, text = caught(mutation, attempts(TWINS, mutation.component, 13))
    assert count > 0 and text


@pytest.mark.slow
@pytest.mark.parametrize("mutation", [m for m in MUTATIONS if m.bug not in QUICK], ids=lambda m: m.bug)
def test_every_other_seeded_bug_is_caught(mutation):
    count, _ = caught(mutation, attempts(TWINS, mutation.component, 13))
    assert count > 0


def test_every_module_stands_in_a_bench_that_is_compared():
    inside = {name for case in [*cases(4, 1), *softmax_cases(1, 1)] for name in case.netlist.modules()}
    assert {path.stem for path in PACKAGE.sources.glob("*.sv")} < inside


@pytest.mark.parametrize("dataflow", ["os", "is"])
def test_what_is_written_passes_its_testbench(tmp_path, dataflow):
    folder = tmp_path / "rtl"
    command = ["rtl", "systolic", "-o", str(folder), "--simulate", *SMALL, "--set", f"array.dataflow={dataflow}"]
    done = CliRunner().invoke(cli.app, command)
    assert done.exit_code == 0, done.output
    assert "the top is systolic_array_bench" in done.output
    assert "PASS: systolic_array_bench, " in done.output and "PASS: row_softmax_bench, " in done.output
    top = (folder / "systolic_array_bench.sv").read_text()
    number = {"os": 0, "is": 2}[dataflow]
    assert f"systolic_array #(.ROWS(4), .COLUMNS(3), .DATAFLOW({number}), .OVERLAP(1)" in top
    stored = folder / "stimulus" / "systolic_array_bench_sums_expected.hex"
    lines = stored.read_text().splitlines()
    lines[3] = lines[3][:-9] + f"{int(lines[3][-9], 16) ^ 1:x}" + lines[3][-8:]  # a word behind the cycle
    stored.write_text("\n".join(lines) + "\n")
    from accelsim.rtl.testbench import run_testbench

    files = [folder / name for name in (folder / "systolic_array_bench_tb.f").read_text().split()]
    assert run_testbench("systolic_array_bench", folder, files).startswith("FAIL: systolic_array_bench, 1 of ")


@pytest.mark.slow
@pytest.mark.parametrize("dataflow", ["os", "ws"])
def test_a_cycle_is_long_enough(tmp_path, dataflow):
    if why := synthesis.missing():
        pytest.skip(why)
    command = ["rtl", "systolic", "-o", str(tmp_path / "rtl"), "--top", "systolic_array_bench", "--synth"]
    done = CliRunner().invoke(cli.app, [*command, "--set", f"array.dataflow={dataflow}"])
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "rtl" / "cells.json").read_text())
    assert max(one["fo4"] for one in found) <= 80  # 2 ns, of 25 ps
    assert sum(one["instances"] for one in found if one["module"].endswith("_pe")) == 32 * 16


def test_every_module_is_in_the_docs():
    text = (Path(__file__).resolve().parents[4] / "docs" / "rtl.md").read_text()
    for path in PACKAGE.sources.glob("*.sv"):
        assert f"`{path.stem}`" in text, path.stem


def test_no_module_is_called_like_a_machine():
    for name in shipped():
        twins = machine(name).twins()
        if twins:
            modules = {path.stem for path in twins.package.modules()} | set(twins.cases)
            assert not modules & set(shipped())
            assert set(twins.whole) & set(shipped()) <= {name}
