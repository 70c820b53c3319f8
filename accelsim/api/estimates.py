"""How long a workload would take, in closed form, and how its layers would be cut; nothing is simulated."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from html import escape
from pathlib import Path

from accelsim.accelerators import machine as machine_of
from accelsim.accelerators import mappings
from accelsim.api.loading import Settings, load_machine, load_workload
from accelsim.api.tables import Table
from accelsim.config.arch import Arch
from accelsim.report.mappings import calibration, layer_rows, phase_rows
from accelsim.workload.workload import Workload


class Estimate:
    """What a workload would take in closed form (docs/mapping.md). No result: what is published is simulated. `found`
    is the mapping as objects."""

    def __init__(self, arch: Arch, workload: Workload, found: Sequence[mappings.LayerMapping]) -> None:
        self.arch, self.workload, self.found = arch, workload, tuple(found)

    @property
    def name(self) -> str:
        """Machine and workload."""
        return f"{self.arch.name} on {self.workload.name}"

    @property
    def cycles(self) -> float:
        """Core cycles, as the forms give them: not a whole number."""
        return sum(one.estimate.cycles for one in self.found)

    @property
    def seconds(self) -> float:
        """Time at the machine's clock."""
        return self.cycles / float(self.arch.clocks["core"])

    @cached_property
    def layers(self) -> Table:
        """A row for every layer, in order: cycles, share of all, which resource binds, DRAM's bytes, how it is cut."""
        return Table.of(layer_rows(self.found))

    @cached_property
    def phases(self) -> Table:
        """A row for every phase: how many layers, cycles, share of all, and what binds the most of them."""
        return Table.of(phase_rows(self.found))

    @property
    def mapping(self) -> dict[str, object]:
        """Layer -> part -> cut, of the layers that can be cut in several ways."""
        return mappings.as_data(self.found)

    @property
    def error(self) -> list[str]:
        """How far estimates of this machine were from its simulation, in sentences."""
        return calibration(machine_of(self.arch.machine).calibration, self.workload.name)

    def save(self, path: str | Path) -> Path:
        """Write how the layers are cut, as a file that `accelsim run --mapping` takes."""
        return mappings.written(Path(path), self.arch, self.workload, self.found)

    def __repr__(self) -> str:
        return f"Estimate of {self.name}: {self.cycles:,.0f} core cycles, {1e3 * self.seconds:.4g} ms; not simulated"

    def _repr_html_(self) -> str:
        line = f"{self.cycles:,.0f} core cycles, {1e3 * self.seconds:.4g} ms, estimated in closed form; not simulated"
        said = "".join(f"<p>{escape(sentence)}</p>" for sentence in self.error)
        return f"<p><b>{escape(self.name)}</b>: {line}</p>{self.phases._repr_html_()}{said}"


def estimate(machine: str | Path | Arch, workload: str | Path | Workload, settings: Settings = None) -> Estimate:
    """How long a workload would take on a machine, in closed form: milliseconds of work, and no cycle is simulated.

    machine, workload, settings: as of `run`. Raises InputError for every mistake that a user can mend, and for a
    machine that says nothing of how it cuts layers.
    """
    arch, work = load_machine(machine, settings), load_workload(workload)
    return Estimate(arch, work, mappings.mapped(arch, work))
