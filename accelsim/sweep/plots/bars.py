"""Bars: how much faster each point is, and how far each parameter moves a figure."""

import math
from collections.abc import Sequence

from accelsim.core.errors import InputError
from accelsim.report.plots.style import BLUE, GREY, figure, title
from accelsim.sweep.plots.axes import names_of, said, varied
from accelsim.sweep.table import Columns

BARS = 40


def speedup(table: Columns, metric: str, axes: list[str]):
    """How many times smaller the metric is than that of the first point; a bar for each point."""
    if len(table[metric]) > BARS:
        raise InputError(f"{len(table[metric])} points are too many for bars; leave at most {BARS} with --where")
    names = names_of(table)
    made, (ax,) = figure(8, 1.5 + 0.28 * len(names))
    ratios = [table[metric][0] / v for v in table[metric]]
    ax.barh(range(len(names)), ratios, color=[GREY, *[BLUE] * (len(names) - 1)], height=0.7)
    for i, ratio in enumerate(ratios):
        ax.text(ratio, i, f" {ratio:.2f}x", va="center", fontsize=8)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlim(0, 1.15 * max(ratios))
    ax.set_xlabel(f"{said(metric)}: times smaller than in the first bar", fontsize=9)
    title(ax, f"speed-up in {said(metric)}")
    return made


def effects(table: Columns, metric: str) -> list[tuple[str, float, object, object]]:
    """For each parameter: the ratio of the geometric means of the metric at its worst and its best value, and these
    values; the parameter that moves the metric most comes first. Points without the metric or with 0 do not count.
    """
    found = []
    for name in varied(table):
        logs: dict[object, list[float]] = {}
        for value, measured in zip(table[name], table[metric]):
            if measured:
                logs.setdefault(value, []).append(math.log(measured))
        means = {value: sum(v) / len(v) for value, v in logs.items()}
        if len(means) > 1:
            low, high = min(means, key=means.get), max(means, key=means.get)
            found.append((name, math.exp(means[high] - means[low]), low, high))
    return sorted(found, key=lambda e: (-e[1], e[0]))


def sensitivity(table: Columns, metric: str, axes: list[str]):
    rows = effects(table, metric)
    if not rows:
        raise InputError("no parameter varies between the points, so that there is no sensitivity to show")
    made, (ax,) = figure(8, 1.4 + 0.34 * len(rows))
    ax.barh(range(len(rows)), [ratio - 1 for _, ratio, _, _ in rows], left=1, color=BLUE, height=0.7)
    for i, (_, ratio, low, high) in enumerate(rows):
        ax.text(ratio, i, f" {ratio:.2f}x ({high} to {low})" if low != high else " no effect", va="center", fontsize=8)
    ax.set_yticks(range(len(rows)), [name for name, *_ in rows])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlim(1, 1 + 1.5 * max(rows[0][1] - 1, 0.01))
    ax.set_xlabel(f"{said(metric)}: worst over best value, geometric mean over all other parameters", fontsize=9)
    title(ax, f"sensitivity of {said(metric)}")
    return made


def contest(
    variants: Sequence[str], workloads: Sequence[str], gains: Sequence[Sequence[float]], means: Sequence[float]
):
    """Speed-ups of variants over the first of them: a group of bars for each workload, and one for the mean."""
    from matplotlib import colormaps

    groups = [*workloads, "geometric mean"]
    made, (ax,) = figure(max(6.0, 1.6 + 0.3 * len(variants) * len(groups)), 4)
    wide = 0.8 / len(variants)
    for n, (name, row, mean) in enumerate(zip(variants, gains, means)):
        colour = GREY if n == 0 else colormaps["viridis"](0.9 * (n - 1) / max(len(variants) - 2, 1))
        places, heights = [g + (n - (len(variants) - 1) / 2) * wide for g in range(len(groups))], [*row, mean]
        ax.bar(places, heights, wide, color=colour, label=name)
        for x, height in zip(places, heights):
            ax.text(x, height, f"{height:.2f}", ha="center", va="bottom", fontsize=6, rotation=90 if wide < 0.2 else 0)
    ax.set_xticks(range(len(groups)), groups, fontsize=8)
    ax.set_ylabel("speed-up (times)", fontsize=9)
    ax.legend(fontsize=7, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    title(ax, f"speed-up over {variants[0]}")
    return made
