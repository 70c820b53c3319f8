"""The one unit that only this machine has: multipliers that compute dot products, one after the other without a gap.

A command is a tile of a matrix product, rows x columns outputs of `depth` products each. Its closed form: a tile that
is taken in cycle t leaves in cycle t + ceil(rows * columns * depth / multipliers), if there is room for it.
"""

from accelsim.core import BLOCKED, BUSY, IDLE, Component, Count, In, Out, Param, Reg, can_pop, can_push, pop, push, tick
from accelsim.isa.tables import ELEMENTS, RELEASE


class DotArray(Component):
    """Multiplies the rows of a tile with its columns; both come from the operand buffer, a byte each a product."""

    multipliers = Param(64, "count", "products a cycle")

    command = In(
        "tiles of the sequencer",
        rows="rows of the tile",
        columns="columns of the tile",
        depth="products of one output",
        passes="operations of the vector unit on each output",
        frees="bytes of operands that no later tile needs",
    )
    outputs = Out("finished tiles", **ELEMENTS)
    release = Out("operands that may be overwritten", **RELEASE)

    elements = Reg("outputs of the tile in work")
    passes = Reg("operations of the vector unit on them")
    frees = Reg("bytes that may be overwritten when it is done")
    read_bytes = Reg("bytes that it reads")
    holds = Reg("whether there is a tile")
    ready_at = Reg("the cycle in which it can leave")

    mac_ops = Count("multiplications and additions")
    tiles = Count("tiles begun")

    @tick
    def tick(now, r, command, outputs, release):
        if r.holds and now >= r.ready_at:
            if not (can_push(outputs) and can_push(release)):
                return BLOCKED
            done = push(outputs)
            done.elements, done.passes = r.elements, r.passes
            space = push(release)
            space.bytes, space.read_bytes = r.frees, r.read_bytes
            r.holds = 0
        if not r.holds:
            if not can_pop(command):
                return IDLE
            tile = pop(command)
            r.elements, r.passes, r.frees = tile.rows * tile.columns, tile.passes, tile.frees
            work = r.elements * tile.depth
            r.read_bytes = 2 * work
            r.mac_ops += work
            r.tiles += 1
            r.ready_at = now + (work + r.multipliers - 1) // r.multipliers
            r.holds = 1
        r.wake = r.ready_at
        return BUSY
