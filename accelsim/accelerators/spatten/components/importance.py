"""Importance of tokens: an adder for every probability of a line, and an SRAM with a sum for every token.

SpAtten, section III-A; the published RTL has none. The keys of a line follow each other, so that they lie in one word.
"""

from accelsim.accelerators.spatten.tables import ROW
from accelsim.core import (
    BLOCKED,
    BUSY,
    IDLE,
    Component,
    Count,
    In,
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


class Importance(Component):
    """Adds up the columns of the probabilities."""

    adders = Param(8, "count", "probabilities added in a cycle")
    tokens = Param(1024, "count", "sums that its SRAM holds, 3 bytes each")

    heads = Mem("the heads of the run")
    rows = In("final rows of probabilities", **ROW)
    done = Out("heads that are added up", **DONE)

    holds = Reg("whether a row is added")
    last = Reg("whether it is its head's last")
    ready_at = Reg("when it is added")

    importance_adds = Count("probabilities added to a token's importance")
    sum_read_bytes = Count("bytes of sums read", "bytes")
    sum_write_bytes = Count("bytes of sums written", "bytes")

    @tick
    def tick(now, r, heads, rows, done):
        while True:
            if r.holds:
                if now < r.ready_at:
                    r.wake = r.ready_at
                    return BUSY
                if r.last:
                    if not can_push(done):
                        return BLOCKED
                    push(done).number = 1
                r.holds = 0
            if not can_pop(rows):
                return IDLE
            one = pop(rows)
            h = heads[one.head]
            r.holds, r.last, r.ready_at = 1, one.last, now + 1
            if h.sums:
                r.ready_at = now + (h.keys + r.adders - 1) // r.adders
                r.importance_adds += h.keys
                r.sum_read_bytes += 3 * h.keys
                r.sum_write_bytes += 3 * h.keys
