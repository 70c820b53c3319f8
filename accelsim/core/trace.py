"""What observers see: status changes of components and transfers on channels. No component knows of them."""

from typing import NamedTuple

import numpy as np
from numba import njit

EVENT = np.dtype([("at", "i8"), ("component", "i8"), ("status", "i8")])  # `at` in units of the time base


class Trace(NamedTuple):
    used: np.ndarray  # [status events noted, transfers logged]
    events: np.recarray  # EVENT records; empty when tracing is off
    transfers: np.ndarray  # int64 rows: at, channel, payload fields; empty when no channel is monitored


def new_trace(events: int, transfers: int, width: int) -> Trace:
    """Room for that many status events and transfers of at most `width` payload fields."""
    return Trace(
        np.zeros(2, np.int64), np.zeros(events, EVENT).view(np.recarray), np.zeros((transfers, 2 + width), np.int64)
    )


@njit
def has_room(trace, components, slots):
    """Whether another instant fits; when it does not, the kernel returns and the simulator drains the trace."""
    enough = trace.events.shape[0] == 0 or trace.events.shape[0] - trace.used[0] >= components
    return enough and (trace.transfers.shape[0] == 0 or trace.transfers.shape[0] - trace.used[1] >= slots)


@njit
def note(trace, at, component, status):
    """A component's status changed."""
    if trace.events.shape[0] == 0:
        return
    event = trace.events[trace.used[0]]
    event.at, event.component, event.status = at, component, status
    trace.used[0] += 1


@njit
def log(trace, at, index, c, slots):
    """The items pushed into a monitored channel in this cycle."""
    for n in range(c.pushed):
        slot = (c.head + c.count + n) % c.depth
        row = trace.transfers[trace.used[1]]
        row[0], row[1] = at, index
        for word in range(c.width):
            row[2 + word] = slots[c.base + slot * c.width + word]
        trace.used[1] += 1
