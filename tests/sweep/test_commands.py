"""The commands: what they print, where, and with which exit status."""

import pytest
from typer.testing import CliRunner

from accelsim import cli


def call(*arguments: object):
    return CliRunner().invoke(cli.app, [str(a) for a in arguments])


@pytest.fixture
def store(plan_file, tmp_path):
    path = plan_file("axes: {engine.lines: [8, 16, 0], heads: [serial, parallel]}")
    store = tmp_path / "s.sqlite"
    done = call("sweep", path, "--store", store, "-j", 0)
    assert (done.exit_code, done.stderr) == (3, "")
    said = " ".join(done.stdout.split())  # a long path folds the lines
    assert said.startswith("design: 6 points, 6 designs (grid) of vitcod on 1 workloads (tiny)")
    assert "s.sqlite: 6 points simulated, 0 were there already 2 points failed (--retry simulates them again):" in said
    assert "vitcod tiny engine.lines=0 heads=serial: --set engine.lines=0" in said
    return store


def test_sweep_results_and_plots(store, tmp_path, plan_file):
    done = call("results", store, "--best", "cycles")
    assert done.exit_code == 0
    rows = [line.split()[:3] for line in done.stdout.splitlines() if line.strip().startswith("vitcod")]
    assert len(rows) == 4 and rows[0] == ["vitcod", "tiny", "16"]
    assert "failed: --set engine.lines=0" in " ".join(call("results", store, "--failed").stdout.split())
    done = call("results", store, "--csv", tmp_path / "t.csv", "--where", "engine.lines == 8")
    assert "t.csv: 2 points," in " ".join(done.stdout.split())
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 3
    done = call("plot", store, "pareto", "-o", tmp_path / "p.png", "--metric", "cycles", "--over", "area_mm2")
    assert done.exit_code == 0 and (tmp_path / "p.png").exists()
    bad = call("results", store, "--best", "cycle")
    assert (bad.exit_code, bad.stderr) == (2, "error: --best: there is no column 'cycle' (did you mean 'cycles'?)\n")
    empty = call("sweep", plan_file("axes: {engine.lines: [0]}", "bad"), "--store", tmp_path / "b.sqlite", "-j", 0)
    assert empty.exit_code == 1


def test_compare_and_ablate(work, tmp_path):
    done = call("compare", "vitcod", work, "-j", 0, "--plot", tmp_path / "c.png")
    assert done.exit_code == 0 and (tmp_path / "c.png").exists()
    assert " ".join(done.stdout.split()).startswith("speed-up against vitcod tiny mean")
    done = call("ablate", "vitcod", work, "--only", "attention", "--steps", "prune,reorder", "-j", 0)
    assert done.exit_code == 0
    names = [line.strip().split("  ")[0] for line in done.stdout.splitlines()]
    assert names.count("+ prune") == names.count("without all of these") == 5
    assert call("ablate", "vitcod", "none", "-j", 0).exit_code == 2


def test_load_results_is_in_the_package(store):
    import accelsim

    assert accelsim.load_results(store)["engine.lines"] == [8, 8, 16, 16]
