"""What a paper leaves open of its own machine: every combination of switches, beside the paper's ablations."""

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from accelsim.accelerators import machine as machine_named
from accelsim.core.errors import InputError
from accelsim.reproduce import ablation
from accelsim.reproduce.claims import EVERY, Ablation, Paper
from accelsim.reproduce.grid import FAR, Grid, far, few, percent
from accelsim.reproduce.paper import load
from accelsim.reproduce.report import STORE, Report, every, put
from accelsim.reproduce.runs import Done, Run, base, perform
from accelsim.sweep.campaign import Progress, executor
from accelsim.sweep.compare import geometric_mean
from accelsim.sweep.processes import Notice

SHOWN = 12  # of all combinations, the nearest


@dataclass(frozen=True)
class Claimed:
    """A figure of the paper's ablations. share: of moving operands, of 1 and said in percent; per_byte: operations."""

    name: str
    value: float
    share: bool = False
    per_byte: bool = False

    def said(self, found: float | None) -> str:
        return percent(found) if self.share else "-" if found is None else few(found)

    def moved(self, found: float | None, times: float) -> float | None:
        """What it were with so many times the bytes, in closed form; None where only a simulation can say it."""
        if found is None or not (self.share or self.per_byte):
            return None
        return times * found / (1 + (times - 1) * found) if self.share else found / times


@dataclass(frozen=True)
class Mode:
    """A combination: the choice of each switch, and the ablation with its settings."""

    choices: tuple[str, ...]
    study: Ablation


def modes(study: Ablation) -> list[Mode]:
    """Every combination of the switches' choices."""
    found = []
    for picked in itertools.product(*(switch.choices.items() for switch in study.search.switches)):
        more = [settings for _, settings in picked]
        variants = {
            name: tuple(itertools.chain(own, *(m.get(EVERY, ()) for m in more), *(m.get(name, ()) for m in more)))
            for name, own in study.variants.items()
        }
        found.append(Mode(tuple(name for name, _ in picked), replace(study, variants=variants)))
    return found


def runs(mode: Mode, sparsities: tuple[int, ...], seed: int) -> list[Run]:
    """All that its figures need: the variants with a claim, and those of the movement with free memory, too."""
    study, found = mode.study, []
    claimed = {v for step in claimed_steps(study) for v in (step.before, step.after)} | set(study.intensity)
    moved = study.movement.variants if study.movement else ()
    for model, sparsity in itertools.product(study.search.models, sparsities):
        found += [ablation.run_of(study, name, model, sparsity, seed) for name in study.variants if name in claimed]
        found += [ablation.run_of(study, name, model, sparsity, seed, True) for name in moved]
    return found


def claimed_steps(study: Ablation) -> list:
    return [step for step in study.steps if step.mean or step.at]


def claims(study: Ablation) -> list[Claimed]:
    """The paper's figures, in the order of `figures`."""
    found = []
    for step in claimed_steps(study):
        found += [Claimed(step.name, step.mean)] if step.mean else []
        found += [Claimed(f"{step.name} at {s} %", value) for s, value in step.at.items()]
    if study.movement:
        names = ("data movement", "with it")
        found += [Claimed(name, value, True) for name, value in zip(names, study.movement.found)]
    return found + [Claimed(f"MAC/byte, {name}", value, per_byte=True) for name, value in study.intensity.items()]


def figures(done: Done, mode: Mode, sparsities: tuple[int, ...], headline: int, seed: int) -> list[float | None]:
    """What is measured of each claim; None where a run was refused."""
    study, models, found = mode.study, mode.study.search.models, []

    def gain(step, sparsity: int) -> float | None:
        return geometric_mean([ablation.step_gain(done, study, step, m, sparsity, seed) for m in models])

    for step in claimed_steps(study):
        found += [geometric_mean([gain(step, s) for s in sparsities])] if step.mean else []
        found += [gain(step, s) for s in step.at]
    if study.movement:
        own = replace(study, movement=replace(study.movement, rates=(rate(study),)))
        shares = [ablation.shares(done, own, m, s, seed) for m, s in itertools.product(models, sparsities)]
        found += [None if None in column else sum(column) / len(column) for column in zip(*shares)]
    for variant in study.intensity:
        each = [done.get(ablation.run_of(study, variant, m, headline, seed), "ops_per_byte") for m in models]
        mean = geometric_mean(each)
        found.append(mean / 2 if mean else None)
    return found


def rate(study: Ablation) -> float:
    """Bytes a second that the memory of a combination has at most."""
    settings = [tuple(text.split("=", 1)) for text in study.variants[study.movement.variants[0]]]
    arch = base(study.machine).with_settings(settings)
    return machine_named(arch.machine).peak_bytes_per_s(arch)


def near(found: list[float | None], wanted: list[Claimed]) -> int:
    """How many figures are within `FAR` of the paper's."""
    return sum(f is not None and not far(f, c.value) for f, c in zip(found, wanted))


def distance(found: list[float | None], wanted: list[Claimed]) -> float:
    """Root mean square of the figures' logarithms from the paper's; infinite where one is missing."""
    if not all(found):
        return math.inf
    return math.sqrt(sum(math.log(f / c.value) ** 2 for f, c in zip(found, wanted)) / len(wanted))


def tables(done: Done, study: Ablation, sparsities: tuple[int, ...], headline: int, seed: int) -> tuple[Grid, Grid]:
    """(the nearest combinations and the paper, all of them)."""
    wanted, switches = claims(study), [s.name for s in study.search.switches]
    found = [(mode, figures(done, mode, sparsities, headline, seed)) for mode in modes(study)]
    found.sort(key=lambda one: (-near(one[1], wanted), distance(one[1], wanted)))
    columns = (*switches, *(c.name for c in wanted), f"within {100 * FAR:.0f} %")
    whole = Grid("paper mode: every combination", "paper_mode_all", columns)
    for mode, mine in found:
        cells = [c.said(f) for c, f in zip(wanted, mine)]
        whole.add(*mode.choices, *cells, f"{near(mine, wanted)} of {len(wanted)}")
    best = Grid("paper mode: the nearest combinations of what the paper leaves open", "paper_mode", columns)
    best.rows = whole.rows[:SHOWN]
    for name, bytes_ in study.search.computed.items():
        cells = [c.said(c.moved(f, bytes_)) for c, f in zip(wanted, found[0][1])]
        best.add(f"the first with {name}, computed", *[""] * (len(switches) - 1), *cells, "not simulated")
    best.add("the paper", *[""] * (len(switches) - 1), *(c.said(c.value) for c in wanted), "")
    best.notes += sentences(found, wanted) + wider(found, wanted, study.search.computed) + list(study.search.left_out)
    return best, whole


def wider(found: list[tuple[Mode, list]], wanted: list[Claimed], computed: Mapping[str, float]) -> list[str]:
    """What is computed of combinations that cannot be tried: how near each claim could be come."""
    said = []
    for name, bytes_ in computed.items():
        for n, claim in enumerate(wanted):
            values = [v for _, mine in found if (v := claim.moved(mine[n], bytes_)) is not None]
            if values:
                count = sum(not far(v, claim.value) for v in values) or "none"
                said.append(
                    f"{claim.name} with {name} (computed: {bytes_:g} times the bytes in as many cycles of work):"
                    f" {claim.said(min(values))} to {claim.said(max(values))}; {count} within {100 * FAR:.0f} %."
                )
    return said


def sentences(found: list[tuple[Mode, list]], wanted: list[Claimed]) -> list[str]:
    """How many were tried, how many agree in all, and how near each claim can be come."""
    whole = [mode for mode, mine in found if near(mine, wanted) == len(wanted)]
    limit = f"{100 * FAR:.0f} %"
    said = [
        f"{len(found)} combinations tried; {len(whole) or 'none'} within {limit} of all {len(wanted)} figures, "
        f"{sum(None in mine for _, mine in found) or 'none'} refused in part."
    ]
    shares = [n for n, claim in enumerate(wanted) if claim.share]
    if shares:
        both = sum(all(mine[n] and not far(mine[n], wanted[n].value) for n in shares) for _, mine in found)
        said.append(f"All shares of data movement at once: {both or 'none'} within {limit}.")
    for n, claim in enumerate(wanted):
        values = [mine[n] for _, mine in found if mine[n]]
        if values:
            count = sum(not far(v, claim.value) for v in values)
            said.append(
                f"{claim.name}: {claim.said(min(values))} to {claim.said(max(values))}, the paper"
                f" {claim.said(claim.value)}; {count or 'none'} within {limit}."
            )
    return said


def search(
    name: str | Paper,
    folder: str | Path,
    *,
    processes: int | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    notice: Notice = lambda _: None,
) -> Report:
    """Try every combination, and write the tables. Raises InputError for a paper without switches."""
    paper = name if isinstance(name, Paper) else load(name)
    study = paper.study
    if study is None or study.ablation is None or study.ablation.search is None:
        raise InputError(
            f"{paper.path}: the paper has no switches ('search' of its 'ablation'), so that it has no mode"
        )
    folder, seed, sparsities = Path(folder), 1, study.sparsities
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [run for mode in modes(study.ablation) for run in runs(mode, sparsities, seed)]
    title = f"paper mode of {paper.title}"
    done = perform(title, wanted, str(folder / STORE), executor(processes, notice=notice), progress)
    best, whole = tables(done, study.ablation, sparsities, study.headline, seed)
    files = [put(folder / f"{grid.slug}.csv", grid.csv()) for grid in (best, whole)]
    text = f"# {paper.title}: what the paper leaves open\n\n{paper.source}.\n\n{best.markdown()}\n"
    files += [put(folder / "figures.csv", every(done)), put(folder / "report.md", text)]
    return Report(paper, [best], files, done)
