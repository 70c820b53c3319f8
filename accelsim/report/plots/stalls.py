"""What every component was doing, as shares of its own clock's cycles."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from accelsim.core.status import STATUS_NAMES
from accelsim.report.figures import Summary
from accelsim.report.plots.frame import ALL, PLAIN, Frame
from accelsim.report.plots.style import STATUS, figure, legend, subject, title
from accelsim.report.plots.timeline import binned
from accelsim.report.record import RunRecord


def shares(record: RunRecord, summary: Summary, frame: Frame) -> tuple[dict[str, dict[str, float]], str]:
    """Component -> status -> share of its cycles in %, and of which part of the run, in words."""
    names = frame.shown([n for n in record.result.parts if n in summary.total.activity])
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
    if frame.phase == ALL:
        return by_phase(record, summary, frame)
    parts, of = shares(record, summary, frame)
    shape = 9, 1.6 + 0.28 * len(parts)
    made, (ax,) = figure(*shape, size=frame.inches(*shape))
    bars(ax, parts)
    ax.set_xlabel("share of the component's cycles (%)", fontsize=9)
    legend(made, [Patch(color=colour, label=word) for word, colour in STATUS.items()])
    title(ax, f"{subject(record)}: busy and waiting, by component{of}")
    return made


def by_phase(record: RunRecord, summary: Summary, frame: Frame) -> Figure:
    """A panel for every phase, with its share of the run."""
    phases = [p for p in summary.phases if p.cycles]
    names = frame.shown([n for n in record.result.parts if n in summary.total.activity])
    columns = 2 if frame.paper == "column" else min(len(phases), 4)
    rows = -(-len(phases) // columns)
    shape = 2.6 * columns + 1.2, rows * (0.9 + 0.2 * len(names)) + 0.8
    made, axes = figure(*shape, rows=rows, columns=columns, size=frame.inches(*shape), sharex=True, sharey=True)
    for ax, phase in zip(axes, phases):
        found, _ = shares(record, summary, replace(frame, phase=phase.phase))
        bars(ax, found, narrowest=14)
        title(ax, f"{phase.phase}: {100 * (phase.cycle_share or 0):.1f} % of the run")
    for ax in axes[len(phases) :]:
        ax.set_visible(False)
    for ax in axes[max(len(phases) - columns, 0) : len(phases)]:
        ax.set_xlabel("share of its cycles (%)", fontsize=9)
        ax.tick_params(labelbottom=True)
    legend(made, [Patch(color=colour, label=word) for word, colour in STATUS.items()])
    made.suptitle(f"{subject(record)}: busy and waiting, by component and phase", fontsize=10)
    return made


def bars(ax: Axes, parts: Mapping[str, Mapping[str, float]], narrowest: float = 6) -> None:
    """A bar of four parts for every component; those that are not `narrowest` say how many percent."""
    left = [0.0] * len(parts)
    for word, colour in STATUS.items():
        widths = [share[word] for share in parts.values()]
        ax.barh(range(len(parts)), widths, left=left, color=colour, label=word, height=0.75)
        for i, (start, width) in enumerate(zip(left, widths)):
            if width >= narrowest:
                dark = word in ("busy", "blocked")
                ax.text(
                    start + width / 2, i, f"{width:.0f}", ha="center", va="center", fontsize=7,
                    color="w" if dark else "k",
                )  # fmt: skip
        left = [a + b for a, b in zip(left, widths)]
    ax.set_yticks(range(len(parts)), list(parts))
    ax.set_ylim(len(parts) - 0.5, -0.5)
    ax.set_xlim(0, 100)
