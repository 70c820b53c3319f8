"""Both arrays as one for dense layers [ours]: dot products of a token's features with a line of weights in each SRAM.

SpAtten computes attention only. A token's features are broadcast, `depth` of them a cycle, and meet as many columns of
weights as both lines hold; sums stay until a token's depth is through. A tile is rows x columns outputs.
"""

from accelsim.core import (
    BLOCKED,
    BUSY,
    IDLE,
    Component,
    Count,
    In,
    InputError,
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
from accelsim.isa.instructions import DONE
from accelsim.isa.tables import ELEMENTS, RELEASE

LEAST = 16  # values that a dot product takes in at least: the adder trees can be left at this level


class DenseArrays(Component):
    """The multipliers of both arrays, fed with weights line by line."""

    multipliers = Param(512, "count", "of each of the two arrays")
    depth = Param(64, "count", "features that a dot product takes in a cycle; a power of two")
    pipeline_cycles = Param(12, "cycles", "from the last line of a tile to its last sum: as the Q K array", low=0)

    command = In(
        "tiles of the sequencer",
        rows="tokens",
        columns="output features",
        depth="input features",
        last="whether it is the last part of their accumulation",
        passes="operations of the vector unit on each output",
        row="the first token",
        step="tokens whose outputs leave together",
    )
    frees = Mem("for each command, in order: bytes of weights and of activations it is the last to read, and reads")
    out = Out("finished outputs", **ELEMENTS)
    release_weight = Out("weights no longer needed", **RELEASE)
    release_act = Out("activations no longer needed", **RELEASE)
    done = Out("tiles finished", **DONE)

    columns = Reg("output features of the tile in work")
    left = Reg("tokens of it whose outputs have not left")
    step = Reg("tokens whose outputs leave together")
    each = Reg("cycles of a token")
    passes = Reg("operations of the vector unit on each")
    holds = Reg("whether there is one")
    ready_at = Reg("when it is finished")
    number = Reg("tiles finished")

    mac_ops = Count("multiply-accumulates of 8 bits")
    line_reads = Count("lines of weights read")
    tiles = Count("tiles begun")

    def check(self) -> None:
        depth = self.value("depth")
        if depth & (depth - 1) or not LEAST <= depth <= self.value("multipliers"):
            raise InputError(
                f"{self.name}.depth is {depth}, but the adder trees of {self.value('multipliers')} multipliers take "
                f"powers of two from {LEAST} to that many; make it one"
            )

    @tick
    def tick(now, r, command, frees, out, release_weight, release_act, done):
        moved = False
        if r.holds and now >= r.ready_at:
            rows = min(r.step, r.left)
            ends = rows == r.left
            room = can_push(release_weight) and can_push(release_act) and can_push(done)
            if not can_push(out) or (ends and not room):
                return BLOCKED
            item = push(out)
            item.elements, item.passes = rows * r.columns, r.passes
            r.left -= rows
            r.ready_at = now + min(r.step, r.left) * r.each
            if ends:
                free = frees[r.number]
                used = push(release_weight)
                used.bytes, used.read_bytes = free.weight, free.weight_read
                used = push(release_act)
                used.bytes, used.read_bytes = free.act, free.act_read
                push(done).number = 1
                r.number += 1
                r.holds = 0
            moved = True
        if not r.holds:
            if not can_pop(command):
                return BUSY if moved else IDLE
            tile = pop(command)
            segment = LEAST
            while segment < r.depth and segment < tile.depth:
                segment *= 2
            wide = 2 * r.multipliers // segment
            r.each = ((tile.columns + wide - 1) // wide) * ((tile.depth + segment - 1) // segment)
            r.columns, r.passes, r.left, r.step = tile.columns, tile.passes, tile.rows, tile.step
            r.mac_ops += tile.rows * tile.columns * tile.depth
            r.line_reads += 2 * tile.rows * r.each
            r.tiles += 1
            r.ready_at = now + min(r.step, r.left) * r.each + r.pipeline_cycles
            r.holds = 1
        r.wake = r.ready_at
        return BUSY
