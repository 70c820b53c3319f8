"""Machines of kind analytic: no netlist and no cycles, but formulas over layers; whatever they say is a model's."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from accelsim.accelerators import netlist
from accelsim.accelerators.machine import Machine
from accelsim.accelerators.netlist import Wiring
from accelsim.config.arch import Arch
from accelsim.core import Component, Count, InputError
from accelsim.core.clock import periods
from accelsim.core.result import Part, Result, Span
from accelsim.core.status import STATUS_NAMES
from accelsim.energy import EnergyTable, check_machine
from accelsim.workload.workload import Workload

if TYPE_CHECKING:
    from accelsim.validation import Judge

MODEL = "an analytic model: formulas, no simulation"


@dataclass(frozen=True)
class Stretch:
    """What a layer takes. end: the core cycle in which it is done. status: part -> status -> core cycles, idle for the
    rest. counts: part -> counter -> count, 0 for the rest."""

    end: int
    status: dict[str, dict[str, int]]
    counts: dict[str, dict[str, int]]


@dataclass(frozen=True)
class Fit:
    """A configuration made from measured rows. text: the file. verdict: how good it is, in a sentence. checked: (case,
    measured seconds, predicted over measured time, and energy) of the rows it was checked on."""

    text: str
    verdict: str
    checked: list[tuple[str, float, float, float | None]]


class Analytic(Machine):
    """Base of analytic machines. A subclass has a schema, whose parts declare parameters and counters and nothing else,
    prices, `peak_macs`, `peak_bytes_per_s`, and `estimate`."""

    analytic: ClassVar[bool] = True
    wiring = Wiring(())

    def estimate(self, arch: Arch, workload: Workload) -> list[Stretch]:
        """What each layer takes, in their order. Raises InputError when one cannot be estimated."""
        raise self.incomplete("has no model: its class defines no `estimate`")

    def fitted(self, rows: Path, device: str, peaks: Mapping[str, float]) -> "Fit":
        """A configuration fitted to a file of measured rows, of the device whose name holds `device`. `peaks`: what is
        known of its peaks beside the rows. Raises InputError for what cannot be read."""
        raise self.incomplete("cannot be fitted to measured rows: its class defines no `fitted`")

    def simulate(
        self,
        arch: Arch,
        workload: Workload,
        table: EnergyTable,
        *,
        trace: int = 0,
        skip: bool = True,
        progress: Callable[[int], None] | None = None,
    ) -> tuple[Result, dict[str, object]]:
        """As Machine.simulate does, from the formulas. There is nothing to trace or to step."""
        parts, kinds = self.parts_of(arch), netlist.kinds(self.schema, arch)
        check_machine({n: kind.declared(Count) for n, kind in kinds.items()}, parts, table)
        source = workload.source or f"workload {workload.name}"
        self.check_kinds(arch, workload, source)
        try:
            found = self.estimate(arch, workload)
        except InputError as error:
            raise InputError(f"{source}: {error}") from None
        base, each = periods(arch.clocks)
        core, begun, spans = each["core"], 0, []
        for label, stretch in enumerate(found):
            status, counts = {}, {}
            for name, kind in kinds.items():
                spent = dict.fromkeys(STATUS_NAMES, 0) | stretch.status.get(name, {})
                spent["idle"] += stretch.end - begun - sum(spent.values())
                status[name] = spent
                counts[name] = dict.fromkeys(kind.declared(Count), 0) | stretch.counts.get(name, {})
            spans.append(Span(label, begun * core, stretch.end * core, status, counts, {}))
            begun = stretch.end
            if progress:
                progress(label + 1)
        total = Span(-1, 0, begun * core, added(spans, "status"), added(spans, "counts"), {})
        result = Result(base, {"core": core}, total.end, parts, {}, total, spans, {}, [], {})
        return result, {"kind": MODEL, **unsourced_note(arch)}

    def parts_of(self, arch: Arch) -> dict[str, Part]:
        """Every part as it stands in a result, all on the core clock."""
        made = {name: self.schema.create(arch, name) for name in self.schema.parts}
        return {name: Part(type(c).__name__, "core", c.parameters(), bases(type(c))) for name, c in made.items()}

    def build(self, arch: Arch, workload: Workload, **options) -> None:
        """There is no netlist. Raises InputError."""
        raise InputError(
            f"{arch.name} is {MODEL}, so that it has no netlist, no program and nothing to validate; run, compare and"
            " sweep take it"
        )

    def judge(self) -> "type[Judge]":
        raise InputError(f"{self.schema.name} is {MODEL}; there are no values or transfers to validate")


def bases(kind: type[Component]) -> tuple[str, ...]:
    """Names of the classes that a component is derived from, nearest first."""
    return tuple(k.__name__ for k in takewhile(lambda k: k is not Component, kind.__mro__))[1:]


def added(spans: Sequence[Span], what: str) -> dict[str, dict[str, int]]:
    """Statuses or counts of all spans."""
    first = getattr(spans[0], what)
    return {name: {key: sum(getattr(s, what)[name][key] for s in spans) for key in row} for name, row in first.items()}


def unsourced(arch: Arch) -> list[str]:
    """The clocks and parameters of a configuration that it does not say the source of."""
    known = arch.sources
    names = [f"clocks.{name}" for name in arch.clocks]
    names += [f"{part}.{name}" for part, values in arch.parts.items() for name in values if part not in known]
    return [name for name in names if name not in known]


def unsourced_note(arch: Arch) -> dict[str, str]:
    """For a result: which values are without a source."""
    names = unsourced(arch)
    return {"values_without_a_source": ", ".join(names)} if names else {}
