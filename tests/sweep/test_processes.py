"""Workers: their death costs nothing but time, and they do not outlive their parent."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker

import pytest

from accelsim.core.errors import InputError
from accelsim.sweep.campaign import sweep
from accelsim.sweep.measure import Task
from accelsim.sweep.plan import read
from accelsim.sweep.points import expand
from accelsim.sweep.processes import Queue, processes
from accelsim.sweep.source import source_hash
from accelsim.sweep.store import Store
from accelsim.sweep.table import load_results
from benchmarks import kills

GRID = "axes: {engine.lines: [8, 16, 24, 32, 40], heads: [serial, parallel]}"
SIZE = 10


@dataclass(frozen=True)
class Deadly:
    """A task at which its worker dies."""

    key: str = "deadly"
    netlist: str = "any"
    plugin: str = ""

    @property
    def source(self) -> str:
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def tasks(plan_file) -> list[Task]:
    points = expand(read(plan_file("axes: {engine.lines: [8, 16, 24]}")))
    return [Task(p.key, p.arch, p.workload, source_hash()) for p in points]


def workers() -> list:
    return [p for p in multiprocessing.active_children() if p.name == "accelsim-worker"]


def stored(path) -> dict:
    """key -> (figures, seconds on the clock of whoever simulated it)."""
    if not path.exists():
        return {}
    with Store(path) as store:
        return {
            key: (figures, seconds)
            for key, figures, seconds in store.connection.execute("SELECT key, figures, seconds FROM points")
        }


def test_workers_that_are_killed_lose_no_point(plan_file, tmp_path):
    path, seen = plan_file(GRID), []

    def kill(state):
        seen.append(state.handled)
        if state.handled in (2, 6):
            random.Random(state.handled).choice(workers()).kill()

    state = sweep(path, tmp_path / "killed.sqlite", processes=2, progress=kill)
    assert (state.computed, state.failures) == (SIZE, [])
    assert seen == list(range(1, SIZE + 1))
    assert workers() == []
    sweep(path, tmp_path / "plain.sqlite", processes=0)
    assert load_results(tmp_path / "killed.sqlite") == load_results(tmp_path / "plain.sqlite")


def test_a_point_that_kills_its_workers_fails_and_the_others_do_not(tasks):
    found = {o.key: o for o in processes([tasks[0], Deadly(netlist=tasks[0].netlist), *tasks[1:]], 2)}
    assert found["deadly"].error == "3 worker processes died of this point (signal 9); out of memory?"
    assert [found[t.key].error for t in tasks] == [None] * 3


def test_a_killed_fork_server_costs_no_worker_and_is_started_again(plan_file, tmp_path):
    """Twice, and its resource tracker once; one line each, and the workers go on."""
    path, said, before = plan_file(GRID), [], []

    def kill(state):
        if state.handled == 2:
            before.extend(worker.pid for worker in workers())
            os.kill(forkserver._forkserver._forkserver_pid, signal.SIGKILL)
        if state.handled == 5:
            assert {worker.pid for worker in workers()} <= set(before)
            os.kill(resource_tracker._resource_tracker._pid, signal.SIGKILL)
            os.kill(before[0], signal.SIGKILL)

    state = sweep(path, tmp_path / "killed.sqlite", processes=2, progress=kill, notice=said.append)
    assert (state.computed, state.failures) == (SIZE, [])
    assert "the fork server of the worker processes was killed; it is started again, the workers go on" in said
    assert "the resource tracker of the worker processes was killed; it is started again" in said
    assert len(set(said)) <= 3, said  # under load a worker may die with its fork server, and be replaced twice
    for pid in before:
        with pytest.raises(ProcessLookupError):
            wait_until(lambda p=pid: os.kill(p, 0))
    sweep(path, tmp_path / "plain.sqlite", processes=0)
    assert load_results(tmp_path / "killed.sqlite") == load_results(tmp_path / "plain.sqlite")


def test_a_task_whose_worker_died_is_the_last(tasks):
    """So that whoever kills workers at random does not hit one point again and again."""
    deadly = Deadly(netlist=tasks[0].netlist)
    found = [o.key for o in processes([tasks[0], deadly, *tasks[1:]], 1)]
    assert found == [*(t.key for t in tasks), "deadly"]


def test_workers_that_die_before_they_are_ready_are_said_once(tasks, monkeypatch):
    said = []
    monkeypatch.setattr("accelsim.sweep.processes.serve", dies_at_once)
    with pytest.raises(
        InputError, match=r"^10 worker processes in a row died while they started \(signal 9\); is there"
    ):
        list(processes(tasks, 2, said.append))
    assert workers() == []
    assert set(said) == {"a worker process died (signal 9); another takes its place, and nothing it had is lost"}


def dies_at_once(_) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    "kind",
    ["worker", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("main", "fork server", "resource tracker"))],
)
def test_a_few_kills_of_every_kind(tmp_path, work, kind):
    """The short form of `python benchmarks/kills.py`."""
    scene = kills.Scene(tmp_path, work, points=30)
    tally = kills.killed(scene, kind, 2, random.Random(kind), at_once=2)
    assert (tally.kills, tally.lost, tally.doubled, tally.changed, tally.left) == (2, 0, 0, 0, [])


def test_an_abandoned_sweep_leaves_no_worker(tasks):
    outcomes = processes(tasks, 2)
    next(outcomes)
    assert len(workers()) == 2
    outcomes.close()
    assert workers() == []


def test_the_first_task_of_a_kernel_runs_alone():
    def task(key, netlist):
        return Deadly(key, netlist)

    queue = Queue([task("a", "x"), task("b", "x"), task("c", "y"), task("d", "y")])
    first = queue.next([])
    assert queue.next([first]) is None
    queue.warm.add("x")
    second = queue.next([first])
    assert second.key == "b"
    assert queue.next([second]) is None  # c needs another kernel
    third = queue.next([])
    assert third.key == "c"
    queue.warm.add("y")
    assert queue.next([third]).key == "d"
    assert queue.next([third]) is None


def start(path, store) -> subprocess.Popen:
    command = [sys.executable, "-m", "accelsim.cli", "sweep", str(path), "--store", str(store), "-j", "2"]
    return subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_until(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def group_is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def kill_and_resume(path, store, plain, rounds: int, seed: int) -> None:
    """Kill the parent after a random number of points, several times; then finish and compare."""
    chance, before = random.Random(seed), {}
    for _ in range(rounds):
        running = start(path, store)
        goal = min(len(before) + chance.randint(1, 3), SIZE)
        wait_until(lambda g=goal, r=running: len(stored(store)) >= g or r.poll() is not None)
        time.sleep(chance.random() * 0.05)
        os.kill(running.pid, signal.SIGKILL)
        running.communicate()
        wait_until(lambda r=running: group_is_gone(r.pid))
        after = stored(store)
        assert {key: after[key] for key in before} == before, "what was stored must not be computed again"
        before = after
    state = sweep(path, store, processes=2)
    assert (state.kept, state.computed) == (len(before), SIZE - len(before))
    after = stored(store)
    assert len(after) == SIZE and {key: after[key] for key in before} == before
    with Store(store) as opened:
        assert opened.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert load_results(store) == load_results(plain)


def test_a_killed_sweep_goes_on_where_it_was(plan_file, tmp_path):
    path = plan_file(GRID)
    sweep(path, tmp_path / "plain.sqlite", processes=0)
    kill_and_resume(path, tmp_path / "s.sqlite", tmp_path / "plain.sqlite", rounds=1, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_sweep_that_is_killed_again_and_again(plan_file, tmp_path, seed):
    path = plan_file(GRID)
    sweep(path, tmp_path / "plain.sqlite", processes=0)
    kill_and_resume(path, tmp_path / "s.sqlite", tmp_path / "plain.sqlite", rounds=3, seed=seed)


def test_two_sweeps_into_one_store_and_ctrl_c(plan_file, tmp_path):
    path, store = plan_file(GRID), tmp_path / "s.sqlite"
    first, second = start(path, store), start(path, store)
    wait_until(lambda: len(stored(store)) >= 2 or first.poll() is not None)
    os.killpg(first.pid, signal.SIGINT)  # as a terminal does: to the workers, too
    out, errors = first.communicate(timeout=60)
    if first.returncode == 130:
        said = f"interrupted; what was finished is in {store}, and the same command goes on from there"
        assert " ".join(out.split()).endswith(said)
        assert errors == ""
    else:
        assert first.returncode == 0
    wait_until(lambda: group_is_gone(first.pid))
    out, errors = second.communicate(timeout=60)
    assert (second.returncode, errors) == (0, "")
    assert len(stored(store)) == SIZE
    assert sweep(path, store, processes=0).computed == 0
