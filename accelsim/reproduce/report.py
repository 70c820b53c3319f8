"""One reproduction from beginning to end: simulate what is missing, and write tables, pictures and the report."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from accelsim import __version__
from accelsim.core.errors import InputError, suggest
from accelsim.core.files import write
from accelsim.reproduce import (
    ablation,
    accuracy_tables,
    claim_table,
    crossover,
    effort,
    equal_accuracy,
    frozen,
    pictures,
    tables,
    tornado,
    waterfall,
)
from accelsim.reproduce.claims import TERMS, Paper
from accelsim.reproduce.grid import Grid
from accelsim.reproduce.paper import load
from accelsim.reproduce.ratios import Cast, Drawings, over_networks
from accelsim.reproduce.runs import Done, Run, perform
from accelsim.sweep.campaign import Progress, executor
from accelsim.sweep.processes import Notice

STORE = "runs.sqlite"
FIGURES = (
    "cycles", "seconds", "energy_pj", "energy_low_pj", "energy_high_pj", "chip_energy_pj", "dram_energy_pj", "area_mm2",
    "multipliers", "operand_bits", "dram_read_bytes", "dram_write_bytes", "macs", "ops_per_byte",
)  # fmt: skip
ONE_MASK = (
    "ONE mask of each network: no figure has an interval over masks, and a difference of some percent means nothing."
    " `--seeds 8` gives intervals."
)
CAPTIONS = {
    "speedups": "Speed-ups over every reading, end to end and of attention layers; diamonds: the paper.",
    "waterfall": "From as published to equal terms, one setting after the other.",
    "tornado": "Traits of the masks, and which ratio they move.",
    "crossover": "A block over its tokens and over its MLP, end to end.",
}


@dataclass(frozen=True)
class Report:
    """What was found. grids: the tables in their order; files: everything that was written; done: the runs; first: what
    is to be said before all of it; frozen: how the readings differ from the frozen ones."""

    paper: Paper
    grids: list[Grid]
    files: list[Path]
    done: Done
    first: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()


def reproduce(
    name: str | Paper,
    folder: str | Path,
    *,
    equal: str = "",
    seeds: int = 1,
    models: tuple[str, ...] = (),
    opponents: tuple[str, ...] = (),
    extras: bool = True,
    designs: int = 0,
    processes: int | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    notice: Notice = lambda _: None,
) -> Report:
    """What a machine's paper claims, simulated again, as a folder of tables (Markdown, CSV) and pictures.

    equal: on which terms machines are compared (the paper's file says which without it). seeds: of synthetic masks,
    from 1 on. models, opponents: only these. extras: ablations, waterfall, traits and crossover, too. designs: of which
    each machine is given its best, too (`effort`). What is simulated is kept in the folder, and the same call goes on
    from there. Raises InputError for a machine without a paper, unknown terms or networks.
    """
    paper = name if isinstance(name, Paper) else load(name)
    if paper.study is None:
        raise InputError(f"{paper.path}: the paper has readings for others to compare with, but no 'reproduce'")
    study = paper.study
    terms = equal or study.terms
    if terms not in TERMS:
        raise InputError(f"--equal is {terms!r} but must be one of {', '.join(TERMS)}{suggest(terms, TERMS)}")
    for option, names, known in (
        ("--model", models, study.models), ("--over", opponents, tuple(o.name for o in study.opponents))
    ):  # fmt: skip
        if unknown := [n for n in names if n not in known]:
            raise InputError(
                f"{option} {unknown[0]!r} is none of this paper's, which are {', '.join(known)}"
                f"{suggest(unknown[0], known)}"
            )
    study = study.only(models, opponents)
    cast = Cast(study, terms, tuple(range(1, seeds + 1)))
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if designs and not study.effort:
        raise InputError(f"{paper.path}: no 'effort' says which machines are searched; leave --effort out")

    def do(runs: list[Run]) -> Done:
        where = str(folder / STORE)
        return perform(f"reproduce {paper.title}", runs, where, executor(processes, notice=notice), progress)

    parts = Parts(cast, paper.title, folder, extras)
    if designs:
        parts.look(designs, do)
    done = do(parts.runs())
    if more := parts.later(done):
        done.add(do(more))
    return parts.written(paper, done)


class Parts:
    """The tables and pictures of a reproduction, and the runs that they need."""

    def __init__(self, cast: Cast, title: str, folder: Path, extras: bool):
        self.cast, self.title, self.folder = cast, title, folder
        study, self.seed, made = cast.study, cast.seeds[0], folder / "workloads"
        self.ablation = study.ablation if extras else None
        self.falls = study.waterfalls if extras else ()
        self.masks = (
            tornado.masks(study.tornado, study.headline, cast.seeds, made) if extras and study.tornado else None
        )
        self.crossing = study.crossover if extras else None
        self.blocks = crossover.blocks(self.crossing, study.headline, cast.seeds, made) if self.crossing else {}
        self.accuracy = (
            study.accuracy and equal_accuracy.part(study, cast.terms, study.accuracy, made) if extras else None
        )
        self.searches, self.designs, self.rivals = [], 0, []

    def look(self, designs: int, do: effort.Do) -> None:
        """Look for each machine's best of so many designs."""
        self.designs = designs
        self.searches = effort.search(self.cast.study, self.cast.study.effort, designs, self.seed, do)

    @property
    def marks(self) -> dict[str, float]:
        """Opponent -> the paper's speed-up of attention at the headline's sparsity."""
        study = self.cast.study
        wanted = ("attention", study.headline, "time")
        return {c.over: c.value for c in study.claims if (c.of, c.at, c.metric) == wanted}

    @property
    def ablated(self) -> tuple[str, ...]:
        """The networks of the ablations that are asked for."""
        return tuple(m for m in self.ablation.models if m in self.cast.study.models)

    def runs(self) -> list[Run]:
        study, found = self.cast.study, self.cast.runs()
        if self.ablation:
            found += ablation.runs(self.ablation, self.ablated, study.sparsities, self.cast.seeds)
        if self.falls:
            found += waterfall.runs(study, self.cast.seeds)
        if self.crossing:
            found += crossover.runs(self.crossing, self.blocks)
        if self.accuracy:
            found += self.accuracy.runs
        return found + effort.runs(study, self.searches, self.cast.seeds)

    def later(self, done: Done) -> list[Run]:
        """What is wanted because of what was found."""
        self.rivals = tornado.rivals(self.cast, done) if self.masks else []
        return tornado.runs(self.cast, self.masks, self.rivals) if self.rivals else []

    def written(self, paper: Paper, done: Done) -> Report:
        """Tables, pictures and the page."""
        cast, study, title, drawn = self.cast, self.cast.study, self.title, Drawings(done)
        grids = [
            tables.verdict(cast, done, title),
            tables.networks(cast, done, title, "all", drawn),
            tables.networks(cast, done, title, "attention", drawn),
            claim_table.claims(cast, done),
            tables.sparsities(cast, done, title, "all"),
            tables.sparsities(cast, done, title, "attention"),
            tables.every(cast, done, title),
            tables.given(cast, done, title),
            tables.bounds(cast, done, title),
            tables.traffic(cast, done, title),
        ]
        drawings: dict[str, tuple] = {"speedups": (pictures.bars, *self.bars(done))}
        if self.ablation and self.ablated:
            grids += self.ablations(done)
        if self.falls:
            falls = waterfall.falls(done, study, cast.seeds)
            grids.append(waterfall.grid(falls, title, study.headline, cast.seeds))
            drawings["waterfall"] = (pictures.waterfall, falls, self.marks, title)
        if self.rivals and (swings := tornado.swings(done, cast, self.masks, self.rivals)):
            grids.append(tornado.grid(swings, title, study.tornado, study.headline, cast.seeds))
            drawings["tornado"] = (pictures.tornado, swings, title, study.tornado)
        if self.crossing:
            lines = crossover.lines(done, self.crossing, self.blocks)
            grids += crossover.grids(lines, self.crossing, study.headline, cast.seeds)
            drawings["crossover"] = (pictures.crossover, lines, self.crossing, study.headline)
        if self.accuracy:
            grids += accuracy_tables.grids(self.accuracy, done)
        if self.searches:
            grids.append(effort.grid(done, study, study.effort, self.searches, self.designs, title, cast.seeds))
        if done.refused:
            grids.append(tables.refused(done))
        files = [pictures.put(self.folder / f"{slug}.png", *what) for slug, what in drawings.items()]
        first = (ONE_MASK,) if len(cast.seeds) == 1 else ()
        changed = tuple(frozen.sentences(frozen.changes(paper), paper.frozen))
        files += [put(self.folder / f"{grid.slug}.csv", grid.csv()) for grid in grids]
        files += [
            put(self.folder / "figures.csv", every(done)),
            put(self.folder / "report.md", page(paper, cast, grids, list(drawings), first, changed)),
        ]
        return Report(paper, grids, files, done, first, changed)

    def bars(self, done: Done) -> tuple:
        """What the picture of speed-ups shows."""
        cast, at = self.cast, self.cast.study.headline
        rows = [
            (who.name, how.name, *(over_networks(cast, done, who, how, only, at)[1] for only in ("all", "attention")))
            for who, how in cast.contenders()
        ]
        return rows, self.marks, self.title, at

    def ablations(self, done: Done) -> list[Grid]:
        study, sparsities, seeds = self.ablation, self.cast.study.sparsities, self.cast.seeds
        first = self.cast.contenders()[0]  # the dense one

        def versus(model: str, sparsity: int, seed: int) -> float | None:
            run = self.cast.theirs(*first, model, sparsity, seed, "attention")
            return run and done.get(run, "seconds")

        name = f"{first[0].name} ({first[1].name})"
        made = [ablation.steps(done, study, self.ablated, sparsities, seeds, name, versus)]
        if study.movement:
            made.append(ablation.movement(done, study, self.ablated, sparsities, seeds))
        if study.intensity:
            made.append(ablation.intensity(done, study, self.ablated, self.cast.study.headline, seeds))
        return made


def put(path: Path, text: str) -> Path:
    write(path, text.encode("utf-8"))
    return path


def every(done: Done) -> str:
    """All runs with their figures as CSV."""
    made = io.StringIO()
    rows = csv.writer(made, lineterminator="\n")
    rows.writerow(("machine", "settings", "workload", "sparsity", "masks", "layers", *FIGURES))
    for run in sorted(done.figures, key=lambda r: (r.on.only, r.machine, r.set, r.on)):
        on, values = run.on, (done.get(run, f) for f in FIGURES)
        rows.writerow((
            run.machine, " ".join(run.set), Path(on.file).stem if on.file else on.model, on.sparsity, on.seed, on.only,
            *("" if v is None else f"{v:.9g}" if isinstance(v, float) else v for v in values),
        ))  # fmt: skip
    return made.getvalue()


def page(
    paper: Paper, cast: Cast, grids: list[Grid], drawn: list[str], first: Sequence[str], changed: Sequence[str]
) -> str:
    """The report in Markdown."""
    study = cast.study
    lines = [
        f"# {paper.title}, reproduced",
        "",
        *(part for sentence in first for part in (f"**{sentence}**", "")),
        f"{paper.source}. accelsim {__version__}; {tables.ON_TERMS[cast.terms]}; {len(cast.seeds)} synthetic masks of"
        f" each network; readings of {paper.frozen}.",
        "",
        *changed,
        "",
    ]
    for slug in drawn:
        lines += [f"![{CAPTIONS[slug]}]({slug}.png)", ""]
    for grid in grids:
        lines += [f"## {grid.title[0].upper()}{grid.title[1:]}", "", grid.markdown(), ""]
    if study.left_out:
        lines += ["## What is left out", "", *(f"- {sentence}" for sentence in study.left_out), ""]
    return "\n".join(lines)
