"""What a run leaves behind: plain numbers, no kernel, no components. Everything that reports reads this."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from threading import Lock
from typing import NamedTuple

import numpy as np

from accelsim.core.status import STATUS_NAMES

JOB = np.dtype(
    [
        (name, "i8")
        for name in (
            "part",  # the number of the component that does it
            "kind",  # COMMAND or TILE
            "layer",  # the number of its layer; -1: of none
            "about",  # what it is for, a number into the result's `about`
            "start",  # units of the time base: when it was told and had finished what came before; a tile: asked for
            "end",  # when it was finished; a tile: all there
            "wait",  # the job that had to be finished first, -1: none
            "wait2",  # another
            "told",  # when the sequencer told it; a tile: asked for
        )
    ]
)
COMMAND, TILE = 0, 1
EVENT = np.dtype([("at", "i8"), ("component", "i4"), ("status", "i4")])  # a change; `at` in units of the time base
SORTING = Lock()  # of a run's changes


class End(NamedTuple):
    """A channel as it stands at a component. `port`: of a port array `PORT.ELEMENT`; `other`: the component at its
    other end; `leaves`: whether items leave through it; `bits`: of the fields of an item."""

    channel: str
    port: str
    other: str
    leaves: bool
    depth: int
    bits: int


@dataclass(frozen=True)
class Part:
    """A component as it stands in a result."""

    kind: str  # class name
    clock: str  # clock domain
    parameters: dict[str, int | str]
    bases: tuple[str, ...] = ()  # names of its base classes, nearest first, without Component
    channels: tuple[End, ...] = ()  # those that begin or end at it

    @property
    def kinds(self) -> tuple[str, ...]:
        """The class and its base classes."""
        return self.kind, *self.bases


@dataclass(frozen=True)
class Link:
    """A channel as it stands in a result."""

    producer: str  # "component.port"
    consumer: str
    depth: int


@dataclass(frozen=True)
class Span:
    """What happened between two marks (or from start to end): cycles by status, action counts, transfers.

    `status[component]` maps idle/busy/starved/blocked to cycles of the component's own clock; they add up to the span's
    length in that clock. `counts[component]` holds every action counter, `transfers[channel]` the items that crossed.
    """

    label: int
    start: int  # units of the time base
    end: int
    status: dict[str, dict[str, int]]
    counts: dict[str, dict[str, int]]
    transfers: dict[str, int]


class Changes(NamedTuple):
    """The status changes component by component, each one's in the order of time; those of number n from first[n] up to
    first[n + 1]. steps: the time from the change before, or from the start, in the smallest unsigned type that holds
    all."""

    first: np.ndarray
    steps: np.ndarray
    status: np.ndarray  # uint8


@dataclass
class Result:
    """A finished run."""

    time_base_hz: Fraction  # units of time in a second
    periods: dict[str, int]  # clock domain -> units a cycle
    end: int  # the instant from which on nothing can happen
    parts: dict[str, Part]
    links: dict[str, Link]
    total: Span
    spans: list[Span]  # one for every mark, in order; together they cover the run
    peaks: dict[str, int]  # channel -> most items it held
    noted: list[np.ndarray] = field(repr=False)  # status changes (see EVENT), in pieces; none unless traced
    transfers: dict[str, np.ndarray] = field(repr=False)  # monitored channel -> records of `at` and payload
    jobs: np.ndarray = field(default_factory=lambda: np.zeros(0, JOB), repr=False)  # what was to be done (see JOB)
    about: list[tuple[int, str, str]] = field(default_factory=list, repr=False)  # number of a pass, heads, phase

    grouped: Changes | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def events(self) -> np.ndarray:
        """The status changes in the order of time, as one array (see EVENT)."""
        if len(self.noted) != 1:
            self.noted = [np.concatenate(self.noted) if self.noted else np.zeros(0, EVENT)]
        return self.noted[0]

    @events.setter
    def events(self, events: np.ndarray) -> None:
        self.noted, self.grouped = [events], None

    @property
    def traced(self) -> bool:
        """Whether there are status changes."""
        return any(map(len, self.noted))

    def by_part(self) -> Changes:
        """The status changes component by component; sorted once, whoever asks meanwhile waits."""
        from accelsim.core.changes import grouped

        with SORTING:
            if self.grouped is None:
                self.grouped = Changes(*grouped(self.noted, max(len(self.parts), 1)))
        return self.grouped

    def busy_together(self) -> list[dict[int, int]]:
        """Of every span: mask of the components that are busy at a time, a bit each -> units of time; of 62 at most."""
        from accelsim.core.changes import busy_together

        found: list[dict[int, int]] = [{} for _ in self.spans]
        for n, mask, time in busy_together(self.noted, [(span.start, span.end) for span in self.spans], self.end):
            found[n][mask] = found[n].get(mask, 0) + time
        return found

    def changes(self, part: int) -> tuple[np.ndarray, np.ndarray]:
        """(instants, statuses): from at[i] on the component of a number does status[i]; idle before."""
        every = self.by_part()
        mine = slice(every.first[part], every.first[part + 1])
        return np.cumsum(every.steps[mine], dtype=np.int64), every.status[mine]

    def cycles(self, clock: str = "core", end: int | None = None) -> int:
        """Cycles of a clock domain in the run (or up to an instant)."""
        return -(-(self.end if end is None else end) // self.periods[clock])


@dataclass(frozen=True)
class Snapshot:
    """Totals since the start of a run, at one instant: of each component cycles by status, its action counters one
    component after the other, of each channel the items that crossed."""

    at: int
    status: np.ndarray  # int64[components, statuses]
    counts: np.ndarray  # int64[counters of all components]
    transfers: np.ndarray  # int64[channels]


def difference(
    label: int, earlier: Snapshot, later: Snapshot, counted: Mapping[str, Sequence[str]], links: Sequence[str]
) -> Span:
    """The span between two snapshots; counted: component -> its counters, links: the channels."""
    status = (later.status - earlier.status).tolist()
    counts, begun, found = (later.counts - earlier.counts).tolist(), 0, {}
    for name, counters in counted.items():
        found[name] = dict(zip(counters, counts[begun : begun + len(counters)]))
        begun += len(counters)
    return Span(
        label,
        earlier.at,
        later.at,
        {name: dict(zip(STATUS_NAMES, spent)) for name, spent in zip(counted, status)},
        found,
        dict(zip(links, (later.transfers - earlier.transfers).tolist())),
    )


def snapshot(at, components, control, state, cycles, periods) -> Snapshot:
    """Totals up to an instant; the status a component is in is charged up to there without disturbing it."""
    spent, now = cycles.copy(), {clock: -(-at // period) for clock, period in periods.items()}
    spent[np.arange(len(spent)), state["status"]] += [now[c.clock] for c in components] - state["since"]
    return Snapshot(
        at, spent, np.concatenate([np.zeros(0, np.int64), *(c.counters for c in components)]), control["total"].copy()
    )
