"""What would relieve a loss: settings of the components it is due to, doubled, and simulated to see by how much."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from accelsim.accelerators import machine
from accelsim.accelerators.run import run
from accelsim.config.arch import Arch
from accelsim.core.errors import InputError
from accelsim.report.losses import MOST, Loss, losses, suspects
from accelsim.report.metrics import summarize
from accelsim.report.record import RunRecord
from accelsim.sweep.design import Base
from accelsim.workload.workload import Workload

UNITS = ("count", "bytes/cycle", "bytes")  # of what can be had more of; the first are tried first
OF_EACH = 3  # settings of a component
OF_LOSS = 5  # settings tried for a loss
WORTH = 0.02  # of a loss, below which a setting does not relieve it


@dataclass(frozen=True)
class Trial:
    """A setting, and the whole run and its phases with it."""

    name: str
    value: int
    cycles: int
    phases: dict[str, int]
    area_um2: float


@dataclass(frozen=True)
class Advice:
    """A loss, and the setting that shortens its phase most of those that were tried; `fewer`: core cycles there."""

    loss: Loss
    tried: tuple[str, ...]
    best: Trial | None
    fewer: int = 0

    def sentence(self, record: RunRecord, area_um2: float) -> str:
        total = record.result.cycles()
        said = self.loss.sentence(total)
        if self.best is None:
            return f"{said}. Doubling {', '.join(self.tried)} does not relieve it" if self.tried else said
        share = 1 - self.best.cycles / total
        beside = ", without the memory's own" if self.best.name.split(".")[0] in record.dram else ""
        return (
            f"{said}. With {self.best.name}={self.best.value} {self.loss.phase} takes {self.fewer:,} core cycles "
            f"fewer, and the run {self.best.cycles:,} ({100 * share:.2f} % shorter), for "
            f"{area_said(self.best.area_um2 - area_um2)}{beside}"
        )


def area_said(more_um2: float) -> str:
    """What a setting costs of the chip."""
    if abs(more_um2) < 0.5:
        return "no area of the chip"
    small = abs(more_um2) < 1000
    return f"{more_um2:+,.0f} um2 of the chip" if small else f"{more_um2 / 1e6:+.3f} mm2 of the chip"


def advise(
    base: Base, workload: Workload, record: RunRecord, progress: Callable[[str], None] = lambda _: None
) -> list[Advice]:
    """The largest losses of a run, each with what relieves it; `progress` is told what is tried."""
    tried: dict[str, Trial | None] = {}
    before = {p.phase: p.cycles for p in summarize(record).phases}
    found = []
    for loss in losses(record)[:MOST]:
        ways = [settings(base, part) for part in suspects(record, loss)]
        mine = [way[n] for n in range(OF_EACH) for way in ways if n < len(way)][:OF_LOSS]
        for name, value in mine:
            if name not in tried:
                progress(f"{name}={value}")
                tried[name] = trial(base, workload, name, value)
        ran = [t for name, _ in mine if (t := tried[name])]
        best = min(ran, key=lambda t: t.phases.get(loss.phase, 0), default=None)
        fewer = before[loss.phase] - best.phases.get(loss.phase, 0) if best else 0
        if fewer < WORTH * loss.cycles:
            best = None
        found.append(Advice(loss, tuple(t.name for t in ran), best, fewer))
    return found


def settings(base: Base, part: str) -> Sequence[tuple[str, int]]:
    """What of a component can be had twice, by the names of overrides: lanes, ports, banks, bytes."""
    declared = base.schema.parts[part].params(base.arch.models.get(part, base.schema.parts[part].default_model))
    free = [
        (f"{part}.{name}", 2 * value)
        for unit in UNITS
        for name, param in declared.items()
        if param.unit == unit and not param.choices and isinstance(value := base.arch.parts[part][name], int) and value
    ]
    return free[:OF_EACH]


def trial(base: Base, workload: Workload, name: str, value: int) -> Trial | None:
    """The run with one setting; None where the machine or the workload refuses it, or where it has more MACs: that is
    another machine, no relief."""
    try:
        arch: Arch = base.with_settings([(name, str(value))])
        model = machine(arch.machine)
        if model.peak_macs(arch) != model.peak_macs(base.arch):
            return None
        found = summarize(run(arch, workload))
    except InputError:
        return None
    return Trial(name, value, found.total.cycles, {p.phase: p.cycles for p in found.phases}, found.area_um2)
