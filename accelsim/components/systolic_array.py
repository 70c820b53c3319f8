"""A dense systolic array: rows x columns of PEs, fed at their edges (Samajdar et al., SCALE-Sim, ISPASS 2020).

`os`: outputs stay in the PEs, both operands stream, outputs drain down the columns. `ws`, `is`: an operand is loaded
from the top and stays, the other streams from the left, partial sums leave at the bottom. With `overlap: shadow` a
second register in each PE lets a fold stream while the one before drains and the one after is loaded.

An edge is the port of a buffer. What the vector unit needs of it for outputs that leave (biases and scales, a residual
operand) is read while their fold streams, with what the stream leaves of the port; where that is too little the stream
takes longer. A stationary operand is loaded through its edge's port when these have been read.

A stage of two words for each row or column turns operands that lie along the stream (features of a token); of its time
only that a lane's last word is read whole shows (docs/timing.md).
"""

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
    InputError,
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
from accelsim.core.compiled import inlined
from accelsim.isa.instructions import DONE
from accelsim.isa.tables import RELEASE, record

PART = {
    "rows": "rows of PEs in use; more than there are: as many folds as that takes, one after the other",
    "columns": "columns of PEs in use",
    "stream": "length of this part of the stream",
    "first": "whether a fold begins: its stationary operand is loaded, or its outputs start from zero",
    "last": "whether the fold ends here",
    "adds": "whether partial sums of an earlier fold are added (ws, is)",
    "to": "where its outputs go: 0 nowhere yet, 1 the vector unit, 2 the softmax unit",
    "passes": "operations of the vector unit on each output",
    "row": "first row of its scores, within the tile of the softmax unit",
    "constants": "bytes of bias and scale of each feature, read where weights are, with which outputs leave",
    "added": "bytes for each output that leaves, read where activations are: a residual operand, and a share of what"
    " words of a convolution's windows have beside them",
}
BLOCK = {"row": "first row, within the tile", "rows": "rows", "columns": "scores of each"}
LEAVING = record("at", "to", "row", "rows", "columns", "passes", "ends")


@inlined
def whole(elements, word):
    return (elements + word - 1) // word * word


class SystolicArray(Component):
    """PEs whose operands come from the edges of the array only, and travel one PE a cycle."""

    rows = Param(32, "count", "rows of PEs")
    columns = Param(16, "count", "columns of PEs")
    dataflow = Param("os", "choice", "what stays in the PEs: outputs, weights, inputs", choices=("os", "ws", "is"))
    timing = Param("exact", "choice", "scalesim drains os in rows - 1 cycles less", choices=("exact", "scalesim"))
    overlap = Param(
        "none",
        "choice",
        "whether a fold streams while another drains; auto: where timing and row_skip allow it",
        choices=("none", "shadow", "auto"),
    )
    psum_hop = Param(1, "cycles", "a partial sum from a row to the next (ws, is)")
    row_skip = Param("false", "choice", "whether a fold enters at the lowest rows it can", choices=("false", "true"))
    accumulator_bytes = Param(16384, "bytes", "accumulators at the bottom edge (ws, is): 4 bytes a partial sum")
    left_bytes = Param(1024, "bytes/cycle", "what the left edge delivers")
    top_bytes = Param(1024, "bytes/cycle", "what the top edge delivers")
    left_word = Param(1, "bytes", "a word of the left edge's transposing stage: a row's part of a stream is whole ones")
    top_word = Param(1, "bytes", "a word of the top edge's: a column's part of a stream or of a load is whole ones")
    item_rows = Param(1024, "count", "outputs of a column that leave at once at most: what waits has that room")
    ahead = Param(4, "count", "parts it looks ahead")
    command = In("one part of a fold's stream, or the whole streams of several folds", **PART)
    frees = Mem("for each command, in order: bytes of weights and of activations it is the last to read, and reads")
    out = Out("finished outputs", elements="values", passes="operations of the vector unit on each")
    scores = Out("finished scores", **BLOCK)
    release_weight = Out("weights no longer needed", **RELEASE)
    release_act = Out("activations no longer needed", **RELEASE)
    done = Out("parts finished", **DONE)

    parts = Lanes("ahead", "parts to come, a ring", left="rows whose fold has not begun", **PART)
    leaving = Mem(
        "parts whose outputs are on their way down, a ring",
        lambda c: np.zeros(2 + c.value("columns") + (1 + c.value("psum_hop")) * c.value("rows"), LEAVING),
    )

    head = Reg("the oldest of the parts to come")
    held = Reg("parts to come")
    seen = Reg("how many of them the loader has passed")
    passed = Reg("rows of the next one it has passed")
    loaded = Reg("whether the next fold's stationary operand is in the PEs or on its way")
    loaded_at = Reg("when it is in place")
    load_from = Reg("when the next load can begin")
    streaming = Reg("whether a part streams")
    ends = Reg("whether it is the last of its command")
    end_at = Reg("when its stream ends, or the last one ended")
    drained_at = Reg("when the bottom edge is free of the fold before (os)")
    opened = Reg("whether a fold has begun and not ended")
    oldest = Reg("the oldest part that leaves")
    under_way = Reg("parts that leave")
    number = Reg("parts whose stream has ended")
    frozen = Reg("cycles in which the whole array stood still for want of room")
    frozen_at = Reg("the cycle in which it came to stand still", reset=-1)

    mac_ops = Count("multiply-accumulates")
    operand_writes = Count("8-bit registers written with operands")
    psum_writes = Count("32-bit registers written with sums on their way")
    psum_read_bytes = Count("bytes of partial sums read from the accumulators at the bottom", "bytes")
    psum_write_bytes = Count("bytes of partial sums written to the accumulators at the bottom", "bytes")
    left_read_bytes = Count("bytes of operands that entered from the left", "bytes")
    top_read_bytes = Count("bytes of operands that entered from the top", "bytes")
    fold_cycles = Count("cycles of the folds one after the other, with every operand there in time", "cycles")
    edge_stall_cycles = Count("cycles more for edges narrower than the array", "cycles")
    stall_cycles = Count("cycles in which a fold that had begun waited for the next part of its stream", "cycles")

    def check(self) -> None:
        if self.parameters()["overlap"] == "auto":
            self.r["overlap"] = not self.value("timing") and not self.value("row_skip")
        if self.value("timing") and (self.value("overlap") or self.value("psum_hop") > 1 or self.value("row_skip")):
            raise InputError(
                f"{self.name}.timing: scalesim is one fold after another; it needs overlap: none, psum_hop: 1 and "
                "row_skip: false."
            )
        if self.value("row_skip") and self.value("overlap"):
            rule = "true needs overlap: none; folds of unequal rows would overtake each other."
            raise InputError(f"{self.name}.row_skip: {rule}")

    @tick
    def tick(now, r, frees, parts, leaving, command, out, scores, release_weight, release_act, done):
        t = now - r.frozen if r.frozen_at < 0 else r.frozen_at - r.frozen  # the array's own time
        moved = True
        while moved:
            moved = False
            while r.held < r.ahead and can_pop(command):
                part, place = pop(command), parts[(r.head + r.held) % r.ahead]
                place.rows, place.columns, place.stream = part.rows, part.columns, part.stream
                place.first, place.last, place.adds = part.first, part.last, part.adds
                place.to, place.passes, place.row, place.left = part.to, part.passes, part.row, part.rows
                place.constants, place.added = part.constants, part.added
                r.held += 1
            blocked = False
            if r.under_way and leaving[r.oldest].at <= t:
                item = leaving[r.oldest]
                if (
                    (not item.ends or can_push(done))
                    and (item.to != 1 or can_push(out))
                    and (item.to != 2 or can_push(scores))
                ):
                    if item.to == 1:
                        result = push(out)
                        result.elements, result.passes = item.rows * item.columns, item.passes
                    elif item.to == 2:
                        block = push(scores)
                        block.row, block.rows, block.columns = item.row, item.rows, item.columns
                    if item.ends:
                        push(done).number = 1
                    r.oldest = (r.oldest + 1) % leaving.shape[0]
                    r.under_way -= 1
                    moved = True
                else:
                    blocked = True
            if r.streaming and r.end_at <= t:
                if not r.ends or (can_push(release_weight) and can_push(release_act)):
                    if r.ends:
                        free = frees[r.number]
                        used = push(release_weight)
                        used.bytes, used.read_bytes = free.weight, free.weight_read
                        used = push(release_act)
                        used.bytes, used.read_bytes = free.act, free.act_read
                        r.number += 1
                    r.streaming = 0
                    moved = True
                else:
                    blocked = True
            if blocked:  # nothing may be shifted out, so nothing is shifted
                if r.frozen_at < 0:
                    r.frozen_at = now
                return BLOCKED
            if r.frozen_at >= 0:
                r.frozen += now - r.frozen_at
                r.frozen_at = -1
            alone = r.overlap == 1 or (not r.streaming and r.under_way == 0)
            if r.held and not r.streaming:
                part = parts[r.head]
                begins = part.first == 1 and r.dataflow != 0
                if (begins and r.loaded == 1 and r.loaded_at <= t) or (not begins and (part.first == 0 or alone)):
                    rows = min(part.left, r.rows)
                    part.left -= rows
                    leave = part.left == 0 or r.dataflow == 0
                    span = rows if r.row_skip else r.rows
                    work = rows * part.columns * part.stream
                    beat = (rows + r.left_bytes - 1) // r.left_bytes
                    if r.dataflow == 0:
                        beat = max(beat, (part.columns + r.top_bytes - 1) // r.top_bytes)
                        tail = (span - 1) * (1 if r.timing == 1 else 2) + r.columns - 1
                        r.top_read_bytes += part.columns * part.stream
                        r.operand_writes += 2 * work
                        r.psum_writes += work
                        if part.last:  # row n of those in use, from 0, is span - 1 - n hops above the bottom one
                            hops = rows * (span - 1) - rows * (rows - 1) // 2
                            r.psum_writes += part.columns * (hops + (rows if r.overlap == 1 else 0))
                    else:
                        tail = r.psum_hop * (span - 1) + r.columns - 1
                        r.operand_writes += work
                        r.psum_writes += part.stream * part.columns * (r.psum_hop * (span - 1) + 1)
                        if part.adds or part.rows - part.left > rows:
                            r.psum_read_bytes += 4 * part.stream * part.columns
                        if part.to == 0 or part.left:
                            r.psum_write_bytes += 4 * part.stream * part.columns
                    if not part.first:
                        r.stall_cycles += t - r.end_at
                    # beside the operands: with the weights that outputs leave with, with the activations
                    high = rows if r.dataflow == 0 else part.columns if r.dataflow == 2 else part.stream
                    wide = part.stream if r.dataflow == 2 else part.columns
                    constants, added = leave * wide * part.constants, leave * high * wide * part.added
                    left, top = (constants, added) if r.dataflow == 2 else (added, constants)
                    read = 0
                    if r.dataflow == 0:
                        top += part.columns * whole(part.stream, r.top_word)
                    elif top:  # after a load that is under way, and before the next one
                        read = (max(t, r.loaded_at) if r.loaded and not begins else t) - t
                    read += (top + r.top_bytes - 1) // r.top_bytes
                    left += rows * whole(part.stream, r.left_word)
                    length = max(part.stream * beat, (left + r.left_bytes - 1) // r.left_bytes, read)
                    r.end_at = t + length
                    if part.last and r.dataflow == 0 and r.overlap == 1:
                        r.end_at = max(r.end_at, r.drained_at)
                        r.drained_at = r.end_at + r.rows
                    r.streaming = 1
                    r.opened = 1 - part.last
                    if begins:
                        r.loaded = 0
                        r.load_from = t + (r.psum_hop - 1) * (r.rows - 1) * r.overlap
                    r.load_from = max(r.load_from, t + read)
                    r.mac_ops += work
                    r.left_read_bytes += rows * part.stream
                    r.edge_stall_cycles += length - part.stream
                    r.fold_cycles += part.stream + ((tail + (span if r.dataflow else 0)) if part.first else 0)
                    item = leaving[(r.oldest + r.under_way) % leaving.shape[0]]
                    item.at, item.passes, item.row, item.ends = r.end_at + tail, part.passes, part.row, part.left == 0
                    if r.dataflow == 0:
                        item.to = part.to if part.last else 0
                        item.row += part.rows - part.left - rows
                    else:
                        item.to = part.to if part.left == 0 else 0
                    item.rows = rows if r.dataflow == 0 else part.stream if r.dataflow == 1 else part.columns
                    item.columns = part.stream if r.dataflow == 2 else part.columns
                    r.under_way += 1
                    r.ends = part.left == 0
                    if r.ends:
                        r.head = (r.head + 1) % r.ahead
                        r.held -= 1
                        r.seen = max(0, r.seen - 1)
                    moved = True
                    alone = r.overlap == 1
            if r.dataflow != 0 and not r.loaded:
                while r.seen < r.held and not parts[(r.head + r.seen) % r.ahead].first:
                    r.seen += 1
                if r.seen < r.held and r.load_from <= t and alone and (r.overlap == 1 or r.opened == 0):
                    part = parts[(r.head + r.seen) % r.ahead]
                    rows = min(part.rows - r.passed, r.rows)
                    r.passed += rows
                    if r.passed == part.rows:
                        r.seen += 1
                        r.passed = 0
                    span = rows if r.row_skip else r.rows
                    slow = rows * ((part.columns + r.top_bytes - 1) // r.top_bytes - 1)
                    slow = max(slow, (part.columns * whole(rows, r.top_word) - 1) // r.top_bytes + 1 - span)
                    r.loaded, r.loaded_at = 1, t + span + slow
                    r.edge_stall_cycles += slow
                    r.top_read_bytes += rows * part.columns
                    # a word is written into each row on its way, and copied from the shadow
                    r.operand_writes += part.columns * rows * (rows + 1) // 2
                    r.operand_writes += part.columns * rows * r.overlap
        due = r.end_at if r.streaming else NEVER
        if r.under_way:
            due = min(due, leaving[r.oldest].at)
        if r.loaded:
            due = min(due, r.loaded_at) if r.loaded_at > t else due
        elif r.seen < r.held and r.load_from > t:
            due = min(due, r.load_from)
        if due < NEVER:
            r.wake = due + r.frozen
            return BUSY
        return STARVED if r.opened else IDLE
