"""Which trait of the masks moves which ratio: synthetic masks with one trait changed at a time."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

from accelsim.accelerators import machine
from accelsim.codesign import synthetic
from accelsim.codesign.synthetic import Traits
from accelsim.reproduce.claims import Opponent, Reading
from accelsim.reproduce.grid import LAYERS, ONE_SEED, Grid, times
from accelsim.reproduce.ratios import Cast, gain, over_networks
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
    """The files of changed masks: (trait, end) -> workload."""

    model: str
    files: dict[tuple[str, int], str]

    def on(self, trait: str, end: int, sparsity: int, seed: int, only: str) -> On:
        return On(self.model, sparsity, seed, only, self.files[trait, end])


def masks(model: str, sparsity: int, seed: int, folder: Path) -> Masks:
    """Write the workloads; what a folder holds of an earlier run is made again, with the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for number, (trait, (low, high, *_)) in enumerate(TRAITS.items()):
        for end, changed in enumerate((low, high)):
            path = folder / f"{model}_s{sparsity}_m{seed}_t{number}{'lh'[end]}.yaml"
            if not path.is_file():
                save(synthetic.synthesize(model, sparsity / 100, seed, Traits(**changed)), path)
            files[trait, end] = str(path)
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


def runs(cast: Cast, made: Masks, some: list[Rival], seed: int) -> list[Run]:
    """All that the picture needs."""
    found = [pair(cast, made, one, *key, seed) for one in some for key in [*made.files, ("", None)]]
    return [run for both in found for run in both if run]


@dataclass(frozen=True)
class Swing:
    """A ratio at the low and the high end of a trait, and as it is, on layers of a kind; ends: in words."""

    only: str
    over: str
    trait: str
    low: float
    middle: float
    high: float
    ends: tuple[str, str]

    @property
    def flips(self) -> bool:
        """Whether it changes who is faster."""
        return len({value > 1 for value in self.values}) > 1

    @property
    def values(self) -> tuple[float, float, float]:
        return self.low, self.middle, self.high

    @property
    def said(self) -> tuple[str, str, str]:
        """The values with as many digits as it takes to tell them apart."""
        close = max(self.values) < CLOSE * min(self.values)
        return tuple(f"{value:.3f}x" if close else times(value) for value in self.values)


def swings(done: Done, cast: Cast, made: Masks, some: list[Rival], seed: int) -> list[Swing]:
    """How each trait moves each ratio, the widest first."""
    found = []
    for one in some:
        rows = []
        for trait, (_, _, *ends) in TRAITS.items():
            pairs = [pair(cast, made, one, trait, end, seed) for end in (0, None, 1)]
            values = [gain(cast, done, *both) for both in pairs]
            if None not in values:
                rows.append(Swing(one.only, f"{one.who.name}, {one.how.name}", trait, *values, tuple(ends)))
        found += sorted(rows, key=lambda s: -max(s.low / s.high, s.high / s.low))
    return found


def grid(found: list[Swing], title: str, model: str, sparsity: int) -> Grid:
    table = Grid(
        f"traits of the masks: times as fast {title} is, {model} at {sparsity} %, by the reading of each opponent that"
        " is nearest to it", "traits",
        ("layers", "over", "trait", "low end", "", "as it is", "high end", "", "flips"), words=True,
    )  # fmt: skip
    for s in found:
        table.add(
            LAYERS[s.only], s.over, s.trait, s.ends[0], *s.said[:2], s.ends[1], s.said[2], "yes" * s.flips
        )  # fmt: skip
    flips = [f"{s.trait} ({LAYERS[s.only]}, over {s.over})" for s in found if s.flips]
    table.notes.append(f"Who is faster flips with: {'; '.join(flips)}." if flips else "No trait flips who is faster.")
    table.notes.append(ONE_SEED)
    return table
