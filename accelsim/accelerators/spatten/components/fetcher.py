"""The fetcher: allocates lines for a head's keys and values, and makes a request of each of its queries.

SpAtten, sections V-A and V-C. Its address FIFOs and the crossbar to the memory's channels are the DMA engine's bursts
and the memory's queues: keys and values of tokens that are alive lie one after the other, so that bursts spread over
all channels. In the published RTL a crossbar of 32 x 16 gathers pieces of 32 bytes.
"""

from accelsim.accelerators.spatten.tables import ROW
from accelsim.core import BLOCKED, BUSY, IDLE, Component, Count, In, Mem, Out, Reg, can_pop, can_push, pop, push, tick


class Fetcher(Component):
    """Makes a request of every query of a head, one a cycle."""

    command = In("heads whose queries are there", head="its number", row="number of its first row")
    heads = Mem("the heads of the run")
    rows = Out("requests", **ROW)

    head = Reg("the head in work")
    row = Reg("the next row")
    made = Reg("rows of it that were made")
    left = Reg("rows of it that are left")

    requests = Count("requests made")
    lines = Count("lines allocated for keys, their low bits and values")
    crossbar_bytes = Count("bytes of keys, their low bits, values and queries from memory", "bytes")

    @tick
    def tick(now, r, heads, command, rows):
        if not r.left:
            if not can_pop(command):
                return IDLE
            todo = pop(command)
            h = heads[todo.head]
            r.head, r.row, r.made, r.left = todo.head, todo.row, 0, h.rows
            r.lines += h.k_lines + h.v_lines + (h.k_lines if h.l_bytes else 0)
            r.crossbar_bytes += h.k_bytes + h.l_bytes + h.v_bytes + h.rows * h.q_row
            r.wake = now + 1
            return BUSY
        if not can_push(rows):
            return BLOCKED
        one = push(rows)
        one.head, one.row, one.first, one.last, one.again = r.head, r.row, r.made == 0, r.left == 1, 0
        r.requests += 1
        r.row += 1
        r.made += 1
        r.left -= 1
        return BUSY
