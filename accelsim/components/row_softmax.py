"""Softmax over whole rows of scores, as a 1-D unit of lanes beside a dense array (the SFU of FLAT, ASPLOS 2023).

Scores are put into fixed point, exponentiated, added up by rows; a row's probabilities are known with its reciprocal.
`bounded`: the exponent is taken against a static bound, as the scores come. `max`: against the row's maximum, once the
row is complete. Scores that stay are normalised as the array reads them; others come from a load buffer or leave for
a store buffer.
"""

import numpy as np

from accelsim.components.systolic_array import BLOCK
from accelsim.core import (
    BLOCKED,
    BUSY,
    IDLE,
    NEVER,
    STARVED,
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
from accelsim.isa.instructions import DONE, record
from accelsim.isa.tables import BYTES

KEEP, PASS, FETCH = range(3)  # kinds of commands
SCORE_BYTES = 2  # of a score in fixed point, or of its exponential
TILE = {
    "kind": "0: scores of the array stay here, 1: they leave in fixed point, 2: scores of a load buffer, to leave as "
    "probabilities",
    "rows": "rows of scores",
    "columns": "scores of each",
    "reads": "how often the array will read each probability (kind 0)",
}


class RowSoftmax(Component):
    """Lanes that take a score each in a cycle, and a divider for the reciprocals of row sums."""

    lanes = Param(16, "count", "scores taken in a cycle")
    mode = Param("bounded", "choice", "what the exponent is taken against", choices=("bounded", "max"))
    exp_cycles = Param(4, "cycles", "depth of the exponential's pipeline")
    divide_cycles = Param(16, "cycles", "a reciprocal")
    divide_interval = Param(1, "cycles", "from one reciprocal's start to the next")
    score_bytes = Param(24576, "bytes", "score buffer: 2 bytes a score")
    banks = Param(4, "count", "banks of the score buffer, each read on its own")
    port_bytes = Param(32, "bytes/cycle", "width of a bank's port")
    ahead = Param(64, "count", "blocks of rows on their way through the divider")

    command = In("tiles of scores", **TILE)
    scores = In("blocks of scores of the array", **BLOCK)
    out = Out("scores or probabilities that leave", **BYTES)
    done = Out("rows whose probabilities are known, or have left", **DONE)

    taken = Mem(
        "scores seen of each row of the tile, at a block's first row",
        lambda c: np.zeros(c.value("score_bytes") // SCORE_BYTES + 1, np.int64),
    )
    complete = Mem(
        "blocks of complete rows whose exponentials are to come (mode max), a ring",
        lambda c: np.zeros(c.value("score_bytes") // SCORE_BYTES + 1, record("rows", "columns")),
    )
    leaving = Mem("what is on its way, a ring", lambda c: np.zeros(c.value("ahead"), record("at", "rows", "bytes")))

    active = Reg("whether there is a tile")
    kind = Reg("its kind")
    rows = Reg("its rows")
    columns = Reg("its columns")
    missing = Reg("scores of it that have not come")
    free_at = Reg("when the lanes are free")
    first = Reg("the oldest block of complete rows")
    blocks = Reg("blocks of complete rows")
    oldest = Reg("the oldest of what is on its way")
    under_way = Reg("how much is on its way")
    divider_free_at = Reg("when the divider can begin another reciprocal")

    scale_ops = Count("scores put into fixed point")
    exp_ops = Count("exponentials")
    compare_ops = Count("comparisons with a row's maximum")
    add_ops = Count("additions to row sums")
    divide_ops = Count("reciprocals")
    normalise_ops = Count("exponentials multiplied by a reciprocal")
    score_write_bytes = Count("bytes written to the score buffer", "bytes")
    score_read_bytes = Count("bytes read from the score buffer", "bytes")
    fetch_read_bytes = Count("bytes of scores read from the load buffer", "bytes")

    @tick
    def tick(now, r, taken, complete, leaving, command, scores, out, done):
        moved = blocked = False
        if r.under_way and leaving[r.oldest].at <= now:
            item = leaving[r.oldest]
            if (item.bytes == 0 or can_push(out)) and (item.rows == 0 or can_push(done)):
                if item.bytes:
                    push(out).bytes = item.bytes
                if item.rows:
                    push(done).number = item.rows
                r.oldest = (r.oldest + 1) % r.ahead
                r.under_way -= 1
                moved = True
            else:
                blocked = True
        if not r.active and can_pop(command):
            todo = pop(command)
            r.active, r.kind, r.rows, r.columns = 1, todo.kind, todo.rows, todo.columns
            r.missing = todo.rows * todo.columns
            if todo.kind == 0:
                r.normalise_ops += r.missing * todo.reads
                r.score_read_bytes += 2 * r.missing * todo.reads
            moved = True
        if r.free_at <= now and r.under_way < r.ahead:
            rows = bytes = work = 0  # rows whose exponentials are all done with this work; bytes that leave then
            if r.blocks:
                block = complete[r.first]
                rows, work = block.rows, block.rows * block.columns
                r.first = (r.first + 1) % complete.shape[0]
                r.blocks -= 1
                r.exp_ops += work
                r.add_ops += work
                r.score_read_bytes += 2 * work
                r.score_write_bytes += 2 * work
            elif r.active and r.kind == 2:
                rows, bytes = r.rows, r.missing
                work = r.missing * (1 + r.mode)
                r.fetch_read_bytes += 2 * r.missing
                r.exp_ops += r.missing
                r.add_ops += r.missing
                r.compare_ops += r.missing * r.mode
                r.normalise_ops += r.missing
                r.score_write_bytes += 2 * work
                r.score_read_bytes += 2 * work
                r.missing = 0
            elif r.active and can_pop(scores):
                block = pop(scores)
                work = block.rows * block.columns
                r.missing -= work
                r.scale_ops += work
                if r.kind == 1:
                    bytes = 2 * work
                else:
                    r.score_write_bytes += 2 * work
                    if r.mode == 0:
                        r.exp_ops += work
                        r.add_ops += work
                    else:
                        r.compare_ops += work
                    taken[block.row] += block.columns
                    if taken[block.row] == r.columns:
                        taken[block.row] = 0
                        if r.mode == 0:
                            rows = block.rows
                        else:
                            whole = complete[(r.first + r.blocks) % complete.shape[0]]
                            whole.rows, whole.columns = block.rows, r.columns
                            r.blocks += 1
            if work:
                r.free_at = now + (work + r.lanes - 1) // r.lanes
                moved = True
                if r.missing == 0:
                    r.active = 0
            if rows or bytes:
                item = leaving[(r.oldest + r.under_way) % r.ahead]
                item.rows, item.bytes, item.at = rows, bytes, r.free_at
                r.under_way += 1
                if rows:
                    start = max(r.free_at + r.exp_cycles, r.divider_free_at)
                    r.divider_free_at = start + rows * r.divide_interval
                    item.at = start + (rows - 1) * r.divide_interval + r.divide_cycles
                    r.divide_ops += rows
        if moved:
            return BUSY
        due = NEVER
        if r.free_at > now:
            due = r.free_at
        if r.under_way and leaving[r.oldest].at > now:
            due = min(due, leaving[r.oldest].at)
        if due < NEVER:
            r.wake = due
            return BUSY
        if blocked:
            return BLOCKED
        return STARVED if r.active else IDLE
