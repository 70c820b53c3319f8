"""What of a run a picture shows, and how large it is."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from accelsim.core.errors import InputError, shown, suggest
from accelsim.report.record import RunRecord

KINDS = ("timeline", "stalls", "utilization", "energy", "roofline")
TAKES = {"parts": ("timeline", "stalls"), "window": ("timeline", "stalls", "utilization"), "phase": ("stalls",)}
INCHES = (1.0, 60.0)
DPI = (20, 1200)


@dataclass(frozen=True)
class Frame:
    """Empty or None: as the picture has it. size: width and height in inches. dpi: of a PNG. parts: only these
    components. window: only from one core cycle to another. phase: only layers of this phase; ALL: each beside the
    others. paper: as a figure of a paper, a column or a page wide (see PAPER): without its title, since a caption says
    that, and letters as large as there."""

    size: tuple[float, float] | None = None
    dpi: int = 150
    parts: tuple[str, ...] = ()
    window: tuple[int, int] | None = None
    phase: str = ""
    paper: str = ""

    def check(self, kind: str, record: RunRecord) -> None:
        """Raise InputError for what this picture of this run cannot show."""
        if kind not in KINDS:
            raise InputError(
                f"there is no picture {kind!r} of a run{suggest(kind, KINDS)}; there are {', '.join(KINDS)}"
            )
        if kind == "timeline" and record.analytic:
            raise InputError(
                "an analytic model has no cycles, and so no timeline; stalls, energy and roofline can be drawn"
            )
        for name, kinds in TAKES.items():
            if getattr(self, name) and kind not in kinds:
                what = {"parts": "components", "window": "a time window", "phase": "a phase"}[name]
                raise InputError(f"{what} cannot be chosen for the picture {kind!r}, only for {' and '.join(kinds)}")
        for part in self.parts:
            if part not in record.result.parts:
                raise InputError(f"there is no component {part!r} in this run{suggest(part, record.result.parts)}")
        phases = list(dict.fromkeys(record.phase(s.label) for s in record.result.spans))
        if self.phase and self.phase not in (*phases, ALL):
            raise InputError(f"there is no phase {self.phase!r} in this run{suggest(self.phase, phases)}")
        if self.window and self.phase:
            raise InputError("a time window and a phase exclude each other; give one of them")
        if self.window:
            if not self.window[0] < min(self.window[1], record.result.cycles()):
                raise InputError(
                    f"the time window {self.window[0]}:{self.window[1]} must begin before its end and before the "
                    f"run's, which is {record.result.cycles()} core cycles long"
                )
            if kind == "stalls" and not record.result.traced:
                raise InputError("a time window needs the changes of status, and this run was made without them")
        if self.paper and self.paper not in PAPER:
            raise InputError(f"--paper is {shown(self.paper)}{suggest(self.paper, PAPER)}; it is {' or '.join(PAPER)}")
        if self.paper and self.size:
            raise InputError("--paper says how wide a picture is, and --size too; give one of them")
        check_size(self.size, self.dpi)

    def inches(self, width: float, height: float) -> tuple[float, float] | None:
        """The size of a picture that is by itself of this width and height; None: that one."""
        if not self.paper:
            return self.size
        wide = PAPER[self.paper]
        return wide, min(max(height * (wide / width) ** 0.55, 1.2), PAGE)

    def shown(self, names: Sequence[str]) -> list[str]:
        """The components to show, in the order of the machine's listing."""
        return [n for n in names if not self.parts or n in self.parts]

    def cycles(self, total: int) -> tuple[int, int]:
        """From which to which core cycle."""
        return (self.window[0], min(self.window[1], total)) if self.window else (0, total)


ALL = "all"  # of `phase`
PAGE = 9.0  # inches of height
PAPER = {"column": 3.5, "page": 7.16}  # inches, of the IEEE's two-column pages
PLAIN = Frame()


def check_size(size: tuple[float, float] | None, dpi: int) -> None:
    """Raise InputError for a size that no picture has."""
    if size and not all(math.isfinite(x) and INCHES[0] <= x <= INCHES[1] for x in size):
        raise InputError(f"the size {size[0]:g}x{size[1]:g} must be of {INCHES[0]:g} to {INCHES[1]:g} inches each way")
    if not DPI[0] <= dpi <= DPI[1]:
        raise InputError(f"dpi is {dpi} but must be {DPI[0]} to {DPI[1]}")


def window(text: str, record: RunRecord) -> tuple[int, int]:
    """`FROM:TO` in core cycles, or the time of a layer or of all layers whose names begin so (`block3`)."""
    first, colon, last = text.replace(",", "").replace("_", "").partition(":")
    if colon and (first + last).isdecimal():
        return int(first or 0), int(last or record.result.cycles())
    mine = [s for s in record.result.spans if s.label >= 0 and is_of(record.layers[s.label]["name"], text)]
    if not mine:
        names = [layer["name"] for layer in record.layers]
        raise InputError(
            f"the time window {text!r} is neither FROM:TO in core cycles nor a layer of this run{suggest(text, names)}"
        )
    period = record.result.periods["core"]
    return mine[0].start // period, -(-mine[-1].end // period)


def size(text: str) -> tuple[float, float]:
    """`3.5x2.5`: width and height in inches. Raises InputError for anything else."""
    found = re.fullmatch(r"(\d{1,3}(?:\.\d{1,4})?)x(\d{1,3}(?:\.\d{1,4})?)", text)
    if not found:
        raise InputError(f"the size {shown(text)} must be WIDTHxHEIGHT in inches, such as 3.5x2.5")
    return float(found[1]), float(found[2])


def is_of(name: str, wanted: str) -> bool:
    """Whether a layer is the one called so, or lies in it: block3 has block3.attention, but not block31."""
    return name == wanted or name.startswith(f"{wanted}.")
