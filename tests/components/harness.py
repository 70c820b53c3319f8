"""One component alone: scripted sources on its inputs, sinks with back-pressure on its outputs, every push recorded."""

import sys
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
    push,
    tick,
)
from accelsim.core.component import PortArray, tick_from

FREELY = (0, 0)  # a sink that takes all there is in every cycle


class Source(Component):
    """Pushes the items of its script in order, each in its cycle or as soon after it as there is room."""

    script = Mem("when to push what")
    sent = Reg("items pushed")


# The fields of an item are known only with the port that is fed: one subclass a payload.
BEHAVIOUR = """\
def behaviour(now, r, script, item):
    moved = False
    while r.sent < script.shape[0] and script[r.sent].at <= now and can_push(item):
        out, one = push(item), script[r.sent]
        {assignments}
        r.sent += 1
        moved = True
    if r.sent == script.shape[0]:
        return BUSY if moved else IDLE
    if script[r.sent].at > now:
        r.wake = script[r.sent].at
        return BUSY
    return BLOCKED
"""


class Sink(Component):
    """From cycle `first` on takes one item every `gap` cycles (0: all there is); `first` below 0: never takes any."""

    first = Param(0, "cycles", "the first cycle in which it takes anything", low=-1)
    gap = Param(0, "cycles", "from one item to the next", low=0)
    next_at = Reg("when the next item may be taken")

    @staticmethod
    def behaviour(now, r, item):
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


def source_of(payload: tuple[str, ...]) -> type[Source]:
    """The source for items of these fields."""
    name = "Source_" + "_".join(payload)
    module = sys.modules[__name__]
    if not hasattr(module, name):
        scope = {"BLOCKED": BLOCKED, "BUSY": BUSY, "IDLE": IDLE, "can_push": can_push, "push": push}
        assignments = ", ".join(f"out.{n}" for n in payload) + " = " + ", ".join(f"one.{n}" for n in payload)
        behaviour = tick_from(BEHAVIOUR.format(assignments=assignments), scope)
        body = {"item": Out("items", **dict.fromkeys(payload, "")), "tick": behaviour}
        setattr(module, name, type(name, (Source,), {**body, "__module__": __name__}))
    return getattr(module, name)


def sink_of(payload: tuple[str, ...]) -> type[Sink]:
    """The sink for items of these fields."""
    name = "Sink_" + "_".join(payload)
    module = sys.modules[__name__]
    if not hasattr(module, name):
        body = {"item": In("items", **dict.fromkeys(payload, "")), "tick": tick(Sink.behaviour)}
        setattr(module, name, type(name, (Sink,), {**body, "__module__": __name__}))
    return getattr(module, name)


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
            dtype = np.dtype([(f, "i8") for f in ("at", *names)])
            other = sim.add(source_of(names)(f"to_{far}", script=table(dtype, feeds.get(n, ()))))
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
