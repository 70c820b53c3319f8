"""What every component was doing, as shares of its own clock's cycles."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from accelsim.core.status import STATUS_NAMES
from accelsim.report.figures import Summary
from accelsim.report.plots.frame import PLAIN, Frame
from accelsim.report.plots.style import STATUS, figure, legend, subject, title
from accelsim.report.plots.timeline import binned
from accelsim.report.record import RunRecord


def shares(record: RunRecord, summary: Summary, frame: Frame) -> tuple[dict[str, dict[str, float]], str]:
    """Component -> status -> share of its cycles in %, and of which part of the run, in words."""
    names = frame.shown(list(record.result.parts))
    if frame.window:
        first, last = frame.cycles(record.result.cycles())
        edges = np.array([first, last]) * record.result.periods["core"]
        spent = {n: binned(record.result, list(record.result.parts).index(n), edges)[:, 0] for n in names}
        return (
            {n: dict(zip(STATUS_NAMES, (100 * spent[n]).tolist())) for n in names},
            f", core cycles {first:,} to {last:,}",
        )
    mine = next((p for p in summary.phases if p.phase == frame.phase), summary.total)
    found = {n: {word: 100 * (mine.activity[n].share(word) or 0.0) for word in STATUS} for n in names}
    return found, f", {frame.phase} only ({mine.cycles:,} core cycles)" if frame.phase else ""


def stalls(record: RunRecord, summary: Summary, frame: Frame = PLAIN) -> Figure:
    parts, of = shares(record, summary, frame)
    made, (ax,) = figure(9, 1.6 + 0.28 * len(parts), size=frame.size)
    left = [0.0] * len(parts)
    for word, colour in STATUS.items():
        widths = [share[word] for share in parts.values()]
        ax.barh(range(len(parts)), widths, left=left, color=colour, label=word, height=0.75)
        for i, (start, width) in enumerate(zip(left, widths)):
            if width >= 6:
                dark = word in ("busy", "blocked")
                ax.text(
                    start + width / 2, i, f"{width:.0f}", ha="center", va="center", fontsize=7,
                    color="w" if dark else "k",
                )  # fmt: skip
        left = [a + b for a, b in zip(left, widths)]
    ax.set_yticks(range(len(parts)), list(parts))
    ax.set_ylim(len(parts) - 0.5, -0.5)
    ax.set_xlim(0, 100)
    ax.set_xlabel("share of the component's cycles (%)", fontsize=9)
    legend(made, [Patch(color=colour, label=word) for word, colour in STATUS.items()])
    title(ax, f"{subject(record)}: busy and waiting, by component{of}")
    return made
