"""A real Dask cluster on this machine, with worker processes that can be killed."""

import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress

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


@pytest.mark.parametrize(
    "address",
    ["", "127.0.0.1", "http://127.0.0.1:9", "tcp://127.0.0.1", "tcp://a b:1", "tcp://a:0", "tcp://a:99999", "a:b:c"],
)
def test_what_is_no_address_is_refused_before_anything_is_read(tmp_path, address):
    with pytest.raises(InputError, match=f"^--scheduler {re.escape(address)}: the address .* the form tcp://HOST:PORT"):
        sweep(tmp_path / "no.yaml", tmp_path / "s.sqlite", scheduler=address)


@pytest.mark.parametrize(
    ("banner", "why"), [(None, "Connection refused"), (b"", "no answer in 0.2 s"), (b"SSH-2.0-OpenSSH_9.2p1\r\n", "")]
)
def test_where_no_scheduler_answers(plan_file, tmp_path, monkeypatch, banner, why):
    """Nobody listens, somebody who says nothing, somebody else: one sentence at once, and no store is left."""
    monkeypatch.setattr("accelsim.sweep.cluster.CONNECT", "0.2s")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if banner is None:
            server.close()
        else:
            threading.Thread(target=greet, args=(server, banner), daemon=True).start()
        begun = time.monotonic()
        with pytest.raises(InputError, match=rf"--scheduler tcp://127.0.0.1:{port}: no Dask scheduler answers .*{why}"):
            sweep(plan_file(GRID), tmp_path / "s.sqlite", scheduler=f"tcp://127.0.0.1:{port}")
    assert time.monotonic() - begun < 20
    assert list(tmp_path.glob("s.sqlite*")) == []


def greet(server: socket.socket, banner: bytes) -> None:
    """Answer whoever calls, and keep the line open."""
    held = []
    with suppress(OSError):
        while True:
            held.append(server.accept()[0])
            held[-1].sendall(banner)


def test_workers_of_another_version_fail_no_point(plan_file, tmp_path, monkeypatch, cluster):
    monkeypatch.setattr("accelsim.sweep.campaign.source_hash", lambda *_: "other")
    with pytest.raises(InputError, match="another version of accelsim .*, then give the same command again"):
        sweep(plan_file(GRID), tmp_path / "s.sqlite", scheduler=cluster.scheduler_address)
    assert not (tmp_path / "s.sqlite").exists()


def test_a_scheduler_that_dies_is_said_once(plan_file, tmp_path):
    code = "from distributed.cli.dask_scheduler import main; main()"
    command = [sys.executable, "-c", code, "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as scheduler:
        address = next(m[0] for line in scheduler.stderr if (m := re.search(r"tcp://127.0.0.1:\d+", line)))
        threading.Timer(2.0, scheduler.kill).start()
        said = []
        with pytest.raises(
            InputError, match=r"^the Dask scheduler was lost \(.*\); give the same command again to go on"
        ):
            sweep(plan_file(GRID), tmp_path / "s.sqlite", scheduler=address, notice=said.append)
    assert said == [f"the scheduler at {address} has no workers yet; the sweep waits for the first"]
    assert list(tmp_path.glob("s.sqlite*")) == []
