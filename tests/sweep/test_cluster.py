"""A real Dask cluster on this machine, with worker processes that can be killed."""

import os
import random
import signal
import subprocess
import sys

import pytest

from accelsim.core.errors import InputError
from accelsim.sweep.campaign import sweep
from accelsim.sweep.table import load_results

distributed = pytest.importorskip("distributed", reason="Dask is an extra: pip install 'accelsim[dask]'")
GRID = "axes: {engine.lines: [8, 16, 24, 32, 40], heads: [serial, parallel]}"
SIZE = 10


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as made:
        yield made


def test_a_cluster_with_a_killed_worker_finds_what_one_process_finds(plan_file, tmp_path, cluster):
    path, seen = plan_file(GRID), []

    def kill(state):
        seen.append(state.handled)
        if state.handled == 3:
            chosen = random.Random(1).choice(list(cluster.workers.values()))
            os.kill(chosen.pid, signal.SIGKILL)

    store = tmp_path / "cluster.sqlite"
    state = sweep(path, store, scheduler=cluster.scheduler_address, progress=kill)
    assert (state.computed, state.failures) == (SIZE, [])
    assert seen == list(range(1, SIZE + 1))
    sweep(path, tmp_path / "plain.sqlite", processes=0)
    assert load_results(store) == load_results(tmp_path / "plain.sqlite")
    assert sweep(path, store, scheduler=cluster.scheduler_address).computed == 0


def test_a_parent_that_is_killed_goes_on_with_the_same_cluster(plan_file, tmp_path, cluster):
    path, store = plan_file(GRID), tmp_path / "s.sqlite"
    code = (
        "import os, signal, sys\n"
        "from accelsim.sweep.campaign import sweep\n"
        "def die(state):\n"
        "    if state.computed == 3: os.kill(os.getpid(), signal.SIGKILL)\n"
        "sweep(sys.argv[1], sys.argv[2], scheduler=sys.argv[3], progress=die)\n"
    )
    command = [sys.executable, "-c", code, str(path), str(store), cluster.scheduler_address]
    assert subprocess.run(command, timeout=60).returncode == -signal.SIGKILL
    state = sweep(path, store, scheduler=cluster.scheduler_address)
    assert (state.kept, state.computed, state.failures) == (3, SIZE - 3, [])


def test_no_scheduler(plan_file, tmp_path, monkeypatch):
    monkeypatch.setattr("accelsim.sweep.cluster.CONNECT", "0.2s")
    with pytest.raises(InputError, match=r"--scheduler tcp://127.0.0.1:1: no Dask scheduler answers there"):
        sweep(plan_file(GRID), tmp_path / "s.sqlite", scheduler="tcp://127.0.0.1:1")
