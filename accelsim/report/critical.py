"""What an attention layer's length is made of: the phases of its passes one after the other, in each the engine that is
the last to end, and between them what was waited for. Together they last as long as the layer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from accelsim.core.result import TILE, Span
from accelsim.report.quantities import percent
from accelsim.report.record import RunRecord
from accelsim.report.slices import cycles
from accelsim.report.work import Doing, Job, Segment, numbered, of_passes, segments, spent, statuses_of

TELLING = re.compile(r"conflict|miss")  # counters that say why an engine took longer
ROWS = re.compile(r", rows \d+ to \d+")  # where a pass has not all rows of its heads


@dataclass
class Step:
    """A piece of a layer's chain, in core cycles: a phase of a pass, or (without a phase) what was waited for then.

    component: the engine that was the last to end, or what was waited for. status: what it was doing, in its own
    cycles. busy: engine -> its busy cycles meanwhile.
    """

    layer: str
    step: int
    heads: str
    phase: str
    component: str
    cycles: int
    status: dict[str, int] = field(default_factory=dict)
    busy: dict[str, int] = field(default_factory=dict)

    def row(self) -> dict[str, object]:
        """For result.json."""
        about = {"layer": self.layer, "pass": self.step, "heads": self.heads, "phase": self.phase or "waiting"}
        return {**about, "critical": self.component, "cycles": self.cycles, "status": self.status, "busy": self.busy}

    def sentence(self, whole: int) -> str:
        """Of how many core cycles of its layer."""
        share = f"{self.cycles:,} core cycles ({percent(self.cycles / whole)} of the layer)"
        if not self.phase:
            return f"{share} waiting for {self.component or 'commands on their way'}"
        if len(self.busy) == 1:
            return f"{share} are {self.phase} of {self.heads}"
        said = f"{share} are {self.phase} of {self.heads}, in which {self.component} is the last to end"
        others = {n: b for n, b in self.busy.items() if n != self.component}
        mine = self.busy[self.component]
        if others and (most := max(others.values())):
            other = next(n for n, b in others.items() if b == most)
            if mine >= most:
                said += f": it is busy {mine / most:.1f} times as long as {other}"
            else:
                said += f": it is busy for {mine:,} cycles, {other} for {most:,}"
        elif others:
            said += ": no other works"
        waits = {w: self.status.get(w, 0) for w in ("starved", "blocked")}
        worst = max(waits, key=lambda w: waits[w])
        total = sum(self.status.values())
        return said + (
            f", and it is {worst} {percent(waits[worst] / total)} of the time" if waits[worst] > 0.1 * total else ""
        )


@dataclass
class Chain:
    """An attention layer: its steps in the order of time, and counters that say more, such as bank conflicts."""

    layer: str
    cycles: int
    steps: list[Step]
    counters: dict[str, int]

    def sentence(self, most: int = 2) -> str:
        """The layer, its longest head, its longest steps."""
        heads: dict[str, int] = {}
        for step in self.steps:
            if step.phase:
                whole = ROWS.sub("", step.heads)
                heads[whole] = heads.get(whole, 0) + step.cycles
        longest = max(heads, key=lambda n: heads[n])
        said = f"{self.layer}: {percent(heads[longest] / self.cycles)} of its {self.cycles:,} core cycles is {longest}"
        steps = sorted(self.steps, key=lambda step: -step.cycles)[:most]
        said += "; " + "; ".join(step.sentence(self.cycles) for step in steps)
        counted = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in self.counters.items() if n)
        return f"{said}; {counted}" if counted else said


def chains(record: RunRecord) -> list[Chain]:
    """Every layer that is worked on in passes, in the order of the run; none where it was not noted what was done."""
    found: dict[int, list[Segment]] = {}
    for one in segments(record, of_passes(record)):
        found.setdefault(one.layer, []).append(one)
    doing = {name: statuses_of(record, n) for n, name in enumerate(record.result.parts) if name in record.engines}
    spans = {s.label: s for s in record.result.spans}
    return [chain(record, spans[n], mine, doing) for n, mine in found.items() if n in spans]


def chain(record: RunRecord, span: Span, mine: list[Segment], doing: Mapping[str, Doing]) -> Chain:
    """The chain of one layer."""
    name, at, steps = record.layers[span.label]["name"], span.start, []
    for one in mine:
        start, end = max(one.start, at), min(one.end, span.end)
        if end <= start:
            continue
        if start > at and (idle := cycles(record, at, start)):
            first = min(one.jobs, key=lambda job: job.start)
            steps.append(Step(name, one.step, one.heads, "", awaited(record, first, at), idle))
        last = max(one.jobs, key=lambda job: job.end).part
        busy = {n: spent(doing[n], start, end)["busy"] for n in doing}
        status = spent(doing[last], start, end)
        steps.append(Step(name, one.step, one.heads, one.phase, last, cycles(record, start, end), status, busy))
        at = end
    if span.end > at and (rest := cycles(record, at, span.end)):
        steps.append(Step(name, mine[-1].step, mine[-1].heads, "", "the last results to be stored", rest))
    counters = {
        f"{part}_{counter}": n
        for part, counts in span.counts.items()
        for counter, n in counts.items()
        if TELLING.search(counter) and part not in record.dram
    }
    return Chain(name, cycles(record, span.start, span.end), steps, counters)


def awaited(record: RunRecord, job: Job, since: int) -> str:
    """What a command waited for since an instant: a tile, or another unit."""
    late = [one for one in numbered(record, np.array(job.waits, np.int64)) if one.end > since]
    if not late:
        return ""
    last = max(late, key=lambda one: one.end)
    return f"a tile of {last.part}" if last.kind == TILE else last.part
