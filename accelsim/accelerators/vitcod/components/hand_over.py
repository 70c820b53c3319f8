"""The way from the output buffer to the activation buffer, with residency=keep or fused: results that the next layer
reads go by it instead of through DRAM, into the activation buffer's write ports beside what DRAM brings [ours].
"""

from accelsim.core import BLOCKED, BUSY, IDLE, Component, Count, In, Out, can_pop, can_push, pop, push, tick
from accelsim.isa.tables import KEEPING


class HandOver(Component):
    """Wires between two buffers, and a register."""

    keep = In("stores of the output buffer that stay on chip", **KEEPING)
    out = Out("the same, for the activation buffer", **KEEPING)

    moved_bytes = Count("bytes that go this way", "bytes")

    @tick
    def tick(now, r, keep, out):
        if not can_pop(keep):
            return IDLE
        if not can_push(out):
            return BLOCKED
        part, on = pop(keep), push(out)
        on.bytes, on.segments = part.bytes, part.segments
        r.moved_bytes += part.bytes * part.segments
        return BUSY
