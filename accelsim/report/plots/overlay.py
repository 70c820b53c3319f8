"""Two runs in one timeline: of every component a row for each, at the same scale of core cycles."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from accelsim.core.errors import InputError, suggest
from accelsim.report.plots.frame import PLAIN, Frame
from accelsim.report.plots.frame import window as window_of
from accelsim.report.plots.style import STATUS, figure, legend, phase_colours, subject, time_axis, title
from accelsim.report.plots.timeline import BINS, above, binned, stack, stretches, strip
from accelsim.report.record import RunRecord

LETTERS = "AB"
HIGH = 0.4  # of a row, and of a layer's strip


def overlaid(runs: Sequence[tuple[str, RunRecord]], frame: Frame = PLAIN, window: str = "") -> Figure:
    """Two named runs; A above B in every pair of rows.

    window: FROM:TO in core cycles of both, or a layer or block of each, which then begin together. Raises InputError
    for runs whose core clocks differ, since their cycles are not the same time, and as `Frame.check` for each.
    """
    check(runs, frame)
    frames = [replace(frame, parts=(), window=window_of(window, record) if window else None) for _, record in runs]
    for one, (_, record) in zip(frames, runs):
        one.check("timeline", record)
    spans = [one.cycles(record.result.cycles()) for one, (_, record) in zip(frames, runs)]
    together = window and ":" not in window
    starts = [first if together else 0 for first, _ in spans]
    first, last = (0, max(b - a for a, b in spans)) if together else (spans[0][0], max(b for _, b in spans))
    every = dict.fromkeys(n for _, record in runs for n in record.result.parts)
    lanes = frame.shown(list(every))
    shape = 10, 1.9 + 0.5 * len(lanes)
    made, (ax,) = figure(*shape, size=frame.inches(*shape))
    phases = dict.fromkeys(record.phase(s.label) for _, record in runs for s in record.result.spans)
    colours = phase_colours(list(phases))
    for n, ((_, record), (begun, ended), start) in enumerate(zip(runs, spans, starts)):
        result, names, period = record.result, list(record.result.parts), record.result.periods["core"]
        strip(ax, record, colours, begun, ended, -0.93 + (n + 0.5) * HIGH, 0.95 * HIGH, start)
        edges = np.linspace(begun * period, ended * period, min(BINS, max(ended - begun, 1)) + 1)
        for lane, name in enumerate(lanes):
            bottom = lane + 0.07 + (n + 1) * HIGH
            if name in names:
                stack(ax, edges / period - start, binned(result, names.index(name), edges), bottom, HIGH * 0.92)
            else:
                ax.text(first, bottom - HIGH / 2, " not in this machine", va="center", fontsize=7)
        ax.axvline(ended - start, ymax=1, color="k", linewidth=0.7, linestyle=(0, (4, 2) if n else (1, 1)))
    ticks = [lane + 0.07 + (n + 0.5) * HIGH for lane in range(-1, len(lanes)) for n in range(2)]
    ax.set_yticks(
        ticks, [f"{name} {LETTERS[n]}" if not n else LETTERS[n] for name in ["layer", *lanes] for n in range(2)]
    )
    ax.set_ylim(len(lanes), -1)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    time_axis(ax, first, last, f" since the start of {window}" if together else "")
    legend(made, [Patch(color=colour, label=word) for word, colour in STATUS.items()])
    seen = dict.fromkeys(p for (_, record), (a, b) in zip(runs, spans) for p, *_ in stretches(record, a, b))
    lines = above(made, ax, [Patch(color=colours[phase], label=phase) for phase in seen])
    said = ", ".join(
        f"{LETTERS[n]}: {name}, {b - a:,} core cycles" for n, ((name, _), (a, b)) in enumerate(zip(runs, spans))
    )
    title(ax, f"{said}\n{' and '.join(dict.fromkeys(subject(record) for _, record in runs))}{lines}")
    return made


def check(runs: Sequence[tuple[str, RunRecord]], frame: Frame) -> None:
    """Raise InputError for runs that cannot be shown in one timeline."""
    (_, a), (_, b) = runs
    if a.clock_hz != b.clock_hz:
        raise InputError(
            f"the two runs have core clocks of {a.clock_hz / 1e6:g} and {b.clock_hz / 1e6:g} MHz, so that a core cycle "
            "is not the same time in both; run them at one clock, or look at them in `accelsim report`"
        )
    known = {*a.result.parts, *b.result.parts}
    for part in frame.parts:
        if part not in known:
            raise InputError(f"there is no component {part!r} in these runs{suggest(part, known)}")
    for name, record in runs:
        if not record.result.traced:
            raise InputError(f"{name}: the run was made without its changes of status, so that it has no timeline")
