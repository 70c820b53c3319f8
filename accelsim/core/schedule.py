"""The clock edge: transfers become visible, and whoever they concern is woken."""

import numpy as np

from accelsim.core.channel import wrap
from accelsim.core.compiled import compiled
from accelsim.core.status import BUSY, NEVER
from accelsim.core.trace import log, note

STATE = np.dtype(
    [
        (name, "i8")
        for name in (
            "due",  # the next cycle (of its own clock) in which it is ticked
            "status",  # what it was doing when last ticked
            "since",  # the cycle since which it has been doing that
            "domain",  # index of its clock domain
            "index",  # which component it is
            "ticks",  # how often it was ticked
        )
    ]
)


@compiled
def settle(edge, state):
    """The edge that follows the last one of a clock when nobody sleeps; NEVER once nothing is due anywhere."""
    for i in range(state.shape[0]):
        if state[i].due < NEVER:
            return edge + 1
    return NEVER


@compiled
def ticked(me, did, wake, edge, at, cycles, trace):
    """Note what a component did in this cycle, and when it is due again."""
    me.ticks += 1
    me.due = edge + 1 if did == BUSY and wake == NEVER else wake
    if did != me.status:
        cycles[me.index, me.status] += edge - me.since
        me.since, me.status = edge, did
        note(trace, at, me)


@compiled
def last_instant(edge, period):
    """When the last tick of any component was."""
    last = 0
    for d in range(edge.shape[0]):
        last = max(last, edge[d] * period[d])
    return last


@compiled
def touch(component, at, state, period, edge):
    """Have a component ticked at the first edge of its clock after the instant."""
    me = state[component]
    d = me.domain
    after = edge[d] + 1 if edge[d] * period[d] == at else at // period[d] + 1
    me.due = min(me.due, after)


@compiled
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
