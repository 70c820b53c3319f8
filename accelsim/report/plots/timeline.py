"""What every component was doing over time: from status changes when the run was traced, else layer by layer."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from accelsim.core.result import Result
from accelsim.core.status import STATUS_NAMES
from accelsim.report.figures import Summary
from accelsim.report.plots.style import STATUS, figure, subject, time_axis, title
from accelsim.report.record import RunRecord

BINS = 480


def binned(result: Result, component: int, edges: np.ndarray) -> np.ndarray:
    """Shares of status by bin, (statuses, bins), from the status changes of a traced run.

    `edges` are bin edges in units of the time base, `component` the index of a part. A component is idle until its
    first change. Within a bin the shares add up to 1; nothing is sampled.
    """
    mine = result.events[result.events["component"] == component]
    at = np.concatenate([[0], mine["at"], [max(result.end, int(edges[-1]))]])
    doing = np.concatenate([[0], mine["status"]])
    shares = np.zeros((len(STATUS_NAMES), len(edges) - 1))
    for status in range(len(STATUS_NAMES)):
        spent = np.concatenate([[0], np.cumsum(np.diff(at) * (doing == status))])
        shares[status] = np.diff(np.interp(edges, at, spent)) / np.diff(edges)
    return shares


def timeline(record: RunRecord, summary: Summary) -> Figure:
    result, names = record.result, list(record.result.parts)
    traced = len(result.events) > 0
    if traced:
        period = result.periods["core"]
        edges = np.linspace(0, max(result.end, 1), min(BINS, max(result.end // period, 1)) + 1)
        shares = [binned(result, i, edges) for i in range(len(names))]
        at = edges / period
        how = "from every status change" + (f", in {len(at) - 1} bins" if result.end // period > BINS else "")
    else:
        run = [layer for layer in summary.layers if layer.cycles]
        at = np.cumsum([0, *(layer.cycles for layer in run)])
        shares = [
            np.array([[layer.activity[n].share(word) or 0.0 for layer in run] for word in STATUS_NAMES]) for n in names
        ]
        how = "mean of each layer"
    made, (ax,) = figure(10, 1.4 + 0.36 * len(names))
    for lane, share in enumerate(shares):
        floor = np.full(len(at) - 1, lane + 0.9)
        for word, colour in STATUS.items():
            top = floor - 0.8 * share[STATUS_NAMES.index(word)]
            lower, upper = (np.append(y, y[-1]) for y in (floor, top))
            drawn = ax.fill_between(at, lower, upper, step="post", color=colour, linewidth=0)
            drawn.set_in_layout(False)  # its extent is known, and looking for it is slow
            floor = top
    ax.set_yticks(np.arange(len(names)) + 0.5, names)
    ax.set_ylim(len(names), 0)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    time_axis(ax, at[-1], "; the height of a colour is its share of the time")
    patches = [Patch(color=colour, label=word) for word, colour in STATUS.items()]
    ax.legend(handles=patches, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    title(ax, f"{subject(record)}: what the components were doing ({how})")
    return made
