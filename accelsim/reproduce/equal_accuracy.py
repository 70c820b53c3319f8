"""Machines at equal accuracy: each runs what its own algorithm left of one network, trained to the same recipe.

A study (`accelsim train-study`) says how accurate each method is at each strength, and which masks or tokens are left;
what the comparison needs of one lies beside this file, its workloads are shipped ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from accelsim.codesign.rivals import EVERY, FIRST_LAYER
from accelsim.codesign.study_workloads import Outcome, sanger_workloads
from accelsim.config.shipped import folder as shipped
from accelsim.core.errors import InputError
from accelsim.reproduce.claims import Accuracy, Opponent, Reading, Settings, Study
from accelsim.reproduce.runs import Done, On, Run
from accelsim.workload import load, save

SCOPES = ("attention", "all")
SPARSITY = 90  # in percent, of the comparison at equal sparsity
READINGS = {  # opponent -> reading: what it is called here, and its name at equal sparsity
    "dense": {
        name: (name, name)
        for name in (
            "output-stationary", "weight-stationary", "output-stationary, FLAT", "weight-stationary, FLAT"
        )
    },
    "Sanger": {name: (name, name) for name in ("column_tile, wavefront", "unit, global")},  # kindest, and published
    "SpAtten": {
        f"dense, {name}": (name, f"equal scores, {name}") for name in ("as the paper", "as the RTL")
    },
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A machine with what its algorithm left at one strength. kept: share of the scores, over all test images. works:
    files of the workloads that stand for it, whose cycles are averaged. series: whether it is on the line along which
    strengths are interpolated."""

    machine: str
    reading: str
    strength: str
    accuracy: float
    kept: float
    configuration: str
    settings: Settings
    works: tuple[Path, ...]
    series: bool = True

    def runs(self, only: str) -> list[Run]:
        return [
            Run(self.configuration, self.settings, On(work.stem, 0, image, only, str(work)))
            for image, work in enumerate(self.works)
        ]

    def cycles(self, done: Done, only: str) -> float | None:
        """The mean over its workloads; None where one was refused."""
        found = [done.get(run, "cycles") for run in self.runs(only)]
        return None if None in found else sum(found) / len(found)


@dataclass(frozen=True)
class Part:
    """The comparison: cases at every strength, and those at equal sparsity."""

    outcome: Outcome
    cases: list[Case]
    equal_sparsity: list[Case]

    @property
    def runs(self) -> list[Run]:
        return [run for case in (*self.cases, *self.equal_sparsity) for only in SCOPES for run in case.runs(only)]


def part(study: Study, terms: str, asked: Accuracy, folder: Path) -> Part:
    """What a paper's file asks for, with the study that lies beside this file."""
    outcome = Outcome(Path(__file__).parent / asked.study)
    return compared(study, terms, outcome, str(shipped("workloads") / asked.masks), folder)


def compared(study: Study, terms: str, outcome: Outcome, masks: str, folder: Path) -> Part:
    """The same of any study; masks: what the names of its workloads begin with, their folder included."""
    found = cases(study, terms, outcome, masks, folder)
    return Part(outcome, found, equal_sparsity(study, terms, found))


def cases(study: Study, terms: str, outcome: Outcome, masks: str, folder: Path) -> list[Case]:
    """All strengths of all methods, each method's from the weakest on. Workloads of single images are written into the
    folder. Raises InputError where no network of the study was pruned."""
    opponents = {who.name: who for who in study.opponents if terms in who.terms}
    pruned = {name: Path(f"{masks}_s{100 * float(name):g}.yaml") for name in outcome.known["sparsities"]}
    if not pruned:
        raise InputError(f"{outcome.folder}: no network of the study was pruned; let `accelsim train-study` go on.")
    ours = [
        Case(
            "ViTCoD", "", f"{100 * float(name):g} % pruned", found["accuracy"], 1 - found["pruned"], study.machine, (),
            (pruned[name],),
        )
        for name, found in outcome.known["sparsities"].items()
    ]  # fmt: skip
    some = pruned.get(f"{SPARSITY / 100:g}", next(iter(pruned.values())))
    made = ours + [
        Case(
            "dense", READINGS["dense"][how.name][0], "", outcome.control, 1.0, who.terms[terms], how.set, (some,), False
        )
        for who, how in contenders(opponents, "dense")
    ]
    folder.mkdir(parents=True, exist_ok=True)
    network = replace(load(some), name=Path(masks).name)
    for one in outcome.known["rivals"]:
        sanger = one["method"] == "sanger"
        if sanger:
            if "Sanger" not in opponents:
                continue
            strength, settings, series = f"threshold {one['threshold']:g}", (), True
            works = tuple(
                save(work, folder / f"{work.name}.yaml")
                for work in sanger_workloads(outcome, one["threshold"], network)
            )
        else:
            strength, settings, works = f"keeps {one['keep'] / 10:g} %", pruning(one), (some,)
            series = one["keep_heads"] == 1000
            strength += "" if series else f", {one['keep_heads'] / 10:g} % of heads"
        for who, how in contenders(opponents, "Sanger" if sanger else "SpAtten"):
            made.append(Case(
                who.name, READINGS[who.name][how.name][0], strength, one["accuracy"], one["kept"], who.terms[terms],
                (*how.set, *settings), works, series,
            ))  # fmt: skip
    order = list(dict.fromkeys((case.machine, case.reading) for case in made))
    return sorted(made, key=lambda c: (order.index((c.machine, c.reading)), not c.series, -c.kept))


def pruning(one: dict) -> Settings:
    """The machine's settings that prune as the study's SpAtten did."""
    return (
        "prune=stages", f"keep={one['keep']}", f"keep_heads={one['keep_heads']}", f"first_layer={FIRST_LAYER}",
        f"every={EVERY}",
    )  # fmt: skip


def contenders(opponents: dict[str, Opponent], name: str) -> list[tuple[Opponent, Reading]]:
    """An opponent in each of its readings that are compared; none where it is not among them."""
    who = opponents.get(name)
    return [(who, how) for wanted in READINGS[name] for how in who.readings if how.name == wanted] if who else []


def equal_sparsity(study: Study, terms: str, all_cases: Sequence[Case]) -> list[Case]:
    """Every machine on ViTCoD's own masks, as comparisons usually are: Sanger's are borrowed, SpAtten drops tokens from
    the first layer on until as many scores are left."""
    ours = next((c for c in all_cases if c.machine == "ViTCoD" and c.strength == f"{SPARSITY} % pruned"), None)
    if ours is None:
        return []
    opponents = {who.name: who for who in study.opponents if terms in who.terms}
    made = [ours, *(c for c in all_cases if c.machine == "dense")]
    for name in ("Sanger", "SpAtten"):
        for who, how in contenders(opponents, name):
            how = next(r for r in who.readings if r.name == READINGS[name][how.name][1])
            settings = (*how.set, *how.at.get(SPARSITY, ()))
            made.append(Case(name, how.name, "", 0.0, 0.0, who.terms[terms], settings, ours.works))
    return made
