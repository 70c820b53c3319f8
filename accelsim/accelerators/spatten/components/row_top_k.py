"""Local value pruning: the top-k engine in the path of the rows (SpAtten, sections III-C and V-B).

Of a row's probabilities the largest keep their values. `overlap: true`: filling, search and filtering work on three
rows at once; false: as the published RTL, which holds one row from its first line through its search until all its
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


class RowTopK(Component):
    """Keeps the largest probabilities of a row."""

    overlap = Param("true", "choice", "whether three rows are in it at once", choices=("false", "true"))
    comparators = Param(16, "count", "candidates compared with the pivot in a cycle")
    round_cycles = Param(3, "cycles", "of a round beside its rows of candidates", low=0)
    fill_width = Param(8, "count", "probabilities that come in a cycle, and that the last pass takes in one")
    filter_cycles = Param(7, "cycles", "depth of the last pass", low=0)

    heads = Mem("the heads of the run")
    searches = Mem("of each row: cycles of its rounds, candidates visited, rounds")
    rows = In("rows, when their first line is there", **ROW)
    kept = Out("rows with what is kept, when their first line is there", **ROW)

    holds = Reg("whether a row is about to leave")
    head = Reg("its head")
    row = Reg("its number")
    first = Reg("whether it is the head's first")
    last = Reg("whether it is the head's last")
    leaves_at = Reg("when its first line is there")
    free_at = Reg("when its rows of FIFO can be read again, or its search is free")
    filter_free_at = Reg("when the last pass is free")
    through_at = Reg("when the last line of a row inside has left")

    compare_ops = Count("probabilities compared with a pivot or with the k-th largest")
    shift_ops = Count("probabilities that go through a zero eliminator")
    rounds = Count("rounds")
    fifo_write_bytes = Count("bytes written to the FIFOs: a probability and its number, 4 bytes", "bytes")
    fifo_read_bytes = Count("bytes read from the FIFOs", "bytes")

    @tick
    def tick(now, r, heads, searches, rows, kept):
        moved = False
        if r.holds and r.leaves_at <= now:
            if not can_push(kept):
                return BLOCKED
            out = push(kept)
            out.head, out.row, out.first, out.last, out.again = r.head, r.row, r.first, r.last, 0
            r.holds = 0
            moved = True
        if not r.holds and can_pop(rows):
            one = pop(rows)
            h = heads[one.head]
            r.head, r.row, r.first, r.last = one.head, one.row, one.first, one.last
            if h.values < h.keys:
                search = searches[one.row]
                if r.overlap:
                    start = max(now + h.k_lines, r.free_at)
                    r.free_at = start + search.cycles
                    begin = max(r.free_at, r.filter_free_at)
                    r.filter_free_at = begin + (h.keys + r.fill_width - 1) // r.fill_width
                    r.leaves_at = begin + r.filter_cycles
                    r.through_at = r.filter_free_at + r.filter_cycles
                else:
                    r.leaves_at = max(now + 2, r.free_at) + search.cycles
                    r.free_at = r.through_at = r.leaves_at + h.k_lines
                r.compare_ops += search.visited + h.keys
                r.shift_ops += 2 * search.visited + h.keys
                r.rounds += search.rounds
                r.fifo_write_bytes += 4 * (h.keys + search.visited)
                r.fifo_read_bytes += 4 * (h.keys + search.visited)
            else:
                r.leaves_at = max(now, r.through_at)
            r.holds = 1
            moved = True
            if r.leaves_at == now and can_push(kept):
                out = push(kept)
                out.head, out.row, out.first, out.last, out.again = r.head, r.row, r.first, r.last, 0
                r.holds = 0
        if r.holds:
            r.wake = max(r.leaves_at, now + 1)
            return BUSY
        if moved:
            r.wake = now + 1
            return BUSY
        return IDLE
