"""A channel: a registered ready/valid FIFO, the only way one component reaches another.

Both sides see the occupancy as it stood when the cycle began: an item pushed in cycle t can be popped from t+1 on, and
the room of an item popped in t can be refilled from t+1 on. Nothing a component does is visible to another within the
cycle, so the order in which components tick cannot change a result. As in hardware, full throughput needs a depth of at
least two. Between two clock domains the same rule holds on the common time base: what is pushed at an instant can be
popped at the first edge of the consumer's clock after it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from accelsim.core.compiled import compiled, intrinsic
from accelsim.core.invoke import array_at, array_value

CONTROL = np.dtype(
    [
        (name, "i8")
        for name in (
            "depth",  # items it can hold
            "head",  # slot of the oldest item
            "count",  # items held when the cycle began
            "pushed",  # items pushed in this cycle
            "popped",  # items popped in this cycle
            "total",  # items transferred so far
            "peak",  # the largest count so far
            "monitored",  # whether pushed items are logged; WATCHED: what is popped, too
            "producer",  # component index
            "consumer",  # component index
            "base",  # first word of its slots in the common slot memory
            "width",  # words of an item
            "number",  # which channel it is
            "room",  # words of the list of channels that were used in this cycle
            "moves",  # address of that list: how many, and which
        )
    ]
)


WORD = np.dtype("i8")
WATCHED = 2  # of `monitored`
LINE = 4  # words that say where a channel of a port array lies


class Channel(NamedTuple):
    control: np.record  # one row of the simulator's CONTROL table
    slots: np.recarray  # ring buffer of `depth` payload records; at an end without a payload, rows of words


class Channels(NamedTuple):
    """The channels of a port array, one after the other."""

    lines: np.ndarray  # int64[ports, LINE]: where the control and the slots of each lie, its depth and its width
    like: np.ndarray  # an empty array of what their slots are: records, or words[., .] where the items have no names


def item_type(names: Sequence[str]) -> np.dtype:
    """The record of an item: a word of 64 bits a field, in the order of declaration.

    So an end of a channel that names no fields can fill or read an item word by word.
    """
    names = list(names) or ["nothing"]
    return np.dtype([(name, "i8") for name in names])


@intrinsic
def port(typingctx, ports, n):
    """The channel at port `n` of a port array, inside a tick. (A function could not return what holds a record.)"""
    from numba import types
    from numba.np.arrayobj import make_array
    from numba.np.numpy_support import from_dtype

    table, like = ports.types
    kind = types.NamedTuple((from_dtype(CONTROL), like), Channel)

    def build(context, builder, signature, arguments):
        lines = make_array(table)(context, builder, value=builder.extract_value(arguments[0], 0))
        first = builder.mul(arguments[1], context.get_constant(types.int64, LINE))
        line = [
            builder.load(builder.gep(lines.data, [builder.add(first, context.get_constant(types.int64, word))]))
            for word in range(LINE)
        ]
        record = builder.inttoptr(line[0], context.get_value_type(kind.types[0]))
        slots = array_value(context, builder, like, line[1], line[2 : 2 + like.ndim])
        return context.make_tuple(builder, kind, [record, slots])

    return kind(ports, types.int64), build


@compiled
def port_count(ports):
    """How many ports a port array has."""
    return ports.lines.shape[0]


@compiled
def wrap(index, depth):
    """`index % depth` for an index below twice the depth: a compare, not a division."""
    return index - depth if index >= depth else index


def of_control(function, gives_item: bool = False):
    """What a function does with a channel's control, as a function of the channel: compiled once, whatever its items.

    With `gives_item` the function tells a slot, and what it gives is the item there.
    """

    @intrinsic
    def of_channel(typingctx, ch):
        from numba.core import cgutils
        from numba.np.arrayobj import make_array

        called = typingctx.resolve_value_type(function)
        wanted = called.get_call_type(typingctx, (ch.types[0],), {})
        given = ch.types[1].dtype if gives_item else wanted.return_type

        def build(context, builder, signature, arguments):
            call = context.get_function(called, wanted)
            context.add_linking_libs(getattr(call, "libs", ()))
            found = call(builder, [builder.extract_value(arguments[0], 0)])
            if not gives_item:
                return found
            slots = make_array(ch.types[1])(context, builder, value=builder.extract_value(arguments[0], 1))
            return cgutils.get_item_pointer(context, builder, ch.types[1], slots, [found])

        return given(ch), build

    of_channel.__doc__ = function.py_func.__doc__
    return of_channel


@of_control
@compiled
def can_push(c):
    """Ready: is there room for one more item this cycle?"""
    return c.count + c.pushed < c.depth


@of_control
@compiled
def can_pop(c):
    """Valid: is there an item that was here when the cycle began?"""
    return c.popped < c.count


@compiled
def used(c):
    """Have what crosses a channel become visible at the end of the cycle."""
    if c.pushed == 0 and c.popped == 0:
        moves = array_at(c.moves, (c.room,), WORD)
        moves[0] += 1
        moves[moves[0]] = c.number


@compiled
def claimed(c):
    """Claim the next free slot; the caller fills in every field of the payload."""
    used(c)
    c.pushed += 1
    return wrap(c.head + c.count + c.pushed - 1, c.depth)


@compiled
def oldest(c):
    """The oldest item, left in place."""
    return wrap(c.head + c.popped, c.depth)


@compiled
def taken(c):
    """Take the oldest item. Its fields stay readable until the end of the cycle."""
    used(c)
    c.popped += 1
    return wrap(c.head + c.popped - 1, c.depth)


push, front, pop = (of_control(slot, gives_item=True) for slot in (claimed, oldest, taken))


@compiled
def push_words(ch, source, first):
    """Push an item whose words stand one after the other in an array; for ends without a payload."""
    slot = claimed(ch.control)
    for n in range(ch.control.width):
        ch.slots[slot, n] = source[first + n]


@compiled
def pass_on(ch, to):
    """Take the oldest item of a channel and push it into another of the same width; for ends without a payload."""
    old, new = taken(ch.control), claimed(to.control)
    for n in range(ch.control.width):
        to.slots[new, n] = ch.slots[old, n]
