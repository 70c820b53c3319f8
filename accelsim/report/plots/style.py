"""Colours (Okabe and Ito), sizes, and saving to the same bytes for the same picture."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import BinaryIO

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import accelsim.core.pictures as pictures

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY, PALE = "#999999", "#DDDDDD"

STATUS = {"busy": BLUE, "starved": YELLOW, "blocked": VERMILION, "idle": PALE}
PHASE = {
    "attention": VERMILION, "qkv": BLUE, "proj": SKY, "mlp": GREEN, "norm": YELLOW, "embed": PURPLE, "head": BLACK,
    "conv": ORANGE, "elementwise": GREY, "other": PALE,
}  # fmt: skip
LETTERS_AN_INCH = 130  # of 1 pt
SMALLEST = 0.75  # of a letter's size: 6 pt and more in a column of a paper
SPARE = (ORANGE, GREY, BLACK, PURPLE, YELLOW)


def phase_colours(phases: list[str]) -> dict[str, str]:
    """A colour for every phase; unknown ones take colours that no other phase here has, as long as there are any."""
    taken = {PHASE[p] for p in phases if p in PHASE}
    spare = [c for c in SPARE if c not in taken] or list(SPARE)
    unknown = [p for p in phases if p not in PHASE]
    return {p: PHASE[p] if p in PHASE else spare[unknown.index(p) % len(spare)] for p in phases}


def figure(
    width: float, height: float, rows: int = 1, columns: int = 1, size: tuple[float, float] | None = None, **grid
) -> tuple[Figure, list[Axes]]:
    """A figure of so many inches, or of those a user wants, that no global state knows of, and its axes in reading
    order."""
    made = Figure(figsize=size or (width, height), dpi=150, layout="constrained")
    made.letters = min(max(size[0] / width, SMALLEST), 1.0) if size else 1.0  # by what letters are smaller
    FigureCanvasAgg(made)
    axes = made.subplots(rows, columns, squeeze=False, **grid)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=8 * made.letters)
    return made, list(axes.flat)


def fitted(made: Figure) -> Figure:
    """The figure with letters as small as its size asks for, and its titles and labels in lines that fit."""
    from matplotlib.text import Text

    if made.letters < 1:
        for text in made.findobj(Text):
            text.set_fontsize(made.letters * text.get_fontsize())
    across = max((ax.get_subplotspec().get_gridspec().ncols for ax in made.axes if ax.get_subplotspec()), default=1)
    room = made.get_figwidth() / across
    texts = [(t, room) for ax in made.axes for t in (ax._left_title, ax.xaxis.label)]
    for text, inches in [*texts, (made._suptitle, made.get_figwidth())]:
        if text and text.get_text():
            wide = max(int(0.87 * inches * LETTERS_AN_INCH / text.get_fontsize()), 12)
            text.set_text("\n".join("\n".join(wrap(line, wide)) for line in text.get_text().split("\n")))
    return made


def resized(made: Figure, size: tuple[float, float] | None) -> Figure:
    """A finished figure at another size."""
    if size:
        made.letters = min(max(size[0] / made.get_figwidth(), SMALLEST), 1.0)
        made.set_size_inches(size)
        for ax in made.axes:
            ax.tick_params(labelsize=8 * made.letters)
    return fitted(made)


def thousands(ax: Axes, *names: str) -> None:
    """Whole numbers with separators on these axes ("x", "y"), no powers of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter

    for name in names:
        axis = getattr(ax, f"{name}axis")
        if axis.get_scale() == "log":
            low, high = axis.get_view_interval()
            axis.set_major_locator(
                LogLocator(subs=range(1, 10) if high < 6 * low else (1, 2, 5) if high < 1000 * low else (1,))
            )
            axis.set_minor_formatter(NullFormatter())
        axis.set_major_formatter(lambda x, _: f"{round(x, 9):,.12g}")


def columns(made: Figure, handles: Sequence[Artist], share: float = 1.0) -> int:
    """How many columns of a legend fit side by side into a share of the width."""
    longest = max(len(str(h.get_label())) for h in handles)
    fit = int(share * made.get_figwidth() / made.letters / (0.062 * longest + 0.45))
    return min(max(fit, 1), len(handles))


def legend(made: Figure, handles: Sequence[Artist]) -> None:
    """What the colours mean, below the axes, in as many columns as fit."""
    made.legend(
        handles=list(handles), fontsize=8, loc="outside lower center", frameon=False, ncols=columns(made, handles),
        handlelength=1.4,
    )  # fmt: skip


def save(made: Figure, path: Path | BinaryIO, kind: str = "png", dpi: int = 150) -> Path | BinaryIO:
    """Write a figure, which is empty afterwards."""
    pictures.save(made, path, kind, dpi)
    made.clear()
    return path


def title(ax: Axes, text: str) -> None:
    ax.set_title(text, fontsize=10, loc="left")


def time_axis(ax: Axes, first: int, last: int, note: str = "") -> None:
    """From one core cycle to another, in whole cycles, thousands or millions, as reads better."""
    unit, factor = next((u, f) for u, f in (("million ", 1e6), ("thousand ", 1e3), ("", 1)) if last >= f or f == 1)
    ax.set_xlim(first, max(last, first + 1))
    ax.xaxis.set_major_formatter(lambda x, _: f"{round(x / factor, 9):,.9g}")
    ax.set_xlabel(f"time ({unit}core cycles){note}", fontsize=9)


def subject(record) -> str:
    """Machine and workload, for titles; says so when the workload is synthetic."""
    name = f"{record.arch.get('name', record.machine)} (model)" if record.analytic else record.machine
    return f"{name}, {record.workload['name']}" + (" (synthetic)" if record.workload.get("synthetic") else "")
