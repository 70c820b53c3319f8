"""Equal effort: every machine as it is on equal area, and as the best of equally many designs of the same search, none
of them larger than the machine whose paper it is.

What may be set of a machine, and to what, is data in its `paper.yaml` (`space`). Of the designs half are drawn at
random, the others from the best ones so far, one or two of whose values change. The same seed gives the same designs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from zlib import crc32

import numpy as np

from accelsim.core.errors import InputError
from accelsim.energy import EnergyTable
from accelsim.reproduce.claims import Effort, Freedom, Seeker, Settings, Study
from accelsim.reproduce.grid import Grid, over_masks, said, times
from accelsim.reproduce.paper import load
from accelsim.reproduce.ratios import Spread, spread
from accelsim.reproduce.runs import Done, On, Run, base
from accelsim.sweep.compare import geometric_mean
from accelsim.sweep.design import Base, parameters
from accelsim.sweep.goal import area_mm2, table_of

ROUNDS = 5  # in which the second half of the designs is drawn
BEST = 8  # designs so far of which others are made
DRAWS = 200  # for one design that is small enough, at most
SCOPES = {"all": "end to end", "attention": "attention layers"}
Do = Callable[[list[Run]], Done]


@dataclass
class Search:
    """One machine's designs, for whole networks or attention. most_mm2: what none may be larger than; tried: in order,
    with the seconds that each takes on the study's network, None where it was refused."""

    seeker: Seeker
    on: On
    most_mm2: float
    tried: dict[Settings, float | None] = field(default_factory=dict)

    @cached_property
    def base(self) -> Base:
        return base(self.seeker.machine)

    @cached_property
    def space(self) -> tuple[Freedom, ...]:
        """What may be set. Raises InputError for a machine that does not say it."""
        paper = load(self.base.arch.machine)
        if not paper.space:
            raise InputError(f"{paper.path}: {self.seeker.name} is to be searched, but no 'space' says what may be set")
        return paper.space

    @cached_property
    def prices(self) -> EnergyTable:
        """Which no design changes."""
        return table_of(self.base.arch)

    @cached_property
    def rng(self) -> np.random.Generator:
        named = f"{self.seeker.name} {self.seeker.reading} {self.on.only}"
        return np.random.default_rng([self.on.seed, crc32(named.encode())])

    def run(self, design: Settings, model: str = "", seed: int = 0) -> Run:
        """A design on the study's network, or on another with masks of a seed."""
        on = On(model, self.on.sparsity, seed, self.on.only) if model else self.on
        return Run(self.seeker.machine, (*self.seeker.set, *design), on)

    def area(self, design: Settings) -> float | None:
        """Of a design, in mm2; None where its values do not go together."""
        try:
            settings = [tuple(text.split("=", 1)) for text in (*self.seeker.set, *design)]
            return area_mm2(self.base.with_settings(settings), self.prices)
        except InputError:
            return None

    def ask(self, count: int) -> list[Settings]:
        """So many designs that are small enough and were not asked for yet, fewer where none are found."""
        best = self.best(BEST)
        found: list[Settings] = []
        for _ in range(DRAWS * count):
            if len(found) == count:
                break
            design = self.near(best[self.rng.integers(len(best))]) if best else self.any()
            if design not in self.tried and design not in found:
                area = self.area(design)
                if area is not None and area <= self.most_mm2:
                    found.append(design)
        return found

    def any(self) -> Settings:
        return made(self.space, [int(self.rng.integers(len(free.values))) for free in self.space])

    def near(self, design: Settings) -> Settings:
        """One or two of its values changed; what it leaves as the machine has it may be set, too."""
        held = dict(text.split("=", 1) for text in design)
        changed = self.rng.choice(
            len(self.space), size=min(int(self.rng.integers(1, 3)), len(self.space)), replace=False
        )
        for place in map(int, changed):
            free = self.space[place]
            value = free.values[int(self.rng.integers(len(free.values)))]
            held |= dict.fromkeys(free.names, value)
        return tuple(f"{name}={held[name]}" for free in self.space for name in free.names if name in held)

    def best(self, count: int = 1) -> list[Settings]:
        """The fastest so far; of equal ones the first."""
        found = [design for design, seconds in self.tried.items() if seconds is not None]
        return sorted(found, key=lambda design: self.tried[design])[:count]

    def said(self, design: Settings) -> str:
        """Where a design differs from the machine as it is given."""
        pairs = [tuple(text.split("=", 1)) for text in (*self.seeker.set, *design)]
        plain, now = (parameters(self.base.with_settings(given)) for given in (pairs[: len(self.seeker.set)], pairs))
        return ", ".join(f"{name}={value}" for name, value in now.items() if value != plain[name])


def made(space: tuple[Freedom, ...], places: list[int]) -> Settings:
    """The design that takes of each freedom the value at a place."""
    return tuple(f"{name}={free.values[place]}" for free, place in zip(space, places) for name in free.names)


def search(study: Study, effort: Effort, points: int, seed: int, do: Do) -> list[Search]:
    """Every machine's search, for whole networks and for attention, round by round; `do` simulates."""
    most = area_mm2(base(study.machine).arch)
    searches = [
        Search(seeker, On(effort.model, study.headline, seed, only), most)
        for only in SCOPES
        for seeker in effort.seekers
    ]
    first = points - ROUNDS * (points // (2 * ROUNDS))
    for number in range(ROUNDS + 1):
        asked = {}
        for place, one in enumerate(searches):
            designs = [()] if number == 0 and (one.area(()) or 0) <= most else []
            count = (first if number == 0 else points // (2 * ROUNDS)) - len(designs)
            asked[place] = designs + one.ask(count)
        done = do([searches[place].run(design) for place, designs in asked.items() for design in designs])
        for place, designs in asked.items():
            one = searches[place]
            one.tried |= {design: done.get(one.run(design), "seconds") for design in designs}
    return searches


def runs(study: Study, searches: list[Search], seeds: Sequence[int]) -> list[Run]:
    """Each machine as it is given and at its best, on all networks."""
    designs = [(one, design) for one in searches for design in ((), *one.best())]
    return [one.run(design, m, seed) for one, design in designs for m in study.models for seed in seeds]


def grid(
    done: Done, study: Study, effort: Effort, searches: list[Search], points: int, title: str, seeds: Sequence[int]
) -> Grid:
    """How many times as fast the study's machine is: both on equal area, and both at their best."""
    table = Grid(
        f"equal effort: times as fast {title} is at {study.headline} %, each machine as it is on equal area and as the"
        f" best of {points} designs on no more area", "effort",
        ("layers", "machine", "equal area", "both at their best", "its own gain", "area", "its best"), words=True,
    )  # fmt: skip
    flips = []
    for only, words in SCOPES.items():
        mine, *others = (one for one in searches if one.on.only == only)
        for one in (mine, *others):
            name = f"{one.seeker.name}, {one.seeker.reading}" if one.seeker.reading else one.seeker.name
            if not one.best():
                table.add(words, name, *["-"] * 5)
                continue
            (best,) = one.best()
            (least,) = mine.best() or [()]
            before, after, own = (
                gain(done, study, *both, seeds)
                for both in ((mine, (), one, ()), (mine, least, one, best), (one, best, one, ()))
            )
            if before and after and (before.mean > 1) != (after.mean > 1) and one is not mine:
                flips.append(f"{name}, {words}, from {times(before.mean)} to {times(after.mean)}")
            table.add(
                words, name, said(before), said(after), said(own), f"{one.area(best):.2f} mm2",
                one.said(best) or "as on equal area",
            )  # fmt: skip
    refused = sum(seconds is None for one in searches for seconds in one.tried.values())
    fewest = min(len(one.tried) for one in searches)
    table.notes += [
        "Every search starts from the machine on equal area (`--equal area`), so that the first ratio is not that of"
        " tables on other terms.",
        f"Who is faster flips with the search: {'; '.join(flips)}." if flips else "No search flips who is faster.",
        f"Searched on {effort.model} with the first masks, by its time, within the area of {title} as"
        f" shipped; ratios are geometric means of the networks that both can run. {refused} of"
        f" {sum(len(one.tried) for one in searches):,} designs were refused when they were to run, and"
        f" count; the fewest tried of a machine are {fewest}.",
        *([effort.note] if effort.note else []),
        over_masks(seeds),
    ]
    return table


def gain(
    done: Done, study: Study, one: Search, design: Settings, other: Search, beside: Settings, seeds: Sequence[int]
) -> Spread | None:
    """How many times as long the other machine's design takes: of the networks that both can run, over masks."""
    found: dict[str, list[float]] = {}
    for model in study.models:
        pairs = [(one.run(design, model, seed), other.run(beside, model, seed)) for seed in seeds]
        took = [(done.get(a, "seconds"), done.get(b, "seconds")) for a, b in pairs]
        if all(a and b for a, b in took):
            found[model] = [b / a for a, b in took]
    return spread([geometric_mean(each) for each in zip(*found.values())]) if found else None
