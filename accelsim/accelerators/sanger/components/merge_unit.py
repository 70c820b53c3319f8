"""Merge and division [ours]: what the passes of a row add up to, one reciprocal a row, and the row on its way out.

Sums of scores and values are kept in accumulators until the last pass of their row; rows leave in order. A row without
a score is zero.
"""

import numpy as np

from accelsim.accelerators.sanger.tables import PASSED, WINDOW
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
    pop,
    push,
    tick,
)
from accelsim.isa.instructions import record
from accelsim.isa.tables import BYTES

MERGE = {
    "rows": "rows of a head, to leave in order",
    "values": "values of each",
    "places": "rows that the accumulators hold of them",
    "until": "place after the last row of all heads with such rows",
    "passes": "times the lanes go over each value",
}


class MergeUnit(Component):
    """Counts the sub-rows of every row, divides, and hands rows on in order."""

    lanes = Param(16, "count", "values multiplied by a reciprocal and requantised in a cycle")
    divide_cycles = Param(16, "cycles", "a reciprocal")
    divide_interval = Param(1, "cycles", "from one reciprocal's start to the next")
    sums_bytes = Param(53248, "bytes", "accumulators: 4 bytes for each value of a row and for its sum")
    operand_bytes = Param(1, "bytes", "bytes of a value that leaves", high=2)
    features = Param(128, "count", "values of a row that its registers hold on their way out")

    packs = Mem("the pass table (tables.PACKS)")
    subrows = Mem("the passes' sub-rows (tables.SUBROWS)")
    rows = Mem("output rows (tables.ROWS)")
    state = Mem(
        "of each row: sub-rows seen, and when its reciprocal is known",
        lambda c: np.zeros(len(c.storage["rows"]) + 1, record("seen", "known_at")),
    )

    command = In("heads", **MERGE)
    passed = In("passes whose values have been added", **PASSED)
    window = Out("how far there is room", **WINDOW)
    row = Out("finished rows", **BYTES)

    active = Reg("whether there is a head")
    left = Reg("its rows that have not left")
    values = Reg("values of a row")
    places = Reg("rows there is room for")
    until = Reg("place after the last row of all heads alike")
    sweeps = Reg("times the lanes go over a value")
    next = Reg("place of the next row that leaves")
    working = Reg("whether the lanes work on it")
    free_at = Reg("when they are done with it")
    divider_free_at = Reg("when the divider can begin another reciprocal")
    told = Reg("the end of the window as it was told")

    add_ops = Count("sums added up")
    divide_ops = Count("reciprocals")
    normalise_ops = Count("values multiplied by a reciprocal and requantised, each time the lanes go over them")
    sum_write_bytes = Count("bytes written to the accumulators", "bytes")
    sum_read_bytes = Count("bytes read from the accumulators", "bytes")

    @tick
    def tick(now, r, packs, subrows, rows, state, command, passed, window, row):
        moved = blocked = False
        if can_pop(passed):
            item = pop(passed)
            one = packs[item.number]
            for n in range(one.first_subrow, one.first_subrow + one.subrows):
                at = item.first_row + subrows[n].row
                r.add_ops += r.values + 1
                r.sum_write_bytes += 4 * (r.values + 1)
                if state[at].seen:
                    r.sum_read_bytes += 4 * (r.values + 1)
                state[at].seen += 1
                if state[at].seen == rows[at].subrows:
                    start = max(now, r.divider_free_at)
                    r.divider_free_at = start + r.divide_interval
                    state[at].known_at = start + r.divide_cycles
                    r.divide_ops += 1
            moved = True
        if r.working and r.free_at <= now:
            if can_push(row):
                push(row).bytes = r.values * r.operand_bytes
                r.working = 0
                r.next += 1
                r.left -= 1
                r.active = 1 if r.left else 0
                moved = True
            else:
                blocked = True
        if not r.active and can_pop(command):
            new = pop(command)
            r.active, r.left, r.values, r.sweeps = 1, new.rows, new.values, new.passes
            r.places, r.until = new.places, new.until
            moved = True
        end = min(r.next + r.places, r.until)
        if end != r.told and can_push(window):
            push(window).end = end
            r.told = end
            moved = True
        complete = r.active == 1 and state[r.next].seen == rows[r.next].subrows
        if complete and not r.working and state[r.next].known_at <= now:
            r.working = 1
            r.free_at = now + max(1, (r.values * r.sweeps + r.lanes - 1) // r.lanes)
            r.normalise_ops += r.values * r.sweeps
            if rows[r.next].subrows:
                r.sum_read_bytes += 4 * (r.values + 1)
            moved = True
        if moved:
            return BUSY
        if r.working and r.free_at > now:
            r.wake = r.free_at
            return BUSY
        if blocked:
            return BLOCKED
        if complete:
            r.wake = state[r.next].known_at
            return BUSY
        return STARVED if r.active else IDLE
