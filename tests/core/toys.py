"""Small components to test the kernel with."""

import numpy as np

from accelsim.core import (
    BLOCKED,
    BUSY,
    IDLE,
    NEVER,
    STARVED,
    Component,
    Count,
    In,
    Ins,
    Lanes,
    Mem,
    Out,
    Outs,
    Param,
    Reg,
    Simulator,
    can_pop,
    can_push,
    pass_on,
    pop,
    port,
    port_count,
    push,
    tick,
)


class Source(Component):
    """Offers one item every `gap` cycles."""

    gap = Param(1, "cycles", "from one item to the next")
    sizes = Mem("size of each item")
    item = Out("work", size="amount of work", number="running number")
    sent = Reg("items sent")
    next_at = Reg("the cycle in which the next item may leave")

    @tick
    def tick(now, r, sizes, item, mark):
        if r.sent == sizes.shape[0]:
            return IDLE
        if now < r.next_at:
            r.wake = r.next_at
            return BUSY
        if not can_push(item):
            return BLOCKED
        out = push(item)
        out.size, out.number = sizes[r.sent], r.sent
        r.sent += 1
        if r.sent % 16 == 0:
            mark[0] = r.sent // 16
        if r.sent < sizes.shape[0]:
            r.next_at = now + r.gap
            r.wake = r.next_at
        return BUSY


class Server(Component):
    """Several lanes, each works on one item for as many cycles as its size; results leave as they finish."""

    lanes = Param(3, "count", "items worked on at once")
    item = In("work", size="amount of work", number="running number")
    done = Out("finished", number="running number")
    lane = Lanes("lanes", "one worker each", done_at="end of work", number="the item", held="whether it holds one")
    work = Count("work done", "cycles")

    @tick
    def tick(now, r, lane, item, done):
        blocked = held = 0
        wake = r.wake
        for worker in lane:
            if worker.held and worker.done_at <= now:
                if can_push(done):
                    push(done).number = worker.number
                    worker.held = 0
                else:
                    blocked = 1
            if not worker.held and can_pop(item):
                new = pop(item)
                worker.held, worker.number, worker.done_at = 1, new.number, now + new.size
                r.work += new.size
            if worker.held:
                held = 1
                if worker.done_at > now:
                    wake = min(wake, worker.done_at)
            elif can_pop(item):
                wake = now + 1  # a lane passed over before the item came to the front
        r.wake = wake if wake < NEVER or not blocked else r.wake
        return BLOCKED if blocked else BUSY if held else IDLE


class Sink(Component):
    """Takes one item every `gap` cycles; starves for the rest of `expected`."""

    gap = Param(1, "cycles", "from one item to the next")
    expected = Param(0, "count", "items to wait for", low=0)
    done = In("finished", number="running number")
    taken = Count("items taken")
    next_at = Reg("the cycle in which the next item may be taken")

    @tick
    def tick(now, r, done):
        if now < r.next_at:
            if can_pop(done):
                r.wake = r.next_at
            return BUSY if can_pop(done) else STARVED if r.taken < r.expected else IDLE
        if not can_pop(done):
            return STARVED if r.taken < r.expected else IDLE
        pop(done)
        r.taken += 1
        r.next_at = now + r.gap
        return BUSY


def build(
    sizes, *, order=(0, 1, 2), clocks=None, served_by="core", depth=2, trace=0, monitored=False, **over
) -> Simulator:
    """source -> server -> sink; `over` maps part names to parameters."""
    sim = Simulator(clocks, trace=trace)
    parts = [
        Source("source", sizes=np.asarray(sizes, np.int64), **over.get("source", {})),
        Server("server", served_by, **over.get("server", {})),
        Sink("sink", **over.get("sink", {})),
    ]
    for i in order:
        sim.add(parts[i])
    source, server, sink = parts
    sim.connect(source, "item", server, "item", depth=depth, monitored=monitored)
    sim.connect(server, "done", sink, "done", depth=depth, monitored=monitored)
    return sim


class Arbiter(Component):
    """Passes one item a cycle on, whatever it holds, the lowest port first; to as many outputs in turn."""

    ways = Param(2, "count", "outputs")
    item = Ins("items")
    out = Outs("items", size="ways")
    passed = Count("items passed")

    @tick
    def tick(now, r, item, out):
        to = port(out, r.passed % port_count(out))
        for n in range(port_count(item)):
            source = port(item, n)
            if can_pop(source):
                if not can_push(to):
                    return BLOCKED
                pass_on(source, to)
                r.passed += 1
                return BUSY
        return IDLE
