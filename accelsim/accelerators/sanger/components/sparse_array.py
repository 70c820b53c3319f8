"""The sparse array (pe_row.scala): PEs that pick their operands from ports; scores stay, values leave at the right.

A pass holds a configuration: which port each PE multiplies. Scores, exponentials in place, then values move right and
leave, to be added up outside. What a pass costs and when the next can begin, by `control` (docs/timing.md):
`global` [RTL]: one state for the whole array. `per_stage`: phase and configuration travel down the rows with the skew.
`wavefront`: they travel along the ports too, so that passes follow each other without a gap.
"""

import numpy as np

from accelsim.accelerators.sanger.tables import HEAD, PACK, PASSED, WINDOW
from accelsim.core import (
    BLOCKED,
    BUSY,
    IDLE,
    STARVED,
    Component,
    Count,
    In,
    Lanes,
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
from accelsim.isa.instructions import DONE, record
from accelsim.isa.tables import READING

CONTROLS = ("wavefront", "per_stage", "global")


class SparseArray(Component):
    """Works off passes in the order in which they come."""

    rows = Param(64, "count", "rows of PEs: sub-rows of a pass")
    pes = Param(16, "count", "PEs of a row: scores of a sub-row")
    ports = Param(64, "count", "port registers of a row, for queries and for keys and values: columns of a tile")
    control = Param("wavefront", "choice", "what of the array changes phase at once", choices=CONTROLS)
    packs_ahead = Param(2, "count", "configurations that wait in their buffer")
    adders = Param(64, "count", "values a cycle that are added to their rows' sums behind the array")
    operand_bytes = Param(1, "bytes", "bytes of an operand", high=2)
    kv_port_bytes = Param(256, "bytes/cycle", "what the buffer of keys and values delivers")
    q_port_bytes = Param(256, "bytes/cycle", "what the buffer of queries delivers")

    packs = Mem("the pass table (tables.PACKS)")

    command = In("heads to work on: their operands are there", **HEAD)
    ready = In("passes that are packed", **PACK)
    window = In("how far the merge unit has room", **WINDOW)
    passed = Out("passes whose values have all been added", **PASSED)
    done = Out("heads whose passes are done", **DONE)
    kv_reading = Out("what it takes of the ports of keys and values", **READING)
    q_reading = Out("what it takes of the queries' ports", **READING)

    queue = Lanes("packs_ahead", "configurations that wait, a ring", number="row of the pass table")
    leaving = Mem(
        "passes whose values are on their way, a ring",
        lambda c: np.zeros(c.value("ports") + c.value("rows") + 4, record("at", "number", "first_row", "last")),
    )

    head = Reg("the oldest configuration")
    held = Reg("configurations that wait")
    active = Reg("whether there is a head")
    left = Reg("its passes that have not begun")
    first_row = Reg("place of its first row in ROWS")
    dim = Reg("features of its queries and keys")
    value_dim = Reg("features of its values")
    end = Reg("place of the first row that the merge unit has no room for")
    free_at = Reg("when the next pass can begin")
    oldest = Reg("the oldest pass on its way")
    under_way = Reg("passes on their way")
    rate = Reg("whether it has said that it reads")

    mac_ops = Count("multiply-accumulates")
    exp_ops = Count("exponentials")
    sum_ops = Count("exponentials added to row sums")
    sub_rows = Count("sub-rows")
    passes = Count("passes")
    port_shifts = Count("port registers of rows written with operands")
    bubble_shifts = Count("port registers written with nothing while a pass is in the array")
    sum_shifts = Count("registers written with values on their way right")
    config_bits = Count("bits of configurations written to the PEs")
    kv_read_bytes = Count("bytes of keys and values read", "bytes")
    q_read_bytes = Count("bytes of queries read", "bytes")
    pass_cycles = Count("cycles of the passes one after the other, each as soon as the control allows", "cycles")

    @tick
    def tick(now, r, packs, queue, leaving, command, ready, window, passed, done, kv_reading, q_reading):
        moved = blocked = False
        while can_pop(window):
            r.end = pop(window).end
            moved = True
        while r.held < r.packs_ahead and can_pop(ready):
            queue[(r.head + r.held) % r.packs_ahead].number = pop(ready).number
            r.held += 1
            moved = True
        if r.under_way and leaving[r.oldest].at <= now:
            item = leaving[r.oldest]
            if (item.number < 0 or can_push(passed)) and (item.last == 0 or can_push(done)):
                if item.number >= 0:
                    out = push(passed)
                    out.number, out.first_row = item.number, item.first_row
                if item.last:
                    push(done).number = 1
                r.oldest = (r.oldest + 1) % leaving.shape[0]
                r.under_way -= 1
                moved = True
            else:
                blocked = True
        room = r.under_way < leaving.shape[0]
        if not r.active and can_pop(command) and room:
            new = pop(command)
            r.left, r.first_row, r.dim, r.value_dim = new.passes, new.first_row, new.dim, new.value_dim
            r.active = 1 if new.passes else 0
            if new.passes == 0:
                item = leaving[(r.oldest + r.under_way) % leaving.shape[0]]
                item.number, item.last, item.at = -1, 1, now
                if r.under_way:  # behind those before
                    item.at = max(now, leaving[(r.oldest + r.under_way - 1) % leaving.shape[0]].at)
                r.under_way += 1
            moved = True
        if r.active and r.held and r.free_at <= now:
            number = queue[r.head].number
            one = packs[number]
            full = r.first_row + one.last_row >= r.end or r.under_way == leaving.shape[0]
            if full or (r.rate == 0 and not (can_push(kv_reading) and can_push(q_reading))):
                blocked = True
            else:
                across = r.ports * r.operand_bytes
                high = r.rows * r.operand_bytes
                kv_beat = (across + r.kv_port_bytes - 1) // r.kv_port_bytes
                beat = max(kv_beat, (high + r.q_port_bytes - 1) // r.q_port_bytes)
                scores = r.dim * beat
                values = r.value_dim * max(kv_beat, (r.rows + r.adders - 1) // r.adders)
                if r.control == 0:
                    period, tail = scores + 1 + max(values, r.pes), r.ports + r.rows - 2
                elif r.control == 1:
                    period, tail = scores + r.ports + 1 + values + r.ports, r.rows - 1
                else:
                    period = 1 + scores + r.ports + r.rows - 1 + 1 + values + r.ports + r.rows - 1 + r.pes
                    tail = 0
                if r.rate == 0:
                    push(kv_reading).more = (across + kv_beat - 1) // kv_beat
                    push(q_reading).more = (high + beat - 1) // beat
                    r.rate = 1
                r.head = (r.head + 1) % r.packs_ahead
                r.held -= 1
                r.left -= 1
                r.free_at = now + period
                item = leaving[(r.oldest + r.under_way) % leaving.shape[0]]
                item.at, item.number, item.first_row = now + period + tail, number, r.first_row
                item.last = 1 if r.left == 0 else 0
                r.under_way += 1
                if r.left == 0:
                    r.active = 0
                shifts = r.rows * r.ports * (2 * r.dim + r.value_dim)
                r.mac_ops += one.entries * (r.dim + r.value_dim)
                r.exp_ops += one.entries
                r.sum_ops += one.entries
                r.sub_rows += one.subrows
                r.passes += 1
                r.port_shifts += shifts
                r.bubble_shifts += 2 * r.rows * r.ports * period - shifts
                r.sum_shifts += one.subrows * r.ports * r.value_dim
                choice = 1
                while 1 << choice < r.ports:
                    choice += 1
                r.config_bits += 3 * choice * r.rows * r.pes  # two choices of a port, and a delay
                r.kv_read_bytes += one.columns * (r.dim + r.value_dim) * r.operand_bytes
                r.q_read_bytes += one.subrows * r.dim * r.operand_bytes
                r.pass_cycles += period
                moved = True
        if r.rate and r.free_at <= now:
            if can_push(kv_reading) and can_push(q_reading):
                across = r.ports * r.operand_bytes
                high = r.rows * r.operand_bytes
                kv_beat = (across + r.kv_port_bytes - 1) // r.kv_port_bytes
                beat = max(kv_beat, (high + r.q_port_bytes - 1) // r.q_port_bytes)
                push(kv_reading).more = -((across + kv_beat - 1) // kv_beat)
                push(q_reading).more = -((high + beat - 1) // beat)
                r.rate = 0
                moved = True
            else:
                blocked = True
        if moved:
            return BUSY
        if r.free_at > now:
            r.wake = r.free_at
            if r.under_way and leaving[r.oldest].at > now:
                r.wake = min(r.wake, leaving[r.oldest].at)
            return BUSY
        if r.under_way and leaving[r.oldest].at > now:
            r.wake = leaving[r.oldest].at
            return BUSY
        if blocked:
            return BLOCKED
        return STARVED if r.active or r.held or r.under_way else IDLE
