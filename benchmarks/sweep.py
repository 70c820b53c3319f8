"""How fast sweeps are: points per second, scaling from one to two processes, overhead of a point, queries, memory.

    python benchmarks/sweep.py [--points N]

Prints a line for each figure; run it on a machine that does nothing else.
"""

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from pathlib import Path

from accelsim.sweep.axes import Axis
from accelsim.sweep.campaign import executor, run
from accelsim.sweep.measure import Outcome
from accelsim.sweep.plan import Plan, Subject, Work
from accelsim.sweep.points import expand
from accelsim.sweep.store import Store
from accelsim.sweep.table import load_results

WORK = Work("deit_tiny_s90", "attention")


def plan(points: int) -> Plan:
    """So many designs that all take about as long to simulate."""
    sizes = tuple(f"{100 * 1024 + 8 * i} bytes" for i in range(points))
    return Plan("benchmark", (Subject("vitcod"),), (WORK,), (Axis("act_gb0.capacity_bytes", sizes),))


def resident(pid: int | None = None) -> float:
    """MiB of memory that a process occupies (Linux)."""
    text = Path(f"/proc/{pid or os.getpid()}/statm").read_text()
    return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def parallel(folder: Path, points: int) -> None:
    rates, memory = {}, []

    def watch(state) -> None:
        nonlocal begun
        if state.computed == 2 * state.warm:  # every worker has started and loaded the kernel
            begun = time.perf_counter()
        if state.computed in (points // 3, points):
            workers = [p.pid for p in multiprocessing.active_children() if p.name == "accelsim-worker"]
            memory.append((state.computed, resident(), max(map(resident, workers))))

    for count in (1, 2):
        begun = 0.0
        with Store(folder / f"{count}.sqlite") as store:
            state = run("benchmark", expand(plan(points)), store, executor(count), progress=Warm(watch, count))
        assert not state.failures, state.failures[:1]
        rates[count] = (points - 2 * count) / (time.perf_counter() - begun)
        print(
            "processes", count, "points per second", round(rates[count], 2), "per core", round(rates[count] / count, 2)
        )
    print("scaling from one to two processes", round(rates[2] / rates[1], 2))
    for done, parent, worker in memory:
        print("memory after", done, "points: parent", round(parent, 1), "MiB, largest worker", round(worker, 1), "MiB")


class Warm:
    """Tells a watcher how many workers there are."""

    def __init__(self, watch, count: int):
        self.watch, self.count = watch, count

    def __call__(self, state) -> None:
        state.warm = self.count
        self.watch(state)


def overhead(folder: Path, points: int = 1000) -> None:
    """Everything of a point but its simulation: settling, hashing, looking up, storing, sending."""
    figures = {"cycles": 1, **{f"part.p{i}.busy": 0.123456789 for i in range(80)}}

    def nothing(tasks):
        for task in tasks:
            yield Outcome(task.key, figures, None, 0.0)

    points_of = expand(plan(points))
    with Store(folder / "overhead.sqlite") as store:
        for what in ("new", "stored"):
            begun, busy = time.perf_counter(), time.process_time()
            run("benchmark", points_of, store, nothing)
            wall, processor = time.perf_counter() - begun, time.process_time() - busy
            print(
                "overhead of a",
                what,
                "point",
                milliseconds(wall / points),
                "ms,",
                milliseconds(processor / points),
                "of CPU",
            )


def milliseconds(seconds: float) -> float:
    return round(seconds * 1e3, 2)


def query(folder: Path, points: int = 10_000) -> None:
    figures = json.dumps({"cycles": 1, **{f"part.p{i}.busy": 0.123456789 for i in range(80)}})
    path = folder / "query.sqlite"
    with Store(path) as store, store.writing():
        rows = [
            (
                f"k{i}",
                "done",
                "vitcod",
                "tiny",
                json.dumps({"engine.lines": i}),
                "{}",
                "h",
                0.9,
                figures,
                None,
                "1",
                "s",
                0.1,
            )
            for i in range(points)
        ]
        store.connection.executemany(f"INSERT INTO points VALUES ({','.join('?' * 13)})", rows)
    begun, busy = time.perf_counter(), time.process_time()
    found = load_results(path, where=["engine.lines < 5000"])
    wall, processor = time.perf_counter() - begun, time.process_time() - busy
    print("query of", points, "points,", len(found), "columns", round(wall, 2), "s,", round(processor, 2), "of CPU")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--points", type=int, default=120, help="how many are simulated with one and with two processes"
    )
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        overhead(Path(folder))
        query(Path(folder))
        parallel(Path(folder), chosen.points)


if __name__ == "__main__":
    main()
