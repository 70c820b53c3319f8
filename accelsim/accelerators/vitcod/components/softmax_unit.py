"""The softmax unit: the exponential of each score as it is finished, row sums, one reciprocal a row.

`bounded`: the exponent is taken against a static bound, so that it needs no maximum and runs as the scores come.
`max`: the row's maximum is subtracted; a row's exponentials begin when its last score is there.
A row's output can begin when its reciprocal is known: the scores are normalised as they are read (see timing.md).
"""

import numpy as np

from accelsim.accelerators.vitcod.tables import ACCESS, PASS, READY, SCORE, SCORES
from accelsim.core import (
    BLOCKED,
    BUSY,
    IDLE,
    STARVED,
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
    front,
    pop,
    push,
    tick,
)
from accelsim.isa.instructions import record


class SoftmaxUnit(Component):
    """Exponentials, row sums and reciprocals."""

    lanes = Param(8, "count", "scores taken in a cycle")
    mode = Param("bounded", "choice", "what the exponent is taken against", choices=("bounded", "max"))
    exp_cycles = Param(4, "cycles", "depth of the exponential's pipeline")
    divide_cycles = Param(16, "cycles", "a reciprocal")
    divide_interval = Param(1, "cycles", "from one reciprocal's start to the next")
    score_bytes = Param(
        51200,
        "bytes",
        "most bytes of the partial-sum memory for scores: 2 a score, and 1 for its column if it is sparse",
    )
    psum_banks = Param(8, "count", "banks of the partial-sum memory, each with one port")
    psum_port_bytes = Param(32, "bytes/cycle", "width of a bank's port")

    passes = Mem("the pass table (tables.PASSES)")
    rows = Mem("outputs (tables.ROWS)")
    dense = Mem("dense columns (tables.DENSE)")
    seen = Mem("scores seen of each row", lambda c: np.zeros(len(c.storage["rows"]), np.int32))
    queue = Mem("complete rows in order", lambda c: np.zeros(len(c.storage["rows"]), record("place", "ready_at")))

    command = In("passes", **PASS)
    scores = In("scores of the denser engine", **SCORES)
    score = In("scores of the sparser engine", **SCORE)
    accesses = In("what others take of the partial-sum memory", **ACCESS)
    denser = Out("outputs whose scores are complete", **READY)
    sparser = Out("outputs whose scores are complete", **READY)

    bank = Lanes(
        "psum_banks",
        "banks of the partial-sum memory",
        until="the cycle from which it is free of this unit",
        place="the row whose word it was given last",
        word="which word of that row; -1: a sparse score's",
    )
    free_at = Reg("the cycle from which the partial-sum memory is free of others")
    active = Reg("whether there is a pass")
    number = Reg("row of the pass table")
    left = Reg("rows of the pass not handed on")
    taken = Reg("scores taken of the denser engine's oldest item")
    completed = Reg("rows in the queue since the start")
    exponentiated = Reg("rows of it whose exponentials are done (mode max)")
    exp_taken = Reg("exponentials done of the next one (mode max)")
    handed = Reg("rows of it handed on")
    divider_free_at = Reg("when the divider can begin another reciprocal")

    exp_ops = Count("exponentials")
    compare_ops = Count("comparisons with a row's maximum")
    add_ops = Count("additions to row sums")
    divide_ops = Count("reciprocals")
    mask_bits = Count("bits read that say which scores of dense columns are kept", "bits")
    score_write_bytes = Count("bytes written to the score buffer", "bytes")
    score_read_bytes = Count("bytes of scores read back (mode max)", "bytes")

    @tick
    def tick(now, r, passes, rows, dense, seen, queue, bank, command, scores, score, accesses, denser, sparser):
        if can_pop(accesses):
            cycles = pop(accesses).cycles
            for b in range(r.psum_banks):  # what this unit has yet to write waits
                if bank[b].until > now:
                    bank[b].until += cycles
            r.free_at = max(r.free_at, now) + cycles
        if not r.active:
            if not can_pop(command):
                return IDLE
            r.active, r.number = 1, pop(command).number
            r.left = passes[r.number].heads * passes[r.number].rows
        one = passes[r.number]
        moved = blocked = refused = False
        lanes = r.lanes if now >= r.free_at else 0
        finished = r.completed
        while lanes and can_pop(score):
            item = front(score)
            its = bank[item.place % r.psum_banks]
            if its.until > now:
                refused = True
                break
            its.until, its.place, its.word = now + 1, item.place, -1
            pop(score)
            seen[item.place] += 1
            lanes -= 1
            r.score_write_bytes += 3
            if seen[item.place] == rows[item.place].scores:
                queue[r.completed].place = item.place
                r.completed += 1
        while lanes and can_pop(scores) and not refused:
            item = front(scores)
            while lanes and r.taken < item.count * item.rows:
                nth = r.taken % item.count
                head, row = dense[item.first + nth].head, item.row + r.taken // item.count
                place = one.first_row + head * one.rows + row
                its = bank[place % r.psum_banks]
                word = 2 * (item.first - one.first_dense + nth) // r.psum_port_bytes
                if its.until > now and not (its.until == now + 1 and its.place == place and its.word == word):
                    refused = True
                    break
                its.until, its.place, its.word = now + 1, place, word
                seen[place] += 1
                r.taken += 1
                lanes -= 1
                r.score_write_bytes += 2
                r.mask_bits += 1
                if seen[place] == rows[place].scores:
                    queue[r.completed].place = place
                    r.completed += 1
            if r.taken == item.count * item.rows:
                r.taken = 0
                pop(scores)
        took = (r.lanes if now >= r.free_at else 0) - lanes
        if took:
            moved = True
        if r.mode == 0:
            r.exp_ops += took
            r.add_ops += took
            for n in range(finished, r.completed):
                start = max(now + r.exp_cycles, r.divider_free_at)
                r.divider_free_at = start + r.divide_interval
                queue[n].ready_at = start + r.divide_cycles
                r.divide_ops += 1
            r.exponentiated = r.completed
        else:
            r.compare_ops += took
            while lanes and r.exponentiated < finished:
                # read in this cycle, and their exponentials written in the next
                place = queue[r.exponentiated].place
                its = bank[place % r.psum_banks]
                if its.until > now:
                    refused = True
                    break
                its.until, its.place, its.word = now + 2, place, -1
                some = min(lanes, rows[place].scores - r.exp_taken)
                r.exp_taken += some
                lanes -= some
                r.exp_ops += some
                r.add_ops += some
                r.score_read_bytes += 2 * some
                r.score_write_bytes += 2 * some
                moved = True
                if r.exp_taken == rows[place].scores:
                    r.exp_taken = 0
                    start = max(now + r.exp_cycles, r.divider_free_at)
                    r.divider_free_at = start + r.divide_interval
                    queue[r.exponentiated].ready_at = start + r.divide_cycles
                    r.divide_ops += 1
                    r.exponentiated += 1
        if r.handed < r.exponentiated and queue[r.handed].ready_at <= now:
            place = queue[r.handed].place
            if can_push(denser) and can_push(sparser):
                if rows[place].dense:
                    push(denser).place = place
                if rows[place].sparse:
                    push(sparser).place = place
                r.handed += 1
                r.left -= 1
                moved = True
                if r.left == 0:
                    r.active = 0
            else:
                blocked = True
        if moved:
            return BUSY
        if now < r.free_at:
            refused = can_pop(score) or can_pop(scores) or r.exponentiated < r.completed
        if refused:
            r.wake = max(now + 1, r.free_at)
        if blocked:
            return BLOCKED
        if r.handed < r.exponentiated:
            r.wake = min(r.wake, queue[r.handed].ready_at)
            return BUSY
        return BLOCKED if refused else STARVED
