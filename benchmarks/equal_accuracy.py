"""Machines at equal accuracy: each runs what its own algorithm left of one network, trained to the same recipe.

    python -m benchmarks.equal_accuracy --study DIR --masks PREFIX [--equal macs] [--lost 1] [--store DIR] [--dry]

DIR is what `accelsim train-study` wrote, or what `accelsim study-workloads --outcome` left of it; PREFIX_s90.yaml and
siblings are the workloads that the latter command wrote. Prints the tables, puts them between the markers of
docs/paper.md where it has them (not with --dry), and writes them into the store's folder as CSV. What is simulated is
kept there (build/equal_accuracy).
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from accelsim.codesign.rivals import EVERY, FIRST_LAYER
from accelsim.codesign.study_workloads import Outcome, sanger_workloads
from accelsim.core.errors import InputError
from accelsim.reproduce.claims import Opponent, Reading, Settings
from accelsim.reproduce.grid import Grid, times
from accelsim.reproduce.paper import load as paper
from accelsim.reproduce.runs import Done, On, Run, perform
from accelsim.sweep.campaign import Execute, executor
from accelsim.workload import load, save
from benchmarks.paper import PAGE, ROOT, between

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


def cases(outcome: Outcome, masks: str, terms: str, folder: Path) -> list[Case]:
    """All strengths of all methods, each method's from the weakest on. Workloads that are not there yet are written
    into the folder."""
    study = paper("vitcod").study
    opponents = {who.name: who for who in study.opponents}
    shipped = {name: Path(f"{masks}_s{100 * float(name):g}.yaml") for name in outcome.known["sparsities"]}
    if not shipped:
        raise InputError(f"{outcome.folder}: no network of the study was pruned; let `accelsim train-study` go on.")
    ours = [
        Case(
            "ViTCoD", "", f"{100 * float(name):g} % pruned", found["accuracy"], 1 - found["pruned"], study.machine, (),
            (shipped[name],),
        )
        for name, found in outcome.known["sparsities"].items()
    ]  # fmt: skip
    some = shipped.get(f"{SPARSITY / 100:g}", next(iter(shipped.values())))
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
    """An opponent in each of its readings that are compared."""
    who = opponents[name]
    return [(who, how) for wanted in READINGS[name] for how in who.readings if how.name == wanted]


def equal_sparsity(all_cases: Sequence[Case], terms: str) -> list[Case]:
    """Every machine on ViTCoD's own masks, as comparisons usually are: Sanger's are borrowed, SpAtten drops tokens from
    the first layer on until as many scores are left."""
    ours = next((c for c in all_cases if c.machine == "ViTCoD" and c.strength == f"{SPARSITY} % pruned"), None)
    if ours is None:
        return []
    opponents = {who.name: who for who in paper("vitcod").study.opponents}
    made = [ours, *(c for c in all_cases if c.machine == "dense")]
    for name in ("Sanger", "SpAtten"):
        for who, how in contenders(opponents, name):
            how = next(r for r in who.readings if r.name == READINGS[name][how.name][1])
            settings = (*how.set, *how.at.get(SPARSITY, ()))
            made.append(Case(name, how.name, "", 0.0, 0.0, who.terms[terms], settings, ours.works))
    return made


def strengths(found: Sequence[Case], done: Done, control: float) -> Grid:
    """Every case."""
    grid = Grid(
        "accuracy and cycles of every method and strength", "equal_accuracy",
        ("machine", "reading", "strength", "accuracy", "points lost", "scores kept", "attention", "end to end"),
    )  # fmt: skip
    for case in found:
        grid.add(
            case.machine, case.reading, case.strength, percents(case.accuracy), f"{lost(case, control):.2f}",
            percents(case.kept), *(counted(case.cycles(done, only)) for only in SCOPES),
        )  # fmt: skip
    return grid


def lost(case: Case, control: float) -> float:
    """Points of accuracy that a case is below the control."""
    return 100 * (control - case.accuracy)


def at_loss(points: Sequence[tuple[float, float]], target: float) -> float | None:
    """The value where so many points are lost, between the first two strengths that enclose it; points: (lost, value)
    from the weakest strength on. None where no two do."""
    for (before, first), (after, second) in pairwise(points):
        if min(before, after) <= target <= max(before, after):  # Sanger keeps more at thresholds that empty whole rows
            share = (target - before) / (after - before) if after != before else 0.0
            return first + share * (second - first)
    return None


def at_equal_accuracy(found: Sequence[Case], done: Done, control: float, target: float) -> Grid:
    """Cycles of each machine where its method loses `target` points."""
    grid = Grid(
        f"at {target:g} points lost", "equal_accuracy_at",
        ("machine", "reading", "scores kept", "attention", "end to end", "ViTCoD is as fast, attention", "end to end"),
    )  # fmt: skip
    ours: list[float | None] = [None, None]
    for name, how in dict.fromkeys((c.machine, c.reading) for c in found):
        line = [c for c in found if (c.machine, c.reading) == (name, how)]
        if name == "dense":
            values = [c.cycles(done, only) for c in line for only in SCOPES]
            kept = "100.0 %, nothing lost"
        else:
            line = [c for c in line if c.series]
            losses = [lost(c, control) for c in line]
            share = at_loss(list(zip(losses, (c.kept for c in line))), target)
            if share is None:
                least, most = min(losses), max(losses)
                said = f"{most:.2f} at most" if most < target else f"{least:.2f} at least"
                grid.add(name, how, f"not reached: {said}", "-", "-", "-", "-")
                continue
            kept = percents(share)
            values = [along(line, losses, done, only, target) for only in SCOPES]
        if name == "ViTCoD":
            ours = values
        ratios = [times(v / mine) if v and mine else "-" for v, mine in zip(values, ours)]
        grid.add(name, how, kept, *map(counted, values), *ratios)
    grid.notes.append(
        f"Linear interpolation in the points lost, between the first two strengths that enclose {target:g}; SpAtten's "
        "along tokens, all heads kept. Not reached: no strength loses as much, or the weakest loses more."
    )
    return grid


def along(line: Sequence[Case], losses: Sequence[float], done: Done, only: str, target: float) -> float | None:
    """Cycles of a method where it loses so much; None where a run was refused."""
    values = [c.cycles(done, only) for c in line]
    return None if None in values else at_loss(list(zip(losses, values)), target)


def at_equal_sparsity(found: Sequence[Case], done: Done) -> Grid:
    """Cycles of each machine on ViTCoD's masks."""
    grid = Grid(
        f"at equal sparsity, {SPARSITY} %", "equal_sparsity",
        ("machine", "reading", "attention", "end to end", "ViTCoD is as fast, attention", "end to end"),
    )  # fmt: skip
    ours = [found[0].cycles(done, only) for only in SCOPES]
    for case in found:
        values = [case.cycles(done, only) for only in SCOPES]
        ratios = [times(v / mine) if v and mine else "-" for v, mine in zip(values, ours)]
        grid.add(case.machine, case.reading, *map(counted, values), *ratios)
    return grid


def percents(share: float) -> str:
    return f"{100 * share:.2f} %"


def counted(cycles: float | None) -> str:
    return "-" if cycles is None else f"{cycles:,.0f}"


def compare(
    outcome: Outcome,
    masks: str,
    folder: Path,
    terms: str,
    target: float,
    execute: Execute,
    progress: Callable = lambda _: None,
) -> list[Grid]:
    """All tables, and a CSV of each in the folder."""
    found = cases(outcome, masks, terms, folder / "workloads")
    also = equal_sparsity(found, terms)
    runs = [run for case in (*found, *also) for only in SCOPES for run in case.runs(only)]
    done = perform("equal accuracy", runs, str(folder / "runs.sqlite"), execute, progress)
    grids = [
        strengths(found, done, outcome.control),
        at_equal_accuracy(found, done, outcome.control, target),
        *([at_equal_sparsity(also, done)] if also else []),
    ]
    images = {len(c.works) for c in found if c.machine == "Sanger"}
    if images:
        grids[0].notes.append(
            f"Control: {percents(outcome.control)}. Sanger's cycles are the mean of {max(images)} test images, whose "
            f"masks keep {shares(found)}."
        )
    grids[0].notes += [f"Refused: {run.machine}, {run.on.model}: {why}" for run, why in done.refused.items()]
    for grid in grids:
        (folder / f"{grid.slug}.csv").write_text(grid.csv(), encoding="utf-8")
    return grids


def shares(found: Sequence[Case]) -> str:
    """Scores that the simulated images' masks keep, strength by strength."""
    kept = {c.strength: [1 - load(work).sparsity for work in c.works] for c in found if c.machine == "Sanger"}
    return ", ".join(f"{percents(sum(each) / len(each))} ({strength})" for strength, each in kept.items())


def main() -> None:
    """Simulate, print, and write."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--study", type=Path, required=True)
    asked.add_argument("--masks", required=True)
    asked.add_argument("--equal", default="macs", choices=("macs", "peak"))
    asked.add_argument("--lost", type=float, default=1.0)
    asked.add_argument("--store", type=Path, default=ROOT / "build" / "equal_accuracy")
    asked.add_argument("--dry", action="store_true")
    asked.add_argument("-j", "--processes", type=int)
    given = asked.parse_args()
    execute = executor(given.processes)
    grids = compare(Outcome(given.study), given.masks, given.store, given.equal, given.lost, execute)
    page = PAGE.read_text(encoding="utf-8")
    for grid in grids:
        print(f"\n{grid.title}:\n\n{grid.markdown()}")
        page = between(page, grid.slug, grid.markdown())
    if not given.dry:
        PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
