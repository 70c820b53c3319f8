"""The clock edge: transfers become visible, and whoever they concern is woken."""

import numpy as np

from accelsim.core.channel import CONTROL, WATCHED, wrap
from accelsim.core.compiled import compiled, inlined
from accelsim.core.invoke import RAISED, invoke, record_at
from accelsim.core.status import BUSY, NEVER
from accelsim.core.trace import EVENT, has_room, log, log_pops, note

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
RECORD = np.dtype([("wake", "i8")])  # how every component's record begins
CALL = np.dtype([(name, "i8") for name in ("start", "stop", "skip", "at", "quiet")])  # what is told, what is returned
WORD = np.dtype("i8")
TABLES = {  # what the kernel works on: what lies there, dimensions (see `advance`)
    "call": (CALL, 1),
    "control": (CONTROL, 1),
    "state": (STATE, 1),
    **dict.fromkeys(("slots", "period", "edge", "coming", "first", "order", "turns"), (WORD, 1)),
    **dict.fromkeys(("ends", "end", "entries", "rows", "mark", "used"), (WORD, 1)),
    **dict.fromkeys(("cycles", "words", "transfers"), (WORD, 2)),
    "events": (EVENT, 1),
}


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


@inlined
def touch(component, at, state, period, edge, coming):
    """Have a component ticked at the first edge of its clock after the instant."""
    me = state[component]
    d = me.domain
    after = edge[d] + 1 if edge[d] * period[d] == at else at // period[d] + 1
    me.due = min(me.due, after)
    coming[d] = min(coming[d], after)


@inlined
def commit(k, at, control, slots, state, period, edge, coming, trace):
    """Make a channel's transfers visible; wake its consumer if something was pushed, its producer if popped."""
    c = control[k]
    if c.pushed:
        if c.monitored:
            log(trace, at, k, c, slots)
        touch(c.consumer, at, state, period, edge, coming)
    if c.popped:
        if c.monitored == WATCHED:
            log_pops(trace, at, k, c)
        touch(c.producer, at, state, period, edge, coming)
    c.head = wrap(c.head + c.popped, c.depth)
    c.count += c.pushed - c.popped
    c.total += c.pushed
    c.peak = max(c.peak, c.count)
    c.pushed = 0
    c.popped = 0


@compiled
def advance(
    start, stop, skip, control, slots, state, cycles, period, edge, coming, first, order, turns, ends, end, entries,
    rows, words, trace, mark,
):  # fmt: skip
    """Run from an instant on; returns the instant reached and whether nothing is due any more (a component that raised
    an exception: RAISED less its number).

    Components are ticked in `order`, which lists them by clock domain: those of domain d from `first[d]` on. Each has
    its entry's address and its row of `words`, with that row's address (see elaborate.py), and its channels: those in
    `end` from `ends[i]` on. `coming` and `turns` are working storage: the next edge of each domain, and who was ticked.
    Instants are numbered on the time base; a component's `now` counts the edges of its own clock.
    """
    domains = period.shape[0]
    at = start - 1
    for d in range(domains):
        coming[d] = NEVER
        for n in range(first[d], first[d + 1]):
            coming[d] = min(coming[d], state[order[n]].due)
    while has_room(trace, state.shape[0], slots.shape[0] + control.shape[0]):
        at = NEVER
        for d in range(domains):
            if not skip:
                coming[d] = settle(edge[d], state)
            if coming[d] < NEVER:
                at = min(at, coming[d] * period[d])
        if at >= NEVER:
            return last_instant(edge, period), 1
        if at >= stop:
            return stop, 0
        ticks = 0
        for d in range(domains):
            now = coming[d]
            if now < NEVER and now * period[d] == at:
                edge[d], soonest = now, NEVER
                for n in range(first[d], first[d + 1]):
                    i = order[n]
                    me = state[i]
                    if not skip or me.due <= now:
                        r = record_at(words[i, 0], RECORD)
                        r.wake = NEVER
                        did = invoke(entries[i], now, rows[i])
                        if did == RAISED:
                            return at, RAISED - i
                        ticked(me, did, r.wake, now, at, cycles, trace)
                        turns[ticks] = i
                        ticks += 1
                    soonest = min(soonest, me.due)
                coming[d] = soonest  # until a transfer wakes someone before
        for n in range(ticks):
            for m in range(ends[turns[n]], ends[turns[n] + 1]):
                if control[end[m]].pushed | control[end[m]].popped:
                    commit(end[m], at, control, slots, state, period, edge, coming, trace)
        if mark[0]:
            return at + 1, 0
    return at + 1, 0
