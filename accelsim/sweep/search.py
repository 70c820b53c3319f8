"""Search: Optuna proposes designs, the simulator judges them, and both keep what they know for the next time."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from accelsim.core.errors import InputError
from accelsim.sweep.axes import Axis
from accelsim.sweep.campaign import Execute, executor, run
from accelsim.sweep.expression import Expression, parse
from accelsim.sweep.pareto import front, share
from accelsim.sweep.plan import FIGURES, SAMPLERS, Plan, read
from accelsim.sweep.points import Filter, Settings, WorkloadFile, base, point, workload_file
from accelsim.sweep.processes import Notice
from accelsim.sweep.proposals import Recorded, load_optuna, open_study, seeded, suggest
from accelsim.sweep.store import Store

BATCH = 8  # designs proposed together; a constant, so that the number of processes changes nothing
WASTE = 30  # proposals that break a constraint, per design of the budget
WORST = 1e30  # what Optuna is told of a design that cannot be


@dataclass(frozen=True)
class Candidate:
    """A design with what it scores; `broken` is by how much it breaks the constraints, 0 for not at all."""

    settings: Settings
    scores: tuple[float, ...]
    broken: float


@dataclass(frozen=True)
class Found:
    """objectives: names of figures. searched, gridded: the designs that meet the constraints; both as many simulations
    (`budget`), or fewer where there are no more. wasted: proposals that break a constraint and were not simulated.
    """

    objectives: tuple[str, ...]
    budget: int
    searched: list[Candidate]
    gridded: list[Candidate]
    wasted: int

    def front(self, candidates: list[Candidate]) -> list[Candidate]:
        return [candidates[i] for i in front([c.scores for c in candidates])]

    def shares(self) -> tuple[float, float]:
        """How much of the box between the best and the worst scores of both the search's and the grid's designs
        dominate, from 0 to 1.
        """
        both = [c.scores for c in (*self.searched, *self.gridded)]
        if not both:
            return 0.0, 0.0
        low, high = ([pick(values) for values in zip(*both)] for pick in (min, max))
        return tuple(share([c.scores for c in part], low, high) for part in (self.searched, self.gridded))


class Goal:
    """A plan as a search: one machine, one or more workloads (figures are summed over them, areas are not)."""

    def __init__(self, plan: Plan, store: Store, execute: Execute):
        if len(plan.machines) != 1:
            raise InputError(f"{plan.where}: a search has one machine, not {len(plan.machines)}; search each by itself")
        self.plan, self.store, self.execute = plan, store, execute
        subject = plan.machines[0]
        self.base = base(subject)
        self.axes: tuple[Axis, ...] = (*plan.axes, *subject.axes)
        if not self.axes:
            raise InputError(f"{plan.where}: there are no axes to search along")
        self.works: list[WorkloadFile] = [workload_file(w) for w in plan.workloads]
        values = [(a.name, a.values or (a.at(0.0),)) for a in self.axes]
        self.before = Filter(self.base, (), values, {a.name: a.where for a in self.axes})
        known = [*self.before.values, *FIGURES]
        conditions = [parse(text, known, where, self.before.short.values()) for text, where in plan.constraints]
        self.early: list[Expression] = [c for c in conditions if not c.names & set(FIGURES)]
        self.late: list[Expression] = [c for c in conditions if c.names & set(FIGURES)]

    def breaks(self, settings: Settings) -> float:
        """By how much a design breaks what can be said without a simulation; impossible designs break all."""
        if (values := self.before.of(settings)) is None:
            return float(len(self.early) + 1)
        return sum(c.violation(values) for c in self.early)

    def judge(self, designs: Sequence[Settings]) -> list[Candidate]:
        """Simulate designs, or take them from the store."""
        points = [point(self.base, d, w) for d in designs for w in self.works]
        run(f"{self.plan.name} search", points, self.store, self.execute)
        found = []
        for settings, mine in zip(designs, batches(points, len(self.works))):
            if any(self.store.status(p.key) != "done" for p in mine):
                found.append(Candidate(settings, (WORST,) * len(self.plan.objectives), float(len(self.late) + 1)))
                continue
            rows = [self.store.figures(p.key, *FIGURES) for p in mine]
            total = {n: rows[0][n] if n in SAME else sum(r[n] or 0 for r in rows) for n in FIGURES}
            values = (self.before.of(settings) or {}) | total
            scores = tuple(float(total[n]) for n in self.plan.objectives)
            found.append(Candidate(settings, scores, sum(c.violation(values) for c in self.late)))
        return found


def batches(items: Sequence, size: int) -> list[Sequence]:
    return [items[i : i + size] for i in range(0, len(items), size)]


SAME = ("area_mm2", "power_w", "chip_power_w")  # not summed over workloads; those of the first


def search(
    file: str | Path,
    store: str | Path,
    budget: int,
    *,
    sampler: str = "tpe",
    grid: bool = True,
    processes: int | None = None,
    scheduler: str | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    notice: Notice = lambda _: None,
) -> Found:
    """Look for designs whose objectives are all small, with `budget` simulated designs, and as many of a grid beside.

    What was proposed is kept beside the store, in STORE.study, the figures in the store: an interrupted search goes on
    where it was and ends with the result of one that was not interrupted. Raises InputError without Optuna, and when
    the file, the store or the study is unusable.
    """
    optuna = load_optuna()
    execute = executor(processes, scheduler, notice)
    if sampler not in SAMPLERS:
        raise InputError(f"--sampler: expected one of {', '.join(SAMPLERS)}, not {sampler!r}")
    plan = read(file)
    kept = Path(f"{store}.study")
    is_new = not kept.exists()
    try:
        with Store(store) as opened:
            goal = Goal(plan, opened, execute)
            study = open_study(optuna, plan, kept, sampler)
            total = budget * (2 if grid else 1)
            searched = explore(optuna, study, goal, budget, sampler, lambda done: progress(done, total))
            gridded = []
            if grid:
                for batch in batches(coarse(goal, budget), BATCH):
                    gridded += goal.judge(batch)
                    progress(budget + len(gridded), total)
    except BaseException:
        if is_new and not Path(store).exists():  # a refusal, before anything was judged
            kept.unlink(missing_ok=True)
        raise
    wasted = sum(1 for t in study.get_trials(deepcopy=False) if t.user_attrs.get("wasted"))
    fair = [[c for c in part if not c.broken] for part in (searched, gridded)]
    return Found(plan.objectives, budget, *fair, wasted)


def explore(optuna, study, goal: Goal, budget: int, sampler: str, progress: Callable[[int], None]) -> list[Candidate]:
    """Propose and judge in batches until `budget` designs are simulated.

    The random numbers of a proposal are seeded by its number, and a batch is told in order, so that it does not matter
    where a search was interrupted.
    """
    states, found, pending = optuna.trial.TrialState, [], []
    judged: dict[int, Candidate] = {}
    for trial in study.get_trials(deepcopy=False):  # what an earlier search left
        if trial.state == states.COMPLETE and not trial.user_attrs.get("wasted"):
            settings = settings_of(goal, trial.params)
            judged[trial.number] = Candidate(settings, tuple(trial.values), trial.user_attrs["broken"])
        elif trial.state == states.RUNNING:
            pending.append(trial.number)
    asked = len(study.get_trials(deepcopy=False))
    while len(judged) < budget and asked < budget * WASTE:
        size = min(BATCH - len(judged) % BATCH, budget - len(judged))
        batch: list[tuple[object, Settings]] = []
        while len(batch) < size and asked <= budget * WASTE:
            if pending:
                number = pending.pop(0)
                study.sampler = seeded(optuna, sampler, goal.plan.seed, number)
                trial = optuna.trial.Trial(study, study.get_trials(deepcopy=False)[number]._trial_id)
            else:
                study.sampler = seeded(optuna, sampler, goal.plan.seed, asked)
                trial, asked = study.ask(), asked + 1
            settings = tuple((a.name, suggest(trial, a)) for a in goal.axes)
            broken = goal.breaks(settings)
            if broken:
                trial.set_user_attr("wasted", True)
                trial.set_constraint("parameters", broken)
                trial.set_constraint("figures", 0.0)
                study.tell(trial, [WORST] * len(goal.plan.objectives))
            else:
                batch.append((trial, settings))
        for (trial, _), candidate in zip(batch, goal.judge([settings for _, settings in batch])):
            trial.set_user_attr("broken", candidate.broken)
            trial.set_constraint("parameters", 0.0)
            trial.set_constraint("figures", candidate.broken)
            study.tell(trial, list(candidate.scores))
            judged[trial.number] = candidate
        progress(len(judged))
    found = [judged[number] for number in sorted(judged)]
    return found[:budget]


def settings_of(goal: Goal, params: dict) -> Settings:
    """The design of a trial that was judged before."""
    return tuple((a.name, suggest(Recorded(params), a)) for a in goal.axes)


def coarse(goal: Goal, budget: int) -> list[Settings]:
    """At most `budget` designs of a grid over the same axes that meet the constraints, every axis about as fine as the
    others: the finest loses a value until the grid is small enough.
    """
    room = 50 * budget if goal.early else budget
    sizes = [min(len(a.values) or max(budget, 2), room) for a in goal.axes]
    names = [a.name for a in goal.axes]
    while True:
        if math.prod(sizes) <= room:
            grid = itertools.product(*(spread(a, n) for a, n in zip(goal.axes, sizes)))
            chosen = [s for values in grid if not goal.breaks(s := tuple(zip(names, values)))]
            if len(chosen) <= budget or max(sizes) == 1:
                return chosen[:budget]
        sizes[sizes.index(max(sizes))] -= 1


def spread(axis: Axis, count: int) -> list[str]:
    """So many values of an axis, from its first to its last."""
    shares = [0.5] if count == 1 else [i / (count - 1) * 0.999999 for i in range(count)]
    return list(dict.fromkeys(axis.at(s) for s in shares))
