"""Predicted over measured, both logarithmic: what a calibration shows at a glance."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from accelsim.core.files import write
from accelsim.core.pictures import with_defaults


@with_defaults
def correlation(groups: Mapping[str, Sequence[tuple[float, float]]], path: Path, unit: str = "cycles") -> Path:
    """Draw points as PNG; the file. `groups`: what a point is of -> (measured, predicted) of each."""
    import io

    from accelsim.report.plots.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION, figure, save, title

    marks = ((BLUE, "o"), (VERMILION, "s"), (GREEN, "^"), (ORANGE, "D"), (PURPLE, "v"), (SKY, "P"))
    made, (ax,) = figure(6, 6)
    every = [value for points in groups.values() for point in points for value in point if value > 0]
    low, high = min(every) / 2, max(every) * 2
    ax.plot([low, high], [low, high], color=BLACK, linewidth=0.8)
    for n, (name, points) in enumerate(groups.items()):
        colour, mark = marks[n % len(marks)]
        look = {"s": 26, "facecolors": "none", "edgecolors": colour, "linewidths": 1}
        ax.scatter(*zip(*points), marker=mark, label=f"{name}: {len(points):,}", **look)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(low, high)
    ax.set_ylim(low, high)
    ax.set_aspect("equal")
    ax.set_xlabel(f"measured ({unit})", fontsize=9)
    ax.set_ylabel(f"predicted ({unit})", fontsize=9)
    ax.legend(fontsize=8, frameon=False, loc="upper left")
    title(ax, "predictions of hardware of others")
    picture = io.BytesIO()
    save(made, picture)
    write(path, picture.getvalue())
    return path
