"""The denser engine: MAC lines that work on the global tokens' columns as a dense block.

Scores (SDDMM, K-stationary): each line keeps one K; the Qs stream by, broadcast, `macs` features a cycle; the products
of a line are added up between its PEs. Where there are fewer columns than lines, the columns are repeated, and each
repetition sees other rows [ours]. Values (SpMM, output-stationary): each line keeps one output row; the Vs of the
global tokens stream by; every PE accumulates its own features. A mux in front of every multiplier switches.

Reading and writing share a buffer's ports [ours]: what the decoder has brought to the Q (K) buffer is written with what
a group of rows (a tile's keys) leaves, or lengthens it. Each column of a tile, and what is said of the tile, is read of
the index buffer as the keys are loaded.
"""

import numpy as np

from accelsim.accelerators.vitcod.components.index_walker import table_cycles
from accelsim.accelerators.vitcod.components.mac_array import ceil, read_cycles
from accelsim.accelerators.vitcod.tables import (
    ACCESS,
    KEY_BYTES,
    OPERANDS,
    PARTIAL,
    PASS,
    READY,
    ROW_BYTES,
    SCORES,
    TILE_BYTES,
    WINDOW,
)
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
from accelsim.core.compiled import compiled
from accelsim.isa.instructions import DONE


@compiled
def hear(now, r, passes, there, operands):
    """Take in what the decoder tells; its words are written with what reading has left of the ports since."""
    if not (r.phase == 1 and r.streaming and r.row >= 0):
        r.q_unwritten = max(0, r.q_unwritten - (now - r.since) * r.q_port_bytes)
    if not (r.phase == 1 and r.streaming and r.row < 0):
        r.k_unwritten = max(0, r.k_unwritten - (now - r.since) * r.banks * r.bank_bytes)
    r.since = now
    while can_pop(operands):
        news = pop(operands)
        slot, one = there[news.number % 2], passes[news.number]
        if slot.number != news.number:
            slot.number, slot.k, slot.q = news.number, 0, 0
        if news.kind == 0:
            slot.k = news.tokens
            r.k_unwritten += one.heads * one.dim
        else:
            slot.q = news.tokens
            r.q_unwritten += one.heads * one.dim


class DenserEngine(Component):
    """Works off the dense block of a pass, in lockstep."""

    lines = Param(64, "count", "MAC lines there are; a pass gives it some of them")
    macs = Param(8, "count", "multipliers of a line")
    q_bytes = Param(26624, "bytes", "Q buffer")
    k_bytes = Param(26624, "bytes", "K buffer")
    q_port_bytes = Param(256, "bytes/cycle", "what the Q buffer's ports send to the lines, or take of the decoder")
    banks = Param(4, "count", "banks of the K buffer")
    bank_bytes = Param(64, "bytes", "width of such a bank's port")
    v_banks = Param(4, "count", "banks of the buffer that V is read from")
    v_port_bytes = Param(64, "bytes/cycle", "width of such a bank's port")
    row_values = Param(128, "count", "32-bit sums a line holds, of the row it works on and of the one that leaves")
    psum_banks = Param(8, "count", "banks of the partial-sum memory, each with one port")
    psum_port_bytes = Param(32, "bytes/cycle", "width of a bank's port")
    index_banks = Param(8, "count", "banks of the index buffer")
    index_port_bytes = Param(8, "bytes/cycle", "width of such a bank's port")

    passes = Mem("the pass table (tables.PASSES)")
    dense = Mem("dense columns (tables.DENSE)")
    rows = Mem("outputs (tables.ROWS)")
    ready = Mem("whether the scores of an output are complete", lambda c: np.zeros(len(c.storage["rows"]), np.int8))

    command = In("phases", **PASS)
    operands = In("operands that are there", **OPERANDS)
    softmaxed = In("outputs whose scores are complete", **READY)
    window = In("how far the merge has places", **WINDOW)
    scores = Out("scores of one row", **SCORES)
    partial = Out("partial rows", **PARTIAL)
    reads = Out("reads of the partial-sum memory", **ACCESS)
    done = Out("phases finished", **DONE)

    there = Lanes(
        2, "operands that are there, of two passes", number="row of the pass table", k="K tokens", q="Q tokens"
    )
    phase = Reg("0: nothing, 1: scores, 2: values")
    number = Reg("row of the pass table")
    item = Reg("scores: first column of the tile; values: first output of the tile, counted within the pass")
    end = Reg("where the phase ends, counted alike")
    row = Reg("scores: row being worked on")
    size = Reg("columns or rows in the tile; 0: none")
    group = Reg("scores: rows computed at once")
    streaming = Reg("whether the row or tile is being computed")
    ready_at = Reg("the cycle in which it is finished")
    heads = Reg("heads among the columns of the tile")
    window_end = Reg("first output that may not be worked on")
    q_unwritten = Reg("bytes of Q that the decoder has brought and that are not yet written")
    k_unwritten = Reg("bytes of K, alike")
    since = Reg("the cycle at whose beginning so many are")

    mac_ops = Count("multiply-accumulates")
    k_read_bytes = Count("bytes of K loaded into lines", "bytes")
    q_read_bytes = Count("bytes of Q broadcast", "bytes")
    v_read_bytes = Count("bytes of V broadcast", "bytes")
    score_read_bytes = Count("bytes of scores read", "bytes")
    table_read_bytes = Count("bytes of the list of dense columns read, and of outputs' shares of a block", "bytes")
    normalise_ops = Count("scores multiplied by their row's reciprocal")
    accumulator_bytes = Count("bytes of accumulators written", "bytes")

    @tick
    def tick(
        now, r, passes, dense, rows, ready, there, command, operands, softmaxed, window, scores, partial, reads, done
    ):
        hear(now, r, passes, there, operands)
        while can_pop(softmaxed):
            ready[pop(softmaxed).place] = 1
        while can_pop(window):
            r.window_end = pop(window).end
        taken = told = False
        while True:
            if r.phase == 0:
                if taken:  # one command a cycle
                    return BUSY
                if not can_pop(command):
                    return IDLE
                todo = pop(command)
                taken = True
                r.phase, r.number, r.row, r.size, r.streaming = 1 + todo.phase, todo.number, 0, 0, 0
                r.item = todo.begin if todo.phase else 0
                r.end = todo.end if todo.phase else passes[todo.number].dense
            one = passes[r.number]
            if r.item == r.end:
                if told:  # one notice a cycle
                    return BUSY
                if not can_push(done):
                    return BLOCKED
                push(done).number = 1
                told = True
                r.phase = 0
            elif r.phase == 1:
                # A tile of columns: its K vectors are loaded a word a cycle (row -1), then the rows stream by.
                slot = there[r.number % 2]
                if r.size == 0:
                    first = one.first_dense + r.item
                    size = min(one.denser_lines, one.dense - r.item)
                    needed = 0
                    for c in range(first, first + size):
                        needed = max(needed, dense[c].column)
                    if slot.number != r.number or slot.k <= needed:
                        return STARVED
                    cycles = ceil(size * one.dim + r.k_unwritten, r.banks * r.bank_bytes)
                    cycles = max(cycles, size * ceil(one.dim, r.bank_bytes))
                    cycles = max(cycles, table_cycles(TILE_BYTES + KEY_BYTES * size, r.index_port_bytes, r.index_banks))
                    r.table_read_bytes += TILE_BYTES + KEY_BYTES * size
                    r.size, r.row, r.streaming, r.ready_at, r.k_unwritten = size, -1, 1, now + cycles, 0
                    r.heads = dense[first + size - 1].head - dense[first].head + 1
                    r.group = max(1, min(one.denser_lines // size, r.q_port_bytes // (r.macs * r.heads)))
                    r.k_read_bytes += size * one.dim
                if r.streaming:
                    if now < r.ready_at:
                        r.wake = r.ready_at
                        return BUSY
                    if r.row < 0:
                        r.row = 0
                    else:
                        if not can_push(scores):
                            return BLOCKED
                        out = push(scores)
                        out.row, out.rows = r.row, min(r.group, one.rows - r.row)
                        out.first, out.count = one.first_dense + r.item, r.size
                        r.row += out.rows
                    r.streaming = 0
                if r.row == one.rows:
                    r.item += r.size
                    r.size = 0
                else:
                    rows_now = min(r.group, one.rows - r.row)
                    if slot.number != r.number or slot.q < one.row0 + r.row + rows_now:
                        return STARVED
                    beats = ceil(one.dim, r.macs)
                    cycles = ceil(rows_now * r.heads * one.dim + r.q_unwritten, r.q_port_bytes)
                    r.streaming, r.ready_at, r.q_unwritten = 1, now + max(beats, cycles), 0
                    r.mac_ops += rows_now * r.size * one.dim
                    r.accumulator_bytes += 4 * rows_now * r.size * beats
                    r.q_read_bytes += rows_now * one.dim * r.heads
            else:
                # A tile of rows of one head: the Vs of its dense columns stream by.
                place = one.first_row + r.item
                count = rows[one.first_share + r.item].dense
                if r.size == 0:
                    size = min(one.rows - r.item % one.rows, r.end - r.item)
                    if count:
                        size = min(size, one.tile_rows)
                        if place + size > r.window_end:
                            return STARVED
                        for n in range(place, place + size):
                            if not ready[n]:
                                return STARVED
                    # A row's scores lie in one bank, some to a word; the lines hold them while the Vs stream by.
                    cycles = ceil(size, r.psum_banks) * ceil(2 * count, r.psum_port_bytes)
                    if count:
                        if not can_push(reads):
                            return BLOCKED
                        if 2 * one.value_dim > r.row_values and not can_push(partial):
                            return BLOCKED  # no room for a second row beside the one that leaves
                        push(reads).cycles = cycles
                    r.size = size
                    beats = read_cycles(ceil(one.value_dim, r.v_port_bytes), r.v_banks)
                    r.ready_at = now + cycles + count * max(beats, ceil(one.value_dim, r.macs))
                    r.mac_ops += size * count * one.value_dim
                    r.accumulator_bytes += 4 * size * count * one.value_dim
                    r.v_read_bytes += count * one.value_dim
                    r.score_read_bytes += 2 * size * count
                    r.table_read_bytes += ROW_BYTES * (one.first_share != one.first_row)
                    r.normalise_ops += size * count
                if now < r.ready_at:
                    r.wake = r.ready_at
                    return BUSY
                if count:
                    if not can_push(partial):
                        return BLOCKED
                    out = push(partial)
                    out.place, out.rows, out.scores = place, r.size, count
                r.item += r.size
                r.size = 0
