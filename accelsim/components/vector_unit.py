"""The vector unit: requantisation, bias, activation, residual addition, LayerNorm, pooling.

A number of lanes works through the elements; an operation makes one or more passes over them (see dataflows.tiling).
Outputs of the array go first, commands of the sequencer (tiles of LayerNorm and stand-alone operations) after them.
"""

from accelsim.core import BLOCKED, BUSY, IDLE, Component, Count, In, Out, Param, Reg, can_pop, can_push, pop, push, tick
from accelsim.isa.instructions import DONE
from accelsim.isa.tables import BYTES, ELEMENTS


class VectorUnit(Component):
    """Element-wise work on whole rows and on what leaves the array."""

    lanes = Param(64, "count", "elements worked on in a cycle")

    outputs = In("outputs of the array", **ELEMENTS)
    command = In("tiles of the sequencer", elements="elements in", passes="passes over them", bytes="bytes that leave")
    tile = Out("results", **BYTES)
    done = Out("commands finished", **DONE)

    bytes = Reg("bytes that leave when the current item is done")
    commanded = Reg("whether it is a command")
    holds = Reg("whether there is an item")
    ready_at = Reg("the cycle in which it can leave")

    element_ops = Count("elements x passes")
    read_bytes = Count("bytes of commanded tiles read from the activation buffer", "bytes")

    @tick
    def tick(now, r, outputs, command, tile, done):
        if r.holds and now >= r.ready_at:
            if not can_push(tile) or (r.commanded and not can_push(done)):
                return BLOCKED
            push(tile).bytes = r.bytes
            if r.commanded:
                push(done).number = 1
            r.holds = 0
        if not r.holds:
            if can_pop(outputs):
                item = pop(outputs)
                work = item.elements * item.passes
                r.bytes, r.commanded = item.elements, 0
            elif can_pop(command):
                todo = pop(command)
                work = todo.elements * todo.passes
                r.bytes, r.commanded = todo.bytes, 1
                r.read_bytes += todo.elements
            else:
                return IDLE
            r.holds = 1
            r.element_ops += work
            r.ready_at = now + max(1, (work + r.lanes - 1) // r.lanes)
        r.wake = r.ready_at
        return BUSY
