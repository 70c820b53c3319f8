"""What every machine owes, tried out: any network runs to its end, however it is run the result is the same, every
cycle, byte and action is accounted for, and nothing is faster than it can be."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

import numpy as np

from accelsim.accelerators import machine
from accelsim.accelerators.machine import Machine
from accelsim.accelerators.trial import draw_workload
from accelsim.config.arch import Arch
from accelsim.core import Component, Count, DeadlockError, Param, Simulator
from accelsim.core.component import Port
from accelsim.core.result import Result
from accelsim.core.status import STATUS_NAMES
from accelsim.dataflows.program import Program
from accelsim.energy import check_machine, load_table
from accelsim.isa.tables import KEPT
from accelsim.workload.workload import Workload

SLICE = 9_999  # units of time of a run that is cut in pieces
UNITS = ("count", "cycles", "bytes", "bytes/cycle", "bits", "choice", "byte cycles", "permille", "mW", "fJ", "nJ")


@dataclass
class Rule:
    """One thing that a machine owes: how often it was looked at, and where it does not hold."""

    name: str
    looked: int = 0
    broken: list[str] = field(default_factory=list)

    def hold(self, good: object, sentence: str) -> None:
        """Look once more; `sentence` says what is wrong if it is."""
        self.looked += 1
        if not good:
            self.broken.append(sentence)


def check_contract(arch: Arch, *, cases: int = 4, seed: int = 1) -> list[Rule]:
    """Try a machine, as configured, with so many small random networks; every rule, held or broken.

    Raises InputError when the machine cannot be built, or when its energy table lacks a price.
    """
    model = machine(arch.machine)
    trial = trial_of(model)(arch, model)
    trial.declared()
    for n in range(cases):
        trial.network(draw_workload(seed + n, kinds=trial.model.kinds))
    return list(trial.rules.values())


def trial_of(model: Machine) -> "type[Trial]":
    """How a machine is tried: an analytic one has no netlist and owes less."""
    if not model.analytic:
        return Trial
    from accelsim.accelerators.analytic_contract import AnalyticTrial

    return AnalyticTrial


class Trial:
    """A machine being tried."""

    def __init__(self, arch: Arch, model: Machine) -> None:
        self.arch, self.model = arch, model
        self.rules: dict[str, Rule] = {}

    def rule(self, name: str) -> Rule:
        return self.rules.setdefault(name, Rule(name))

    def declared(self) -> None:
        """Whatever can be set, counted or sent says what it is, in which unit."""
        said = self.rule("every parameter, counter and port has a unit and a sentence")
        for part, kind in self.model.parts(self.arch).items():
            for place, doc, unit in declarations(part, kind):
                said.hold(len(doc.split()) > 1 or (doc and unit), f"{place}: it has no sentence")
                said.hold(unit in UNITS, f"{place}: there is no unit {unit!r}; units are {', '.join(UNITS)}")
        for name, option in self.model.schema.options.items():
            said.hold(len(option.doc.split()) > 1, f"option {name}: it has no sentence")

    def network(self, work: Workload) -> None:
        """Run one network in every way."""
        same = self.rule("it runs to its end, the same stepped cycle by cycle")
        try:
            sim, program = self.run(work)
        except RuntimeError as error:  # it locked up, or a tick raised an exception
            same.hold(False, f"{work.name}: {error}")
            return
        result, lazy = sim.result(), outcome(sim)
        same.hold(outcome(self.run(work, skip=False)[0]) == lazy, f"{work.name}: stepping gives another result")
        order = range(len(self.model.parts(self.arch)))[::-1]
        self.rule("in any order of its components").hold(
            outcome(self.run(work, order=order)[0]) == lazy, f"{work.name}: the order of components matters"
        )
        self.rule("in pieces").hold(
            outcome(self.run(work, slices=SLICE)[0]) == lazy, f"{work.name}: stopping and going on matters"
        )
        watched = self.run(work, trace=1 << 12, monitored=True)[0]
        self.rule("watched").hold(outcome(watched) == lazy, f"{work.name}: watching it matters")
        self.traced(work, watched)
        self.accounted(work, result)
        self.conserved(work, sim, program, result)
        self.bounded(work, result)
        self.shallow(work)

    def run(self, work: Workload, *, skip: bool = True, slices: int = 0, **options) -> tuple[Simulator, Program]:
        """A finished simulator."""
        sim, program = self.model.build(self.arch, work, **options)
        check_machine({c.name: c.counts() for c in sim.components}, sim.parts(), self.table(), self.arch.clocks)
        while not sim.run(*([slices] if slices else []), skip=skip):
            pass
        self.model.finish(self.arch, sim, skip)
        return sim, program

    def table(self):
        """The prices; a counter without one is an InputError."""
        found = load_table(self.arch.energy, self.model.price_documents(), self.arch.places)
        self.rule("every counter has a price").looked += 1
        return found

    def traced(self, work: Workload, sim: Simulator) -> None:
        """The trace says of every component what its totals say."""
        rule, result = self.rule("the trace says what every component did"), sim.result()
        for n, component in enumerate(sim.components):
            mine = result.events[result.events["component"] == n]
            period = result.periods[component.clock]
            at = np.concatenate([[0], mine["at"] // period, [-(-result.end // period)]])
            spent = np.bincount(np.concatenate([[0], mine["status"]]), np.diff(at), minlength=len(STATUS_NAMES))
            rule.hold(
                dict(zip(STATUS_NAMES, spent.tolist())) == result.total.status[component.name],
                f"{work.name}: {component.name} is traced otherwise than counted",
            )

    def accounted(self, work: Workload, result: Result) -> None:
        """Every cycle of every component, in every layer; layers add up to the run."""
        rule = self.rule("every cycle of every component is accounted for, in every layer")
        labels = [span.label for span in result.spans if span.label >= 0]
        rule.hold(labels == list(range(len(work.layers))), f"{work.name}: layers end as {labels}")
        for name, part in result.parts.items():
            for span in (result.total, *result.spans):
                length = result.cycles(part.clock, span.end) - result.cycles(part.clock, span.start)
                rule.hold(sum(span.status[name].values()) == length, f"{work.name}: {name}, layer {span.label}")
            for kind in ("status", "counts"):
                for key, total in getattr(result.total, kind)[name].items():
                    parts = sum(getattr(span, kind)[name][key] for span in result.spans)
                    rule.hold(parts == total, f"{work.name}: {name}.{key} of the layers is {parts}, of the run {total}")

    def conserved(self, work: Workload, sim: Simulator, program: Program, result: Result) -> None:
        """What was planned was done: instructions, bytes, multiply-accumulates; nothing is left in a buffer."""
        rule, counts, tables = self.rule("what the program plans is done"), result.total.counts, program.finish()
        stores = [tables[b][tables[b]["fence"] != KEPT] for b in program.names.stores]  # others stay on chip
        moved = {
            way: sum(int((rows["bytes"] * rows["segments"]).sum()) for rows in of)
            for way, of in (("read", [tables[b] for b in program.names.buffers]), ("write", stores))
        }
        # a component that counts `fetches` reads DRAM as it goes, which no plan says
        moved["read"] += sum(mine["write_bytes"] for mine in counts.values() if "fetches" in mine)
        for way, planned in moved.items():
            found = counts["dram"][f"{way}_bytes"]
            rule.hold(found == planned, f"{work.name}: {found} bytes of DRAM are {way}, {planned} are planned")
        for name, mine in counts.items():
            if "instructions" in mine:
                rule.hold(mine["instructions"] == len(tables["program"]), f"{work.name}: {name} left instructions out")
        for c in (c for c in sim.components if "held" in c.fields and "peak_bytes" in c.fields):
            rule.hold(c.value("held") == 0, f"{work.name}: {c.value('held')} bytes are left in {c.name}")
            rule.hold(c.value("peak_bytes") <= c.value("capacity_bytes"), f"{work.name}: {c.name} is overfull")
        useful = sum(self.model.useful_macs(self.arch, work, layer) for layer in work.layers) * work.batch
        done = self.macs(result)
        rule.hold(done >= useful, f"{work.name}: {done} multiply-accumulates are done, {useful} are useful work")

    def macs(self, result: Result) -> int:
        counts = result.total.counts
        return sum(counts[n]["mac_ops"] for n in self.model.array or [n for n, c in counts.items() if "mac_ops" in c])

    def bounded(self, work: Workload, result: Result) -> None:
        """Nothing is faster than its roofs."""
        rule, peak = self.rule("no run is faster than its multipliers and its memory"), self.model.peak_macs(self.arch)
        seconds = result.end / float(result.time_base_hz)
        done, cycles = self.macs(result), result.cycles()
        rule.hold(done <= peak * cycles, f"{work.name}: {done} multiply-accumulates in {cycles} cycles, {peak} a cycle")
        dram = result.total.counts["dram"]
        bytes_moved, most = dram["read_bytes"] + dram["write_bytes"], self.model.peak_bytes_per_s(self.arch) * seconds
        rule.hold(bytes_moved <= most, f"{work.name}: {bytes_moved} bytes in a time in which {most:.0f} can be moved")

    def shallow(self, work: Workload) -> None:
        """Channels of one item make it slower at most."""
        rule = self.rule("it does not lock up with channels of one item")
        try:
            self.run(work, depth=1)
            rule.hold(True, "")
        except DeadlockError as error:
            rule.hold(False, f"{work.name}: {error}")


def declarations(part: str, kind: type[Component]) -> Iterator[tuple[str, str, str]]:
    """(place, sentence, unit) of everything that a component declares for others."""
    for name, param in kind.declared(Param).items():
        yield f"{part}.{name}", param.doc, "choice" if param.choices else param.unit
    for name, count in kind.declared(Count).items():
        yield f"{part}.{name}", count.doc, count.unit
    for name, port in kind.declared(Port).items():
        yield f"{part}.{name}", port.doc, "count"
        for item, doc in port.fields.items():
            yield f"{part}.{name}.{item}", doc, "count"


def outcome(sim: Simulator) -> tuple:
    """All of a result that is a statistic, in no order."""
    result = sim.result()
    return result.end, asdict(result.total), [asdict(span) for span in result.spans], result.peaks


def failed(rules: list[Rule]) -> list[Rule]:
    """The rules that do not hold."""
    return [rule for rule in rules if rule.broken]


def table(rules: list[Rule]) -> Iterator[object]:
    """The rules as a table for a terminal, and what is broken."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    made.add_column("what a machine owes", overflow="fold")
    for title in ("looked at", "broken"):
        made.add_column(title, justify="right")
    for rule in rules:
        made.add_row(rule.name, f"{rule.looked:,}", f"{len(rule.broken):,}")
    yield made
    for rule in failed(rules):
        yield f"BROKEN: {rule.name}"
        yield from (f"  {sentence}" for sentence in rule.broken[:5])
