"""The top-k engine: quick-select on comparators, zero eliminators and two FIFOs (SpAtten, section V-B, figure 10).

A command is filled in, `fill_width` values a cycle. A round compares a row of candidates with the pivot in a cycle; two
zero eliminators compact the larger and the smaller ones into their FIFOs, of which one is read in the next round. Then
one pass over all values keeps what is larger than the k-th, and of equal ones the first. The pivot is the first
candidate [ours], so that a run follows from the values alone.
"""

import numpy as np

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


class TopK(Component):
    """Keeps the k largest of some values, in their order."""

    comparators = Param(16, "count", "candidates compared with the pivot in a cycle")
    fill_width = Param(8, "count", "values that come in a cycle, and that the last pass takes in one")
    round_cycles = Param(3, "cycles", "of a round beside its rows: comparator, eliminator, FIFO", low=0)
    filter_cycles = Param(7, "cycles", "depth of the last pass: compare, prefix sum, eliminator, realignment", low=0)
    capacity = Param(1024, "count", "values that its FIFOs hold")

    command = In("values to choose among", first="the first of them", values="how many", keep="how many are kept")
    done = Out("commands finished", **DONE)

    candidates = Mem("the values of all commands, one after the other")
    fifo = Mem("candidates of a round", lambda c: np.zeros(c.value("capacity"), np.int64))

    state = Reg("0 idle, 1 values come in, 2 a round, 3 the last pass")
    values = Reg("values of the command")
    left = Reg("candidates that are left")
    keep = Reg("how many of them are kept")
    ready_at = Reg("when the state ends")

    rounds = Count("rounds")
    compare_ops = Count("values compared with a pivot or with the k-th largest")
    shift_ops = Count("values that go through a zero eliminator")
    fifo_write_bytes = Count("bytes written to the FIFOs: a value and its number, 4 bytes", "bytes")
    fifo_read_bytes = Count("bytes read from the FIFOs", "bytes")

    @tick
    def tick(now, r, candidates, fifo, command, done):
        while True:
            if r.state == 0:
                if not can_pop(command):
                    return IDLE
                todo = pop(command)
                r.values = r.left = todo.values
                r.keep = todo.keep
                for n in range(todo.values):
                    fifo[n] = candidates[todo.first + n].value
                r.fifo_write_bytes += 4 * todo.values
                r.state, r.ready_at = 1, now + (todo.values + r.fill_width - 1) // r.fill_width
            elif now < r.ready_at:
                r.wake = r.ready_at
                return BUSY
            elif r.state == 1 or r.state == 2:
                pivot, larger, equal = fifo[0], 0, 0
                if r.state == 2:  # the round that ends: its side is what its FIFO holds
                    for n in range(r.left):
                        larger += fifo[n] > pivot
                        equal += fifo[n] == pivot
                    kept = 0
                    if larger >= r.keep:
                        for n in range(r.left):
                            if fifo[n] > pivot:
                                fifo[kept] = fifo[n]
                                kept += 1
                    elif larger + equal < r.keep:
                        for n in range(r.left):
                            if fifo[n] < pivot:
                                fifo[kept] = fifo[n]
                                kept += 1
                        r.keep -= larger + equal
                    r.fifo_write_bytes += 4 * (r.left - equal)
                    r.left = kept
                if r.left:
                    r.rounds += 1
                    r.compare_ops += r.left
                    r.shift_ops += 2 * r.left
                    r.fifo_read_bytes += 4 * r.left
                    r.state, r.ready_at = 2, now + (r.left + r.comparators - 1) // r.comparators + r.round_cycles
                else:
                    r.compare_ops += r.values
                    r.shift_ops += r.values
                    r.fifo_read_bytes += 4 * r.values
                    r.state = 3
                    r.ready_at = now + (r.values + r.fill_width - 1) // r.fill_width + r.filter_cycles
            else:
                if not can_push(done):
                    return BLOCKED
                push(done).number = 1
                r.state = 0
