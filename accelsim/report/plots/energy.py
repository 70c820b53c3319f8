"""Where the energy went: the chip's by component, the DRAM's by action, and by phase without standby and refresh."""

from collections.abc import Callable

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from accelsim.energy import Charge
from accelsim.report.figures import Summary
from accelsim.report.metrics import energy_by
from accelsim.report.plots.frame import PLAIN, Frame
from accelsim.report.plots.style import BLACK, BLUE, GREY, ORANGE, SKY, figure, subject, title
from accelsim.report.quantities import joules
from accelsim.report.record import RunRecord
from accelsim.report.words import spoken

DRAM_WORDS = ("traffic", "standby and refresh")
BESIDE = 8.0  # inches from which on the three panels are side by side
SMALL = 0.005  # what is below this share of its panel is shown together
Row = tuple[str, float, float, float, float]  # name, the two parts, low and high of both together; pJ


def energy(record: RunRecord, summary: Summary, frame: Frame = PLAIN) -> Figure:
    total = summary.total.energy
    chip = rows([c for c in summary.charges if not c.off_chip], "component")
    dram = rows([c for c in summary.charges if c.off_chip], "action", lambda c: not c.background)
    phases = [
        (p.name, (e := p.energy).chip_pj, e.traffic_pj, e.chip_low_pj + e.traffic_pj, e.chip_high_pj + e.traffic_pj)
        for p in summary.phases
    ]
    wide = frame.inches(13, 4)
    stacked = wide is not None and wide[0] < BESIDE
    grid = {"rows": 3, "height_ratios": list(map(len, (chip, dram, phases)))} if stacked else {"columns": 3}
    bars_of = sum if stacked else max
    row = 0.2 if frame.paper else 0.26
    width = 13 if not stacked else max(5, wide[0]) if frame.paper else 5
    shape = width, 2.3 * (1.4 if stacked else 1) + row * bars_of(map(len, (chip, dram, phases)))
    made, axes = figure(*shape, size=frame.inches(*shape), **grid)
    words, colours = ("actions", "standing power"), (BLUE, GREY)
    bars(axes[0], chip, f"chip, by component: {joules(total.chip_pj)}", words, colours)
    bars(axes[1], dram, f"DRAM, by action: {joules(total.dram_pj)}", DRAM_WORDS, colours)
    bars(axes[2], phases, "chip and DRAM traffic, by phase", ("chip", "DRAM traffic"), (ORANGE, SKY))
    spread = f"chip {joules(total.chip_pj)} (between {joules(total.chip_low_pj)} and {joules(total.chip_high_pj)})"
    spread += f", DRAM traffic {joules(total.traffic_pj)}, standby and refresh {joules(total.background_pj)}"
    made.suptitle(f"{subject(record)}: {spread}, table {summary.energy_table}", fontsize=10)
    return made


def rows(charges: list[Charge], field: str, first: Callable[[Charge], bool] = lambda c: bool(c.counter)) -> list[Row]:
    """Name, energy of what comes first (actions) and of the rest (standing power), and the bounds of both together, in
    pJ, most first; the small ones together."""
    actions = energy_by([c for c in charges if first(c)], field)
    standing = energy_by([c for c in charges if not first(c)], field)
    whole = energy_by(charges, field)
    shown = [n for n, pj in whole.items() if pj and pj >= SMALL * sum(whole.values())]
    rest = [n for n, pj in whole.items() if pj and n not in shown]
    if len(rest) == 1:
        shown, rest = shown + rest, []
    low, high = (energy_by(charges, field, bound) for bound in ("low_pj", "high_pj"))
    tables = (actions, standing, low, high)
    found = [(spoken(n) if field == "action" else n, *(t.get(n, 0.0) for t in tables)) for n in shown]
    if rest:
        found.append((f"{len(rest)} others", *(sum(t.get(n, 0.0) for n in rest) for t in tables)))
    return found


def bars(ax: Axes, shown: list[Row], heading: str, words: tuple[str, str], colours: tuple[str, str]) -> None:
    """Horizontal bars of two parts with the bounds of both, each with its share of the panel's total."""
    total = sum(a + b for _, a, b, *_ in shown)
    widest = max((max(a + b, high) for _, a, b, _, high in shown), default=0.0) or 1.0
    unit, factor = next((u, f) for u, f in (("mJ", 1e9), ("uJ", 1e6), ("nJ", 1e3), ("pJ", 1)) if widest >= f or f == 1)
    first, second, low, high = ([row[i] / factor for row in shown] for i in (1, 2, 3, 4))
    both = [a + b for a, b in zip(first, second)]
    ax.barh(range(len(shown)), first, color=colours[0], label=words[0], height=0.75)
    ax.barh(range(len(shown)), second, left=first, color=colours[1], label=words[1], height=0.75)
    spread = [[max(m - n, 0.0) for m, n in zip(both, low)], [max(n - m, 0.0) for m, n in zip(both, high)]]
    whiskers = {"color": BLACK, "elinewidth": 0.8, "capsize": 2, "linestyle": "none"}
    ax.errorbar(both, range(len(shown)), xerr=spread, label="low to high", **whiskers)
    for i, (value, end) in enumerate(zip(both, high)):
        at = max(value, end) + 0.02 * widest / factor
        ax.text(at, i, f"{100 * value * factor / total:.1f} %" if total else "", va="center", fontsize=7)
    ax.set_yticks(range(len(shown)), [row[0] for row in shown])
    ax.set_ylim(max(len(shown), 1) - 0.5, -0.5)
    ax.set_xlim(0, 1.2 * widest / factor)
    ax.xaxis.set_major_formatter(lambda x, _: f"{x:,g}")
    ax.set_xlabel(f"energy ({unit})", fontsize=9)
    ax.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.22), frameon=False, ncols=3, columnspacing=1)
    title(ax, heading)
