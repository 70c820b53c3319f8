"""What the commands print: tables and sentences."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from accelsim.report.quantities import joules, percent, scaled
from accelsim.report.tables import table
from accelsim.sweep.campaign import Progress
from accelsim.sweep.compare import Contest, Ratio, geometric_mean
from accelsim.sweep.plan import Plan
from accelsim.sweep.plots import draw_contest
from accelsim.sweep.plots.axes import varied
from accelsim.sweep.points import Expansion
from accelsim.sweep.side_by_side import Entry, speedups
from accelsim.sweep.table import Columns, estimates

if TYPE_CHECKING:
    from accelsim.sweep.search import Found

MODELS = "(model): an analytic model, no simulation; its energy is its board's, with a factor of two as bounds."
SHOWN = 20  # rows of a long table
FIGURES: dict[str, Callable[[float], str]] = {
    "cycles": "{:,}".format,
    "energy_pj": joules,
    "area_mm2": "{:.2f} mm2".format,
    "mac_utilization": percent,
}


def announcement(plan: Plan, points: Expansion) -> str:
    """What is about to run."""
    designs = [len(settings) for _, settings in points.designs]
    machines = ", ".join(base.arch.name for base, _ in points.designs)
    works = ", ".join(w.name for w in points.workloads)
    return (
        f"{plan.name}: {len(points):,} points, {sum(designs):,} designs ({plan.method}) of {machines}"
        f" on {len(points.workloads)} workloads ({works})"
    )


def ending(state: Progress, store: Path, estimated: bool = False) -> Iterator[str]:
    """What has run, and every point that failed."""
    how = "estimated" if estimated else "simulated"
    yield f"{store}: {state.computed:,} points {how}, {state.kept:,} were there already"
    if state.repeated:
        yield f"{state.repeated:,} points are the same machine and workload as another of them"
    if state.failures:
        yield f"{len(state.failures):,} points failed (--retry simulates them again):"
        yield from (f"  {name}: {error}" for name, error in state.failures)


def points(found: Columns, best: str) -> Iterator[object]:
    """The points of a table, at most SHOWN; those with the smallest `best` first."""
    count = len(found["machine"])
    order = list(range(count))
    if best:
        from accelsim.core.errors import InputError, suggest

        if best not in found:
            raise InputError(f"--best: there is no column {best!r}{suggest(best, found)}")
        order = sorted((i for i in order if found[best][i] is not None), key=lambda i: found[best][i])
    names = [n for n in varied(found) if n != "estimated" and n not in ("machine", "workload")]
    guessed = estimates(found)
    title = f"{count:,} points" + (f", {guessed:,} of them estimated, not simulated" if guessed else "")
    made = table(title, "machine", "workload", *names, "cycles", "energy", "area", "MAC use", "")
    for i in order[:SHOWN]:
        cell = {n: column[i] for n, column in found.items()}
        has = cell["status"] == "done"
        figures = [""] * len(FIGURES)
        if has:
            figures = [write(cell[n]) if cell.get(n) is not None else "" for n, write in FIGURES.items()]
        settings = [str(cell[n]) if cell[n] is not None else "" for n in names]
        mark = "estimated" if cell.get("estimated") else "" if has else "failed"
        made.add_row(cell["machine"], cell["workload"], *settings, *figures, mark)
    yield made
    yield from (f"failed: {e}" for e in dict.fromkeys(e for e in found["error"] if e))
    if count > SHOWN:
        yield f"{count - SHOWN:,} more; --csv FILE or --parquet FILE writes all, --best FIGURE sorts, --where selects"


def contest(found: Contest, title: str, picture: Path | None) -> Iterator[object]:
    """Speed-ups and energy of every variant over the first."""
    for metric, what in (("seconds", "speed-up"), ("dram_read_bytes", "DRAM reads")):
        made = table(
            f"{what} {title}" + (" (times fewer)" if what == "DRAM reads" else ""), "", *found.workloads, "mean"
        )
        for name, row in zip(found.titles, found.gains(metric)):
            made.add_row(name, *map(times, row), times(geometric_mean(row)))
        yield made
    for parts, what in ((("chip",), "of the chip"), (("chip", "dram"), "of chip and DRAM")):
        made = table(f"energy efficiency {what} {title}", "", *found.workloads, "mean")
        for n, (name, row) in enumerate(zip(found.titles, found.energy_ratios(parts))):
            made.add_row(name, *(interval(r) if n else times(r and 1.0) for r in row))
        yield made
    made = table("absolute", "", *found.workloads)
    for name, model, row in zip(found.titles, found.models, found.figures):
        energy = [[joules(f[key]) for key in ("chip_energy_pj", "dram_energy_pj")] for f in row]
        takes = [scaled(f["seconds"], "s") if model else f"{f['cycles']:,} cycles" for f in row]
        spent = [c if model else f"{c} + {d}" for c, d in energy]
        made.add_row(name, *(f"{time}, {joule}" for time, joule in zip(takes, spent)))
    yield made
    yield (
        "mean: geometric. Speed-up: of time. Energy: ratio at nominal prices, and where 90 % of 1,000 drawings of the"
        " prices within their bounds lie; what holds 1 is not resolved. Absolute: cycles, energy of the chip + of DRAM"
    )
    if picture:
        gains = found.gains("seconds")
        means = [geometric_mean(row) for row in gains]
        yield f"{draw_contest(found.titles, found.workloads, gains, means, picture)}: written"


def side_by_side(entries: Sequence[Entry]) -> Iterator[object]:
    """Runs with what they rest on; a table for each workload."""
    ratios = dict(zip(map(id, entries), speedups(entries)))
    for case in dict.fromkeys(e.case for e in entries):
        mine = [e for e in entries if e.case == case]
        made = table(f"side by side: {case[0]}", "", "cycles", "time", "speed-up", "chip", "with DRAM", "area")
        rests = table(f"what that rests on: {case[0]}", "", "clock", "multipliers", "bits", "on chip", "memory", "peak")
        for e in mine:
            had, known = e.figures, e.assumptions
            made.add_row(
                e.title,
                "-" if e.model else f"{had['cycles']:,}",
                scaled(had["seconds"], "s", 4),
                times(ratios[id(e)]),
                "-" if e.model else joules(had["chip_energy_pj"]),
                joules(had["energy_pj"] or None),
                "-" if had["area_mm2"] is None else f"{had['area_mm2']:.2f} mm2",
            )
            count, held, rate = known["multipliers"], known["on_chip_bytes"], known["dram_peak_bytes_per_s"]
            rests.add_row(
                e.title,
                "-" if e.model else scaled(known["clock_hz"], "Hz"),
                "-" if e.model or count is None else f"{count:,}",
                "-" if known["operand_bits"] is None else f"{known['operand_bits']}",
                "-" if held is None else f"{held / 1024:,.4g} KiB",
                f"{e.memory} {scaled(rate, 'B/s')}".strip(),
                scaled(known["peak_ops_per_s"], "op/s"),
            )
        yield made
        yield rests
    if any(e.model for e in entries):
        yield MODELS
    if len({e.case for e in entries}) > 1 and any(r is None for r in ratios.values()):
        yield "A run that stands alone in its table was of another workload, or of another version of it."


def times(value: float | None) -> str:
    return "-" if value is None else f"{few(value)}x"


def few(value: float) -> str:
    """Two decimals, or two digits of what is small."""
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def interval(found: Ratio | None) -> str:
    """A ratio with its interval, or that the prices do not resolve it."""
    if found is None:
        return "-"
    said = f"{few(found.nominal)}x [{few(found.low)}, {few(found.high)}]"
    return said if found.resolved else f"{said} not resolved"


def search_document(found: "Found", grid: bool) -> dict[str, object]:
    """The front as a document."""
    front = [
        {**dict(zip(found.objectives, c.scores)), "settings": dict(c.settings)} for c in found.front(found.searched)
    ]
    shares = dict(zip(("search", "grid"), found.shares())) if grid else {}
    made = {"front": front, "designs": len(found.searched), "wasted": found.wasted, "dominated_share": shares}
    if not found.screened:
        return made
    missing = [name for name in found.objectives if name not in found.screening]
    screen = {"estimated_designs": found.screened, "by": list(found.screening), "not_estimated": missing}
    return made | {"screen": screen | {"errors": list(found.errors)}, "front_is_simulated": True}


def search(found: "Found", grid: bool) -> Iterator[object]:
    """The front, and what it is worth beside a grid's."""
    best = found.front(found.searched)
    names = [name for name, _ in best[0].settings] if best else []
    made = table(
        f"front: {len(best)} of {len(found.searched)} designs that meet the constraints", *found.objectives, *names
    )
    for c in best[:SHOWN]:
        made.add_row(*(f"{v:,.6g}" for v in c.scores), *(text for _, text in c.settings))
    yield made
    if found.screened:
        yield from screening(found)
    if found.wasted:
        yield f"{found.wasted:,} proposals broke a constraint and were not simulated"
    if grid:
        mine, theirs = found.shares()
        yield (
            f"share of the space between best and worst that is dominated: search {percent(mine)}"
            f" ({len(found.searched)} designs), grid {percent(theirs)} ({len(found.gridded)} designs)"
        )


def screening(found: "Found") -> Iterator[str]:
    """Which figures were estimates, and how far off these were."""
    missing = [name for name in found.objectives if name not in found.screening]
    lacking = f" ({' and '.join(missing)} cannot be estimated)" if missing else ""
    yield (
        f"{found.screened:,} designs were estimated in closed form, by {' and '.join(found.screening)}{lacking}, and"
        f" the most promising {len(found.searched)} simulated; the figures of the front are those of the simulation"
    )
    if found.errors:
        off = [abs(error) for error in found.errors]
        yield (
            f"{found.screening[0]} of the simulated designs had been estimated to {percent(sum(off) / len(off))} in the"
            f" mean and {percent(max(off))} at worst"
        )
