"""Sets of lanes, a bit each: a tick looks at the lanes that can do something, in their order, and at no other."""

import numpy as np

from accelsim.core.compiled import compiled, intrinsic


def no_lanes(lanes: int) -> np.ndarray:
    """int64[words]: the empty set of so many lanes, 64 to a word."""
    return np.zeros(-(-lanes // 64), np.int64)


@intrinsic
def lowest_bit(typingctx, bits):
    """The number of the lowest bit set in a word that is not 0."""
    from llvmlite import ir
    from numba import types

    def build(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), build


@compiled
def add(lanes, lane):
    """Put a lane into the set."""
    lanes[lane >> 6] |= 1 << (lane & 63)


@compiled
def remove(lanes, lane):
    """Take a lane out of the set."""
    lanes[lane >> 6] &= ~(1 << (lane & 63))


@compiled
def first(lanes, start):
    """The lowest lane of the set from `start` on, or -1."""
    sought = -1 << (start & 63)
    for word in range(start >> 6, lanes.shape[0]):
        found = lanes[word] & sought
        if found:
            return 64 * word + lowest_bit(found)
        sought = -1
    return -1


@compiled
def first_of_either(some, others, start):
    """The lowest lane that is in one of two sets of as many lanes from `start` on, or -1."""
    sought = -1 << (start & 63)
    for word in range(start >> 6, some.shape[0]):
        found = (some[word] | others[word]) & sought
        if found:
            return 64 * word + lowest_bit(found)
        sought = -1
    return -1
