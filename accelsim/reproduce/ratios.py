"""Ratios with what they rest on: means over networks, intervals over masks and over prices."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from accelsim.core.errors import InputError
from accelsim.energy import energies
from accelsim.reproduce.claims import Opponent, Reading, Study
from accelsim.reproduce.runs import Done, On, Run
from accelsim.sweep.compare import Ratio, geometric_mean, ratio

STUDENT = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042, 2.040,
)  # fmt: skip
"""Student's t at 97.5 % for 1, 2, 3, ... degrees of freedom: half of what a 95 % interval of a mean leaves out."""
MOST_SEEDS = len(STUDENT) + 1
PARTS = {"energy": ("chip", "dram"), "chip energy": ("chip",)}


@dataclass(frozen=True)
class Spread:
    """A geometric mean over masks, and between what the mean of all such masks lies with 95 % (Student's t of the
    logarithms); of one mask there is no interval. part: how many of how many networks could be run."""

    mean: float
    low: float | None = None
    high: float | None = None
    part: tuple[int, int] | None = None

    @property
    def open(self) -> bool:
        """Whether 1 lies within, so that of two machines neither is known to be the faster."""
        return self.low is not None and self.low < 1 < self.high

    @property
    def inverse(self) -> "Spread":
        """As seen from the other machine."""
        ends = (None, None) if self.low is None else (1 / self.high, 1 / self.low)
        return Spread(1 / self.mean, *ends, self.part)


def spread(values: Sequence[float], part: tuple[int, int] | None = None) -> Spread:
    """Of one value for each mask; nothing, if all are."""
    if not any(values):
        return Spread(0.0, part=part)
    logs = [math.log(v) for v in values]
    middle = sum(logs) / len(logs)
    if len(logs) < 2:
        return Spread(math.exp(middle), part=part)
    deviation = math.sqrt(sum((x - middle) ** 2 for x in logs) / (len(logs) - 1))
    half = STUDENT[len(logs) - 2] * deviation / math.sqrt(len(logs))
    return Spread(math.exp(middle), math.exp(middle - half), math.exp(middle + half), part)


def over_seeds(value: Callable[[int], float | None], seeds: Sequence[int]) -> Spread | None:
    """Of what each seed's masks give; None where one of them gives nothing."""
    found = [value(seed) for seed in seeds]
    return None if None in found else spread(found)


@dataclass(frozen=True)
class Cast:
    """Who plays: the study, on which terms, with which masks."""

    study: Study
    terms: str
    seeds: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.seeds) <= MOST_SEEDS:
            raise InputError(f"--seeds is {len(self.seeds)} but must be 1 to {MOST_SEEDS}")

    def mine(self, model: str, sparsity: int, seed: int, only: str) -> Run:
        """The machine itself."""
        return Run(self.study.machine, (), On(model, sparsity, seed, only))

    def theirs(self, who: Opponent, how: Reading, model: str, sparsity: int, seed: int, only: str) -> Run | None:
        """An opponent; None where it has no such terms or model. What ignores masks is simulated with one of them."""
        if self.terms not in who.terms or (how.models and model not in how.models):
            return None
        more = how.at.get(sparsity, ())
        if not how.masks:
            seed = self.seeds[0]
            sparsity = sparsity if how.at else self.study.headline
        return Run(who.terms[self.terms], (*how.set, *more), On(model, sparsity, seed, only))

    def contenders(self) -> list[tuple[Opponent, Reading]]:
        return [(who, how) for who in self.study.opponents if self.terms in who.terms for how in who.readings]

    def cases(self) -> list[tuple[str, int, tuple[int, ...]]]:
        """(layers, sparsity, seeds) of what is compared: whole networks, beside the headline's sparsity with the first
        masks alone, since masks move them little; and attention."""
        whole = [("all", s, self.over(s).seeds) for s in self.study.sparsities]
        return whole + [("attention", s, self.seeds) for s in self.study.sparsities]

    def over(self, sparsity: int) -> "Cast":
        """The masks with which whole networks are compared at a sparsity."""
        return self if sparsity == self.study.headline else replace(self, seeds=self.seeds[:1])

    def runs(self) -> list[Run]:
        """All that the comparison needs."""
        found: list[Run | None] = []
        for only, sparsity, seeds in self.cases():
            for model in self.study.models:
                for seed in seeds:
                    found.append(self.mine(model, sparsity, seed, only))
                    found += [self.theirs(*c, model, sparsity, seed, only) for c in self.contenders()]
        return [run for run in found if run]


FIGURE = {"time": "seconds", "energy": "energy_pj", "chip energy": "chip_energy_pj"}


def gain(cast: Cast, done: Done, mine: Run, theirs: Run | None, metric: str = "time") -> float | None:
    """How many times less the machine takes than the opponent."""
    a, b = done.get(mine, FIGURE[metric]), theirs and done.get(theirs, FIGURE[metric])
    return b / a if a and b else None


def over_networks(
    cast: Cast, done: Done, who: Opponent, how: Reading, only: str, sparsity: int, metric: str = "time"
) -> tuple[dict[str, Spread | None], Spread | None]:
    """The gain of each network and their geometric mean, over masks. None where nothing could be run."""
    models = cast.study.models
    found: dict[str, list[float]] = {m: [] for m in models}
    for model in models:
        for seed in cast.seeds:
            mine, theirs = (
                cast.mine(model, sparsity, seed, only), cast.theirs(who, how, model, sparsity, seed, only)
            )  # fmt: skip
            if value := gain(cast, done, mine, theirs, metric):
                found[model].append(value)
    whole = [m for m in models if len(found[m]) == len(cast.seeds)]
    each = {m: spread(found[m]) if m in whole else None for m in models}
    if not whole:
        return each, None
    means = [geometric_mean(values) for values in zip(*(found[m] for m in whole))]
    return each, spread(means, (len(whole), len(models)))


def over_sparsities(
    cast: Cast, done: Done, who: Opponent, how: Reading, only: str, metric: str = "time"
) -> Spread | None:
    """The geometric mean over all sparsities and networks."""
    means = []
    for seed in cast.seeds:
        each = [over_one(cast, done, who, how, only, s, seed, metric) for s in cast.study.sparsities]
        if None in each or not each:
            return None
        means.append(geometric_mean(each))
    return spread(means)


def over_one(
    cast: Cast, done: Done, who: Opponent, how: Reading, only: str, sparsity: int, seed: int, metric: str
) -> float | None:
    """The mean over the networks that could be run, with one seed's masks."""
    values = [
        gain(
            cast, done, cast.mine(m, sparsity, seed, only), cast.theirs(who, how, m, sparsity, seed, only), metric
        )
        for m in cast.study.models
    ]  # fmt: skip
    return geometric_mean([v for v in values if v]) if any(values) else None


def energy(
    cast: Cast,
    done: Done,
    who: Opponent,
    how: Reading,
    only: str,
    sparsity: int,
    metric: str,
    drawings: Callable[[Run, str], np.ndarray | None],
) -> Ratio | None:
    """The mean energy ratio at nominal prices, and between what it lies for nine of ten drawings of the prices, which
    are the same for both machines."""
    logs, nominal = [], []
    for model in cast.study.models:
        for seed in cast.seeds:
            mine = cast.mine(model, sparsity, seed, only)
            theirs = cast.theirs(who, how, model, sparsity, seed, only)
            if value := gain(cast, done, mine, theirs, metric):
                nominal.append(value)
                a, b = drawings(mine, metric), drawings(theirs, metric)
                logs.append(np.log(b) - np.log(a))
    return ratio(geometric_mean(nominal), np.exp(np.mean(logs, axis=0))) if nominal else None


class Drawings:
    """Energies of runs under drawn prices, each computed once."""

    def __init__(self, done: Done):
        self.done, self.kept = done, {}

    def __call__(self, run: Run, metric: str) -> np.ndarray:
        if (run, metric) not in self.kept:
            terms = self.done.terms[run]
            self.kept[run, metric] = energies(terms, terms["bounds"], PARTS[metric])
        return self.kept[run, metric]
