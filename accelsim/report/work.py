"""What units and memories had to do, and for what: heads, passes and phases of attention, and the tiles that were
fetched for them; and the chain of waits that a layer's length is made of."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from accelsim.core.result import COMMAND, TILE, Span
from accelsim.core.status import STATUS_NAMES
from accelsim.report.record import RunRecord
from accelsim.report.slices import Stretch, cycles


class Job(NamedTuple):
    """A command of a unit, or a tile of a memory (see core.result.JOB)."""

    number: int  # in the result's list
    part: str
    kind: int
    layer: int
    step: int  # the number of its pass
    heads: str
    phase: str
    start: int
    end: int
    waits: tuple[int, ...]  # numbers of the jobs that had to be finished first

    @property
    def title(self) -> str:
        """For a timeline."""
        return f"pass {self.step}, {self.heads}: {self.phase}" if self.heads else self.phase


def jobs(record: RunRecord, spans: Sequence[Span] | None = None) -> list[Job]:
    """All jobs, or those of the layers of some spans."""
    found = record.result.jobs
    if spans is None or spans is record.result.spans:
        return numbered(record, np.arange(len(found)))
    return numbered(record, np.flatnonzero(np.isin(found["layer"], [s.label for s in spans])))


def numbered(record: RunRecord, numbers: np.ndarray) -> list[Job]:
    """The jobs of some numbers."""
    result, parts = record.result, list(record.result.parts)
    return [
        Job(
            n, parts[part], kind, layer, *result.about[about], start, end, tuple(w for w in (wait, wait2) if w >= 0)
        )
        for n, (part, kind, layer, about, start, end, wait, wait2, _) in zip(
            numbers.tolist(), result.jobs[numbers].tolist()
        )
    ]  # fmt: skip


def of_passes(record: RunRecord) -> list[Job]:
    """The commands that are for heads, which passes are made of."""
    result = record.result
    named = np.array([bool(heads) for _, heads, _ in result.about] or [False])
    return numbered(record, np.flatnonzero((result.jobs["kind"] == COMMAND) & named[result.jobs["about"]]))


def told(record: RunRecord, some: Sequence[Job]) -> dict[str, list[tuple[Job, Stretch]]]:
    """Unit -> what it did, one after the other; what has no name of its own is called as its layer."""
    found: dict[str, list[tuple[Job, Stretch]]] = {}
    for job in some:
        if job.kind == COMMAND:
            name = job.title or (record.layers[job.layer]["name"] if job.layer >= 0 else "outside every layer")
            stretch = Stretch(name, job.start, job.end, cycles(record, job.start, job.end))
            found.setdefault(job.part, []).append((job, stretch))
    return found


def fetched(record: RunRecord, some: Sequence[Job]) -> dict[tuple[str, int], list[tuple[Job, Stretch]]]:
    """(memory, row) -> its tiles, from when they were asked for until they were all there or away; in a row of their
    own what is under way at the same time."""
    found: dict[tuple[str, int], list[tuple[Job, Stretch]]] = {}
    free: dict[str, list[int]] = {}
    for job in sorted((job for job in some if job.kind == TILE), key=lambda job: job.start):
        rows = free.setdefault(job.part, [])
        row = next((n for n, at in enumerate(rows) if at <= job.start), len(rows))
        rows[row:row + 1] = [job.end]  # fmt: skip
        layer = record.layers[job.layer]["name"] if job.layer >= 0 else "outside every layer"
        stretch = Stretch(f"tile of {job.heads or layer}", job.start, job.end, cycles(record, job.start, job.end))
        found.setdefault((job.part, row), []).append((job, stretch))
    return found


@dataclass
class Share:
    """What a unit did of a phase of a pass: core `cycles` from its commands to their ends, and by what it was doing in
    them, in cycles of its own clock."""

    layer: str
    step: int
    heads: str
    phase: str
    component: str
    commands: int = 0
    cycles: int = 0
    status: dict[str, int] = field(default_factory=dict)

    def row(self) -> dict[str, object]:
        """For result.json."""
        about = {"layer": self.layer, "pass": self.step, "heads": self.heads, "phase": self.phase}
        spent = {f"{word}_cycles": self.status.get(word, 0) for word in STATUS_NAMES}
        return {**about, "component": self.component, "commands": self.commands, "cycles": self.cycles, **spent}


def passes(record: RunRecord) -> list[Share]:
    """Layer by layer, pass by pass: what each unit did of the scores, of the values, and so on."""
    found: dict[tuple, Share] = {}
    numbers, doing = list(record.result.parts), dict[str, Doing]()
    for job in of_passes(record):
        if job.layer >= 0:
            key = record.layers[job.layer]["name"], job.step, job.heads, job.phase, job.part
            one = found.setdefault(key, Share(*key))
            one.commands += 1
            one.cycles += cycles(record, job.start, job.end)
            if job.part not in doing:
                doing[job.part] = statuses_of(record, numbers.index(job.part))
            for word, n in spent(doing[job.part], job.start, job.end).items():
                one.status[word] = one.status.get(word, 0) + n
    return list(found.values())


class Doing(NamedTuple):
    """From at[i] on a component does status[i]; idle before."""

    at: np.ndarray
    status: np.ndarray
    period: int


def statuses_of(record: RunRecord, part: int) -> Doing:
    """What a component was doing over the run."""
    result = record.result
    return Doing(*result.changes(part), result.periods[list(result.parts.values())[part].clock])


def spent(doing: Doing, start: int, end: int) -> dict[str, int]:
    """Cycles of its clock by status, from one instant to another."""
    first, last = doing.at.searchsorted(start, "right"), doing.at.searchsorted(end, "left")
    status = doing.status[max(0, first - 1) : last]
    if not first:
        status = np.concatenate([np.zeros(1, np.uint8), status])
    edges = np.concatenate([[start], doing.at[first:last], [end]])
    counts = np.bincount(status, np.diff(-(-edges // doing.period)), len(STATUS_NAMES))
    return {word: int(n) for word, n in zip(STATUS_NAMES, counts)}


class Segment(NamedTuple):
    """A phase of a pass, when the array did nothing before it any more; `jobs`: the array's commands in it."""

    layer: int
    step: int
    heads: str
    phase: str
    start: int
    end: int
    jobs: tuple[Job, ...]


def segments(record: RunRecord, some: Sequence[Job]) -> list[Segment]:
    """The phases of the passes, one after the other: each lasts until its last command has ended, and begins with its
    first, or, where the array still works on the one before, when that has ended."""
    grouped: dict[tuple[int, int, str, str], list[Job]] = {}
    for job in some:
        if job.kind == COMMAND and job.heads and job.part in record.engines:
            grouped.setdefault((job.layer, job.step, job.heads, job.phase), []).append(job)
    found, at = [], 0
    for key, mine in sorted(grouped.items(), key=lambda item: (max(j.end for j in item[1]), item[1][0].start)):
        begun, ended = max(at, min(j.start for j in mine)), max(j.end for j in mine)
        if ended > begun:
            found.append(Segment(*key, begun, ended, tuple(mine)))
            at = ended
    return found


def windows_of_passes(record: RunRecord, some: Sequence[Job]) -> tuple[list[Stretch], list[Stretch]]:
    """Passes, and their phases (see `segments`), one after the other."""
    whole: list[tuple[tuple, str, int, int]] = []
    found = segments(record, some)
    for one in found:
        key = one.layer, one.step, one.heads
        if whole and whole[-1][0] == key:
            whole[-1] = (*whole[-1][:3], one.end)
        else:
            whole.append((key, f"pass {one.step}, {one.heads}", one.start, one.end))
    passed = [Stretch(name, start, end, cycles(record, start, end)) for _, name, start, end in whole]
    return passed, [Stretch(one.phase, one.start, one.end, cycles(record, one.start, one.end)) for one in found]
