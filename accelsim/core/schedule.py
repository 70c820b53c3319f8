"""The clock edge: transfers become visible, and whoever they concern is woken."""

import numpy as np
from numba import njit

from accelsim.core.channel import wrap
from accelsim.core.status import NEVER
from accelsim.core.trace import log

STATE = np.dtype(
    [
        (name, "i8")
        for name in (
            "due",  # the next cycle (of its own clock) in which it is ticked
            "status",  # what it was doing when last ticked
            "since",  # the cycle since which it has been doing that
            "domain",  # index of its clock domain
        )
    ]
)


@njit
def settle(domain, edge, state):
    """The edge that follows the last one of a domain when nobody sleeps; NEVER once nothing is due anywhere."""
    for i in range(state.shape[0]):
        if state[i].due < NEVER:
            return edge[domain] + 1
    return NEVER


@njit
def last_instant(edge, period):
    """When the last tick of any component was."""
    last = 0
    for d in range(edge.shape[0]):
        last = max(last, edge[d] * period[d])
    return last


@njit
def touch(component, at, state, period, edge):
    """Have a component ticked at the first edge of its clock after the instant."""
    me = state[component]
    d = me.domain
    after = edge[d] + 1 if edge[d] * period[d] == at else at // period[d] + 1
    me.due = min(me.due, after)


@njit
def commit(at, control, slots, state, period, edge, trace):
    """Make the transfers of this instant visible; wake consumers of what was pushed, producers of what was popped."""
    for k in range(control.shape[0]):
        c = control[k]
        if c.pushed | c.popped:
            if c.pushed:
                if c.monitored:
                    log(trace, at, k, c, slots)
                touch(c.consumer, at, state, period, edge)
            if c.popped:
                touch(c.producer, at, state, period, edge)
            c.head = wrap(c.head + c.popped, c.depth)
            c.count += c.pushed - c.popped
            c.total += c.pushed
            c.peak = max(c.peak, c.count)
            c.pushed = 0
            c.popped = 0
