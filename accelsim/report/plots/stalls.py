"""What every component was doing, as shares of its own clock's cycles."""

from matplotlib.figure import Figure

from accelsim.report.figures import Summary
from accelsim.report.plots.style import STATUS, figure, subject, title
from accelsim.report.record import RunRecord


def stalls(record: RunRecord, summary: Summary) -> Figure:
    parts = list(summary.total.activity.values())
    made, (ax,) = figure(9, 1.3 + 0.28 * len(parts))
    left = [0.0] * len(parts)
    for word, colour in STATUS.items():
        shares = [100 * (a.share(word) or 0.0) for a in parts]
        ax.barh(range(len(parts)), shares, left=left, color=colour, label=word, height=0.75)
        for i, (start, width) in enumerate(zip(left, shares)):
            if width >= 6:
                dark = word in ("busy", "blocked")
                ax.text(
                    start + width / 2,
                    i,
                    f"{width:.0f}",
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="w" if dark else "k",
                )
        left = [a + b for a, b in zip(left, shares)]
    ax.set_yticks(range(len(parts)), [a.name for a in parts])
    ax.invert_yaxis()
    ax.set_xlim(0, 100)
    ax.set_xlabel("share of the component's cycles (%)", fontsize=9)
    ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    title(ax, f"{subject(record)}: busy and waiting, by component")
    return made
