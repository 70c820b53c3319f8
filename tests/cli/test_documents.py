"""`--json`: standard output is one document, with the figures of the tables."""

import json

import pytest
import typer

import accelsim as acs
from accelsim import cli

WITHOUT = {  # commands that print no table: what they print is where they wrote what
    "report", "trace", "plot", "plot-attention", "import-mask", "import-topology", "synth", "convert", "new-machine",
    "schema",  # whose document it prints anyway
    "train-study", "study-workloads",
    "rtl",  # which counts into a document of its own, cells.json
}  # fmt: skip


@pytest.fixture(scope="module")
def store(work, tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "s.db"
    plan = {"machines": ["vitcod"], "workloads": [str(work)], "axes": {"engine.lines": [32, 64]}}
    acs.run_sweep(plan, path, processes=0)
    return path


def test_a_run_prints_what_it_writes(call, work, tmp_path):
    done = call("run", "vitcod", work, "-o", tmp_path / "r", "--no-plots", "--json")
    assert done.exit_code == 0 and json.loads(done.stdout) == json.loads((tmp_path / "r" / "result.json").read_text())


def test_every_other_document(call, work, store):
    def document(*arguments):
        done = call(*arguments, "--json")
        assert done.exit_code == 0, done.stderr
        return json.loads(done.stdout)

    assert document("list")["workloads"].keys() >= {"deit_tiny_s90"}
    engine = document("describe", "vitcod", "engine")
    assert [part["name"] for part in engine["parts"]] == ["engine"] and engine["channels"]
    assert {row["name"] for row in engine["parts"][0]["params"]} >= {"lines", "macs"}
    layers = document("workload", work)["layers"]
    assert layers[0]["global_tokens"] == [2, 2] and layers[0]["macs"] == 2 * 48 * 48 * 128
    assert document("validate", "vitcod", work)["passed"] is True
    found = document("results", store)
    assert found["engine.lines"] == [32, 64] and found["cycles"] == acs.load_results(store)["cycles"]
    compared = document("compare", "vitcod", "systolic", work, "-j", 0)
    first, second = compared["results"]
    assert second["speedup_over_first"] == pytest.approx(first["seconds"] / second["seconds"])
    rules = document("check-machine", "systolic", "--cases", 1)
    assert rules["passed"] and all(rule["looked"] for rule in rules["rules"])


def test_every_command_that_prints_a_table_has_a_document():
    commands = typer.main.get_command(cli.app).commands
    having = {name for name, c in commands.items() if any("--json" in param.opts for param in c.params)}
    assert having == commands.keys() - WITHOUT and commands.keys() >= WITHOUT


def test_cuts_and_estimates(call, work, tmp_path):
    done = call("map", "vitcod", work, "--json", "-o", tmp_path / "cuts.yaml")
    (layer,) = json.loads(done.stdout)["layers"]
    (part,) = layer["parts"]
    found = acs.estimate("vitcod", work)
    assert (done.exit_code, part["cut"]) == (0, json.loads(json.dumps(found.mapping))["attention"][part["name"]])
    assert layer["times"] * part["cycles"] == pytest.approx(layer["cycles"]) and (tmp_path / "cuts.yaml").is_file()
    assert all(other["cut"] != part["cut"] for other in part["others"])
    made = json.loads(call("estimate", "vitcod", work, "--json").stdout)
    assert made["estimated"] is True and made["cycles"] == found.cycles and made["seconds"] == found.seconds
    assert made["phases"] == found.phases.rows() and made["layers"][0]["cut"] == {part["name"]: part["cut"]}
    assert {row["workload"] for row in made["calibration"]} >= {"deit_tiny_s90"}
    pins = call("map", "vitcod", work, "--mapping", tmp_path / "cuts.yaml", "--json")
    assert json.loads(pins.stdout)["layers"][0]["parts"][0]["pinned"] is True


def test_a_mistake_prints_no_document(call):
    done = call("describe", "vitcod", "engin", "--json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: vitcod has no part 'engin' (did you mean 'engine'?); its parts are ")
