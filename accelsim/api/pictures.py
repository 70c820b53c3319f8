"""Pictures of a run, in a notebook or as files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from accelsim.report.plots import draw_one, figure
from accelsim.report.plots.frame import Frame, window

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from accelsim.api.runs import Run


@dataclass(frozen=True)
class Picture:
    """One picture of a run: a notebook shows it, `save` writes it, `figure` is matplotlib's."""

    run: Run
    kind: str
    frame: Frame

    @cached_property
    def figure(self) -> Figure:
        """The matplotlib Figure, to change as you like."""
        return figure(self.kind, self.run.record, self.run.figures, self.frame)

    def save(self, path: str | Path) -> Path:
        """Write it as .png, .pdf or .svg. Raises InputError for another suffix."""
        return draw_one(self.kind, self.run.record, self.run.figures, Path(path), self.frame)

    def __repr__(self) -> str:
        return f"Picture({self.kind!r} of {self.run.name}); .save('{self.kind}.pdf') writes it"

    def _repr_png_(self) -> bytes:
        made = io.BytesIO()
        figure(self.kind, self.run.record, self.run.figures, self.frame).savefig(made, dpi=self.frame.dpi)
        return made.getvalue()


@dataclass(frozen=True)
class Pictures:
    """`run.plot`: the pictures of a run. Each takes size (width and height in inches) and dpi."""

    run: Run

    def timeline(
        self,
        components: Sequence[str] = (),
        window: str | tuple[int, int] | None = None,
        size: tuple[float, float] | None = None,
        dpi: int = 150,
    ) -> Picture:
        """What the components were doing over time.

        components: only these. window: from one core cycle to another, or the name of a layer or block (`"block3"`).
        """
        return self._made("timeline", Frame(size, dpi, tuple(components), self._window(window)))

    def stalls(
        self,
        phase: str = "",
        components: Sequence[str] = (),
        window: str | tuple[int, int] | None = None,
        size: tuple[float, float] | None = None,
        dpi: int = 150,
    ) -> Picture:
        """How long each component was busy, starved, blocked and idle, of the run, a phase or a window."""
        return self._made("stalls", Frame(size, dpi, tuple(components), self._window(window), phase))

    def utilization(
        self, window: str | tuple[int, int] | None = None, size: tuple[float, float] | None = None, dpi: int = 150
    ) -> Picture:
        """The use of MACs and of the DRAM bus, layer by layer."""
        return self._made("utilization", Frame(size, dpi, (), self._window(window)))

    def energy(self, size: tuple[float, float] | None = None, dpi: int = 150) -> Picture:
        """Where the energy went."""
        return self._made("energy", Frame(size, dpi))

    def roofline(self, size: tuple[float, float] | None = None, dpi: int = 150) -> Picture:
        """What bandwidth and MACs allow, and where the phases stand."""
        return self._made("roofline", Frame(size, dpi))

    def _window(self, wanted: str | tuple[int, int] | None) -> tuple[int, int] | None:
        return window(wanted, self.run.record) if isinstance(wanted, str) else wanted

    def _made(self, kind: str, frame: Frame) -> Picture:
        frame.check(kind, self.run.record)
        return Picture(self.run, kind, frame)

    def __repr__(self) -> str:
        return "timeline(), stalls(), utilization(), energy(), roofline()"
