"""Running a workload on a machine, and what is known of a run."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from html import escape
from pathlib import Path

from accelsim.api.loading import Settings, load_machine, load_workload
from accelsim.api.pictures import Pictures
from accelsim.api.tables import Figures, Table
from accelsim.config.arch import Arch
from accelsim.report import RunRecord, Summary, archive, files, summarize
from accelsim.report.metrics import energy_by
from accelsim.report.tables import headline
from accelsim.validation import Report
from accelsim.workload.workload import Workload


class Run:
    """A finished run. `record` is all that was recorded, `figures` all figures as objects (report.Summary)."""

    def __init__(self, record: RunRecord) -> None:
        self.record = record

    @cached_property
    def figures(self) -> Summary:
        """All figures of the run, its phases and layers, as objects."""
        return summarize(self.record)

    @property
    def name(self) -> str:
        """Machine and workload."""
        return f"{self.record.machine} on {self.record.workload['name']}"

    @cached_property
    def summary(self) -> Figures:
        """The figures of the whole run by name, with the names of a sweep's columns: `summary["cycles"]`."""
        from accelsim.sweep.measure import figures

        return Figures(figures(self.figures))

    @property
    def cycles(self) -> int:
        """Core cycles."""
        return self.figures.total.cycles

    @property
    def seconds(self) -> float:
        """Time at the machine's clock."""
        return self.figures.total.seconds

    @property
    def energy_pj(self) -> float:
        """Energy of chip and DRAM at nominal prices."""
        return self.figures.total.energy.pj

    @cached_property
    def layers(self) -> Table:
        """A row for every layer, in order of execution, with the columns of layers.csv."""
        return Table.of(files.layer_rows(self.figures))

    @cached_property
    def phases(self) -> Table:
        """A row for every phase: qkv, attention, mlp and so on."""
        return Table.of({"phase": p.name, **files.figures(p)} for p in self.figures.phases)

    @cached_property
    def components(self) -> Table:
        """A row for every component: cycles busy, starved, blocked and idle of its own clock, and its energy."""
        energy = energy_by((c for c in self.figures.charges if not c.background), "component")
        return Table.of(
            {
                "component": a.name, "class": a.kind, "clock": a.clock, "cycles": a.cycles,
                **{f"{word}_cycles": n for word, n in a.status.items()}, "energy_pj": energy.get(a.name, 0.0),
            }
            for a in self.figures.total.activity.values()
        )  # fmt: skip

    @cached_property
    def charges(self) -> Table:
        """The energy bill: a row for every component and action, in pJ, with bounds."""
        return Table.of(
            {
                "component": c.component, "action": c.action, "off_chip": c.off_chip, "count": c.count, "pj": c.pj,
                "low_pj": c.low_pj, "high_pj": c.high_pj,
            }
            for c in self.figures.charges
        )  # fmt: skip

    @property
    def plot(self) -> Pictures:
        """Its pictures: `plot.timeline()`, `stalls()`, `utilization()`, `energy()`, `roofline()`."""
        return Pictures(self)

    def versus(self, other: Run) -> Table:
        """This run beside another: a row for every figure that both have, and how many times smaller the other's is."""
        rows = []
        for name, mine in self.summary.items():
            theirs = other.summary.get(name)
            if isinstance(mine, int | float) and isinstance(theirs, int | float):
                rows.append({"figure": name, "this": mine, "other": theirs, "ratio": mine / theirs if theirs else None})
        return Table.of(rows)

    def save(self, folder: str | Path, *, pictures: bool = False) -> Path:
        """Write a result folder, as `accelsim run -o` does; `load_run` and `accelsim plot` read it."""
        return files.write(self.record, folder, pictures=pictures, summary=self.figures)

    def __repr__(self) -> str:
        return f"Run of {self.name}: {headline(self.record, self.figures)}"

    def _repr_html_(self) -> str:
        synthetic = " (synthetic masks)" if self.record.workload.get("synthetic") else ""
        line = escape(headline(self.record, self.figures))
        return f"<p><b>{escape(self.name)}</b>{synthetic}: {line}</p>{self.phases._repr_html_()}"


def run(
    machine: str | Path | Arch,
    workload: str | Path | Workload,
    settings: Settings = None,
    *,
    trace: bool = True,
    progress: Callable[[int], None] | None = None,
) -> Run:
    """Simulate a workload on a machine, cycle by cycle.

    machine, workload: names of shipped ones, files, or what `load_machine` and `load_workload` give. settings:
    {"engine.lines": 32} or texts as of `--set`. trace: keep every change of status, which timelines need. progress: is
    called with the number of finished layers. Raises InputError for every mistake that a user can mend.
    """
    from accelsim.accelerators.run import run as simulate

    arch = load_machine(machine, settings)
    return Run(simulate(arch, load_workload(workload), trace=trace, progress=progress))


def load_run(folder: str | Path) -> Run:
    """The run in a result folder; nothing is simulated. Raises InputError for a folder that holds none."""
    return Run(archive.restore(folder))


def validate(machine: str | Path | Arch, workload: str | Path | Workload, settings: Settings = None) -> Report:
    """Whether the dataflow is legal and its results right, bit for bit (docs/validation.md): a report whose `passed`
    says so and whose `checks` say what was asked."""
    from accelsim import accelerators, validation

    arch = load_machine(machine, settings)
    return validation.validate(accelerators.machine(arch.machine), arch, load_workload(workload))
