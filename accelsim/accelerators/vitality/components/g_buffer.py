"""Where the product that is computed first stays (K^T V, or Q K^T): requantised to 8 bits, read by SA-General."""

from accelsim.components.lane_unit import BLOCK
from accelsim.core import (
    BLOCKED,
    BUSY,
    IDLE,
    STARVED,
    Component,
    Count,
    In,
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


class GBuffer(Component):
    """Requantisers in front of a memory; the compiler sees that it holds what it must."""

    lanes = Param(64, "count", "values requantised in a cycle")
    latency = Param(2, "cycles", "from a value to its place", low=0)
    capacity_bytes = Param(8192, "bytes", "what it holds, a byte a value")
    banks = Param(4, "count", "banks, each read on its own")
    port_bytes = Param(16, "bytes/cycle", "width of such a bank's port")

    command = In("a product to be taken", elements="values of it", reads="bytes the array will read of it")
    values = In("blocks of it", **BLOCK)
    done = Out("products that are complete", **DONE)

    active = Reg("whether there is a product")
    missing = Reg("values of it that have not come")
    free_at = Reg("when the requantisers are free")

    requant_ops = Count("values requantised")
    write_bytes = Count("bytes written", "bytes")
    read_bytes = Count("bytes read by the array", "bytes")

    @tick
    def tick(now, r, command, values, done):
        moved = blocked = False
        if r.active and r.missing == 0 and r.free_at + r.latency <= now:
            if can_push(done):
                push(done).number = 1
                r.active = 0
                moved = True
            else:
                blocked = True
        if not r.active and can_pop(command):
            todo = pop(command)
            r.active, r.missing = 1, todo.elements
            r.read_bytes += todo.reads
            moved = True
        if r.active and r.missing and r.free_at <= now and can_pop(values):
            block = pop(values)
            size = block.rows * block.columns
            r.missing -= size
            r.requant_ops += size
            r.write_bytes += size
            r.free_at = now + (size + r.lanes - 1) // r.lanes
            moved = True
        if moved:
            return BUSY
        due = r.free_at + (r.latency if r.active and r.missing == 0 else 0)
        if due > now:
            r.wake = due
            return BUSY
        if blocked:
            return BLOCKED
        return STARVED if r.active else IDLE
