"""Running a sweep in one process: what is computed, kept, failed and resumed."""

import pytest

from accelsim.core.errors import InputError
from accelsim.sweep import campaign
from accelsim.sweep.campaign import sweep
from accelsim.sweep.measure import Outcome, Task, perform
from accelsim.sweep.plan import read
from accelsim.sweep.points import expand
from accelsim.sweep.store import Store
from accelsim.sweep.table import load_results, write_csv
from accelsim.workload import save
from tests.sweep.conftest import tiny

GRID = "axes: {engine.lines: [8, 16, 0, 24], heads: [serial, parallel]}"


def test_a_sweep_computes_what_is_missing_and_lists_what_failed(plan_file, tmp_path):
    path, store = plan_file(GRID), tmp_path / "s.sqlite"
    seen = []
    state = sweep(path, store, processes=0, progress=lambda s: seen.append(s.handled))
    assert (state.total, state.computed, state.kept, len(state.failures)) == (8, 8, 0, 2)
    assert seen == list(range(1, 9))
    name, error = state.failures[0]
    assert name == "vitcod tiny engine.lines=0 heads=serial"
    assert error.startswith("--set engine.lines=0: engine.lines")
    again = sweep(path, store, processes=0)
    assert (again.computed, again.kept, again.failures) == (0, 8, state.failures)
    retried = sweep(path, store, processes=0, retry=True)
    assert (retried.computed, retried.kept, retried.failures) == (2, 6, state.failures)


def test_a_longer_sweep_takes_over_what_a_shorter_one_found(plan_file, tmp_path):
    store = tmp_path / "s.sqlite"
    sweep(plan_file("axes: {engine.lines: [8, 16]}"), store, processes=0)
    more = sweep(plan_file("axes: {engine.lines: [16, 24], engine.macs: [8]}", "more"), store, processes=0)
    assert (more.kept, more.computed) == (1, 1)
    table = load_results(store)
    assert (table["engine.lines"], table["engine.macs"]) == ([8, 16, 24], [8, 8, 8])
    assert load_results(store, sweep="more")["engine.lines"] == [16, 24]


def test_equal_points_are_simulated_once(plan_file, tmp_path):
    state = sweep(plan_file("axes: {act_gb0.capacity_bytes: [64 KiB, 65536]}"), tmp_path / "s.sqlite", processes=0)
    assert (state.total, state.computed, state.repeated) == (2, 1, 1)


def test_figures_are_those_of_a_run(plan_file, tmp_path, work):
    from accelsim.accelerators import schema
    from accelsim.accelerators.run import run
    from accelsim.config import load_arch
    from accelsim.report.metrics import summarize

    sweep(plan_file("axes: {engine.lines: [16]}"), tmp_path / "s.sqlite", processes=0)
    table = load_results(tmp_path / "s.sqlite")
    summary = summarize(run(load_arch("vitcod", schema, ["engine.lines=16"]), tiny()))
    assert table["cycles"] == [summary.total.cycles]
    assert table["energy_pj"] == [summary.total.energy.pj]
    assert table["area_mm2"] == [summary.area_um2 / 1e6]
    assert sum(table[f"phase.{p.name}.cycles"][0] for p in summary.phases) == summary.total.cycles
    assert table["part.sparser.busy"] == [summary.total.activity["sparser"].share("busy")]


def test_the_same_sweep_gives_the_same_bytes(plan_file, tmp_path):
    text = "axes: {engine.lines: {from: 4, to: 32}}\nmethod: random\npoints: 4\nseed: 5"
    made = []
    for name in ("a", "b"):
        sweep(plan_file(text), tmp_path / f"{name}.sqlite", processes=0)
        table = load_results(tmp_path / f"{name}.sqlite")
        made.append(write_csv(table, tmp_path / f"{name}.csv").read_bytes())
    assert made[0] == made[1]
    assert made[0].count(b"\n") == 5


def test_a_workload_that_changes_during_a_sweep_fails_its_points(plan_file, tmp_path, work):
    points = expand(read(plan_file("axes: {engine.lines: [8]}")))
    save(tiny(seed=9), work)
    with Store(tmp_path / "s.sqlite") as store:
        state = campaign.run("design", points, store, campaign.executor(0))
    assert state.failures[0][1] == f"{work}: the workload has changed since the sweep began; run the sweep again"


def test_other_source_and_faults_of_the_simulator_are_errors_of_the_point(plan_file, monkeypatch):
    point = next(iter(expand(read(plan_file("axes: {engine.lines: [8]}")))))
    other = perform(Task(point.key, point.arch, point.workload, "other"))
    assert (other.figures, other.error) == (
        None,
        "this worker runs another version of accelsim than the sweep; install the same everywhere",
    )
    monkeypatch.setattr("accelsim.sweep.measure.measure", lambda *_: 1 / 0)
    broken = perform(Task(point.key, point.arch, point.workload, campaign.source_hash()))
    assert broken.error == "internal error: ZeroDivisionError: division by zero"


def test_what_is_finished_is_stored_before_the_next_begins(plan_file, tmp_path):
    """An executor that fails in the middle, as when the disk is full or the user interrupts."""
    points = expand(read(plan_file("axes: {engine.lines: [8, 16, 24]}")))

    def breaks(tasks):
        yield Outcome(next(tasks).key, {"cycles": 1}, None, 0.0)
        raise KeyboardInterrupt

    with Store(tmp_path / "s.sqlite") as store:
        with pytest.raises(KeyboardInterrupt):
            campaign.run("design", points, store, breaks)
        assert [row.figures for row in store.rows()] == [{"cycles": 1}]


def test_results_of_an_unknown_sweep_or_name(plan_file, tmp_path):
    store = tmp_path / "s.sqlite"
    sweep(plan_file("axes: {engine.lines: [8, 16]}"), store, processes=0)
    with pytest.raises(InputError, match="there is no sweep 'x' in this store; there are: design"):
        load_results(store, sweep="x")
    with pytest.raises(InputError, match=r"--where: 'cycle > 3' names 'cycle', .*\(did you mean 'cycles'\?\)"):
        load_results(store, where=["cycle > 3"])
    assert load_results(store, where=["engine.lines > 8", "cycles > 0"])["engine.lines"] == [16]
