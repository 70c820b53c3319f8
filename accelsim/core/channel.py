"""A channel: a registered ready/valid FIFO, the only way one component reaches another.

Both sides see the occupancy as it stood when the cycle began: an item pushed in cycle t can be popped from t+1 on, and
the room of an item popped in t can be refilled from t+1 on. Nothing a component does is visible to another within the
cycle, so the order in which components tick cannot change a result. As in hardware, full throughput needs a depth of at
least two. Between two clock domains the same rule holds on the common time base: what is pushed at an instant can be
popped at the first edge of the consumer's clock after it.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from accelsim.core.compiled import compiled

CONTROL = np.dtype(
    [
        (name, "i8")
        for name in (
            "depth",  # items it can hold
            "head",  # slot of the oldest item
            "count",  # items held when the cycle began
            "pushed",  # items pushed in this cycle
            "popped",  # items popped in this cycle
            "total",  # items transferred so far
            "peak",  # the largest count so far
            "monitored",  # whether transfers are logged
            "producer",  # component index
            "consumer",  # component index
            "base",  # first word of its slots in the common slot memory
        )
    ]
)


class Channel(NamedTuple):
    control: np.record  # one row of the simulator's CONTROL table
    slots: np.recarray  # ring buffer of `depth` payload records


def overlay(payloads: Iterable[tuple[str, ...]]) -> np.dtype:
    """One record type for the items of all channels of a netlist.

    Fields of one payload lie side by side; fields that no payload has together may share a place. With one type for
    all channels, the functions below are compiled once and not once a payload.
    """
    payloads = sorted(set(payloads))
    place: dict[str, int] = {}
    for name in dict.fromkeys(n for names in payloads for n in names):
        taken = {place[other] for names in payloads if name in names for other in names if other in place}
        place[name] = next(n for n in range(len(taken) + 1) if n not in taken)
    words = 1 + max(place.values(), default=0)
    names = list(place) or ["nothing"]
    offsets = [8 * place.get(n, 0) for n in names]
    return np.dtype({"names": names, "formats": ["i8"] * len(names), "offsets": offsets, "itemsize": 8 * words})


@compiled
def wrap(index, depth):
    """`index % depth` for an index below twice the depth: a compare, not a division."""
    return index - depth if index >= depth else index


@compiled
def can_push(ch):
    """Ready: is there room for one more item this cycle?"""
    return ch.control.count + ch.control.pushed < ch.control.depth


@compiled
def room(ch):
    """How many more items can be pushed this cycle."""
    return ch.control.depth - ch.control.count - ch.control.pushed


@compiled
def push(ch):
    """Claim the next free slot; the caller fills in every field of the payload."""
    c = ch.control
    slot = wrap(c.head + c.count + c.pushed, c.depth)
    c.pushed += 1
    return ch.slots[slot]


@compiled
def can_pop(ch):
    """Valid: is there an item that was here when the cycle began?"""
    return ch.control.popped < ch.control.count


@compiled
def front(ch):
    """The oldest item, left in place."""
    c = ch.control
    return ch.slots[wrap(c.head + c.popped, c.depth)]


@compiled
def pop(ch):
    """Take the oldest item. Its fields stay readable until the end of the cycle."""
    item = front(ch)
    ch.control.popped += 1
    return item


@compiled
def waiting(ch):
    """How many items can still be popped this cycle."""
    return ch.control.count - ch.control.popped
