"""Running a sweep: points that are not stored yet are simulated and stored, one by one, until none is missing."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from accelsim.core.errors import InputError
from accelsim.core.processors import processors
from accelsim.sweep.cluster import address, cluster
from accelsim.sweep.design import parameters
from accelsim.sweep.measure import OTHER_VERSION, Outcome, Task
from accelsim.sweep.plan import read
from accelsim.sweep.points import Expansion, Point, expand
from accelsim.sweep.processes import Notice, inline, processes
from accelsim.sweep.source import plugin, source_hash
from accelsim.sweep.store import Store
from accelsim.sweep.workloads import parted, value

Execute = Callable[[Iterable[Task]], Iterator[Outcome]]
MOST = 1024  # worker processes
LISTED = 200  # points between two entries of the list of a sweep's points


@dataclass
class Progress:
    """How far a sweep is. kept: points found in the store; computed: simulated now; repeated: the same machine and
    workload as another point; failures: (point, sentence), of this run and of earlier ones.
    """

    total: int
    kept: int = 0
    computed: int = 0
    repeated: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)

    @property
    def handled(self) -> int:
        return self.kept + self.computed + self.repeated


def executor(count: int | None = None, scheduler: str | None = None, notice: Notice = lambda _: None) -> Execute:
    """Where points are simulated: a Dask cluster, `count` processes (all cores without it), or this process (0).

    `notice` is told in a line of what went wrong and was mended. Raises InputError for what can be no scheduler's
    address and for more processes than a machine can have.
    """
    if scheduler is not None:
        place = address(scheduler)
        return lambda tasks: cluster(tasks, place, notice)
    if count == 0:
        return inline
    wanted = processors() if count is None else count
    if not 0 < wanted <= MOST:
        raise InputError(f"-j {wanted}: at most {MOST} worker processes can be asked for; more are a cluster's")
    return lambda tasks: processes(tasks, wanted, notice)


def sweep(
    file: str | Path,
    store: str | Path,
    *,
    processes: int | None = None,
    scheduler: str | None = None,
    retry: bool = False,
    estimated: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
    notice: Notice = lambda _: None,
) -> Progress:
    """Run a sweep file into a store, as `accelsim sweep` does; what is stored already is not simulated again.

    `processes`: workers (all cores without it; 0: this process itself); `scheduler`: the address of a Dask scheduler;
    `retry`: simulate failed points again; `estimated`: in closed form, nothing is simulated; `progress` is called after
    every point; `notice` with a sentence when a process was killed and is started again. Raises InputError when the
    file, the store or the cluster is unusable; a point that fails does not raise.
    """
    execute = executor(processes, scheduler, notice)
    plan = read(file)
    points = expand(plan, estimated)
    with Store(store) as opened:
        return run(plan.name, points, opened, execute, retry=retry, progress=progress)


def task(point: Point) -> Task:
    """What a worker needs to simulate a point."""
    machine = point.arch.machine
    found = plugin(machine)
    named = str(found.path) if found and not found.installed else ""
    return Task(point.key, point.arch, point.workload, source_hash(machine), named, point.estimated)


def run(
    name: str,
    points: Expansion | Iterable[Point],
    store: Store,
    execute: Execute,
    *,
    retry: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Progress:
    """Bring all points of a sweep into the store. Only this process writes to it; the workers send what they found."""
    state = Progress(len(points))
    waiting: dict[str, Point] = {}
    members: list[tuple[int, str]] = []
    seen: set[str] = set()

    def tasks() -> Iterator[Task]:
        """The points that are still to be simulated, settled as late as possible."""
        for place, point in enumerate(points):
            members.append((place, point.key))
            if len(members) >= LISTED:
                store.enlist(name, members)
                members.clear()
            if point.key in seen:
                state.repeated += 1
                continue
            seen.add(point.key)
            status = store.status(point.key)
            if status == "done" or (status == "failed" and not retry):
                state.kept += 1
                if status == "failed":
                    state.failures.append((title(point), store.error(point.key)))
                progress(state)
            elif point.arch is None:
                finish(point, Outcome(point.key, None, point.error, 0.0))
            else:
                waiting[point.key] = point
                yield task(point)

    def finish(point: Point, outcome: Outcome) -> None:
        if outcome.error == OTHER_VERSION:  # the point's fault least of all
            raise InputError(f"{OTHER_VERSION}, then give the same command again")
        store.add(point, values(point), outcome)
        state.computed += 1
        if outcome.error:
            state.failures.append((title(point), outcome.error))
        progress(state)

    outcomes = execute(tasks())
    try:
        for outcome in outcomes:
            finish(waiting.pop(outcome.key), outcome)
    finally:
        outcomes.close()
        if members:
            store.enlist(name, members)
    store.shorten(name, len(points))
    return state


def title(point: Point) -> str:
    """A point in one line."""
    return " ".join([point.machine, point.workload.name, *(f"{n}={v}" for n, v in point.settings)])


def values(point: Point) -> dict[str, object]:
    """What the sweep varied, as the machine uses it: sizes in bytes, times in cycles; impossible ones as written."""
    if point.arch is None:
        return dict(point.settings)
    resolved = parameters(point.arch)
    design, about = parted(point.settings, point.arch.options)
    names = (name.removeprefix("options.").removeprefix("parts.") for name, _ in design)
    varied = {name: resolved.get(name, text) for name, (_, text) in zip(names, design)}
    return varied | {name: value(name, text) for name, text in about if name != "sparsity"}  # which has its own column
