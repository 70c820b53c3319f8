"""What observers see: status changes of components and transfers on channels. No component knows of them."""

from typing import NamedTuple

import numpy as np

from accelsim.core.compiled import compiled, inlined
from accelsim.core.result import EVENT


class Trace(NamedTuple):
    used: np.ndarray  # [status events noted, transfers logged]
    events: np.ndarray  # EVENT records; empty when tracing is off
    transfers: np.ndarray  # int64 rows: at, channel, payload fields; or at, ~channel, how many were popped


def new_trace(events: int, transfers: int, width: int) -> Trace:
    """Room for that many status events and transfers of items of up to `width` words."""
    return Trace(np.zeros(2, np.int64), np.empty(events, EVENT), np.zeros((transfers, 2 + width), np.int64))


@compiled
def has_room(trace, components, slots):
    """Whether another instant fits; when it does not, the kernel returns and the simulator drains the trace."""
    enough = trace.events.shape[0] == 0 or trace.events.shape[0] - trace.used[0] >= components
    return enough and (trace.transfers.shape[0] == 0 or trace.transfers.shape[0] - trace.used[1] >= slots)


@compiled
def note(trace, at, me):
    """A component's status changed."""
    if trace.events.shape[0] == 0:
        return
    event = trace.events[trace.used[0]]
    event.at, event.component, event.status = at, me.index, me.status
    trace.used[0] += 1


@inlined
def log(trace, at, index, c, slots):
    """The items pushed into a monitored channel in this cycle."""
    for n in range(c.pushed):
        row = trace.transfers[trace.used[1]]
        first = c.base + (c.head + c.count + n) % c.depth * c.width
        row[0], row[1] = at, index
        for word in range(c.width):
            row[2 + word] = slots[first + word]
        trace.used[1] += 1


@inlined
def log_pops(trace, at, index, c):
    """How many items were popped from a watched channel in this cycle."""
    row = trace.transfers[trace.used[1]]
    row[0], row[1], row[2] = at, ~index, c.popped
    trace.used[1] += 1
