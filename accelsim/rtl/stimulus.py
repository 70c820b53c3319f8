"""The far ends of a component's channels: sources that play a script, sinks with random back-pressure.

The same scripts drive the component in the kernel and its module in Verilator (bench.cpp has their behaviour in C++).
"""

import sys
from dataclasses import dataclass

import numpy as np

from accelsim.core import BLOCKED, BUSY, IDLE, Component, In, Mem, Out, Param, Reg, can_pop, can_push, pop, push, tick
from accelsim.core.component import tick_from


@dataclass
class Script:
    """Items of a source: int64[items, fields], and the cycle from which each may be pushed, ascending."""

    at: np.ndarray
    items: np.ndarray


class Source(Component):
    """Pushes its items in order, each in its cycle or as soon after it as there is room."""

    most = Param(1, "count", "items a cycle")
    script = Mem("what to push, from when on")
    sent = Reg("items pushed")


class Sink(Component):
    """Pops in the cycles in which it is open."""

    most = Param(1, "count", "items a cycle")
    open = Mem("whether it is open, cycle by cycle, over and over")


# The fields of an item are known only with the port that is fed: one class a payload.
SOURCE = """\
def source(now, r, script, item):
    n = 0
    while r.sent < script.shape[0] and n < r.most:
        one = script[r.sent]
        if now < one.at:
            r.wake = one.at
            return BUSY
        if not can_push(item):
            return BUSY if n else BLOCKED
        out = push(item)
        {assignments}
        r.sent += 1
        n += 1
    return BUSY if n else IDLE
"""


def sink(now, r, open, item):
    """Pop up to `most` items if this is a cycle in which the sink is open."""
    if not can_pop(item):
        return IDLE
    if open[now % open.shape[0]]:
        n = 0
        while can_pop(item) and n < r.most:
            pop(item)
            n += 1
    return BUSY


def source_of(fields: tuple[str, ...]) -> type[Source]:
    """The source of items with these fields."""
    return made("Source", Source, fields)


def sink_of(fields: tuple[str, ...]) -> type[Sink]:
    """The sink for items with these fields."""
    return made("Sink", Sink, fields)


def made(kind: str, base: type[Component], fields: tuple[str, ...]) -> type[Component]:
    """A subclass with the port `item`, kept in this module under its name: a kernel imports it from here."""
    name = f"{kind}_{'_'.join(fields)}"
    module = sys.modules[__name__]
    if not hasattr(module, name):
        payload = dict.fromkeys(fields, "as the port it is connected to")
        if base is Source:
            scope = {"BUSY": BUSY, "IDLE": IDLE, "BLOCKED": BLOCKED, "can_push": can_push, "push": push}
            source = tick_from(SOURCE.format(assignments="; ".join(f"out.{f} = one.{f}" for f in fields)), scope)
            body = {"item": Out("its items", **payload), "tick": source}
        else:
            body = {"item": In("what it takes", **payload), "tick": tick(sink)}
        setattr(module, name, type(name, (base,), {**body, "__module__": __name__}))
    return getattr(module, name)


def script_table(script: Script, fields: tuple[str, ...]) -> np.recarray:
    """A script as the record table a source reads."""
    table = np.zeros(len(script.at), [(n, "i8") for n in ("at", *fields)])
    table["at"] = script.at
    for n, name in enumerate(fields):
        table[name] = script.items[:, n]
    return table.view(np.recarray)
