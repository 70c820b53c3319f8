"""One component alone: scripted sources on its inputs, sinks with back-pressure on its outputs, every push recorded."""

from dataclasses import dataclass

import numpy as np

from accelsim.core import (
    BLOCKED,
    BUSY,
    IDLE,
    STATUS_NAMES,
    Component,
    DeadlockError,
    In,
    Mem,
    Out,
    Param,
    Reg,
    Simulator,
    can_pop,
    can_push,
    pop,
    push_words,
    tick,
)
from accelsim.core.component import PortArray

FREELY = (0, 0)  # a sink that takes all there is in every cycle


class Source(Component):
    """Pushes its items in order, each in its cycle or as soon after it as there is room."""

    width = Param(1, "count", "words of an item")
    at = Mem("when to push each")
    words = Mem("the items, one after the other")
    item = Out("items, with the fields of the port they go to")
    sent = Reg("items pushed")

    @tick
    def tick(now, r, at, words, item):
        moved = False
        while r.sent < at.shape[0] and at[r.sent] <= now and can_push(item):
            push_words(item, words, r.sent * r.width)
            r.sent += 1
            moved = True
        if r.sent == at.shape[0]:
            return BUSY if moved else IDLE
        if at[r.sent] > now:
            r.wake = at[r.sent]
            return BUSY
        return BLOCKED


class Sink(Component):
    """From cycle `first` on takes one item every `gap` cycles (0: all there is); `first` below 0: never takes any."""

    first = Param(0, "cycles", "the first cycle in which it takes anything", low=-1)
    gap = Param(0, "cycles", "from one item to the next", low=0)
    item = In("items, with the fields of the port they come from")
    next_at = Reg("when the next item may be taken")

    @tick
    def tick(now, r, item):
        if r.first < 0 or not can_pop(item):
            return IDLE
        if now < max(r.first, r.next_at):
            r.wake = max(r.first, r.next_at)
            return BUSY
        pop(item)
        while r.gap == 0 and can_pop(item):
            pop(item)
        r.next_at = now + r.gap
        return BUSY


def source(name: str, items: list[tuple[int, ...]], width: int) -> Source:
    """A source of items, each (cycle, *fields)."""
    rows = np.array(items, np.int64).reshape(len(items), 1 + width)
    return Source(name, width=max(1, width), at=rows[:, 0].copy(), words=rows[:, 1:].ravel())


def sink_of(fields: tuple[str, ...]) -> type[Sink]:
    """The sink for items of these fields, where the port they come from does not say them."""
    port = In("items", **dict.fromkeys(fields, "a field"))
    return type("TypedSink", (Sink,), {"item": port, "__module__": __name__})


def table(dtype: np.dtype, rows) -> np.recarray:
    """Rows (tuples, or mappings of what is not zero) as a table of a component."""
    made = np.zeros(len(rows), dtype).view(np.recarray)
    for n, row in enumerate(rows):
        for name, value in row.items() if isinstance(row, dict) else zip(dtype.names, row, strict=True):
            made[n][name] = value
    return made


@dataclass
class Observed:
    """What came of a run. `pushes[port]`: (cycle, *fields) of every item on an input or output, in order."""

    pushes: dict[str, list[tuple[int, ...]]]
    counts: dict[str, int]
    status: dict[str, int]
    peaks: dict[str, int]
    end: int
    component: Component

    def cycles(self, port: str) -> list[int]:
        """The cycles in which items were pushed there."""
        return [item[0] for item in self.pushes[port]]


def ports_of(unit: Component, arrays: dict) -> dict[str, tuple[bool, tuple[str, ...]]]:
    """(whether it is an input, fields of an item) of every port, and of every element of a port array."""
    found = {}
    for name, port in unit.fields.items():
        if isinstance(port, PortArray):
            for element in arrays.get(name, ()):
                fields = port.payload or tuple(arrays[name][element])
                found[f"{name}.{element}"] = isinstance(port, In), fields
        elif isinstance(port, In | Out):
            found[name] = isinstance(port, In), port.payload
    return found


def run(
    make, feeds: dict, accept: dict, depth: dict, cycles: int | None, skip: bool, arrays: dict | None = None
) -> Observed:
    """One run of the component that `make` returns; see `exercise`."""
    unit = make()
    sim = Simulator(log=1 << 12)
    sim.add(unit)
    ports = ports_of(unit, arrays or {})
    unknown = {*feeds, *accept, *depth} - set(ports)
    assert not unknown, f"{type(unit).__name__} has no port {', '.join(unknown)}"
    for n, (fed, names) in ports.items():
        far = n.replace(".", "_")
        if fed:
            other = sim.add(source(f"to_{far}", list(feeds.get(n, ())), len(names)))
            sim.connect(other, "item", unit, n, depth=depth.get(n, 4), monitored=True)
        else:
            first, gap = accept.get(n, FREELY)
            other = sim.add(sink_of(names)(f"from_{far}", first=first, gap=gap))
            sim.connect(unit, n, other, "item", depth=depth.get(n, 4), monitored=True)
    try:
        sim.run(1 << 60 if cycles is None else cycles, skip=skip)
    except DeadlockError:
        if cycles is None:
            raise
    r = sim.result()
    link = {n: k for k in r.links for n in ports if f"{unit.name}.{n}" in k.split(" -> ")}
    return Observed(
        {n: [tuple(int(v) for v in item) for item in r.transfers[k]] for n, k in link.items()},
        r.total.counts[unit.name],
        {n: r.total.status[unit.name][n] for n in STATUS_NAMES},
        {n: r.peaks[k] for n, k in link.items()},
        r.end,
        unit,
    )


def exercise(make, feeds: dict, *, accept=None, depth=None, cycles: int | None = None, arrays=None) -> Observed:
    """Run a component with and without sleeping, and hold the two against each other.

    `make` returns a new component. `feeds[port]` lists (cycle, *fields): what is pushed into an input when; the
    component sees it one cycle later. `accept[port]`: (first, gap) of the sink behind an output. `depth[port]`: of the
    channel, 4 where not given. `cycles`: stop there at the latest, whatever is still undelivered; without it all items
    must be delivered in the end. `arrays[port]`: the elements of a port array, which are called `port.element` above;
    where the port has no payload of its own, each with its fields.
    """
    lazy, eager = (run(make, feeds, accept or {}, depth or {}, cycles, skip, arrays) for skip in (True, False))
    for name in ("pushes", "counts", "status", "peaks", "end"):
        assert getattr(lazy, name) == getattr(eager, name), f"sleeping changes {name}"
    return lazy
