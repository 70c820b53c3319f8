"""The diagonal array (SALO, DAC 2022; RTL of branch salov1): R x C local PEs, global columns at their right, and global
rows below.

Queries go right; keys and values go down to the right, so that a row sees those of the row above shifted by one, and
R + C - 1 keys serve R x C scores; a global row sees the keys of the lowest local row. All of a tile is one item.
Stages at the left column: scores (depth cycles), exponential, sums that run along the row and whose reciprocal comes
back (C + g - 1), probabilities, values (one feature a cycle), a flush. Stages of two tiles do not overlap.
"""

from accelsim.accelerators.salo.tables import PARTIAL, TILE
from accelsim.core import BLOCKED, BUSY, IDLE, Component, Count, In, Out, Param, Reg, can_pop, can_push, pop, push, tick
from accelsim.isa.instructions import DONE
from accelsim.isa.tables import READING

NOWHERE, SCORES, SUMS, VALUES, FLUSH = range(5)


class WindowArray(Component):
    """Works off tiles in the order in which they come."""

    rows = Param(32, "count", "local rows: queries of a tile")
    columns = Param(32, "count", "local columns: diagonals of a tile")
    globals = Param(1, "count", "global columns, and as many global rows", low=0)
    kv_port_bytes = Param(128, "bytes/cycle", "what the buffer of keys and values delivers")
    q_port_bytes = Param(128, "bytes/cycle", "what the buffer of queries delivers")

    command = In("tiles whose operands are there", **TILE)
    out = Out("tiles whose values have left the rows", **PARTIAL)
    done = Out("tiles that are done", **DONE)
    kv_reading = Out("what it takes of the ports of keys and values", **READING)
    q_reading = Out("what it takes of the queries' ports", **READING)

    phase = Reg("the stage of the tile at the left column")
    phase_at = Reg("when that stage ends")
    rows_in = Reg("its local rows")
    global_rows = Reg("its global rows")
    depth = Reg("features of a query or key")
    values = Reg("features of a value")
    kv_rate = Reg("keys that enter")
    said = Reg("bytes a cycle of keys and values, as it has said")
    q_rate = Reg("queries' bytes a cycle, as it has said")
    flags = Reg("first, last, fresh, ends as bits")
    passes = Reg("times the lanes go over a value")
    leaves = Reg("whether a tile is on its way out")
    leave_at = Reg("when it is out")
    out_rows = Reg("its local rows")
    out_global_rows = Reg("its global rows")
    out_values = Reg("its features")
    out_flags = Reg("its flags")
    out_passes = Reg("times the lanes go over its values")

    tiles = Count("tiles")
    mac_ops = Count("multiply-accumulates of scores that count")
    exp_ops = Count("exponentials, and their sums")
    inverse_ops = Count("reciprocals of row sums")
    scale_ops = Count("exponentials multiplied by a reciprocal")
    q_shifts = Count("8-bit registers written with queries")
    kv_shifts = Count("8-bit registers written with keys and values")
    sum_shifts = Count("registers written with sums of values on their way right")
    mask_bits = Count("bits of masks written to the PEs")
    q_read_bytes = Count("bytes of queries read", "bytes")
    kv_read_bytes = Count("bytes of keys, values and masks read", "bytes")
    tile_cycles = Count("cycles of the tiles one after the other")

    @tick
    def tick(now, r, command, out, done, kv_reading, q_reading):
        moved = blocked = False
        wait = r.columns + r.globals - 1
        if r.leaves and r.leave_at <= now:
            if can_push(out) and can_push(done):
                item = push(out)
                item.rows, item.global_rows, item.values = r.out_rows, r.out_global_rows, r.out_values
                item.first, item.last = r.out_flags & 1, (r.out_flags >> 1) & 1
                item.fresh, item.ends, item.passes = (r.out_flags >> 2) & 1, (r.out_flags >> 3) & 1, r.out_passes
                push(done).number = 1
                r.leaves = 0
                moved = True
            else:
                blocked = True
        if r.phase == SCORES and r.phase_at <= now:
            if can_push(kv_reading) and can_push(q_reading):
                push(kv_reading).more = -r.said
                push(q_reading).more = -r.q_rate
                r.said = 0
                r.phase, r.phase_at = SUMS, now + 3 + wait
                moved = True
            else:
                blocked = True
        elif r.phase == SUMS and r.phase_at <= now:
            if can_push(kv_reading):
                r.said = r.kv_rate
                push(kv_reading).more = r.said
                r.phase, r.phase_at = VALUES, now + r.values
                moved = True
            else:
                blocked = True
        elif r.phase == VALUES and r.phase_at <= now:
            if can_push(kv_reading) and not r.leaves:
                push(kv_reading).more = -r.said
                r.said = 0
                r.out_rows, r.out_global_rows, r.out_values = r.rows_in, r.global_rows, r.values
                r.out_flags, r.out_passes = r.flags, r.passes
                r.leaves, r.leave_at = 1, now + wait
                r.phase, r.phase_at = FLUSH, now + 1
                moved = True
            else:
                blocked = True
        elif r.phase == FLUSH and r.phase_at <= now:
            r.phase = NOWHERE
            moved = True
        if r.phase == NOWHERE and can_pop(command):
            if can_push(kv_reading) and can_push(q_reading):
                new = pop(command)
                size = new.keys * new.depth + new.mask_bytes
                cycles = max(new.depth, (size + r.kv_port_bytes - 1) // r.kv_port_bytes)
                r.said = (size + cycles - 1) // cycles
                high = new.rows + new.global_rows
                r.q_rate = (high * new.depth + cycles - 1) // cycles
                push(kv_reading).more = r.said
                push(q_reading).more = r.q_rate
                r.kv_rate = new.keys
                r.phase, r.phase_at = SCORES, now + cycles
                r.rows_in, r.global_rows, r.depth, r.values = new.rows, new.global_rows, new.depth, new.values
                r.flags, r.passes = new.first + 2 * new.last + 4 * new.fresh + 8 * new.ends, new.passes
                scores = new.scores + new.across * new.global_rows
                across = new.rows * (r.columns + new.globals) + new.global_rows * r.columns
                r.tiles += 1
                r.mac_ops += scores * (new.depth + new.values)
                r.exp_ops += scores
                r.scale_ops += scores
                r.inverse_ops += high
                r.q_shifts += across * new.depth
                r.kv_shifts += across * (new.depth + new.values)
                r.sum_shifts += across * new.values
                r.mask_bits += 8 * new.mask_bytes
                r.q_read_bytes += high * new.depth
                r.kv_read_bytes += size + new.keys * new.values
                r.tile_cycles += cycles + 4 + wait + new.values
                moved = True
            else:
                blocked = True
        if moved:
            return BUSY
        if r.phase != NOWHERE and r.phase_at > now:
            r.wake = r.phase_at
            if r.leaves and r.leave_at > now:
                r.wake = min(r.wake, r.leave_at)
            return BUSY
        if blocked:
            return BLOCKED
        if r.leaves:
            r.wake = r.leave_at
            return BUSY
        return IDLE
