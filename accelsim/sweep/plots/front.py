"""Two or three figures of all points against each other, and their Pareto front."""

from accelsim.core.errors import InputError
from accelsim.report.plots.style import BLACK, VERMILION, figure, thousands, title
from accelsim.sweep.pareto import front
from accelsim.sweep.plots.axes import label, said
from accelsim.sweep.table import Columns


def pareto(table: Columns, metric: str, axes: list[str]):
    """Two figures against each other, a third as colour; the front is joined where there are two, ringed for three."""
    names = list(dict.fromkeys([metric, *axes])) if axes else [metric, "area_mm2", "energy_pj"]
    names = names[:3] if len(names) > 1 else [*names, "energy_pj"]
    rows = [row for row in zip(*(table[n] for n in names)) if None not in row]
    if not rows:
        raise InputError(f"no point has all of {', '.join(names)}")
    beaten, (made, (ax,)) = front(rows), figure(8, 5.4)
    look = {"c": [r[2] for r in rows], "cmap": "viridis", "norm": "log"} if len(names) == 3 else {"color": "#999999"}
    dots = ax.scatter([r[0] for r in rows], [r[1] for r in rows], s=14, alpha=0.8, linewidths=0, **look)
    if len(names) == 3:
        bar = made.colorbar(dots, ax=ax)
        bar.set_label(label(names[2]), fontsize=9)
        thousands(bar.ax, "y")
    line = [rows[i] for i in front([r[:2] for r in rows])]
    ax.step(
        [r[0] for r in line],
        [r[1] for r in line],
        where="post",
        color=VERMILION,
        linewidth=1,
        label=f"front of {said(names[0])} and {said(names[1])}: {len(line)}",
    )
    if len(names) == 3:
        ring = {"s": 44, "facecolors": "none", "edgecolors": BLACK, "linewidths": 0.7}
        x, y, _ = zip(*(rows[i] for i in beaten))
        ax.scatter(x, y, **ring, label=f"front of all three: {len(beaten)}")
    ax.set_xscale("log")
    ax.set_yscale("log")
    thousands(ax, "x", "y")
    ax.set_xlabel(label(names[0]), fontsize=9)
    ax.set_ylabel(label(names[1]), fontsize=9)
    ax.legend(fontsize=8, frameon=False)
    title(ax, f"{len(rows)} points: {', '.join(map(said, names))} (smaller is better)")
    return made
