"""The index walker: reads the CSC index of the sparser part and hands its columns to the MAC lines, one after another.

A column costs the words of its entry and of its rows, and at least one cycle. While it reads, it takes the buffer's
ports from what arrives there. The ports of two banks are not its [ours]: one brings the entries of the table of rows,
the other the dense columns and the bits of their scores that are kept, every other cycle, and what arrives. All take
turns where there are fewer banks.
"""

from accelsim.accelerators.vitcod.components.mac_array import ceil
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
from accelsim.core.compiled import compiled
from accelsim.isa.tables import READING


@compiled
def says(r, reading, rate):
    """Tell the buffer how many bytes a cycle are read from now on. Whether it knows."""
    if rate != r.rate and can_push(reading):
        push(reading).more = rate - r.rate
        r.rate = rate
    return rate == r.rate


@compiled
def walk_cycles(words, banks):
    """Cycles in which the ports deliver some words beside the other tables and what arrives; with two banks half of the
    time, with one a quarter of it."""
    return ceil(words, banks - 2) if banks > 2 else 4 * words // banks


@compiled
def table_cycles(size, port_bytes, banks):
    """Cycles in which they deliver some bytes of the list of dense columns: half of a bank's port, or an eighth."""
    return ceil((2 if banks > 1 else 8) * size, port_bytes)


@compiled
def row_cycles(size, port_bytes, banks):
    """Alike, of the table of rows: a bank's port, half of one of two, an eighth of the only one."""
    return ceil(size if banks > 2 else 2 * size if banks == 2 else 8 * size, port_bytes)


class IndexWalker(Component):
    """Walks the compressed columns of a pass."""

    word_bytes = Param(8, "bytes/cycle", "width of the index buffer's port")
    index_bytes = Param(1, "bytes", "size of a row index", high=4)
    banks = Param(8, "count", "banks of the index buffer")
    port_bytes = Param(8, "bytes/cycle", "width of such a bank's port")

    passes = Mem("the pass table (tables.PASSES)")
    columns = Mem("sparse columns (tables.COLUMNS)")

    command = In("passes", **PASS)
    column = Out("columns with work", **COLUMN)
    reading = Out("what it takes of the index buffer's ports", **READING)

    next = Reg("the next column")
    end = Reg("the column after the last of the pass")
    walks = Reg("whether a column is being read")
    ready_at = Reg("the cycle in which it has been read")
    rate = Reg("bytes it reads a cycle, as it has said")

    read_bytes = Count("bytes of the index read", "bytes")

    @tick
    def tick(now, r, passes, columns, command, column, reading):
        if r.walks:
            if now < r.ready_at:
                r.wake = r.ready_at
                return BUSY
            if not can_push(column):
                says(r, reading, 0)
                return BLOCKED
            one, out = columns[r.next], push(column)
            out.head, out.column, out.first, out.count = one.head, one.column, one.first, one.count
            r.next += 1
            r.walks = 0
        if r.next == r.end:
            if not can_pop(command):
                says(r, reading, 0)
                return IDLE
            one = passes[pop(command).number]
            r.next, r.end = one.first_column, one.first_column + one.sparse_columns
            if r.next == r.end:
                says(r, reading, 0)
                return BUSY
        if not says(r, reading, r.word_bytes):
            return BLOCKED
        size = columns[r.next].count * r.index_bytes + COLUMN_BYTES
        cycles = max(ceil(size, r.word_bytes), walk_cycles(ceil(size, r.port_bytes), r.banks))
        r.read_bytes += size
        r.walks = 1
        r.ready_at = now + cycles
        r.wake = r.ready_at
        return BUSY
