"""A picture of a case's waveforms: what every unit was doing in the whole run, and some channels in a window in which
much moves through two of them, the modules' as lines and the model's as dots on them."""

import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from accelsim.core import STATUS_NAMES
from accelsim.core.pictures import with_defaults
from accelsim.rtl.netlist import Netlist
from accelsim.rtl.waves import MODEL, MODULE, read

PICTURE = "waves.png"
WINDOW = 96  # cycles shown in detail
# Okabe and Ito's colours, as in the reports.
COLOURS = {"busy": "#0072B2", "starved": "#F0E442", "blocked": "#D55E00", "idle": "#DDDDDD"}
MODULE_COLOUR, MODEL_COLOUR = "#000000", "#E69F00"


def busiest(first: np.ndarray, second: np.ndarray, size: int = WINDOW) -> int:
    """Where the window begins in which the rarer of two events (counts a cycle) is most frequent, and then both."""
    sums = [np.cumsum(np.append(0, np.minimum(events, 1))) for events in (first, second)]
    both = [s[size:] - s[:-size] if len(s) > size else s[-1:] for s in sums]
    return int(np.argmax(np.minimum(*both) * (2 * size + 1) + sum(both)))


@with_defaults
def draw(
    folder: Path,
    netlist: Netlist,
    title: str,
    channels: Sequence[str] = (),
    first: int = 0,
    ends: Mapping[int, str] | None = None,
) -> Path:
    """Draw `waves.png` beside the two waveforms that `waves.write_waves` wrote into the folder.

    `channels` are shown if the netlist has the first two of them, which say where the window is; else all are, and the
    window is where the first and the last are busiest. first: the cycle in which the waveforms begin. ends: by its
    cycle what ends there, which is marked; the window is around the first of them, if there are any.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    there = [wire.name for wire in netlist.wires]
    chosen = len(channels) > 1 and set(channels[:2]) <= set(there)
    shown = [name for name in channels if name in there] if chosen else there
    pair = shown[:2] if chosen else (shown[0], shown[-1])
    signals = [f"{name}{end}" for name in shown for end in ("__valid", "_push", "__pop")]
    units = [unit.name for unit in netlist.units]
    seen = [s for s in signals if not s.startswith(tuple(f"{w.name}__" for w in netlist.wires if w.outside))]
    model = read(folder / MODEL, signals + [f"{unit}_status" for unit in units], first)
    module = {s: np.zeros(len(model[s]), object) for s in signals} | read(folder / MODULE, seen, first)
    if ends:
        start = max(0, min(ends) - first - WINDOW // 2)
    else:
        start = busiest(*(module[f"{name}_push"].astype(np.int64) for name in pair))
    end = min(start + WINDOW, len(module[signals[0]]))
    shown = [n for n in shown if any(module[f"{n}{way}"][start:end].any() for way in ("_push", "__pop"))]
    made = Figure(figsize=(12, 1.6 + 0.28 * len(units) + 0.42 * len(shown)), dpi=120, layout="constrained")
    FigureCanvasAgg(made)
    above, below = made.subplots(2, 1, height_ratios=[0.9 + 0.28 * len(units), 0.7 + 0.42 * len(shown)])
    lanes(above, {unit: model[f"{unit}_status"].astype(np.int64) for unit in units}, first)
    above.axvspan(first + start, first + end, facecolor="none", edgecolor="black", linewidth=1.2)
    for at, name in (ends or {}).items():
        for ax in (above, below):
            ax.axvline(at, color="black", linewidth=0.8, linestyle=":")
        above.annotate(f"{name} ends ", (at, 0), fontsize=8, ha="right", va="bottom", annotation_clip=False)
    above.set_title(
        f"{title}: what the units were doing; the frame is the window below",
        fontsize=10, loc="left", pad=18 if ends else None,
    )  # fmt: skip
    waveforms(below, shown, module, model, (start, end), first)
    between = {wire.name: ".".join(wire.producer or wire.consumer) for wire in netlist.wires}
    below.set_yticks(np.arange(len(shown)) + 0.5, [between[name] for name in shown], fontsize=8)
    below.set_title(
        "items that can be popped (grey), pushed (bars up) and popped (bars down): modules, and dots for the model",
        fontsize=10, loc="left",
    )  # fmt: skip
    temporary = folder / f"{PICTURE}.{os.getpid()}"
    made.savefig(temporary, format="png", metadata={"Software": None})
    os.replace(temporary, folder / PICTURE)
    return folder / PICTURE


def lanes(ax, status: dict[str, np.ndarray], first: int) -> None:
    """A lane a unit, coloured by status, from cycle `first` on."""
    from matplotlib.patches import Patch

    for lane, values in enumerate(status.values()):
        edges = np.concatenate([[0], np.flatnonzero(np.diff(values)) + 1, [len(values)]])
        for word, colour in COLOURS.items():
            mine = [(first + a, b - a) for a, b in pairwise(edges) if values[a] == STATUS_NAMES.index(word)]
            ax.broken_barh(mine, (lane + 0.1, 0.8), facecolor=colour, linewidth=0)
    ax.set_yticks(np.arange(len(status)) + 0.5, list(status), fontsize=8)
    ax.set_ylim(len(status), 0)
    ax.set_xlim(first, first + len(next(iter(status.values()))))
    ax.legend(
        handles=[Patch(color=c, label=w) for w, c in COLOURS.items()],
        fontsize=8,
        ncols=4,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        frameon=False,
    )
    plain(ax)


def waveforms(ax, shown: Sequence[str], module: dict, model: dict, window: tuple[int, int], first: int) -> None:
    """Valid, push and pop of channels in a window, counted from cycle `first` on, of the modules as areas and bars, of
    the model as dots."""
    start, end = window
    cycles = first + np.arange(start, end)
    for lane, name in enumerate(shown):
        valid, push, pop = (module[f"{name}{e}"][start:end].astype(float) for e in ("__valid", "_push", "__pop"))
        scale = 0.38 / max(1.0, valid.max(), push.max(), pop.max())
        floor = lane + 0.5
        ax.fill_between(cycles, floor, floor - scale * valid, step="post", color="#CCCCCC", linewidth=0)
        ax.vlines(cycles[push > 0] + 0.5, floor, floor - scale * push[push > 0], color=MODULE_COLOUR, linewidth=3)
        ax.vlines(cycles[pop > 0] + 0.5, floor, floor + scale * pop[pop > 0], color="#0072B2", linewidth=3)
        for end_, way in (("_push", -1), ("__pop", 1)):
            moved = model[f"{name}{end_}"][start:end].astype(float)
            at = moved > 0
            ax.plot(cycles[at] + 0.5, floor + way * scale * moved[at], "o", color=MODEL_COLOUR, markersize=3.5)
        ax.axhline(floor, color="#CCCCCC", linewidth=0.6)
    ax.set_ylim(len(shown), 0)
    ax.set_xlim(first + start, first + end)
    ax.set_xlabel("core cycle", fontsize=9)
    plain(ax)


def plain(ax) -> None:
    """No frame that says nothing."""
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.tick_params(axis="x", labelsize=8)
    ax.ticklabel_format(axis="x", useOffset=False)
