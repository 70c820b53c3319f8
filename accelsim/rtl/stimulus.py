"""The far ends of a component's channels: sources that play a script, sinks with random back-pressure.

The same scripts drive the component in the kernel and its module in Verilator (bench.cpp has their behaviour in C++).
Their ends of a channel name no fields: an item is the words that the component's own port says.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from accelsim.core import (
    BLOCKED,
    BUSY,
    IDLE,
    Component,
    In,
    Mem,
    Out,
    Param,
    Reg,
    can_pop,
    can_push,
    pop,
    push_words,
    tick,
)


@dataclass
class Script:
    """Items of a source: int64[items, fields], and the cycle from which each may be pushed, ascending."""

    at: np.ndarray
    items: np.ndarray


class Source(Component):
    """Pushes its items in order, each in its cycle or as soon after it as there is room."""

    most = Param(1, "count", "items a cycle")
    width = Param(1, "count", "words of an item")

    at = Mem("the cycle from which each item may be pushed")
    words = Mem("the items, one after the other")

    item = Out("its items, with the fields of the port they go to")

    sent = Reg("items pushed")

    @tick
    def tick(now, r, at, words, item):
        n = 0
        while r.sent < at.shape[0] and n < r.most:
            if now < at[r.sent]:
                r.wake = at[r.sent]
                return BUSY
            if not can_push(item):
                return BUSY if n else BLOCKED
            push_words(item, words, r.sent * r.width)
            r.sent += 1
            n += 1
        return BUSY if n else IDLE


class Sink(Component):
    """Pops in the cycles in which it is open."""

    most = Param(1, "count", "items a cycle")

    open = Mem("whether it is open, cycle by cycle, over and over")

    item = In("what it takes, with the fields of the port it comes from")

    @tick
    def tick(now, r, open, item):
        if not can_pop(item):
            return IDLE
        if open[now % open.shape[0]]:
            n = 0
            while can_pop(item) and n < r.most:
                pop(item)
                n += 1
        return BUSY


def source(name: str, script: Script, most: int) -> Source:
    """A source of up to `most` items a cycle."""
    items = np.ascontiguousarray(script.items, np.int64)
    at = np.ascontiguousarray(script.at, np.int64)
    return Source(name, most=most, width=items.shape[1], at=at, words=items.ravel())


@cache
def naming(fields: tuple[str, ...]) -> type[Sink]:
    """A sink that names the fields of its items, for a port that does not."""
    return type("Sink", (Sink,), {"item": In("what it takes", **dict.fromkeys(fields, "a word"))})


def sink(name: str, opens: np.ndarray, most: int, fields: tuple[str, ...] = ()) -> Sink:
    """A sink for up to `most` items a cycle; `fields` where the port that they come from does not say what they are."""
    kind = naming(fields) if fields else Sink
    return kind(name, most=most, open=opens.astype(np.int64))
