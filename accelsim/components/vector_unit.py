"""The vector unit: requantisation, bias, activation, residual addition, LayerNorm, pooling.

A number of lanes works through the elements. A lane has two multipliers, an adder and a look-up, so that an output is
requantised, added to and looked up in one go, three operations; more of them take more goes, and each takes energy
(see dataflows.tiling). Outputs of the array go first, commands of the sequencer (tiles of LayerNorm and stand-alone
operations) after them.

A normalisation sweeps over its rows for their sums and once more for its results, and reads them each time. In between
a row's sums must be reduced over the lanes, and its reciprocal root found; the rows of a tile follow each other, so
that it shows once a tile, and what they are normalised with is kept [ours]. The compiler knows all of this, and a
command says how long it takes and what it reads a cycle (dataflows.tiling.VectorRates).
"""

from accelsim.core import (
    BLOCKED,
    BUSY,
    IDLE,
    Component,
    Count,
    In,
    Out,
    Outs,
    Param,
    Reg,
    can_pop,
    can_push,
    front,
    pop,
    port,
    port_count,
    push,
    tick,
)
from accelsim.isa.instructions import DONE
from accelsim.isa.tables import BYTES, ELEMENTS, READING

AT_ONCE = 3  # operations of a lane on an element in one go


class VectorUnit(Component):
    """Element-wise work on whole rows and on what leaves the array."""

    lanes = Param(64, "count", "elements worked on in a cycle")

    reduce_cycles = Param(8, "cycles", "from the last element of a row to its sum: adder tree and accumulation")
    rsqrt_cycles = Param(16, "cycles", "depth of the reciprocal root's pipeline")
    rows = Param(64, "count", "rows of a command that normalises: what they are normalised with is kept")
    banks = Param(4, "count", "banks of the activation buffer")
    port_bytes = Param(64, "bytes/cycle", "width of such a bank's port")

    outputs = In("outputs of the array", **ELEMENTS)
    command = In(
        "tiles of the sequencer",
        elements="elements in",
        passes="what is done with each",
        bytes="bytes that leave",
        sweeps="times they are read",
        cycles="how long it takes",
        rate="bytes of the activation buffer it reads a cycle",
    )
    tile = Out("results", **BYTES)
    done = Out("commands finished", **DONE)
    reading = Outs("what it takes of the activation buffer's ports", **READING)

    bytes = Reg("bytes that leave when the current item is done")
    commanded = Reg("whether it is a command")
    holds = Reg("whether there is an item")
    ready_at = Reg("the cycle in which it can leave")
    rate = Reg("bytes it reads a cycle, as it has said")

    element_ops = Count("elements x what is done with each")
    read_bytes = Count("bytes of commanded tiles read from the activation buffer", "bytes")

    @tick
    def tick(now, r, outputs, command, tile, done, reading):
        if r.holds and now >= r.ready_at:
            if not can_push(tile) or (r.commanded and not can_push(done)):
                return BLOCKED
            push(tile).bytes = r.bytes
            if r.commanded:
                push(done).number = 1
            r.holds = 0
        if not r.holds:
            commanded = not can_pop(outputs)
            rate = cycles = 0
            if commanded and can_pop(command):
                todo = front(command)
                cycles, rate = todo.cycles, todo.rate
            if rate != r.rate and port_count(reading):
                if can_push(port(reading, 0)):
                    push(port(reading, 0)).more = rate - r.rate
                    r.rate = rate
                elif rate:
                    return BLOCKED
            if not commanded:
                item = pop(outputs)
                r.element_ops += item.elements * item.passes
                r.bytes, r.commanded = item.elements, 0
                goes = max(1, (item.passes + AT_ONCE - 1) // AT_ONCE)
                cycles = max(1, (item.elements * goes + r.lanes - 1) // r.lanes)
            elif can_pop(command):
                todo = pop(command)
                r.element_ops += todo.elements * todo.passes
                r.bytes, r.commanded = todo.bytes, 1
                r.read_bytes += todo.elements * todo.sweeps
            else:
                return IDLE
            r.holds = 1
            r.ready_at = now + cycles
        r.wake = r.ready_at
        return BUSY
