"""An array of equal lanes: adders, accumulators or dividers beside a systolic array (ViTALiTy, HPCA 2023, its pre- and
post-processors).

It sweeps over operands in a buffer, and works on what streams by. A stream goes first: a sweep stands still meanwhile.
Units side by side hand each other vectors, one value a feature: sums that become divisors, means that are subtracted.
"""

from accelsim.core import (
    BLOCKED,
    BUSY,
    IDLE,
    NEVER,
    STARVED,
    Component,
    Count,
    In,
    Lanes,
    Out,
    Outs,
    Param,
    Reg,
    can_pop,
    can_push,
    front,
    pop,
    port,
    port_count,
    push,
    tick,
)
from accelsim.isa.instructions import DONE
from accelsim.isa.tables import READING

SWEEP, MODE, PERMIT = range(3)
VECTOR = {"elements": "values, one a feature"}
BLOCK = {
    "row": "0: it stays on chip; else operations of the vector unit on each",
    "rows": "rows",
    "columns": "values each",
}


class LaneUnit(Component):
    """Lanes that take an element each in a cycle, rows one after the other."""

    lanes = Param(16, "count", "elements taken in a cycle")
    latency = Param(0, "cycles", "from an element to its result", low=0)
    interval = Param(1, "cycles", "from one element of a lane to the next")
    features = Param(128, "count", "values of a vector; it holds the vectors of three heads")
    ahead = Param(4, "count", "blocks of a stream on their way through it")

    command = In(
        "a sweep (kind 0); what is done to a stream (1); blocks that may pass (2)",
        kind="0, 1 or 2",
        rows="rows of the sweep (1: work on what stays; 2: values that may pass)",
        columns="elements a row (1: work on what leaves)",
        takes="whether it begins with a vector of the unit before",
        gives="whether a vector goes to the next unit at its end (1: whether columns have operands of their own)",
        source="the buffer: 0 activations, 1 weights",
        reads="bytes read of each element",
        writes="bytes written of each element",
    )
    vectors = In("a vector of the unit before", optional=True, **VECTOR)
    stream = In("blocks that stream by", optional=True, **BLOCK)
    results = Outs("a vector for the next unit", **VECTOR)
    passed = Outs("blocks: what stays to the first port, what leaves to the last", **BLOCK)
    done = Out("sweeps finished", **DONE)
    reading = Outs("what it takes of the ports of the activation and of the weight buffer", **READING)

    flight = Lanes(
        "ahead", "blocks on their way, a ring", at="when it leaves", row="as it came", rows="rows", columns="columns"
    )
    oldest = Reg("the oldest of them")
    under_way = Reg("blocks on their way")
    free_at = Reg("when the lanes are free of the stream")
    kept = Reg("whether it works on what stays")
    leaves = Reg("whether it works on what leaves")
    wide = Reg("whether each of its columns has an operand of its own")
    permits = Reg("values that stay and may pass")
    sweeping = Reg("whether there is a sweep")
    left = Reg("cycles of it to come when it went on last")
    swept_from = Reg("when it went on last")
    gives = Reg("whether a vector goes on at its end")
    columns = Reg("values of that vector")
    source = Reg("the buffer it reads")
    rate = Reg("bytes of that buffer's ports it takes a cycle")

    element_ops = Count("elements worked on")
    row_ops = Count("operands of rows that were read for what leaves")
    act_read_bytes = Count("bytes read from the activation buffer", "bytes")
    weight_read_bytes = Count("bytes read from the weight buffer", "bytes")
    act_write_bytes = Count("bytes written to the activation buffer", "bytes")
    weight_write_bytes = Count("bytes written to the weight buffer", "bytes")

    @tick
    def tick(now, r, flight, command, vectors, stream, results, passed, done, reading):
        moved = blocked = starved = False
        if r.under_way and flight[r.oldest].at <= now:
            item = flight[r.oldest]
            way = port(passed, 0 if item.row == 0 else port_count(passed) - 1)
            if can_push(way):
                block = push(way)
                block.row, block.rows, block.columns = item.row, item.rows, item.columns
                r.oldest = (r.oldest + 1) % r.ahead
                r.under_way -= 1
                moved = True
            else:
                blocked = True
        if r.sweeping and r.swept_from + r.left <= now:
            ready = can_push(done) and (r.rate == 0 or can_push(port(reading, r.source)))
            if ready and (r.gives == 0 or can_push(port(results, 0))):
                push(done).number = 1
                if r.gives:
                    push(port(results, 0)).elements = r.columns
                if r.rate:
                    push(port(reading, r.source)).more = -r.rate
                r.sweeping = r.rate = 0
                moved = True
            else:
                blocked = True
        if r.free_at <= now and r.under_way < r.ahead and can_pop(stream):
            size = front(stream).rows * front(stream).columns
            works = r.leaves if front(stream).row else r.kept
            if front(stream).row or r.kept == 0 or r.permits >= size:
                block = pop(stream)
                groups = block.rows * ((block.columns + r.lanes - 1) // r.lanes)
                if works:
                    r.element_ops += size
                if works and block.row:
                    r.row_ops += size if r.wide else groups
                elif works:
                    r.permits -= size
                if r.sweeping and r.swept_from + r.left > now:
                    r.left -= max(0, now - r.swept_from)
                    r.swept_from = now + (groups * r.interval if works else 1)
                r.free_at = now + (groups * r.interval if works else 1)
                item = flight[(r.oldest + r.under_way) % r.ahead]
                item.at = r.free_at + (r.latency if works else 0)
                item.row, item.rows, item.columns = block.row, block.rows, block.columns
                r.under_way += 1
                moved = True
            else:
                starved = True
        if r.sweeping == 0 and can_pop(command):
            todo = front(command)
            rate = r.lanes * (todo.reads + todo.writes)
            if todo.takes and not can_pop(vectors):
                starved = True
            elif todo.kind == 0 and rate and not can_push(port(reading, todo.source)):
                blocked = True
            else:
                pop(command)
                moved = True
                if todo.takes:
                    pop(vectors)
                if todo.kind == 0:
                    size = todo.rows * todo.columns
                    r.sweeping, r.gives, r.columns, r.source = 1, todo.gives, todo.columns, todo.source
                    r.left = todo.rows * ((todo.columns + r.lanes - 1) // r.lanes) * r.interval + r.latency
                    r.swept_from = max(now, r.free_at)
                    r.element_ops += size
                    if todo.source:
                        r.weight_read_bytes += size * todo.reads
                        r.weight_write_bytes += size * todo.writes
                    else:
                        r.act_read_bytes += size * todo.reads
                        r.act_write_bytes += size * todo.writes
                    r.rate = rate
                    if rate:
                        push(port(reading, todo.source)).more = rate
                elif todo.kind == 1:
                    r.kept, r.leaves, r.wide = todo.rows, todo.columns, todo.gives
                else:
                    r.permits += todo.rows
        if moved:
            return BUSY
        due = NEVER
        if r.under_way and flight[r.oldest].at > now:
            due = flight[r.oldest].at
        if r.sweeping and r.swept_from + r.left > now:
            due = min(due, r.swept_from + r.left)
        if r.free_at > now:
            due = min(due, r.free_at)
        if due < NEVER:
            r.wake = due
            return BUSY
        if blocked:
            return BLOCKED
        return STARVED if starved or r.sweeping or r.under_way else IDLE
