"""The controller: makes requests, query by query, of a command for a head (SpAtten, section V-A)."""

from accelsim.accelerators.spatten.tables import ROW
from accelsim.core import BLOCKED, BUSY, IDLE, Component, Count, In, Mem, Out, Reg, can_pop, can_push, pop, push, tick


class Controller(Component):
    """Makes a request of every query of a head, one a cycle."""

    command = In("heads whose queries are there", head="its number", row="number of its first row")
    heads = Mem("the heads of the run")
    rows = Out("requests", **ROW)

    head = Reg("the head in work")
    row = Reg("the next row")
    made = Reg("rows of it that were made")
    left = Reg("rows of it that are left")

    requests = Count("requests made")

    @tick
    def tick(now, r, heads, command, rows):
        if not r.left:
            if not can_pop(command):
                return IDLE
            todo = pop(command)
            r.head, r.row, r.made, r.left = todo.head, todo.row, 0, heads[todo.head].rows
        if not can_push(rows):
            return BLOCKED
        one = push(rows)
        one.head, one.row, one.first, one.last, one.again = r.head, r.row, r.made == 0, r.left == 1, 0
        r.requests += 1
        r.row += 1
        r.made += 1
        r.left -= 1
        return BUSY
