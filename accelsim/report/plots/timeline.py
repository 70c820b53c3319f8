"""What every component was doing over time: from status changes when the run was traced, else layer by layer."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from accelsim.core.result import Result
from accelsim.core.status import STATUS_NAMES
from accelsim.report.figures import Summary
from accelsim.report.plots.frame import PLAIN, Frame
from accelsim.report.plots.style import STATUS, columns, figure, legend, phase_colours, subject, time_axis, title
from accelsim.report.record import RunRecord

BINS = 480
LETTER = 0.009  # of the width, that a letter of a layer's name takes


def binned(result: Result, component: int, edges: np.ndarray) -> np.ndarray:
    """Shares of status by bin, (statuses, bins), from the status changes of a traced run.

    `edges` are bin edges in units of the time base, `component` the index of a part. A component is idle until its
    first change. Within a bin the shares add up to 1; nothing is sampled.
    """
    at, doing = result.changes(component)
    at = np.concatenate([[0], at, [max(result.end, int(edges[-1]))]])
    doing = np.concatenate([np.zeros(1, np.uint8), doing])
    shares = np.zeros((len(STATUS_NAMES), len(edges) - 1))
    for status in range(len(STATUS_NAMES)):
        spent = np.concatenate([[0], np.cumsum(np.diff(at) * (doing == status))])
        shares[status] = np.diff(np.interp(edges, at, spent)) / np.diff(edges)
    return shares


def timeline(record: RunRecord, summary: Summary, frame: Frame = PLAIN) -> Figure:
    result, names = record.result, list(record.result.parts)
    first, last = frame.cycles(result.cycles())
    lanes = frame.shown(names)
    traced = result.traced
    if traced:
        period = result.periods["core"]
        edges = np.linspace(first * period, last * period, min(BINS, max(last - first, 1)) + 1)
        shares = [binned(result, names.index(n), edges) for n in lanes]
        at = edges / period
        how = "from every status change" + (f", in {len(at) - 1} bins" if last - first > BINS else "")
    else:
        run = [layer for layer in summary.layers if layer.cycles]
        at = np.cumsum([0, *(layer.cycles for layer in run)])
        shares = [
            np.array([[layer.activity[n].share(word) or 0.0 for layer in run] for word in STATUS_NAMES]) for n in lanes
        ]
        how = "mean of each layer"
    shape = 10, 1.9 + 0.36 * len(lanes)
    made, (ax,) = figure(*shape, size=frame.inches(*shape))
    colours = phase_colours([p.phase for p in summary.phases])
    strip(ax, record, colours, first, last)
    for lane, share in enumerate(shares):
        stack(ax, at, share, lane + 0.9, 0.8)
    ax.set_yticks(np.arange(-1, len(lanes)) + 0.5, ["layer", *lanes])
    ax.set_ylim(len(lanes), -1)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    time_axis(ax, first, last)
    legend(made, [Patch(color=colour, label=word) for word, colour in STATUS.items()])
    seen = dict.fromkeys(phase for phase, *_ in stretches(record, first, last))
    patches = [Patch(color=colours[phase], label=phase) for phase in seen]
    lines = above(made, ax, patches)
    title(ax, f"{subject(record)}: what the components were doing ({how}; height: share of the time){lines}")
    return made


def above(made: Figure, ax: Axes, patches: list[Patch]) -> str:
    """The legend of phases above a timeline, on the right; empty lines for the title to stand over it."""
    ncols = columns(made, patches, 0.9)
    ax.legend(
        handles=patches, fontsize=8, loc="lower right", frameon=False, bbox_to_anchor=(1.0, 1.0), ncols=ncols,
        borderpad=0, columnspacing=1, handlelength=1, labelspacing=0.2,
    )  # fmt: skip
    return "\n" * -(-len(patches) // ncols)


def stack(ax: Axes, at: np.ndarray, share: np.ndarray, bottom: float, high: float) -> None:
    """What a component was doing, as parts of a height that stand on one another; `share`: see `binned`."""
    floor = np.full(len(at) - 1, bottom)
    for word, colour in STATUS.items():
        top = floor - high * share[STATUS_NAMES.index(word)]
        lower, upper = (np.append(y, y[-1]) for y in (floor, top))
        drawn = ax.fill_between(at, lower, upper, step="post", color=colour, linewidth=0)
        drawn.set_in_layout(False)  # its extent is known, and looking for it is slow
        floor = top


def stretches(record: RunRecord, first: int, last: int) -> list[tuple[str, str, float, float]]:
    """Phase, layer, and from which to which core cycle, of every layer in a window."""
    period = record.result.periods["core"]
    found = []
    for s in record.result.spans:
        begun, ended = max(s.start / period, first), min(s.end / period, last)
        if ended - begun >= 1:
            name = record.layers[s.label]["name"] if s.label >= 0 else ""
            found.append((record.phase(s.label), name, begun, ended))
    return found


def strip(
    ax: Axes,
    record: RunRecord,
    colours: dict[str, str],
    first: int,
    last: int,
    y: float = -0.5,
    high: float = 0.8,
    start: int = 0,
) -> None:
    """The layers, above the components: coloured by phase, named where there is room; `start`: core cycle 0."""
    for phase, name, *times in stretches(record, first, last):
        begun, ended = (at - start for at in times)
        ax.barh(y, ended - begun, high, begun, color=colours[phase], edgecolor="white", linewidth=0.3)
        if len(name) * LETTER < (ended - begun) / max(last - first, 1):
            dark = phase in ("qkv", "mlp", "attention", "head")
            ax.text(
                (begun + ended) / 2, y, name, ha="center", va="center", fontsize=7, color="w" if dark else "k",
                clip_on=True,
            )  # fmt: skip
