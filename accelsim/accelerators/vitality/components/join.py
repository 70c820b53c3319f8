"""The multiplexer in front of the vector unit: outputs of SA-General, and rows that the dividers are done with."""

from accelsim.components.lane_unit import BLOCK
from accelsim.core import BLOCKED, BUSY, IDLE, Component, Count, In, Out, can_pop, can_push, pop, push, tick
from accelsim.isa.tables import ELEMENTS


class Join(Component):
    """One item a cycle, those of the dividers first."""

    divided = In("rows of attention's outputs", **BLOCK)
    array = In("outputs of dense layers", **ELEMENTS)
    out = Out("both", **ELEMENTS)

    items = Count("items passed")

    @tick
    def tick(now, r, divided, array, out):
        if not can_pop(divided) and not can_pop(array):
            return IDLE
        if not can_push(out):
            return BLOCKED
        item = push(out)
        if can_pop(divided):
            block = pop(divided)
            item.elements, item.passes = block.rows * block.columns, block.row
        else:
            whole = pop(array)
            item.elements, item.passes = whole.elements, whole.passes
        r.items += 1
        return BUSY
