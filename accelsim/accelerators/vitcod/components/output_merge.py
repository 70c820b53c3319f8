"""The output merge: adds the denser and the sparser engine's partial sums of an output row and requantises them
[paper: merged on write].

It has a window of places, one for every output row from the oldest unfinished one on; a row's place is its number
modulo the window. Both engines take up rows in the same order and only inside the window, so a place is free when a
partial row comes, and neither engine can lock out the other. Rows leave in order, so that the stores find their bytes
in the order in which they were planned. A tile of the denser engine stays in the engine's shadow accumulators until its
last row has been taken.

What a row's entry in the table of rows says stands beside its place, for all units that work on the row [ours]: the
entries are read in order, as places are free, through a port of the index buffer; the one behind the window waits in a
register. While there is a pass what this takes of the ports is taken, and what the engines and the softmax unit read.

The places lie in the partial-sum memory, whose banks have one port each: a row is read, added to and written in turn.
What completes the oldest row is added on its way out and not written. The engines' reads of scores go first, the merge
goes next, and the softmax unit has what is left; both are told one cycle ahead.

An activation of the outputs (LeViT's hard-swish) is a look-up in the vector unit's table, in the cycle of the
requantisation [ours]: that unit has nothing to look up while rows leave here.
"""

import numpy as np

from accelsim.accelerators.vitcod.components.index_walker import row_cycles
from accelsim.accelerators.vitcod.tables import ACCESS, PARTIAL, PASS, ROW_BYTES, WINDOW
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
from accelsim.core.compiled import compiled
from accelsim.isa.instructions import DONE
from accelsim.isa.tables import BYTES, READING


@compiled
def table_rate(r):
    """Bytes a cycle of the index buffer's ports that are taken while there is a pass, of rows and of dense columns: one
    and a half of the banks' ports, two halves, two eighths."""
    if r.index_banks > 2:
        return r.index_port_bytes + (r.index_port_bytes + 1) // 2
    return r.index_port_bytes if r.index_banks == 2 else (r.index_port_bytes + 3) // 4


class OutputMerge(Component):
    """Joins the two engines' partial rows."""

    places = Param(64, "count", "most output rows in the window")
    lanes = Param(64, "count", "values added and requantised in a cycle")
    psum_banks = Param(8, "count", "banks of the partial-sum memory, each with one port")
    psum_port_bytes = Param(32, "bytes/cycle", "width of a bank's port")
    index_banks = Param(8, "count", "banks of the index buffer")
    index_port_bytes = Param(8, "bytes/cycle", "width of such a bank's port")

    passes = Mem("the pass table (tables.PASSES)")
    rows = Mem("outputs (tables.ROWS)")
    seen = Mem("parts seen of each row", lambda c: np.zeros(len(c.storage["rows"]), np.int32))

    command = In("passes", **PASS)
    dense = In("tiles of partial rows of the denser engine", **PARTIAL)
    sparse = In("partial rows of the sparser engine", **PARTIAL)
    denser_reads = In("the denser engine's reads of the partial-sum memory", **ACCESS)
    sparser_reads = In("the sparser engine's", **ACCESS)
    row = Out("finished rows", **BYTES)
    accesses = Out("what all but the softmax unit take of the partial-sum memory", **ACCESS)
    denser_window = Out("the window, for the denser engine", **WINDOW)
    sparser_window = Out("the window, for the sparser engine", **WINDOW)
    reading = Out("what all but the walker take of the index buffer's ports", **READING)
    done = Out("passes finished", **DONE)

    active = Reg("whether there is a pass")
    places_now = Reg("its rows in the window")
    activation = Reg("whether its outputs are looked up")
    free_at = Reg("the cycle from which the memory is free, and the adders")
    turn = Reg("whether the sparser engine's part goes first")
    oldest = Reg("the oldest row that has not left")
    last = Reg("the row after the last of the pass")
    taken = Reg("rows taken of the denser engine's tile")
    read = Reg("the row behind the last whose entry is here: the window's end")
    read_at = Reg("the cycle from which the next entry is")
    told = Reg("the window's end as the engines know it")

    row_read_bytes = Count("bytes of the table of rows read", "bytes")
    add_ops = Count("partial sums added")
    requant_ops = Count("values requantised")
    lookup_ops = Count("values looked up in the table of an activation")
    buffer_bytes = Count("bytes of partial rows written to and read from the places", "bytes")

    @tick
    def tick(
        now,
        r,
        passes,
        rows,
        seen,
        command,
        dense,
        sparse,
        denser_reads,
        sparser_reads,
        row,
        accesses,
        denser_window,
        sparser_window,
        reading,
        done,
    ):
        taken = 0  # cycles of the memory
        if can_push(accesses):
            if can_pop(denser_reads):
                taken += pop(denser_reads).cycles
            if can_pop(sparser_reads):
                taken += pop(sparser_reads).cycles
            if taken:
                r.free_at = max(r.free_at, now) + taken
        if not r.active and can_pop(command) and can_push(reading):
            one = passes[pop(command).number]
            r.active, r.oldest, r.last = 1, one.first_row, one.first_row + one.rows * one.heads
            r.read, r.read_at = r.oldest, now + row_cycles(ROW_BYTES, r.index_port_bytes, r.index_banks)
            push(reading).more = table_rate(r)
            r.places_now, r.activation = one.places, one.activation
        moved = blocked = False
        if r.active and now >= r.free_at and can_push(accesses):
            some = 0  # values worked on, and how often they are read or written
            times = 0
            leaves = r.oldest < r.read and seen[r.oldest] == rows[r.oldest].parts
            if leaves and can_push(row):
                some, times = rows[r.oldest].values, 1
            elif can_pop(dense) or can_pop(sparse):
                blocked = leaves
                if can_pop(dense) and not (r.turn and can_pop(sparse)):
                    part = front(dense)
                    place = part.place + r.taken
                    r.taken += 1
                    if r.taken == part.rows:
                        r.taken = 0
                        pop(dense)
                    r.turn = 1
                else:
                    place = pop(sparse).place
                    r.turn = 0
                some = rows[place].values
                if seen[place]:
                    times = 1
                    r.add_ops += some
                seen[place] += 1
                leaves = place == r.oldest and place < r.read and seen[place] == rows[place].parts and can_push(row)
                if not leaves:
                    times += 1
            else:
                blocked = leaves
                leaves = False
            if some:
                moved = True
                width = r.psum_banks * r.psum_port_bytes
                cycles = times * ((4 * some + width - 1) // width)
                taken += cycles
                r.free_at = now + max(cycles, (some + r.lanes - 1) // r.lanes)
                r.buffer_bytes += 4 * some * times
                if leaves:
                    push(row).bytes = some
                    r.requant_ops += some
                    r.lookup_ops += some * r.activation
                    r.oldest += 1
        if taken:
            push(accesses).cycles = taken
        if not r.active:
            return IDLE
        end = min(r.oldest + r.places_now, r.last)
        if r.read < end and now >= r.read_at:
            r.read += 1
            r.read_at = now + row_cycles(ROW_BYTES, r.index_port_bytes, r.index_banks)
            r.row_read_bytes += ROW_BYTES
            moved = True
        if r.read != r.told:
            if can_push(denser_window) and can_push(sparser_window):
                push(denser_window).end = r.read
                push(sparser_window).end = r.read
                r.told = r.read
                moved = True
            else:
                blocked = True
        if r.oldest == r.last and r.told == end:
            if can_push(done) and can_push(reading):
                push(done).number = 1
                push(reading).more = -table_rate(r)
                r.active = 0
                moved = True
            else:
                blocked = True
        if moved:
            return BUSY
        reads = r.read < end
        if now < r.free_at:
            r.wake = min(r.free_at, r.read_at) if reads else r.free_at
            return BLOCKED if blocked else BUSY
        if reads:
            r.wake = r.read_at
        if blocked:
            return BLOCKED
        return BUSY if reads else STARVED
