"""The index walker: reads the CSC index of the sparser part and hands its columns to the MAC lines, one after another.

A column costs the words of its entry and of its rows, and at least one cycle.
"""

from accelsim.accelerators.vitcod.tables import COLUMN, COLUMN_BYTES, PASS
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


class IndexWalker(Component):
    """Walks the compressed columns of a pass."""

    word_bytes = Param(8, "bytes/cycle", "width of the index buffer's port")
    index_bytes = Param(1, "bytes", "size of a row index", high=4)

    passes = Mem("the pass table (tables.PASSES)")
    columns = Mem("sparse columns (tables.COLUMNS)")

    command = In("passes", **PASS)
    column = Out("columns with work", **COLUMN)

    next = Reg("the next column")
    end = Reg("the column after the last of the pass")
    reading = Reg("whether a column is being read")
    ready_at = Reg("the cycle in which it has been read")

    read_bytes = Count("bytes of the index read", "bytes")

    @tick
    def tick(now, r, passes, columns, command, column):
        if r.reading:
            if now < r.ready_at:
                r.wake = r.ready_at
                return BUSY
            if not can_push(column):
                return BLOCKED
            one, out = columns[r.next], push(column)
            out.head, out.column, out.first, out.count = one.head, one.column, one.first, one.count
            r.next += 1
            r.reading = 0
        if r.next == r.end:
            if not can_pop(command):
                return IDLE
            one = passes[pop(command).number]
            r.next, r.end = one.first_column, one.first_column + one.sparse_columns
            if r.next == r.end:
                return BUSY
        size = columns[r.next].count * r.index_bytes + COLUMN_BYTES
        words = (size + r.word_bytes - 1) // r.word_bytes
        r.read_bytes += size
        r.reading = 1
        r.ready_at = now + words
        r.wake = r.ready_at
        return BUSY
