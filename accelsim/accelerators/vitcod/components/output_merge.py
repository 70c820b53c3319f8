"""The output merge: adds the denser and the sparser engine's partial sums of an output row and requantises them
[paper: merged on write].

It has a window of places, one for every output row from the oldest unfinished one on; a row's place is its number
modulo the window. Both engines take up rows in the same order and only inside the window, so a place is free when a
partial row comes, and neither engine can lock out the other. Rows leave in order, one a cycle, so that the stores find
their bytes in the order in which they were planned. A tile of the denser engine stays in the engine's shadow
accumulators until its last row has been taken, one row a cycle.
"""

import numpy as np

from accelsim.accelerators.vitcod.tables import PARTIAL, PASS, WINDOW
from accelsim.core import (
    BLOCKED,
    BUSY,
    IDLE,
    STARVED,
    Component,
    Count,
    In,
    Mem,
    Out,
    Param,
    Reg,
    can_pop,
    can_push,
    front,
    pop,
    push,
    tick,
)
from accelsim.isa.instructions import DONE
from accelsim.isa.tables import BYTES


class OutputMerge(Component):
    """Joins the two engines' partial rows."""

    places = Param(64, "count", "output rows in the window")

    passes = Mem("the pass table (tables.PASSES)")
    rows = Mem("outputs (tables.ROWS)")
    seen = Mem("parts seen of each row", lambda c: np.zeros(len(c.storage["rows"]), np.int64))

    command = In("passes", **PASS)
    dense = In("tiles of partial rows of the denser engine", **PARTIAL)
    sparse = In("partial rows of the sparser engine", **PARTIAL)
    row = Out("finished rows", **BYTES)
    denser_window = Out("the window, for the denser engine", **WINDOW)
    sparser_window = Out("the window, for the sparser engine", **WINDOW)
    done = Out("passes finished", **DONE)

    active = Reg("whether there is a pass")
    oldest = Reg("the oldest row that has not left")
    last = Reg("the row after the last of the pass")
    taken = Reg("rows taken of the denser engine's tile")
    told = Reg("the window's end as the engines know it")

    add_ops = Count("partial sums added")
    requant_ops = Count("values requantised")
    buffer_bytes = Count("bytes of partial rows written to and read from the places", "bytes")

    @tick
    def tick(now, r, passes, rows, seen, command, dense, sparse, row, denser_window, sparser_window, done):
        if not r.active:
            if not can_pop(command):
                return IDLE
            one = passes[pop(command).number]
            r.active, r.oldest, r.last = 1, one.first_row, one.first_row + one.rows * one.heads
        moved = blocked = False
        for port in (dense, sparse):
            if not can_pop(port):
                continue
            part = front(port)
            place = part.place + (r.taken if part.rows > 1 else 0)
            values = rows[place].values
            r.buffer_bytes += 4 * values
            if seen[place]:
                r.add_ops += values
                r.buffer_bytes += 4 * values
            seen[place] += 1
            moved = True
            if part.rows > 1 and r.taken + 1 < part.rows:
                r.taken += 1
            else:
                if part.rows > 1:
                    r.taken = 0
                pop(port)
        if r.oldest < r.last and seen[r.oldest] == rows[r.oldest].parts:
            if can_push(row):
                values = rows[r.oldest].values
                push(row).bytes = values
                r.requant_ops += values
                r.buffer_bytes += 4 * values
                r.oldest += 1
                moved = True
            else:
                blocked = True
        end = min(r.oldest + r.places, r.last)
        if end != r.told:
            if can_push(denser_window) and can_push(sparser_window):
                push(denser_window).end = end
                push(sparser_window).end = end
                r.told = end
                moved = True
            else:
                blocked = True
        if r.oldest == r.last and r.told == end:
            if can_push(done):
                push(done).number = 1
                r.active = 0
                moved = True
            else:
                blocked = True
        if moved:
            return BUSY
        return BLOCKED if blocked else STARVED
