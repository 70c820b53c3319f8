"""The softmax unit: as many lanes as scores come in a cycle (SpAtten, section V-D).

Scores are dequantised, exponentiated and added up as they come; with a row's last score its sum is known, and the
exponentials, which waited in a FIFO, are divided and quantised, a line a cycle. The depths are the published
performance model's; in the published RTL the unit is a stub without any (`timing: stub`).
"""

from accelsim.accelerators.spatten.tables import ROW
from accelsim.core import (
    BLOCKED,
    BUSY,
    IDLE,
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


class Softmax(Component):
    """Turns a row of scores into probabilities."""

    lanes = Param(8, "count", "scores taken, and probabilities given, in a cycle")
    timing = Param("pipeline", "choice", "its depth: the performance model's, or none", choices=("pipeline", "stub"))
    exp_cycles = Param(51, "cycles", "from a row's last score to its sum: dequantise 7, exponential 21, add 23", low=0)
    divide_cycles = Param(
        36, "cycles", "from a row's last exponential to its probability: divide 29, quantise 7", low=0
    )
    ahead = Param(32, "count", "rows between their last score and their last probability")

    heads = Mem("the heads of the run")
    scores = In("rows of scores, when the last one is there", **ROW)
    probabilities = Out("rows of probabilities, when the last one is there", **ROW)

    leaving = Lanes("ahead", "rows in it, a ring", head="", row="", first="", last="", again="", at="when it is there")
    oldest = Reg("the oldest of them")
    under_way = Reg("rows in it")
    free_at = Reg("when the divider's lanes are free")

    exp_ops = Count("exponentials")
    add_ops = Count("additions to row sums")
    divide_ops = Count("divisions")
    fifo_write_bytes = Count("bytes of exponentials written to the FIFO, 2 each", "bytes")
    fifo_read_bytes = Count("bytes of exponentials read from it", "bytes")

    @tick
    def tick(now, r, timing, heads, leaving, scores, probabilities):
        moved = blocked = False
        if r.under_way and leaving[r.oldest].at <= now:
            if can_push(probabilities):
                mine, one = leaving[r.oldest], push(probabilities)
                one.head, one.row, one.first, one.last, one.again = (
                    mine.head,
                    mine.row,
                    mine.first,
                    mine.last,
                    mine.again,
                )
                r.oldest = (r.oldest + 1) % r.ahead
                r.under_way -= 1
                moved = True
            else:
                blocked = True
        if r.under_way < r.ahead and can_pop(scores):
            one, mine = pop(scores), leaving[(r.oldest + r.under_way) % r.ahead]
            mine.head, mine.row, mine.first, mine.last, mine.again = one.head, one.row, one.first, one.last, one.again
            keys = heads[one.head].keys
            if timing == 1:
                mine.at = now
            else:
                cycles = (keys + r.lanes - 1) // r.lanes
                r.free_at = max(now + r.exp_cycles, r.free_at) + cycles
                mine.at = r.free_at + r.divide_cycles
            r.under_way += 1
            r.exp_ops += keys
            r.add_ops += keys
            r.divide_ops += keys
            r.fifo_write_bytes += 2 * keys
            r.fifo_read_bytes += 2 * keys
            moved = True
            if mine.at == now and r.under_way == 1 and can_push(probabilities):
                out = push(probabilities)
                out.head, out.row, out.first, out.last, out.again = (
                    mine.head,
                    mine.row,
                    mine.first,
                    mine.last,
                    mine.again,
                )
                r.oldest = (r.oldest + 1) % r.ahead
                r.under_way = 0
        if r.under_way and leaving[r.oldest].at > now:
            waits = r.under_way < r.ahead and can_pop(scores)  # one row is taken a cycle
            r.wake = now + 1 if waits else leaving[r.oldest].at
            return BUSY
        if moved:
            r.wake = now + 1
            return BUSY
        return BLOCKED if blocked else IDLE
