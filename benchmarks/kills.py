"""Kills processes of sweeps, and looks whether anything is lost, doubled or left behind.

    python benchmarks/kills.py [--kills N] [--kind KIND]... [--at-once N] [--seed N]

Of each kind of process (main, fork server, worker, resource tracker, Dask worker) so many are killed by SIGKILL at
random moments, several in a sweep where the sweep goes on. A killed main process is started again by the same command.
In the end every point must be stored once, as a sweep that nobody disturbed stores it; what was stored before a kill
must not have been simulated again; no process and no file may be left. Prints a row for each kind; exits with 1 when
something was wrong. Needs Linux, and source files that do not change meanwhile.
"""

import argparse
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[1])
KINDS = ("main", "fork server", "worker", "resource tracker", "dask worker")
DASKS = "dask-scratch-space"  # which Dask leaves behind killed workers of its own, and the next kind finds
POINTS = 200
AT_ONCE = 5  # kills in one sweep
PATIENCE = 300.0  # seconds for a sweep
PLAN = """
sweep: kills
machines: [vitcod]
workloads: [{work}]
axes: {{act_gb0.capacity_bytes: {{from: 65536, to: {last}, step: 8}}}}
"""


@dataclass
class Tally:
    """What came of the kills of one kind."""

    kills: int = 0
    sweeps: int = 0
    lost: int = 0
    doubled: int = 0
    changed: int = 0  # figures other than those of a sweep that nobody disturbed
    left: list[str] = field(default_factory=list)  # files, processes and words that should not be there

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.doubled or self.changed or self.left)


class Scene:
    """A folder with a sweep file, and the points of a sweep that nobody disturbed."""

    def __init__(self, folder: Path, work: Path, points: int = POINTS):
        self.folder, self.points = folder, points
        self.plan = folder / "kills.yaml"
        self.plan.write_text(PLAN.format(work=work, last=65536 + 8 * (points - 1)))
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        plain = folder / "plain.sqlite"
        subprocess.run(self.command(plain, "-j", "0"), check=True, stdout=subprocess.DEVNULL, env=self.environment)
        self.plain = {key: figures for key, (figures, _) in stored(plain).items()}

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"TMPDIR": str(self.temporary), "PYTHONPATH": ROOT}

    def command(self, store: Path, *where: str) -> list[str]:
        return [sys.executable, "-m", "accelsim.cli", "sweep", str(self.plan), "--store", str(store), *where]

    def start(self, store: Path, *where: str) -> subprocess.Popen:
        return subprocess.Popen(
            self.command(store, *where), start_new_session=True, text=True, env=self.environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip


def stored(path: Path) -> dict[str, tuple[str, float]]:
    """key -> (figures, seconds on the clock of whoever simulated it): of a second simulation they are others."""
    if not path.exists():
        return {}
    connection = sqlite3.connect(path, timeout=30)
    try:
        return {k: (f, s) for k, f, s in connection.execute("SELECT key, figures, seconds FROM points")}
    except sqlite3.OperationalError:  # it is being made
        return {}
    finally:
        connection.close()


def session(leader: int) -> dict[str, list[int]]:
    """The living processes of a sweep by kind."""
    found: dict[str, list[int]] = {kind: [] for kind in KINDS}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            words = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[3]) != leader or fields[0] == "Z":
            continue
        if int(entry.name) == leader:
            kind = "main"
        elif b"resource_tracker" in words:
            kind = "resource tracker"
        elif b"forkserver" in words:  # workers are forked from it, and have its words
            kind = "fork server" if int(fields[1]) == leader else "worker"
        else:
            continue
        found[kind].append(int(entry.name))
    return found


def disturbed(scene: Scene, kind: str, kills: int, chance: random.Random, cluster=None) -> tuple[int, Tally]:
    """One sweep in which up to so many processes of a kind are killed; how many were."""
    tally, done, store = Tally(sweeps=1), 0, scene.folder / f"{kind.replace(' ', '_')}.sqlite"
    where = ("--scheduler", cluster.scheduler_address) if cluster else ("-j", "2")
    before: dict = {}
    running = scene.start(store, *where)
    goal = chance.randrange(scene.points // 2) if chance.random() < 0.8 else 0  # points, or seconds, before a kill
    moment = time.monotonic() + (chance.random() * 3 if goal == 0 else 0)
    end = time.monotonic() + PATIENCE
    seen: set[int] = set()
    while running.poll() is None:
        if time.monotonic() > end:
            os.killpg(running.pid, signal.SIGKILL)
            tally.left.append(f"a sweep did not end in {PATIENCE:g} s")
            break
        now = stored(store) if goal else {}
        if done < kills and len(now) >= goal and time.monotonic() >= moment:
            living = [w.pid for w in cluster.workers.values() if w.pid] if cluster else session(running.pid)[kind]
            victims = [pid for pid in living if pid not in seen]
            if victims:
                time.sleep(chance.random() * 0.05)
                before = before | stored(store)
                chosen = chance.choice(victims)
                if kind == "main" and running.poll() is not None:
                    break
                try:
                    os.kill(chosen, signal.SIGKILL)
                except ProcessLookupError:
                    continue
                seen.add(chosen)
                done += 1
                moment = time.monotonic() + chance.random() * 0.5
                if kind == "main":
                    running.communicate()
                    gone(running.pid, tally)
                    running, end = scene.start(store, *where), time.monotonic() + PATIENCE
                    goal = min(len(before) + chance.randrange(1, scene.points // AT_ONCE), scene.points)
        time.sleep(0.01)
    said, complaints = running.communicate()
    if running.returncode != 0:
        tally.left.append(f"exit status {running.returncode}: {(said + complaints).strip()[-300:]}")
    ours = ("a worker process died", "the fork server", "the resource tracker", "the scheduler at")
    tally.left += [f"said: {line}" for line in complaints.splitlines() if not line.startswith(ours)]
    gone(running.pid, tally)
    after = stored(store)
    tally.lost = len(scene.plain.keys() - after.keys())
    tally.doubled = sum(after.get(key) != value for key, value in before.items())
    tally.changed = sum(after[key][0] != figures for key, figures in scene.plain.items() if key in after)
    tally.left += [f"file {path.name}" for path in scene.temporary.iterdir() if not cluster and path.name != DASKS]
    tally.left += [f"file {path.name}" for path in scene.folder.glob(f"{store.name}-*")]
    store.unlink(missing_ok=True)
    tally.kills = done
    return done, tally


def gone(leader: int, tally: Tally, seconds: float = 10.0) -> None:
    """Wait until all processes of a sweep have left."""
    end = time.monotonic() + seconds
    while any(session(leader).values()):
        if time.monotonic() > end:
            tally.left.append(f"processes {session(leader)}")
            return
        time.sleep(0.02)


def killed(scene: Scene, kind: str, kills: int, chance: random.Random, at_once: int = AT_ONCE) -> Tally:
    """Kill so many processes of a kind, in as many sweeps as it takes."""
    total = Tally()
    with ExitStack() as held:
        cluster = held.enter_context(dask_cluster(scene)) if kind == "dask worker" else None
        while total.kills < kills and total.sweeps < 3 * kills:
            _, one = disturbed(scene, kind, min(at_once, kills - total.kills), chance, cluster)
            for name in ("kills", "sweeps", "lost", "doubled", "changed", "left"):
                setattr(total, name, getattr(total, name) + getattr(one, name))
            print(f"{kind}: {total.kills} of {kills} kills, {total.sweeps} sweeps", file=sys.stderr, flush=True)
    return total


@contextmanager
def dask_cluster(scene: Scene) -> Iterator[object]:
    """Two workers, each with a nanny that starts another when it dies."""
    import dask
    import distributed

    os.environ["PYTHONPATH"] = ROOT
    with (
        dask.config.set({"temporary-directory": str(scene.temporary)}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as made,
    ):
        yield made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=100, help="of each kind")
    parser.add_argument("--kind", action="append", choices=KINDS, help="only this kind; repeatable")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="at most so many in one sweep")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    clean = True
    print(f"{'kind':18}{'kills':>7}{'sweeps':>8}{'lost':>6}{'doubled':>9}{'changed':>9}{'left':>6}{'seconds':>9}")
    sys.path.insert(0, ROOT)
    from accelsim.workload import save
    from tests.sweep.conftest import tiny

    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(Path(folder), save(tiny(), Path(folder) / "tiny.yaml"))
        for kind in chosen.kind or KINDS:
            begun = time.monotonic()
            t = killed(scene, kind, chosen.kills, random.Random(chosen.seed), chosen.at_once)
            row = f"{kind:18}{t.kills:7}{t.sweeps:8}{t.lost:6}{t.doubled:9}{t.changed:9}{len(t.left):6}"
            print(f"{row}{time.monotonic() - begun:9.0f}", flush=True)
            for text in t.left:
                print(f"  {text}")
            clean = clean and t.is_clean and t.kills == chosen.kills
    sys.exit(0 if clean else 1)


if __name__ == "__main__":
    main()
