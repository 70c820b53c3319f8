"""Local value pruning: the top-k engine in the path of the rows (SpAtten, sections III-C and V-B).

Of a row's probabilities the largest keep their values. `overlap: 1`: filling, search and filtering work on three
rows at once; 0: as the published RTL, which holds one row from its first line through its search until all its
lines have left. A row that keeps all goes around it, behind the rows that are inside.
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

INSIDE = 3  # rows: one is filled in, one searched, one filtered


class RowTopK(Component):
    """Keeps the largest probabilities of a row."""

    overlap = Param(1, "count", "1: three rows are in it at once; 0: one, as in the published RTL", low=0, high=1)
    comparators = Param(16, "count", "candidates compared with the pivot in a cycle")
    round_cycles = Param(3, "cycles", "of a round beside its rows of candidates", low=0)
    fill_width = Param(8, "count", "probabilities that come in a cycle, and that the last pass takes in one")
    filter_cycles = Param(7, "cycles", "depth of the last pass", low=0)

    heads = Mem("the heads of the run")
    searches = Mem("of each row: cycles of its rounds, candidates visited, rounds")
    rows = In("rows, when their first line is there", **ROW)
    kept = Out("rows with what is kept, when their first line is there", **ROW)

    inside = Lanes(
        INSIDE, "rows inside, a ring", head="head", row="row", first="first", last="last", at="when it leaves"
    )
    oldest = Reg("the oldest of them")
    held = Reg("how many")
    free_at = Reg("when its rows of FIFO can be read again, or its search is free")
    filter_free_at = Reg("when the last pass is free")
    through_at = Reg("when the last line of a row inside has left")

    compare_ops = Count("probabilities compared with a pivot or with the k-th largest")
    shift_ops = Count("probabilities that go through a zero eliminator")
    rounds = Count("rounds")
    fifo_write_bytes = Count("bytes written to the FIFOs: a probability and its number, 4 bytes", "bytes")
    fifo_read_bytes = Count("bytes read from the FIFOs", "bytes")

    @tick
    def tick(now, r, heads, searches, inside, rows, kept):
        moved = blocked = False
        if r.held and inside[r.oldest].at <= now:
            if can_push(kept):
                mine, out = inside[r.oldest], push(kept)
                out.head, out.row, out.first, out.last, out.again = mine.head, mine.row, mine.first, mine.last, 0
                r.oldest = (r.oldest + 1) % INSIDE
                r.held -= 1
                moved = True
            else:
                blocked = True
        if r.held < INSIDE and can_pop(rows):
            one, mine = pop(rows), inside[(r.oldest + r.held) % INSIDE]
            h = heads[one.head]
            mine.head, mine.row, mine.first, mine.last = one.head, one.row, one.first, one.last
            if h.values < h.keys:
                search = searches[one.row]
                if r.overlap:
                    start = max(now + h.k_lines, r.free_at)
                    r.free_at = start + search.cycles
                    begin = max(r.free_at, r.filter_free_at)
                    r.filter_free_at = begin + (h.keys + r.fill_width - 1) // r.fill_width
                    mine.at = begin + r.filter_cycles
                    r.through_at = r.filter_free_at + r.filter_cycles
                else:
                    mine.at = max(now + 2, r.free_at) + search.cycles
                    r.free_at = r.through_at = mine.at + h.k_lines
                r.compare_ops += search.visited + h.keys
                r.shift_ops += 2 * search.visited + h.keys
                r.rounds += search.rounds
                r.fifo_write_bytes += 4 * (h.keys + search.visited)
                r.fifo_read_bytes += 4 * (h.keys + search.visited)
            else:
                mine.at = max(now, r.through_at)
            r.held += 1
            moved = True
            if r.held == 1 and mine.at == now and can_push(kept):
                out = push(kept)
                out.head, out.row, out.first, out.last, out.again = mine.head, mine.row, mine.first, mine.last, 0
                r.oldest = (r.oldest + 1) % INSIDE
                r.held = 0
        if r.held and inside[r.oldest].at > now:
            r.wake = inside[r.oldest].at
            return BUSY
        if moved:
            r.wake = now + 1
            return BUSY
        return BLOCKED if blocked else IDLE
