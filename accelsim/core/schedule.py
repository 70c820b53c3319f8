"""The clock edge: transfers become visible, and whoever they concern is woken."""

import numpy as np

from accelsim.core.channel import CONTROL, WATCHED, WORD, wrap
from accelsim.core.compiled import compiled, inlined
from accelsim.core.invoke import RAISED, invoke, record_at
from accelsim.core.status import BUSY, NEVER
from accelsim.core.trace import EVENT, has_room, log, log_pops, note

STATE = np.dtype(
    [
        (name, "i8")
        for name in (
            "status",  # what it was doing when last ticked
            "since",  # the cycle since which it has been doing that
            "domain",  # index of its clock domain
            "index",  # which component it is
            "ticks",  # how often it was ticked
            "place",  # where it stands in the order of ticks
        )
    ]
)
RECORD = np.dtype([("wake", "i8")])  # how every component's record begins
CALL = np.dtype([(name, "i8") for name in ("start", "stop", "skip", "at", "quiet")])  # what is told, what is returned
TABLES = {  # what the kernel works on: what lies there, dimensions (see `advance`)
    "call": (CALL, 1),
    "control": (CONTROL, 1),
    "state": (STATE, 1),
    **dict.fromkeys(("slots", "period", "edge", "coming", "late", "first", "order", "due", "moves"), (WORD, 1)),
    **dict.fromkeys(("entries", "rows", "mark", "used"), (WORD, 1)),
    **dict.fromkeys(("cycles", "words", "transfers"), (WORD, 2)),
    "events": (EVENT, 1),
}


@compiled
def settle(edge, due):
    """The edge that follows the last one of a clock when nobody sleeps; NEVER once nothing is due anywhere."""
    for n in range(due.shape[0]):
        if due[n] < NEVER:
            return edge + 1
    return NEVER


@compiled
def ticked(me, did, wake, edge, at, cycles, trace):
    """Note what a component did in this cycle. Returns when it is due again."""
    me.ticks += 1
    if did != me.status:
        cycles[me.index, me.status] += edge - me.since
        me.since, me.status = edge, did
        note(trace, at, me)
    return edge + 1 if did == BUSY and wake == NEVER else wake


@compiled
def last_instant(edge, late, period):
    """When the run is over: at the last tick of any component, or the first edge after a transfer that woke nobody."""
    last = 0
    for d in range(edge.shape[0]):
        last = max(last, edge[d] * period[d], (late[d] // period[d] + 1) * period[d])
    return last


@inlined
def pass_over(component, at, state, late):
    """Note that a transfer need not wake a component."""
    late[state[component].domain] = at


@inlined
def touch(component, at, state, period, edge, due, coming):
    """Have a component ticked at the first edge of its clock after the instant."""
    me = state[component]
    d, n = me.domain, me.place
    after = edge[d] + 1 if edge[d] * period[d] == at else at // period[d] + 1
    due[n] = min(due[n], after)
    coming[d] = min(coming[d], after)


@inlined
def commit(k, c, at, slots, state, period, edge, late, due, coming, trace):
    """Make a channel's transfers visible; wake its consumer if nothing else lay there, its producer if it was full."""
    if c.pushed:
        if c.monitored:
            log(trace, at, k, c, slots)
        if c.count == c.popped:
            touch(c.consumer, at, state, period, edge, due, coming)
        else:
            pass_over(c.consumer, at, state, late)
    if c.popped:
        if c.monitored == WATCHED:
            log_pops(trace, at, k, c)
        if c.count + c.pushed == c.depth:
            touch(c.producer, at, state, period, edge, due, coming)
        else:
            pass_over(c.producer, at, state, late)
    c.head = wrap(c.head + c.popped, c.depth)
    c.count += c.pushed - c.popped
    c.total += c.pushed
    c.peak = max(c.peak, c.count)
    c.pushed = 0
    c.popped = 0


@compiled
def advance(
    start, stop, skip, control, slots, state, cycles, period, edge, coming, late, first, order, due, moves, entries,
    rows, words, trace, mark,
):  # fmt: skip
    """Run from an instant on; returns the instant reached and whether nothing is due any more (a component that raised
    an exception: RAISED less its number).

    Components are ticked in `order`, which lists them by clock domain: those of domain d from `first[d]` on; `due` says
    of each, in that order, the next cycle (of its own clock) in which it is ticked. Each has its entry's address and
    its row of `words`, with that row's address (see elaborate.py). `coming` and `moves` are working storage: the next
    edge of each domain, and the channels that were used at this instant, behind their number; `late` has the last
    instant of a transfer that woke nobody in a domain.
    Instants are numbered on the time base; a component's `now` counts the edges of its own clock.
    """
    domains = period.shape[0]
    at = start - 1
    for d in range(domains):
        coming[d] = NEVER
        for n in range(first[d], first[d + 1]):
            coming[d] = min(coming[d], due[n])
    while has_room(trace, state.shape[0], slots.shape[0] + control.shape[0]):
        at = NEVER
        for d in range(domains):
            if not skip:
                coming[d] = settle(edge[d], due)
            if coming[d] < NEVER:
                at = min(at, coming[d] * period[d])
        quiet = at >= NEVER
        if quiet:
            at = last_instant(edge, late, period)
        if at >= stop:
            return stop, 0
        if quiet:
            for d in range(domains):
                edge[d] = max(edge[d], at // period[d])
            return at, 1
        for d in range(domains):
            now = coming[d]
            if now < NEVER and now * period[d] == at:
                edge[d], soonest = now, NEVER
                for n in range(first[d], first[d + 1]):
                    if not skip or due[n] <= now:
                        i = order[n]
                        r = record_at(words[i, 0], RECORD)
                        r.wake = NEVER
                        did = invoke(entries[i], now, rows[i])
                        if did == RAISED:
                            return at, RAISED - i
                        due[n] = ticked(state[i], did, r.wake, now, at, cycles, trace)
                    soonest = min(soonest, due[n])
                coming[d] = soonest  # until a transfer wakes someone before
        for n in range(1, 1 + moves[0]):
            commit(moves[n], control[moves[n]], at, slots, state, period, edge, late, due, coming, trace)
        moves[0] = 0
        if mark[0]:
            return at + 1, 0
    return at + 1, 0
