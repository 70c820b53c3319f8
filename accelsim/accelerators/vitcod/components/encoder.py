"""The encoder lines: the auto-encoder's first half, h heads of Q and K to h', directly behind their projection.

The projection's output columns are visited feature by feature, the heads of a feature side by side [ours]. Each output
meets its h' weights; a feature's h' values leave with the last of its h heads. Where a step of the array ends within a
feature, its tokens' sums are kept until the step that goes on with it, in a memory with one port [ours]: an item takes
as long as its weights or as that port. Other tiles pass in one cycle.
"""

from accelsim.accelerators.vitcod.components.mac_array import OUTPUTS
from accelsim.core import BLOCKED, BUSY, IDLE, Component, Count, In, Out, Param, Reg, can_pop, can_push, pop, push, tick
from accelsim.isa.tables import ELEMENTS


class Encoder(Component):
    """Compresses Q and K along the head axis, in a pipeline with the projection."""

    lines = Param(8, "count", "encoder lines")
    macs = Param(8, "count", "multipliers of a line")
    sum_bytes = Param(6144, "bytes", "memory of the sums of features that are cut, 4 a token and compressed head")
    sum_port_bytes = Param(32, "bytes/cycle", "width of its port")

    outputs = In("outputs of the array", **OUTPUTS)
    out = Out("encoded outputs", **ELEMENTS)

    elements = Reg("values that leave when the current item is done")
    passes = Reg("operations of the vector unit on each")
    holds = Reg("whether there is an item")
    ready_at = Reg("the cycle in which they can leave")

    mac_ops = Count("multiply-accumulates")
    sum_read_bytes = Count("bytes of kept sums read", "bytes")
    sum_write_bytes = Count("bytes of sums put away", "bytes")

    @tick
    def tick(now, r, outputs, out):
        if r.holds and now >= r.ready_at:
            if r.elements and not can_push(out):
                return BLOCKED
            if r.elements:
                item = push(out)
                item.elements, item.passes = r.elements, r.passes
            r.holds = 0
        if not r.holds and can_pop(outputs):
            item = pop(outputs)
            r.holds, r.passes = 1, item.passes
            if item.heads:
                work = item.rows * item.columns * item.encoded
                r.mac_ops += work
                reach, sums = item.met + item.columns, 4 * item.rows * item.encoded
                begun, cut = item.met > 0, reach % item.heads > 0
                r.sum_read_bytes += sums * begun
                r.sum_write_bytes += sums * cut
                cycles = (work + r.lines * r.macs - 1) // (r.lines * r.macs)
                r.ready_at = now + max(cycles, (sums * (begun + cut) + r.sum_port_bytes - 1) // r.sum_port_bytes)
                r.elements = item.rows * (reach // item.heads) * item.encoded
            else:
                r.ready_at, r.elements = now + 1, item.rows * item.columns
        if not r.holds:
            return IDLE
        r.wake = r.ready_at
        return BUSY
