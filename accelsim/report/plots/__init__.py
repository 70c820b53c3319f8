"""Pictures of a run, one file each; colour-blind-safe, labelled with units, parts adding up to the total."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from accelsim.core.errors import InputError
from accelsim.core.files import write
from accelsim.core.pictures import suffix, with_defaults
from accelsim.report.figures import Summary
from accelsim.report.plots.frame import ALL, KINDS, PLAIN, Frame
from accelsim.report.record import RunRecord

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURES = ("utilization", "stalls", "energy", "timeline", "roofline")


def pictures() -> dict[str, Callable[..., "Figure"]]:
    """What draws each kind."""
    from accelsim.report.plots.energy import energy
    from accelsim.report.plots.roofline import roofline
    from accelsim.report.plots.stalls import stalls
    from accelsim.report.plots.timeline import timeline
    from accelsim.report.plots.utilization import utilization

    return dict(zip(PICTURES, (utilization, stalls, energy, timeline, roofline), strict=True))


@with_defaults
def draw(record: RunRecord, summary: Summary, folder: Path) -> list[Path]:
    """Draw every picture as `folder/NAME.png`; the files."""
    from accelsim.report.plots.style import save

    kinds = [
        name for name in pictures() if not (name == "timeline" and record.analytic)
    ]  # a model has no cycles to draw
    return [save(figure(name, record, summary), folder / f"{name}.png") for name in kinds]


@with_defaults
def figure(kind: str, record: RunRecord, summary: Summary, frame: Frame = PLAIN) -> "Figure":
    """One picture as a matplotlib Figure. Raises InputError for what this run cannot show."""
    from accelsim.report.plots.style import fitted

    frame.check(kind, record)
    return fitted(captioned(pictures()[kind](record, summary, frame), kind, frame))


@with_defaults
def draw_two(runs: Sequence[tuple[str, RunRecord]], path: Path, frame: Frame = PLAIN, window: str = "") -> Path:
    """The timelines of two named runs in one picture (see overlay.py), written by the suffix; the file.

    window: of each run, as `frame.window` takes it. Raises InputError as `figure`, and for runs that cannot be shown
    in one picture.
    """
    from accelsim.report.plots.overlay import overlaid
    from accelsim.report.plots.style import fitted

    return written(fitted(captioned(overlaid(runs, frame, window), "timeline", frame)), path, frame)


def captioned(made: "Figure", kind: str, frame: Frame) -> "Figure":
    """A picture for a paper has no title: its caption says that. Panels keep what says which they are."""
    if frame.paper:
        made.suptitle("")
        for ax in made.axes if kind != "energy" and frame.phase != ALL else ():
            ax.set_title("", loc="left")
    return made


@with_defaults
def draw_one(kind: str, record: RunRecord, summary: Summary, path: Path, frame: Frame = PLAIN) -> Path:
    """One picture as PNG, PDF or SVG, by the suffix; the file. Raises InputError for others, and as `figure`."""
    suffix(path)  # before the time for drawing it is spent
    return written(figure(kind, record, summary, frame), path, frame)


def written(drawn: "Figure", path: Path, frame: Frame) -> Path:
    """Write a figure by the suffix; the file."""
    from accelsim.report.plots.style import save

    made = io.BytesIO()
    save(drawn, made, suffix(path), frame.dpi)
    try:
        write(path, made.getvalue())
    except OSError as reason:
        raise InputError(f"{path}: cannot be written ({reason.strerror or reason}); name another file") from None
    return path


__all__ = ["KINDS", "PICTURES", "Frame", "draw", "draw_one", "draw_two", "figure", "pictures"]
