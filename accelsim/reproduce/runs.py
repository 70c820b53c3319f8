"""The simulations that a reproduction needs, each once: made into points of the sweep store, which keeps them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from accelsim.core.errors import InputError
from accelsim.reproduce.claims import Settings
from accelsim.sweep.campaign import Execute, Progress
from accelsim.sweep.campaign import run as simulate
from accelsim.sweep.compare import subject
from accelsim.sweep.design import Base
from accelsim.sweep.measure import Figures
from accelsim.sweep.plan import MADE, Work
from accelsim.sweep.points import Point, point
from accelsim.sweep.store import Store
from accelsim.sweep.workloads import workload_file


@dataclass(frozen=True, order=True)
class On:
    """A workload: a model with synthetic masks of a sparsity in percent and a seed, or a file; `only` its layers of a
    kind."""

    model: str
    sparsity: int
    seed: int
    only: str = "all"
    file: str = ""

    @property
    def title(self) -> str:
        return self.model if self.file else f"{self.model} at {self.sparsity} %, masks {self.seed}"


@dataclass(frozen=True)
class Run:
    """A machine, as a configuration with values ("sanger array.rows=32"), with settings, on a workload."""

    machine: str
    set: Settings
    on: On


@lru_cache
def base(machine: str) -> Base:
    """Raises InputError when there is no such configuration or a value is wrong."""
    name, values = subject(machine)
    return Base(name, values)


def as_point(run: Run) -> Point:
    """The point of the sweep store that a run is."""
    settings = tuple((name, value) for name, _, value in (text.partition("=") for text in run.set))
    if run.on.file:
        return point(base(run.machine), settings, workload_file(Work(run.on.file, run.on.only)))
    about = (("model", run.on.model), ("sparsity", f"{run.on.sparsity / 100:g}"), ("seed", str(run.on.seed)))
    return point(base(run.machine), (*settings, *about), workload_file(Work(MADE, run.on.only)))


@dataclass
class Done:
    """What has been simulated: the figures of each run, the sums its energy is made of, or why it was refused."""

    figures: dict[Run, Figures] = field(default_factory=dict)
    terms: dict[Run, dict] = field(default_factory=dict)
    refused: dict[Run, str] = field(default_factory=dict)

    def get(self, run: Run, figure: str) -> float | None:
        """A figure of a run; None where it was refused or does not have it."""
        return self.figures.get(run, {}).get(figure)

    def add(self, other: "Done") -> None:
        """Take in what was simulated later."""
        self.figures |= other.figures
        self.terms |= other.terms
        self.refused |= other.refused


class Wanted:
    """Runs in the order in which they are simulated, made into points one by one: workload by workload, so that each is
    made once."""

    def __init__(self, runs: Iterable[Run]):
        self.runs = sorted(set(runs), key=lambda run: (run.on, run.machine, run.set))
        self.keys: dict[Run, str] = {}

    def __len__(self) -> int:
        return len(self.runs)

    def __iter__(self) -> Iterator[Point]:
        for run in self.runs:
            made = as_point(run)
            self.keys[run] = made.key
            yield made


def perform(
    name: str, runs: Iterable[Run], store: str, execute: Execute, progress: Callable[[Progress], None] = lambda _: None
) -> Done:
    """Simulate what the store does not hold. Refused runs are tried again, which takes no time, and named."""
    wanted, found = Wanted(runs), Done()
    with Store(store) as opened:
        state = simulate(name, wanted, opened, execute, retry=True, progress=progress)
        for run, key in wanted.keys.items():
            status = opened.status(key)
            if status == "done":
                found.figures[run], found.terms[run] = opened.figures(key, "cycles", "seconds"), opened.terms(key)
            elif status == "failed":
                found.refused[run] = opened.error(key)
    if wanted.keys and not found.figures:
        raise InputError(f"{name}: no run came to an end; the first: {state.failures[0][1]}")
    return found
