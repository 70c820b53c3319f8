"""The block of ITA with a port for each of its streams, fed without a break: what its memory gives is no limit.

A row of M bytes of input and a word of weights may come in every cycle, N bytes may leave.
"""

from accelsim.accelerators.ita.components.beats import (
    accept,
    can_tell,
    issue,
    leave,
    lose,
    obstacle,
    open_gate,
    output_waits,
    tell,
    watch,
    weights_ready,
    write_weight,
)
from accelsim.accelerators.ita.components.block import INPUT, OUTPUT, START, WEIGHT, Block
from accelsim.core import BLOCKED, BUSY, IDLE, tick


class StreamedBlock(Block):
    """The block alone."""

    @tick
    def tick(
        now,
        r,
        command,
        sums,
        frees,
        gates,
        queue,
        leaving,
        going,
        rows,
        stepping,
        out,
        release_weight,
        release_act,
        done,
    ):
        accept(now, r, queue, gates, command)
        if r.held == 0 and r.credit == 0:
            return IDLE
        t = now - r.origin
        filled = freed = moved = False
        step = -1
        if r.due and weights_ready(r) and (open_gate(gates[WEIGHT], WEIGHT, t) if t >= 0 else t >= -gates[START].of):
            r.due -= 1
            filled = write_weight(r) == 1
            moved = True
        leaves = output_waits(now, r, leaving, going, out) and open_gate(gates[OUTPUT], OUTPUT, t)
        if r.held and t > 0:
            phase = queue[r.head]
            step = phase.step
            why = obstacle(now, r, queue, rows)
            if why == 0 and not open_gate(gates[INPUT], INPUT, t):
                why = 5
            if why == 0 and can_tell(r, queue, release_weight, release_act, done):
                row = phase.frees
                said = issue(now, r, queue, leaving, going, rows, sums)
                freed = said & 1 == 1
                if said & 4:
                    tell(row, frees, release_weight, release_act, done)
                    r.idle_at = now + 1
                moved = True
            else:
                lose(r, why)
            stepping[step].cycles += 1
        if leaves:
            leave(now, r, going, out)
            moved = True
        r.full += filled - freed
        watch(now, r, rows)
        r.wake = now + 1
        return BUSY if moved or step >= 0 else BLOCKED
