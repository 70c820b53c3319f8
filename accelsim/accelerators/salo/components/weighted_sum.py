"""The weighted-sum modules (SALO, DAC 2022): one a row, which merge the pieces of its softmax, and hand rows on.

Sums of two pieces are aligned and added, two divisions make their weights, and the values are weighted one feature a
cycle behind the array's last stage. What a row has so far lies in a buffer of its features. When a group of queries is
complete its values are requantised on their way out [ours].
"""

from accelsim.accelerators.salo.tables import PARTIAL
from accelsim.core import BLOCKED, BUSY, IDLE, Component, Count, In, Out, Param, Reg, can_pop, can_push, pop, push, tick
from accelsim.isa.tables import BYTES


class WeightedSum(Component):
    """Merges tiles; the local rows of a finished group leave first, then the global rows."""

    features = Param(128, "count", "values of a row that its buffer holds, in 16 bits")
    merge_cycles = Param(2, "cycles", "from a value to its weighted sum: multiplier and adder")
    lanes = Param(32, "count", "values requantised in a cycle")

    partial = In("tiles of the array", **PARTIAL)
    row = Out("finished rows", **BYTES)

    holds = Reg("whether there is a tile")
    ready_at = Reg("when its last value is merged")
    local = Reg("bytes of local rows that are to leave")
    whole = Reg("bytes of global rows that are to leave")

    merge_ops = Count("values multiplied by their weight and added, of two pieces")
    weight_ops = Count("divisions for weights")
    requant_ops = Count("values requantised, each time the lanes go over them")
    buffer_write_bytes = Count("bytes written to the rows' buffers", "bytes")
    buffer_read_bytes = Count("bytes read from the rows' buffers", "bytes")

    @tick
    def tick(now, r, partial, row):
        if r.holds and r.ready_at <= now:
            if (r.local or r.whole) and not can_push(row):
                return BLOCKED
            if r.local:
                push(row).bytes = r.local
                r.local = 0
                if r.whole:
                    r.wake = now + 1
                    return BUSY
            elif r.whole:
                push(row).bytes = r.whole
                r.whole = 0
            r.holds = 0
        if not r.holds:
            if not can_pop(partial):
                return IDLE
            item = pop(partial)
            old = item.rows * (1 - item.first) + item.global_rows * (1 - item.fresh)
            kept = item.rows * (1 - item.last) + item.global_rows * (1 - item.ends)
            r.merge_ops += old * item.values
            r.weight_ops += 2 * old
            r.buffer_read_bytes += 2 * old * item.values
            r.buffer_write_bytes += 2 * kept * item.values
            r.local = item.rows * item.last * item.values
            r.whole = item.global_rows * item.ends * item.values
            work = (r.local + r.whole) * item.passes
            r.requant_ops += work
            behind = max(0, (work + r.lanes - 1) // r.lanes - item.values)
            r.ready_at = now + r.merge_cycles + behind
            r.holds = 1
        if r.ready_at > now:
            r.wake = r.ready_at
        return BUSY
