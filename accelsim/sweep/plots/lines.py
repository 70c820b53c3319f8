"""A figure over one or two parameters."""

from accelsim.report.plots.style import figure, thousands, title
from accelsim.sweep.plots.axes import best, chosen, known, label, said, varied
from accelsim.sweep.table import Columns


def metric_lines(table: Columns, metric: str, axes: list[str]):
    """The metric over the first axis, a line for each value of the second; of several points the best is shown."""
    axes = axes[:2] if axes else chosen(table, axes, min(2, max(1, len(varied(table)))), "a picture over axes")
    found, made = best(table, metric, axes), figure(8, 4.8)
    ax, across = made[1][0], known(table[axes[0]])
    series = known(table[axes[1]]) if len(axes) > 1 else [None]
    places = dict(zip(across, across if all(isinstance(v, int | float) for v in across) else range(len(across))))
    colours = shades(len(series))
    for value, colour in zip(series, colours):
        line = [(places[x], found[key]) for x in across if (key := (x, value)[: len(axes)]) in found]
        if line:
            name = None if value is None else f"{axes[1]} = {value}"
            ax.plot(*zip(*line), marker="o", markersize=4, color=colour, label=name)
    if places and not all(isinstance(v, int | float) for v in across):
        ax.set_xticks(range(len(across)), across, rotation=30, ha="right")
    elif min(across) > 0 and max(across) / min(across) >= 8:
        ax.set_xscale("log", base=2)
        ax.set_xticks(across, [f"{v:g}" for v in across])
        ax.minorticks_off()
    ax.set_ylim(bottom=0)
    thousands(ax, "y")
    ax.set_xlabel(label(axes[0]), fontsize=9)
    ax.set_ylabel(label(metric), fontsize=9)
    if len(axes) > 1:
        ax.legend(fontsize=7, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    several = len(table[metric]) > len(found)
    title(ax, f"{said(metric)} over {' and '.join(axes)}" + (", best of the other parameters" if several else ""))
    return made[0]


def shades(count: int) -> list:
    from matplotlib import colormaps

    return [colormaps["viridis"](0.9 * i / max(count - 1, 1)) for i in range(count)]
