"""`--json`: standard output is one document, with the figures of the tables."""

import json

import pytest

import accelsim as acs


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


def test_a_mistake_prints_no_document(call):
    done = call("describe", "vitcod", "engin", "--json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: vitcod has no part 'engin' (did you mean 'engine'?); its parts are ")
