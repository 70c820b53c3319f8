"""Search: Optuna proposes designs, the simulator judges them, and both keep what they know for the next time."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from accelsim.core.errors import InputError
from accelsim.sweep.axes import Axis
from accelsim.sweep.campaign import executor
from accelsim.sweep.goal import WORST, Candidate, Goal, Screen, promising
from accelsim.sweep.pareto import front, share
from accelsim.sweep.plan import SAMPLERS, read
from accelsim.sweep.points import Settings
from accelsim.sweep.processes import Notice
from accelsim.sweep.proposals import Recorded, load_optuna, open_study, seeded, suggest
from accelsim.sweep.store import Store

BATCH = 8  # designs proposed together; a constant, so that the number of processes changes nothing
WASTE = 30  # proposals that break a constraint, per design of the budget


@dataclass(frozen=True)
class Found:
    """objectives: names of figures. searched, gridded: the designs that meet the constraints; both as many simulations
    (`budget`), or fewer where there are no more. wasted: proposals that break a constraint and were not simulated.
    screened: designs that were estimated before; screening: the objectives by which the most promising were taken;
    errors: of the estimates of the first of these, of each design that was simulated then.
    """

    objectives: tuple[str, ...]
    budget: int
    searched: list[Candidate]
    gridded: list[Candidate]
    wasted: int
    screened: int = 0
    screening: tuple[str, ...] = ()
    errors: tuple[float, ...] = ()

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


def batches(items: Sequence, size: int) -> list[Sequence]:
    return [items[i : i + size] for i in range(0, len(items), size)]


def search(
    file: str | Path,
    store: str | Path,
    budget: int,
    *,
    sampler: str = "tpe",
    grid: bool = True,
    screen: int = 0,
    processes: int | None = None,
    scheduler: str | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    notice: Notice = lambda _: None,
) -> Found:
    """Look for designs whose objectives are all small, with `budget` simulated designs, and as many of a grid beside.

    `screen`: so many designs are estimated in closed form, and of these the `budget` most promising simulated; without
    it Optuna proposes what is simulated.
    What was proposed is kept beside the store, in STORE.study, the figures in the store: an interrupted search goes on
    where it was and ends with the result of one that was not interrupted. Raises InputError without Optuna, and when
    the file, the store or the study is unusable.
    """
    optuna = load_optuna()
    execute = executor(processes, scheduler, notice)
    if screen and screen < budget:
        raise InputError(f"--screen {screen}: fewer than the {budget} that are simulated (--budget); estimate more")
    if sampler not in SAMPLERS:
        raise InputError(f"--sampler: expected one of {', '.join(SAMPLERS)}, not {sampler!r}")
    plan = read(file)
    kept = Path(f"{store}.study")
    is_new = not kept.exists()
    try:
        with Store(store) as opened:
            goal = Goal(plan, opened, execute)
            rough = Screen(plan, opened) if screen else None
            total = screen + budget * (2 if grid else 1)
            study = open_study(optuna, (rough or goal).plan, kept, sampler)
            if rough:
                estimates = explore(optuna, study, rough, screen, sampler, lambda done: progress(done, total))
                searched = []
                for batch in batches([c.settings for c in promising(estimates, budget)], BATCH):
                    searched += goal.judge(batch)
                    progress(screen + len(searched), total)
            else:
                searched = explore(optuna, study, goal, budget, sampler, lambda done: progress(done, total))
            gridded = []
            if grid:
                for batch in batches(coarse(goal, budget), BATCH):
                    gridded += goal.judge(batch)
                    progress(screen + budget + len(gridded), total)
    except BaseException:
        if is_new and not Path(store).exists():  # a refusal, before anything was judged
            kept.unlink(missing_ok=True)
        raise
    wasted = sum(1 for t in study.get_trials(deepcopy=False) if t.user_attrs.get("wasted"))
    fair = [[c for c in part if not c.broken] for part in (searched, gridded)]
    if not rough:
        return Found(plan.objectives, budget, *fair, wasted)
    by = rough.plan.objectives
    said, place = {c.settings: c.scores[0] for c in estimates}, plan.objectives.index(by[0])
    errors = tuple(said[c.settings] / c.scores[place] - 1 for c in fair[0])
    return Found(plan.objectives, budget, *fair, wasted, len(estimates), by, errors)


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
