"""Colours (Okabe and Ito), sizes, and saving to the same bytes for the same picture."""

from pathlib import Path
from typing import BinaryIO

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY, PALE = "#999999", "#DDDDDD"

STATUS = {"busy": BLUE, "starved": YELLOW, "blocked": VERMILION, "idle": PALE}
PHASE = {
    "attention": VERMILION, "qkv": BLUE, "proj": SKY, "mlp": GREEN, "norm": YELLOW, "embed": PURPLE, "head": BLACK,
    "conv": ORANGE, "elementwise": GREY, "other": PALE,
}  # fmt: skip
SPARE = (ORANGE, GREY, BLACK, PURPLE, YELLOW)


def phase_colours(phases: list[str]) -> dict[str, str]:
    """A colour for every phase; unknown ones take colours that no other phase here has, as long as there are any."""
    taken = {PHASE[p] for p in phases if p in PHASE}
    spare = [c for c in SPARE if c not in taken] or list(SPARE)
    unknown = [p for p in phases if p not in PHASE]
    return {p: PHASE[p] if p in PHASE else spare[unknown.index(p) % len(spare)] for p in phases}


def figure(width: float, height: float, rows: int = 1, columns: int = 1, **grid) -> tuple[Figure, list[Axes]]:
    """A figure of so many inches that no global state knows of, and its axes in reading order."""
    made = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(made)
    axes = made.subplots(rows, columns, squeeze=False, **grid)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=8)
    return made, list(axes.flat)


def save(made: Figure, path: Path | BinaryIO) -> Path | BinaryIO:
    """Write a PNG without date or version in it."""
    made.savefig(path, format="png", metadata={"Software": None})
    made.clear()
    return path


def title(ax: Axes, text: str) -> None:
    ax.set_title(text, fontsize=10, loc="left")


def time_axis(ax: Axes, cycles: int, note: str = "") -> None:
    """From 0 to so many core cycles, in thousands or millions where that reads better."""
    unit, factor = next((u, f) for u, f in (("million ", 1e6), ("thousand ", 1e3), ("", 1)) if cycles >= f or f == 1)
    ax.set_xlim(0, max(cycles, 1))
    ax.xaxis.set_major_formatter(lambda x, _: f"{x / factor:g}")
    ax.set_xlabel(f"time ({unit}core cycles){note}", fontsize=9)


def subject(record) -> str:
    """Machine and workload, for titles; says so when the workload is synthetic."""
    name = f"{record.arch.get('name', record.machine)} (model)" if record.analytic else record.machine
    return f"{name}, {record.workload['name']}" + (" (synthetic)" if record.workload.get("synthetic") else "")
