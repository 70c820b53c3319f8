"""The Q K array: dot products of a query with a line of keys a cycle, and the control of its rows.

SpAtten, section V-D, figure 8; RTL: SpAttenController's stages from the allocation of key lines to the dot products. A
row waits in a register until it can be read; reading starts six cycles after it moved on, and follows the fill of
its head: a line that is not there is asked for again `retry_cycles` later, with all behind it. Rows that were read and
are not decided wait in a FIFO; one that must be computed again comes back from there, with the least significant
bits of its keys.
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
from accelsim.isa.tables import BYTES, RELEASE

PIPELINE = 64  # rows between the SRAM and the scores' register, at most
HEADS_HELD = 8


class QkArray(Component):
    """Multipliers and adder trees that take a line of keys in a cycle."""

    multipliers = Param(512, "count", "products a cycle: the values of a line of keys")
    row_gap = Param(
        0, "cycles", "in which no line is read between two rows (RTL: 9, the paper: fully pipelined)", low=0, high=64
    )
    undecided = Param(32, "count", "rows that were read and are not decided (RTL: 16, of which half are kept free)")
    retry_cycles = Param(1, "cycles", "from a line that is not there until it is read again (RTL: 5, by rollback)")
    pipeline_cycles = Param(
        10, "cycles", "from the SRAM's port to a score: array 4, broadcast 1, multiply 1, adders 6, less two hand-overs"
    )
    start_cycles = Param(0, "cycles", "after reset, before the first request is taken (RTL: 16)", low=0)
    init_cycles = Param(0, "cycles", "after reset, in which its SRAM is initialised (RTL: half its lines)", low=0)

    heads = Mem("the heads of the run")
    rows = In("requests", **ROW)
    reports = In("rows that are decided", **REPORT)
    k_lines = In("bytes of keys that were written", **BYTES)
    l_lines = In("bytes of their least significant bits that were written", **BYTES)
    k_ask = Out("heads whose keys are wanted", **BYTES)
    l_ask = Out("heads whose least significant bits are wanted", **BYTES)
    scores = Out("rows of scores, when the last one is there", **ROW)
    k_release = Out("keys that may be overwritten", **RELEASE)
    l_release = Out("least significant bits that may be overwritten", **RELEASE)
    q_release = Out("queries that may be overwritten", **RELEASE)

    next = Lanes(1, "the request behind it", head="head", row="row", first="first", last="last", at="valid from")
    stage = Lanes(1, "the row that is read", head="head", row="row", first="first", last="last", again="again")
    back = Lanes("undecided", "rows to compute again, a ring", head="head", row="row")
    leaving = Lanes(PIPELINE, "rows on their way", head="", row="", first="", last="", again="", at="when")
    open = Lanes(
        HEADS_HELD, "heads in work, a ring", left="rows not decided", read="rows read", again="rows read twice"
    )

    next_held = Reg("whether there is a request behind it")
    stage_held = Reg("whether there is a row")
    locked = Reg("whose turn is next: 0 nobody's, 1 a row again, 2 a new row")
    line = Reg("lines of it that were read")
    read_at = Reg("when the next line is read")
    free_at = Reg("when the next row can move on; -1: not known", reset=-1)
    first_back = Reg("the oldest row to compute again")
    backs = Reg("rows to compute again")
    held = Reg("rows that are not decided")
    oldest = Reg("the oldest row on its way")
    under_way = Reg("rows on their way")
    k_total = Reg("bytes of keys written so far")
    l_total = Reg("bytes of least significant bits written so far")
    oldest_head = Reg("the oldest head in work")
    newest_head = Reg("the newest head in work", reset=-1)
    l_head = Reg("the head whose least significant bits were asked for last", reset=-1)

    mac_ops = Count("multiply-accumulates of 12 bits")
    query_loads = Count("bytes of queries latched for a row", "bytes")
    line_reads = Count("lines read")
    line_retries = Count("lines that were not there and read again")
    rows_read = Count("rows read")
    rows_again = Count("rows read for the second time")

    @tick
    def tick(
        now, r, heads, rows, reports, k_lines, l_lines, k_ask, l_ask, scores, k_release, l_release, q_release,
        next, stage, back, leaving, open,
    ):  # fmt: skip
        moved = blocked = False
        while can_pop(k_lines):
            r.k_total += pop(k_lines).bytes
            moved = True
        while can_pop(l_lines):
            r.l_total += pop(l_lines).bytes
            moved = True
        while can_pop(reports):
            news = pop(reports)
            r.held -= 1
            if news.again:
                one = back[(r.first_back + r.backs) % r.undecided]
                one.head, one.row = news.head, news.row
                r.backs += 1
            else:
                open[news.head % HEADS_HELD].left -= 1
            moved = True
        if r.oldest_head <= r.newest_head and open[r.oldest_head % HEADS_HELD].left == 0:
            h, mine = heads[r.oldest_head], open[r.oldest_head % HEADS_HELD]
            wants = mine.again > 0 and h.l_line > 0
            if can_push(k_release) and can_push(q_release) and (not wants or can_push(l_release)):
                given = push(k_release)
                given.bytes, given.read_bytes = h.k_bytes, mine.read * h.k_bytes
                given = push(q_release)
                given.bytes, given.read_bytes = h.rows * h.q_row, mine.read * h.q_row
                if wants:
                    given = push(l_release)
                    given.bytes, given.read_bytes = h.l_bytes, mine.again * h.l_bytes
                r.oldest_head += 1
                moved = True
            else:
                blocked = True
        if r.under_way and leaving[r.oldest].at <= now:
            if can_push(scores):
                mine, one = leaving[r.oldest], push(scores)
                one.head, one.row, one.first, one.last, one.again = (
                    mine.head,
                    mine.row,
                    mine.first,
                    mine.last,
                    mine.again,
                )
                r.oldest = (r.oldest + 1) % PIPELINE
                r.under_way -= 1
                moved = True
            else:
                return BLOCKED
        if r.stage_held and r.free_at >= 0 and r.free_at <= now:
            r.stage_held = 0
        mine = stage[0]
        if r.locked == 0:
            if r.backs:
                r.locked = 1
            elif r.next_held and next[0].at <= now and r.held < r.undecided:
                r.locked = 2
        if r.locked and not r.stage_held:
            if r.locked == 1:
                one = back[r.first_back]
                head, row, first, last, again = one.head, one.row, 0, 0, 1
            else:
                one = next[0]
                head, row, first, last, again = one.head, one.row, one.first, one.last, 0
            asks_l = again == 1 and r.l_head != head and heads[head].l_line > 0
            opens = first == 1 and head - r.oldest_head < HEADS_HELD
            if (first == 0 or (opens and can_push(k_ask))) and (not asks_l or can_push(l_ask)):
                if first:
                    push(k_ask).bytes = 1
                    r.newest_head = head
                    new = open[head % HEADS_HELD]
                    new.left, new.read, new.again = heads[head].rows, 0, 0
                if asks_l:
                    push(l_ask).bytes = 1
                    r.l_head = head
                mine.head, mine.row, mine.first, mine.last, mine.again = head, row, first, last, again
                r.stage_held = 1
                r.held += 1
                r.line, r.read_at, r.free_at = 0, max(now + 6, r.init_cycles), -1
                if r.locked == 1:
                    r.first_back = (r.first_back + 1) % r.undecided
                    r.backs -= 1
                else:
                    r.next_held = 0
                r.locked = 0
                moved = True
            elif opens:
                blocked = True
        if not r.next_held and now >= r.start_cycles and can_pop(rows):
            one = pop(rows)
            next[0].head, next[0].row, next[0].first, next[0].last = one.head, one.row, one.first, one.last
            next[0].at = now + 1
            r.next_held = 1
            moved = True
        due = NEVER
        if r.stage_held and r.free_at < 0:
            h = heads[mine.head]
            total, begin, size, whole = r.k_total, h.k_first, h.k_line, h.k_bytes
            if mine.again and h.l_line > 0:
                total, begin, size, whole = r.l_total, h.l_first, h.l_line, h.l_bytes
            there = h.k_lines if total - begin >= whole else max(0, total - begin) // size
            if there > r.line and r.under_way < PIPELINE - 1:
                if now > r.read_at:  # it was tried again and again since
                    tries = (now - r.read_at + r.retry_cycles - 1) // r.retry_cycles
                    r.line_retries += tries
                    r.read_at += tries * r.retry_cycles
                if there == h.k_lines or now == r.read_at:
                    r.read_at += there - r.line
                    r.line = there
                    if r.line == h.k_lines:
                        last_at = r.read_at - 1
                        r.free_at = max(now + 1, last_at + r.row_gap - 5)
                        one = leaving[(r.oldest + r.under_way) % PIPELINE]
                        one.head, one.row, one.first, one.last, one.again = (
                            mine.head, mine.row, mine.first, mine.last, mine.again,
                        )  # fmt: skip
                        one.at = last_at + r.pipeline_cycles
                        r.under_way += 1
                        r.mac_ops += h.keys * h.q_row
                        r.query_loads += h.q_row
                        r.line_reads += h.k_lines
                        r.rows_read += 1
                        r.rows_again += mine.again
                        open[mine.head % HEADS_HELD].read += 1
                        open[mine.head % HEADS_HELD].again += mine.again
                    moved = True
                else:
                    due = r.read_at
        if r.stage_held and r.free_at >= 0:
            due = min(due, r.free_at)
        if r.under_way:
            due = min(due, leaving[r.oldest].at)
        if r.next_held and next[0].at > now:
            due = min(due, next[0].at)
        if now < r.start_cycles:
            due = min(due, r.start_cycles)
        if moved:
            r.wake = now + 1
            return BUSY
        if due < NEVER:
            r.wake = max(due, now + 1)
            return BUSY
        if blocked:
            return BLOCKED
        return STARVED if r.held or r.stage_held else IDLE
