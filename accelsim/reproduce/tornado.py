"""Which trait of the masks moves which ratio: synthetic masks with one trait changed at a time."""

from dataclasses import dataclass
from pathlib import Path

from accelsim.accelerators import machine
from accelsim.codesign import synthetic
from accelsim.codesign.synthetic import Traits
from accelsim.reproduce.grid import ONE_SEED, Grid, times
from accelsim.reproduce.ratios import Cast
from accelsim.reproduce.runs import Done, On, Run
from accelsim.workload import save

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

    def on(self, trait: str, end: int, sparsity: int, seed: int) -> On:
        return On(self.model, sparsity, seed, "attention", self.files[trait, end])


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


def variants(cast: Cast) -> list[tuple[str, str, tuple[str, ...]]]:
    """(opponent, configuration, settings) of the first reading of each opponent that is simulated."""
    found = {}
    for who, how in cast.contenders():
        if not machine(who.machine).analytic:
            more = how.at.get(cast.study.headline, ())
            found.setdefault(who.name, (who.name, who.terms[cast.terms], (*how.set, *more)))
    return list(found.values())


def runs(cast: Cast, made: Masks, seed: int) -> list[Run]:
    """All that the picture needs."""
    at = cast.study.headline
    places = [On(made.model, at, seed, "attention")] + [made.on(*key, at, seed) for key in made.files]
    return [
        Run(which, settings, on)
        for on in places
        for which, settings in [(cast.study.machine, ()), *(v[1:] for v in variants(cast))]
    ]


@dataclass(frozen=True)
class Swing:
    """A ratio at the low and the high end of a trait, and as it is; ends: in words."""

    over: str
    trait: str
    low: float
    middle: float
    high: float
    ends: tuple[str, str]

    @property
    def flips(self) -> bool:
        """Whether it changes who is faster."""
        return len({value > 1 for value in (self.low, self.middle, self.high)}) > 1


def swings(done: Done, cast: Cast, made: Masks, seed: int) -> list[Swing]:
    """How each trait moves each ratio, the widest first."""
    at, found = cast.study.headline, []
    for name, theirs_is, settings in variants(cast):
        for trait, (_, _, *ends) in TRAITS.items():
            places = [made.on(trait, 0, at, seed), On(made.model, at, seed, "attention"), made.on(trait, 1, at, seed)]
            values = []
            for on in places:
                mine = done.get(Run(cast.study.machine, (), on), "seconds")
                theirs = done.get(Run(theirs_is, settings, on), "seconds")
                values.append(theirs / mine if mine and theirs else None)
            if None not in values:
                found.append(Swing(name, trait, *values, tuple(ends)))
    return sorted(found, key=lambda s: (s.over, -max(s.low / s.high, s.high / s.low)))


def grid(found: list[Swing], title: str, model: str, sparsity: int) -> Grid:
    table = Grid(
        f"traits of the masks: times as fast {title}'s attention is, {model} at {sparsity} %", "traits",
        ("over", "trait", "low end", "", "as it is", "high end", "", "flips"), words=True,
    )  # fmt: skip
    for s in found:
        table.add(s.over, s.trait, s.ends[0], times(s.low), times(s.middle), s.ends[1], times(s.high), "yes" * s.flips)
    table.notes.append(ONE_SEED)
    return table
