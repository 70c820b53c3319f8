"""Machines as set on the command line, and result folders, side by side with what their figures rest on."""

import json

import pytest
from typer.testing import CliRunner

from accelsim import cli
from accelsim.core.errors import InputError
from accelsim.sweep.compare import compare, subject
from accelsim.sweep.plan import Work
from accelsim.sweep.side_by_side import read_folders, speedups
from accelsim.workload import save
from tests.sweep.conftest import tiny


def call(*arguments: object):
    return CliRunner().invoke(cli.app, [str(a) for a in arguments], env={"COLUMNS": "200"})


def rows(text: str, name: str) -> list[list[str]]:
    """Cells of every row of a table that begins with a name."""
    lines = [line.strip() for line in text.splitlines()]
    return [line[len(name) :].split() for line in lines if line.startswith(f"{name} ")]


def test_machines_as_set_with_what_their_figures_rest_on(work):
    fast = "vitcod engine.lines=8 'clocks.core=250 MHz'"
    done = call("compare", "vitcod", work, "--machine", fast, "--machine", "cpu", "-j", 0)
    assert done.exit_code == 0, done.stderr
    called = "vitcod engine.lines=8 clocks.core=250 MHz"
    _, figures, rests = rows(done.stdout, called)[-3:]
    assert rests[:4] == ["250", "MHz", str(8 * 8 + 64 + 256), "8"]
    assert rests[6:9] == ["ddr4_2400", "x", "4"]
    model = rows(done.stdout, "cpu (model)")[-1]
    assert model[:4] == ["-", "-", "32", "-"], "a model has no clock and no multipliers to count"
    assert "GB/s" in model and "(model): an analytic model, no simulation" in done.stdout
    found = compare(["vitcod", subject(fast)], [Work(str(work))], processes=0)
    (first, second) = (row[0] for row in found.figures)
    assert second["seconds"] == pytest.approx(second["cycles"] / 250e6, rel=0.01), (
        "a slower clock counts: speed-ups are of time"
    )
    assert found.gains("seconds")[1] == [first["seconds"] / second["seconds"]]
    assert figures[0] == f"{second['cycles']:,}"


def test_one_json_document_and_nothing_else(work):
    done = call("compare", work, "--machine", "gpu", "--machine", "gpu launch=graph", "--json", "-j", 0)
    found = json.loads(done.stdout)
    assert (done.exit_code, found["format"]) == (0, "accelsim comparison 1")
    eager, graph = found["results"]
    assert (eager["name"], eager["kind"], graph["name"]) == ("gpu", "analytic model", "gpu launch=graph")
    assert (
        graph["speedup_over_first"] == pytest.approx(eager["seconds"] / graph["seconds"]) and eager["area_mm2"] is None
    )
    assert eager["assumptions"]["operand_bits"] == 32


@pytest.fixture
def folders(tmp_path, work):
    """Results of two platforms on one workload, and of one on another."""
    other = save(tiny(7, "other"), tmp_path / "other.yaml")
    made = []
    for name, machine, what in (("a", "gpu", work), ("b", "cpu", work), ("c", "cpu", other)):
        made.append(tmp_path / name)
        assert call("run", machine, what, "-o", made[-1], "--no-plots").exit_code == 0
    return made


def test_result_folders(folders, tmp_path):
    done = call("compare", *folders)
    assert done.exit_code == 0 and "A run that stands alone in its table was of another workload" in done.stdout
    entries = read_folders([str(f) for f in folders])
    assert [(e.name, e.workload, e.model) for e in entries] == [
        ("gpu", "tiny", True), ("cpu", "tiny", True), ("cpu", "other", True)
    ]  # fmt: skip
    gpu, cpu = entries[0].figures["seconds"], entries[1].figures["seconds"]
    assert speedups(entries) == [1.0, gpu / cpu, None]
    twice = read_folders([str(folders[0])] * 2)
    assert twice[0].name == f"gpu ({folders[0]})" and speedups(twice) == [1.0, 1.0]
    assert len(json.loads(call("compare", *folders, "--json").stdout)["results"]) == 3
    old = json.loads((folders[0] / "result.json").read_text())
    for name in ("kind", "multipliers", "operand_bits", "on_chip_bytes"):
        del old[name]  # an older result
    (folders[0] / "result.json").write_text(json.dumps(old))
    assert call("compare", *folders[:2]).exit_code == 0


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[", "result.json: it cannot be read"),
        ("{}", "result.json: this is no result of accelsim; run the machine again"),
        ('{"format": "accelsim result 1", "architecture": 3}', "architecture is 3 but must be a mapping"),
        (
            '{"format": "accelsim result 1", "architecture": {}, "workload": {}, "roofline": {}, "total_cycles": NaN}',
            "total_cycles is nan but must be a number of 0 or more",
        ),
        (
            '{"format": "accelsim result 1", "architecture": {}, "workload": {}, "roofline": {}, "total_cycles": 0}',
            "total_cycles is 0 but must be a number above 0",
        ),
    ],
)
def test_damaged_folders(folders, content, sentence):
    (folders[1] / "result.json").write_text(content)
    done = call("compare", *folders[:2])
    assert done.exit_code == 2 and sentence in done.stderr


def test_what_cannot_be_compared(folders, work):
    for arguments, sentence in (
        ((folders[0],), "a comparison of result folders needs two or more of them"),
        ((folders[0], work), "tiny.yaml: this is no result folder (result.json is missing)"),
        ((work, "--machine", "gpu lines"), "behind the machine come NAME=VALUE, but 'lines' is none"),
        ((work, "--machine", "gpu 'a"), "it cannot be split into words (No closing quotation)"),
        ((work, "--machine", "gpu host.lunch=3"), "host.lunch: no such parameter (did you mean 'launch'?)"),
        (("--machine", "gpu", "cpu"), "there is no workload among cpu"),
    ):
        done = call("compare", *arguments)
        assert done.exit_code == 2 and sentence in done.stderr, done.stderr
    with pytest.raises(InputError, match="''"):
        compare([subject("")], [Work(str(work))], processes=0)


def test_points_of_a_sweep_say_that_they_are_a_models(plan_file, tmp_path):
    path = plan_file("axes: {launch: [eager, graph]}")
    path.write_text(path.read_text().replace("[vitcod]", "[gpu]"))
    assert call("sweep", path, "--store", tmp_path / "s.sqlite", "-j", 0).exit_code == 0
    assert len(rows(call("results", tmp_path / "s.sqlite").stdout, "gpu (model)")) == 2
