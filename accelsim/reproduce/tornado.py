"""Which trait of the masks moves which ratio: synthetic masks with one trait changed at a time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from accelsim.accelerators import machine
from accelsim.codesign import synthetic
from accelsim.codesign.synthetic import Traits
from accelsim.reproduce.claims import Opponent, Reading
from accelsim.reproduce.grid import LAYERS, Grid, few, over_masks, said
from accelsim.reproduce.ratios import Cast, Spread, gain, over_networks, spread
from accelsim.reproduce.runs import Done, On, Run
from accelsim.workload import save

CLOSE = 1.02  # from the least to the most of a swing: more digits are said
TRAITS = {
    "locality: width of neighbourhoods": ({"radius": 0.31}, {"radius": 1.24}, "half", "twice"),
    "spread of widths between heads": ({"radius_spread": 0.0}, {"radius_spread": 1.24}, "none", "twice"),
    "global share: heads with global tokens": (
        {"global_heads": (0.0, 0.0)}, {"global_heads": (0.6, 0.6)}, "none", "60 % of all",
    ),
    "global tokens of such a head": (
        {"global_tokens": (3.0, 6.0)}, {"global_tokens": (60.0, 120.0)}, "3 to 6", "60 to 120",
    ),
    "diffuse attention": ({"diffuse": (0.005, 0.005)}, {"diffuse": (0.75, 0.75)}, "0.5 %", "75 %"),
    "noise of scores": ({"noise": 0.0}, {"noise": 1.1}, "none", "twice"),
}  # fmt: skip


@dataclass(frozen=True)
class Masks:
    """The files of changed masks: (trait, end, seed) -> workload."""

    model: str
    files: dict[tuple[str, int, int], str]

    def on(self, trait: str, end: int, sparsity: int, seed: int, only: str) -> On:
        return On(self.model, sparsity, seed, only, self.files[trait, end, seed])


def masks(model: str, sparsity: int, seeds: Sequence[int], folder: Path) -> Masks:
    """Write the workloads, unless a folder holds them of an earlier run."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for (number, (trait, ends)), end, seed in product(enumerate(TRAITS.items()), (0, 1), seeds):
        path = folder / f"{model}_s{sparsity}_m{seed}_t{number}{'lh'[end]}.yaml"
        if not path.is_file():
            save(synthetic.synthesize(model, sparsity / 100, seed, Traits(**ends[end])), path)
        files[trait, end, seed] = str(path)
    return Masks(model, files)


@dataclass(frozen=True)
class Rival:
    """A reading of an opponent that is the nearest to the machine's own time, on layers of a kind."""

    only: str
    who: Opponent
    how: Reading


def rivals(cast: Cast, done: Done) -> list[Rival]:
    """Of each opponent that is simulated the reading whose mean over networks is nearest to 1, where a ranking may flip
    if anywhere: of whole networks, and of attention."""
    found = []
    for only in ("all", "attention"):
        near: dict[str, tuple[float, Rival]] = {}
        for who, how in cast.contenders():
            mean = over_networks(cast, done, who, how, only, cast.study.headline)[1]
            if mean and not machine(who.machine).analytic:
                one = abs(math.log(mean.mean)), Rival(only, who, how)
                near[who.name] = min(near.get(who.name, one), one, key=lambda pair: pair[0])
        found += [rival for _, rival in near.values()]
    return found


def pair(cast: Cast, made: Masks, rival: Rival, trait: str, end: int | None, seed: int) -> tuple[Run, Run | None]:
    """(the machine, the rival) on masks with a trait at one end, or as they are. What ignores masks runs on these."""
    at = cast.study.headline, seed, rival.only
    mine, theirs = cast.mine(made.model, *at), cast.theirs(rival.who, rival.how, made.model, *at)
    if end is None:
        return mine, theirs
    place = made.on(trait, end, *at)
    return replace(mine, on=place), replace(theirs, on=place) if theirs and rival.how.masks else theirs


def runs(cast: Cast, made: Masks, some: list[Rival]) -> list[Run]:
    """All that the picture needs."""
    keys = [*made.files, *(("", None, seed) for seed in cast.seeds)]
    found = [pair(cast, made, one, *key) for one in some for key in keys]
    return [run for both in found for run in both if run]


@dataclass(frozen=True)
class Swing:
    """A ratio at the low and the high end of a trait, and as it is, on layers of a kind; moved: the high end's over the
    low end's, on masks of the same seed; ends: in words."""

    only: str
    over: str
    trait: str
    low: Spread
    middle: Spread
    high: Spread
    moved: Spread
    ends: tuple[str, str]

    @property
    def flips(self) -> bool:
        """Whether it changes who is faster, on average."""
        return len({value.mean > 1 for value in self.values}) > 1

    @property
    def values(self) -> tuple[Spread, Spread, Spread]:
        return self.low, self.middle, self.high

    def said(self, interval: bool = True) -> tuple[str, str, str]:
        """The values with as many digits as it takes to tell them apart."""
        means = [value.mean for value in self.values]
        digits = "{:.3f}".format if max(means) < CLOSE * min(means) else few
        return tuple(said(value if interval else Spread(value.mean), digits) for value in self.values)


def swings(done: Done, cast: Cast, made: Masks, some: list[Rival]) -> list[Swing]:
    """How each trait moves each ratio, the widest first."""
    found = []
    for one in some:
        rows = []
        for trait, (_, _, *ends) in TRAITS.items():
            gains = {
                (end, seed): gain(cast, done, *pair(cast, made, one, trait, end, seed))
                for end, seed in product((0, None, 1), cast.seeds)
            }
            if None not in gains.values():
                values = [spread([gains[end, seed] for seed in cast.seeds]) for end in (0, None, 1)]
                moved = spread([gains[1, seed] / gains[0, seed] for seed in cast.seeds])
                rows.append(Swing(one.only, f"{one.who.name}, {one.how.name}", trait, *values, moved, tuple(ends)))
        found += sorted(rows, key=lambda s: -abs(math.log(s.moved.mean)))
    return found


def grid(found: list[Swing], title: str, model: str, sparsity: int, seeds: Sequence[int]) -> Grid:
    table = Grid(
        f"traits of the masks: times as fast {title} is, {model} at {sparsity} %, by the reading of each opponent that"
        " is nearest to it", "traits",
        ("layers", "over", "trait", "low end", "", "as it is", "high end", "", "high over low", "flips"), words=True,
    )  # fmt: skip
    for s in found:
        low, middle, high = s.said()
        moved = said(s.moved, "{:.3f}".format)
        table.add(LAYERS[s.only], s.over, s.trait, s.ends[0], low, middle, s.ends[1], high, moved, "yes" * s.flips)
    flips = [f"{s.trait} ({LAYERS[s.only]}, over {s.over})" for s in found if s.flips]
    table.notes.append(f"Who is faster flips with: {'; '.join(flips)}." if flips else "No trait flips who is faster.")
    table.notes.append(over_masks(seeds))
    return table
