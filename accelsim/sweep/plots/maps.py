"""Maps: a figure over two parameters, and how busy every part of the machine is."""

import math

from accelsim.report.plots.style import figure, thousands, title
from accelsim.sweep.plots.axes import best, chosen, known, label
from accelsim.sweep.table import Columns

MANY = 12  # columns with numbers in the cells


def heatmap(table: Columns, metric: str, axes: list[str]):
    """The metric over two axes; of several points at one place the best is shown."""
    axes = chosen(table, axes[:2], 2, "a heat map")
    found, across, up = best(table, metric, axes), known(table[axes[0]]), known(table[axes[1]])
    cells = [[found.get((x, y), math.nan) for x in across] for y in up]
    return coloured(cells, across, up, label(axes[0]), label(axes[1]), label(metric))


def utilization(table: Columns, metric: str, axes: list[str]):
    """How busy each part is over the first axis, a mean over all points there."""
    axis, parts = chosen(table, axes[:1], 1, "a utilization map")[0], [n for n in table if n.endswith(".busy")]
    across, cells = known(table[axis]), []
    for part in parts:
        line = []
        for x in across:
            shares = [100 * s for v, s in zip(table[axis], table[part]) if v == x and s is not None]
            line.append(sum(shares) / len(shares) if shares else math.nan)
        cells.append(line)
    names = [n.removeprefix("part.").removesuffix(".busy") for n in parts]
    return coloured(cells, across, names, label(axis), "", "busy (% of cycles)", limits=(0, 100))


def cell(value: float) -> str:
    """Three digits and more: 0.0955 is 0.0955, 477123 is 477,123."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def coloured(cells, across: list, up: list, right: str, above: str, what: str, limits=(None, None)):
    made, (ax,) = figure(2.4 + max(0.62 * len(across), 4), 1.6 + 0.36 * len(up))
    mesh = ax.imshow(cells, aspect="auto", origin="lower", cmap="viridis", vmin=limits[0], vmax=limits[1])
    middle = sum(mesh.get_clim()) / 2
    for y, line in enumerate(cells):
        for x, value in enumerate(line):
            if len(across) <= MANY and not math.isnan(value):
                ax.text(
                    x,
                    y,
                    cell(value),
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="white" if value < middle else "black",
                )
    ax.set_xticks(range(len(across)), [f"{v:g}" if isinstance(v, float) else str(v) for v in across], rotation=30)
    ax.set_yticks(range(len(up)), [str(v) for v in up])
    ax.set_xlabel(right, fontsize=9)
    ax.set_ylabel(above, fontsize=9)
    bar = made.colorbar(mesh, ax=ax)
    bar.set_label(what, fontsize=9)
    thousands(bar.ax, "y")
    title(ax, what)
    return made
