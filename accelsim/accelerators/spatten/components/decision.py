"""The decision of progressive quantization, and the FIFO in which rows wait behind one that is computed again.

SpAtten, section III-D; RTL: RequantDecision and StageRequantBuffer. A tree finds the largest probability of a line, a
register that of a row; a row whose largest lies below the threshold is dropped and computed again, once. Rows leave in
order, a line a cycle; each also goes to the importance sums.
"""

from accelsim.accelerators.spatten.tables import REPORT, ROW
from accelsim.core import (
    BLOCKED,
    BUSY,
    IDLE,
    NEVER,
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
    pop,
    push,
    tick,
)

ORDERED = 64  # rows that can be in order at most, however short


class Decision(Component):
    """Decides whether a row is final, and lets final rows go in order."""

    max_cycles = Param(3, "cycles", "depth of the tree that finds a line's largest probability", low=0)
    reorder_lines = Param(4096, "count", "lines of probabilities that wait behind a row computed again")

    heads = Mem("the heads of the run")
    again = Mem("of each row: whether its largest probability is below the threshold")
    probabilities = In("rows of probabilities, when the last one is there", **ROW)
    reports = Out("rows that are decided", **REPORT)
    rows = Out("final rows, in order, when the first line is there", **ROW)
    sums = Out("the same, to be added up", **ROW)

    coming = Lanes(
        8, "rows being decided, a ring", head="", row="", first="", last="", again="", at="when it is decided"
    )
    order = Lanes(
        ORDERED, "final rows, a ring", head="", row="", first="", last="", at="from when it can leave; NEVER: not yet"
    )
    first_coming = Reg("the oldest row being decided")
    deciding = Reg("rows being decided")
    free_at = Reg("when a row can begin to leave the decision")
    oldest = Reg("the oldest final row")
    ordered = Reg("final rows")
    lines_held = Reg("lines of final rows that wait")
    out_free_at = Reg("when a line can leave the FIFO")

    max_ops = Count("probabilities compared with the largest so far")
    fifo_write_bytes = Count("bytes of probabilities written to FIFOs, 12 bit each", "bytes")
    fifo_read_bytes = Count("bytes of probabilities read from them", "bytes")
    rows_dropped = Count("rows that are computed again")

    @tick
    def tick(now, r, heads, again, coming, order, probabilities, reports, rows, sums):
        moved = blocked = False
        if r.ordered and order[r.oldest].at < NEVER:
            one = order[r.oldest]
            lines = heads[one.head].k_lines
            leave_at = max(one.at, r.out_free_at) + 3
            if leave_at <= now:
                if can_push(rows) and can_push(sums):
                    out = push(rows)
                    out.head, out.row, out.first, out.last, out.again = one.head, one.row, one.first, one.last, 0
                    out = push(sums)
                    out.head, out.row, out.first, out.last, out.again = one.head, one.row, one.first, one.last, 0
                    r.out_free_at = now - 3 + lines
                    r.lines_held -= lines
                    r.oldest = (r.oldest + 1) % ORDERED
                    r.ordered -= 1
                    moved = True
                else:
                    blocked = True
        if r.deciding and coming[r.first_coming].at <= now:
            mine = coming[r.first_coming]
            h = heads[mine.head]
            needs = mine.again == 0 and h.l_line > 0 and again[mine.row].flag == 1
            room = mine.again == 1 or (r.ordered < ORDERED and r.lines_held + h.k_lines <= r.reorder_lines)
            if can_push(reports) and room:
                news = push(reports)
                news.head, news.row, news.again = mine.head, mine.row, needs
                if mine.again:  # its place was kept
                    for n in range(r.ordered):
                        one = order[(r.oldest + n) % ORDERED]
                        if one.row == mine.row:
                            one.at = now
                else:
                    one = order[(r.oldest + r.ordered) % ORDERED]
                    one.head, one.row, one.first, one.last = mine.head, mine.row, mine.first, mine.last
                    one.at = NEVER if needs else now + 2
                    r.ordered += 1
                    r.lines_held += h.k_lines
                    r.rows_dropped += needs
                r.first_coming = (r.first_coming + 1) % 8
                r.deciding -= 1
                r.max_ops += h.keys
                r.fifo_write_bytes += (3 * h.keys + 1) // 2 * (1 + (1 - needs) * (1 - mine.again))
                r.fifo_read_bytes += (3 * h.keys + 1) // 2 * (1 + (1 - needs) * (1 - mine.again))
                moved = True
            else:
                blocked = True
        if r.deciding < 8 and can_pop(probabilities):
            one, mine = pop(probabilities), coming[(r.first_coming + r.deciding) % 8]
            mine.head, mine.row, mine.first, mine.last, mine.again = one.head, one.row, one.first, one.last, one.again
            mine.at = max(now + r.max_cycles + 2, r.free_at)
            r.free_at = mine.at + heads[one.head].k_lines
            r.deciding += 1
            moved = True
        if moved:
            r.wake = now + 1
            return BUSY
        due = NEVER
        if r.deciding and coming[r.first_coming].at > now:
            due = coming[r.first_coming].at
        if r.ordered and order[r.oldest].at < NEVER:
            leave_at = max(order[r.oldest].at, r.out_free_at) + 3
            if leave_at > now:
                due = min(due, leave_at)
        if due < NEVER:
            r.wake = due
            return BUSY
        if blocked:
            return BLOCKED
        return STARVED if r.ordered else IDLE
