"""The array against its module: random products on every build, and a workload as the machine runs it."""

import numpy as np
import pytest
from typer.testing import CliRunner

from accelsim import cli
from accelsim.accelerators.systolic.rtl.cases import ARRAYS, SMALL, cases, systolic_array
from accelsim.accelerators.systolic.rtl.datapath import share
from accelsim.accelerators.systolic.rtl.layers import array_case
from accelsim.accelerators.systolic.rtl.lengths import OS
from accelsim.accelerators.systolic.rtl.modules import ARRAY, NAME
from accelsim.components.systolic_array import PART
from accelsim.config.shipped import find
from accelsim.rtl.cosim import AFTER, by_name, check_values, cosimulate, library, run_model, run_module
from accelsim.workload import load
from tests.accelerators.systolic.machines import product, systolic

PORTS = ("command", "out", "scores", "release_weight", "release_act", "done", "unit_status")
FMNIST = "fmnist_vit_s90"
# rows, columns, what stays, overlap, cycles of a partial sum, parts ahead
SIZES = [
    (1, 1, 0, 1, 1, 4), (1, 1, 1, 1, 1, 4), (1, 1, 2, 0, 1, 1), (1, 1, 0, 0, 1, 1), (1, 4, 1, 1, 2, 2),
    (4, 1, 2, 1, 1, 3), (4, 1, 0, 1, 1, 4), (1, 3, 0, 1, 1, 4), (2, 2, 1, 1, 3, 4), (3, 3, 1, 0, 1, 4),
    (4, 2, 2, 1, 2, 2), (5, 4, 1, 1, 1, 4), (2, 3, 0, 0, 1, 4), (3, 35, 0, 1, 1, 4),
]  # fmt: skip


def test_not_one_output_differs():
    outcome = cosimulate(NAME, cases(48, 7))
    assert outcome.first == ""
    assert outcome.differences == 0 and outcome.cases == 48 and outcome.values > 20_000
    assert all(outcome.counts[name] for name in PORTS), outcome.counts


def test_there_are_few_builds():
    assert len({case.netlist.text() for case in cases(24, 3)}) == len(ARRAYS) == 4
    assert {one["dataflow"] for one in ARRAYS} == {0, 1, 2} and {one["overlap"] for one in ARRAYS} == {0, 1}


@pytest.mark.slow
def test_not_one_output_differs_in_400_cases():
    outcome = cosimulate(NAME, cases(400, 11))
    assert outcome.first == "" and outcome.differences == 0 and outcome.cases == 400


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_arrays_of_other_sizes(size):
    values = SMALL | dict(zip(("rows", "columns", "dataflow", "overlap", "psum_hop", "ahead"), size))
    rows, columns, *_ = size
    values |= {"accumulator_bytes": 4 * columns * 9, "left_bytes": 1 + (rows + columns) % 4, "top_bytes": 1 + rows}
    drawn = (
        systolic_array(np.random.default_rng([n, 7]), f"{NAME} {n}", values, dict.fromkeys(ARRAY.ports(), 1 + n % 4))
        for n in range(27)
    )
    outcome = cosimulate(NAME, drawn)
    assert outcome.first == "" and outcome.differences == 0


def test_everything_happens_in_random_cases():
    met = {"blocked within a fold": 0, "a fold that goes on": 0, "folds in a command": 0, "narrow edges": 0}
    for case in cases(24, 5):
        values, said = case.netlist.units[0].values, case.operands.commands
        statuses = by_name(case, run_model(case)[0])["unit_status"][:, 1]
        met["blocked within a fold"] += int((statuses == 3).sum())
        met["a fold that goes on"] += int((said[:, 3] == 0).sum())
        met["folds in a command"] += int((said[:, 0] > values["rows"]).sum())
        met["narrow edges"] += int((said[:, 0] > values["left_bytes"]).sum() + (said[:, 1] > values["top_bytes"]).sum())
    assert all(met.values()), met


def test_every_output_is_compared_and_one_that_differs_is_named():
    for which in range(2):  # outputs stay, an operand stays
        case = list(cases(which + 1, 7))[which]
        model, sim = run_model(case)
        module = run_module(case, sim.at + AFTER, library(case.netlist))
        found = check_values(case, model, module)
        data, moved = case.netlist.data, by_name(case, model)
        outputs = case.operands.outputs(data.values, moved)
        assert found.differences == 0 and found.values == len(outputs.at) > 50
        items = len(moved["out"]) + len(moved["scores"])
        assert items > 3 and (data.values["dataflow"] != OS or len(outputs.at) == 12 * items)
        number = len(case.netlist.logged())
        mine = np.flatnonzero(module[:, 1] == number)
        for column, by, said in (
            (3, 1, "sums: cycle "),
            (2, 1, "outputs leave other columns"),
            (0, 1, "sums: item 0 left "),
        ):
            wrong = module.copy()
            wrong[mine[0], slice(3, None) if column == 3 else column] ^= (
                by  # every column's output, the mask, the cycle
            )
            found = check_values(case, model, wrong)
            assert found.differences and said in found.first, found.first
        fewer = np.delete(module, mine[-1], axis=0)
        assert "items left the data path, not" in check_values(case, model, fewer).first


def test_sleeping_does_not_change_what_is_compared():
    for case in cases(4, 3):
        assert np.array_equal(run_model(case)[0], run_model(case, skip=False)[0])


@pytest.mark.parametrize("dataflow", ["os", "ws"])
def test_a_workload_on_a_small_array(dataflow):
    arch = systolic("array.rows=8", "array.columns=8", f"array.dataflow={dataflow}")
    (case,) = array_case(arch, load(find("workloads", FMNIST)), True)
    outcome = cosimulate(NAME, [case])
    assert outcome.first == "" and outcome.differences == 0
    outputs = sum(p.a.shape[0] * p.b.shape[1] for p in case.operands.products)
    assert outcome.values >= outputs > 130_000 and outcome.cycles > 170_000


def test_a_fold_of_one_column_keeps_to_its_accumulators():
    arch = systolic("array.rows=8", "array.columns=8", "array.dataflow=is", "array.accumulator_bytes=320")
    (case,) = array_case(arch, product(1, 100, 20), True)
    streams = case.operands.commands[:, list(PART).index("stream")]
    assert share(case.netlist.units[0].values) == 10 and 5 <= streams.max() <= 10 and len(streams) >= 10
    outcome = cosimulate(NAME, [case])
    assert outcome.first == "" and outcome.differences == 0 and outcome.values == 8 * 100


@pytest.mark.slow
@pytest.mark.parametrize("over", [(), ("array.dataflow=ws",), ("array.dataflow=is",), ("attention=fused",)], ids=str)
def test_a_workload_on_the_shipped_array(over):
    (case,) = array_case(systolic(*over), load(find("workloads", FMNIST)), True)
    outcome = cosimulate(NAME, [case])
    assert outcome.first == "" and outcome.differences == 0 and outcome.values > 130_000


def test_the_command_takes_the_machine_by_its_name():
    done = CliRunner().invoke(cli.app, ["cosim", "systolic", "--cases", "4"])
    assert done.exit_code == 0, done.output
    rows = [row.split() for row in done.output.splitlines()[2:]]
    assert [row[0] for row in rows] == [NAME, "row_softmax"] and all(row[1] == "4" and row[-1] == "0" for row in rows)
    small = ["--set", "array.rows=8", "--set", "array.columns=8"]
    done = CliRunner().invoke(cli.app, ["cosim", "systolic", "--workload", FMNIST, *small])
    assert done.exit_code == 0, done.output
    assert f"{NAME}: at work in " in done.output and f" cycles of {FMNIST} (" in done.output


def test_the_command_fails_when_something_differs(monkeypatch):
    from accelsim.rtl import cosim

    run = cosim.run_module
    monkeypatch.setattr(cosim, "run_module", lambda *arguments: run(*arguments)[:-1])
    done = CliRunner().invoke(cli.app, ["cosim", "systolic", "--cases", "1"])
    assert done.exit_code == 1 and f"{NAME} 0: " in done.output


def test_what_has_no_module_is_refused():
    for name, value, said in (
        (
            "timing",
            "scalesim",
            "array.timing: scalesim has no module, since it drains a fold before its sums are there",
        ),
        ("row_skip", "true", "array.row_skip: true has no module, since no wires lead operands to any row"),
    ):
        for words in (["cosim", "systolic", "--workload", FMNIST], ["rtl", "systolic", "-o", "nowhere"]):
            over = ["--set", f"array.{name}={value}", "--set", "array.overlap=none"]
            done = CliRunner().invoke(cli.app, [*words, *over])
            assert done.exit_code == 2 and said in done.stderr


def test_the_machines_of_a_command_agree():
    done = CliRunner().invoke(cli.app, ["cosim", "systolic", "--machine", "vitcod"])
    assert done.exit_code == 2
    assert done.stderr == "error: cosim: systolic is not the machine of --machine vitcod, which is of vitcod\n"
    done = CliRunner().invoke(cli.app, ["cosim", "systolic", "mac_array"])
    assert (
        done.exit_code == 2
        and "there is no module 'mac_array', only systolic_array, row_softmax, systolic_core" in done.stderr
    )
