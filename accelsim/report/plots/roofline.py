"""The roofline: what DRAM bandwidth and the PE array allow, and where the run and its phases stand."""

from matplotlib.figure import Figure

from accelsim.report.figures import Stretch, Summary
from accelsim.report.plots.frame import PLAIN, Frame
from accelsim.report.plots.style import BLACK, figure, legend, phase_colours, subject, thousands, title
from accelsim.report.record import RunRecord


def roofline(record: RunRecord, summary: Summary, frame: Frame = PLAIN) -> Figure:
    made, (ax,) = figure(8, 5, size=frame.inches(8, 5))
    peak, ridge = summary.peak_ops_per_s / 1e9, summary.ridge_ops_per_byte
    colours = phase_colours([p.phase for p in summary.phases])
    placed = [p for p in [*summary.phases, summary.total] if p.roofline.ops and p.roofline.dram_bytes]
    xs = [p.roofline.ops_per_byte for p in placed] + [ridge]
    low, high = min(xs) / 4, max(xs) * 4
    ax.loglog([low, ridge, high], [peak * low / ridge, peak, peak], color=BLACK, linewidth=1.5)
    ax.axvline(ridge, color=BLACK, linewidth=0.6, linestyle=":")
    ax.text(ridge * 1.06, peak * 1.1, f"ridge {ridge:.2f} op/byte, peak {peak:.4g} Gop/s", fontsize=8)
    handles = []
    for p in placed:
        whole = p is summary.total
        handles += ax.plot(
            p.roofline.ops_per_byte,
            p.roofline.ops_per_s / 1e9,
            marker="*" if whole else "o",
            markersize=14 if whole else 8,
            color=BLACK if whole else colours[p.phase],
            markeredgecolor="white",
            linestyle="none",
            label=label(p, summary),
        )
    ys = [p.roofline.ops_per_s / 1e9 for p in placed] + [peak * low / ridge]
    ax.set_xlim(low, high)
    ax.set_ylim(min(ys) / 1.3, peak * 1.6)
    thousands(ax, "x", "y")
    ax.set_xlabel("arithmetic intensity (op per byte of DRAM traffic; 1 MAC = 2 op)", fontsize=9)
    ax.set_ylabel("throughput (Gop/s)", fontsize=9)
    if placed:
        legend(made, handles)
    away = [why(p) for p in summary.phases if p.cycles and p not in placed]
    title(ax, f"{subject(record)}: roofline" + (f"\nnot shown: {', '.join(away)}" if away else ""))
    return made


def why(p: Stretch) -> str:
    """What a phase lacks that has no place in the diagram."""
    lacks = [what for what, has in (("MACs", p.roofline.ops), ("DRAM traffic", p.roofline.dram_bytes)) if not has]
    return f"{p.name} (no {' and no '.join(lacks)})"


def label(p: Stretch, summary: Summary) -> str:
    reached = 100 * p.roofline.ops_per_s / p.roofline.roof_ops_per_s
    return f"{'whole run' if p is summary.total else p.name}: {reached:.0f} % of its roof"
