"""MAC utilization over time, layer by layer: the width of a block is its time, its area the work done."""

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from accelsim.report.figures import Summary
from accelsim.report.plots.frame import PLAIN, Frame
from accelsim.report.plots.style import BLACK, figure, legend, phase_colours, subject, time_axis, title
from accelsim.report.record import RunRecord

NAMED = 16  # with no more layers than this, each has its name


def utilization(record: RunRecord, summary: Summary, frame: Frame = PLAIN) -> Figure:
    made, (top, bottom) = figure(10, 5.4, rows=2, sharex=True, height_ratios=(2, 1), size=frame.inches(10, 5.4))
    colours = phase_colours([p.phase for p in summary.phases])
    layers = [layer for layer in summary.layers if layer.cycles]
    widths = [layer.cycles for layer in layers]
    left = [sum(widths[:i]) for i in range(len(widths))]
    first, last = frame.cycles(sum(widths))
    used = [100 * layer.mac_utilization for layer in layers]
    moved = [100 * layer.bandwidth_utilization for layer in layers]
    look = {"align": "edge", "linewidth": 0.4}  # the edge keeps the shortest layer visible
    top.bar(left, used, widths, color=[colours[layer.phase] for layer in layers], edgecolor="white", **look)
    bottom.bar(left, moved, widths, color="#777777", edgecolor="#777777", **look)
    within = [at + wide > first and at < last for at, wide in zip(left, widths)]
    named = sum(within) <= NAMED
    if named:
        for layer, start, height, inside in zip(layers, left, used, within):
            begun, ended = max(start, first), min(start + layer.cycles, last)
            if inside and ended - begun > 0.015 * (last - first):
                top.text((begun + ended) / 2, height + 2, layer.name, rotation=90, fontsize=7, ha="center")
    handles = {}
    for ax, what, total in (
        (top, "MAC utilization (%)", summary.total.mac_utilization),
        (bottom, "DRAM bandwidth (%)", summary.total.bandwidth_utilization),
    ):
        mean = 100 * (total or 0)
        handles[ax] = ax.axhline(mean, color=BLACK, linewidth=1, linestyle="--", label=f"mean of the run {mean:.1f} %")
        ax.set_ylim(0, max(135 if named and ax is top else 100, *used, *moved))
        ax.set_yticks(range(0, 101, 20))
        ax.set_ylabel(what, fontsize=9)
    time_axis(bottom, first, last)
    patches = [Patch(color=colours[p.phase], label=p.phase) for p in summary.phases if p.mac_ops]
    bottom.legend(handles=[handles[bottom]], fontsize=8, loc="upper right", frameon=False)
    legend(made, [*patches, handles[top]])
    title(top, f"{subject(record)}: utilization of the PE array and of the DRAM bus, layer by layer")
    return made
