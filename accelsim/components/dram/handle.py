"""A `Dram` inside compiled code: one pointer instead of its many arrays.

Functions that take the arrays themselves, or a tuple of them, take a hundred words each, and compiling the calls of a
controller took longer than compiling all else. The pointer leads to a row of words: each array's address and shape.
"""

import numpy as np
from numba import from_dtype, types
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import intrinsic, lower_getattr_generic, models, register_model
from numba.np.arrayobj import make_array

from accelsim.components.dram import state
from accelsim.core.elaborate import words
from accelsim.core.invoke import array_value

WORD = np.dtype(np.int64)
ARRAYS = {
    "chip": (state.CHIP, 1),
    "channel": (state.CHANNEL, 1),
    "rank": (state.RANK, 1),
    "bank": (state.BANK, 1),
    "queue": (state.QUEUE, 2),
    "want": (WORD, 2),
    "due": (WORD, 2),
    "listed": (WORD, 2),
    "banks": (WORD, 2),
    "place": (WORD, 2),
    "oldest": (WORD, 2),
    "slot": (state.SLOT, 1),
    "bucket": (WORD, 1),
    "earliest": (WORD, 2),
    "row": (state.ROW, 1),
    "first_row": (WORD, 1),
    "past": (WORD, 1),
    "commands": (WORD, 2),
    "request": (state.REQUEST, 1),
    "reply": (state.REPLY, 1),
    "log": (state.LOG, 1),
}


def handle(dram: state.Dram) -> np.ndarray:
    """The row of words of a Dram; it must outlive the row."""
    for name, (dtype, dimensions) in ARRAYS.items():
        array = getattr(dram, name)
        if array.dtype != dtype or array.ndim != dimensions:
            raise TypeError(f"{name} is {array.dtype} with {array.ndim} dimensions, not {dtype} with {dimensions}")
    return np.array([word for name in ARRAYS for word in words(getattr(dram, name))], np.int64)


class Handle(types.Type):
    """The type of the pointer; its attributes are the arrays."""

    def __init__(self) -> None:
        super().__init__("dram")


register_model(Handle)(models.OpaqueModel)


def array_type(name: str) -> types.Array:
    dtype, dimensions = ARRAYS[name]
    return types.Array(from_dtype(dtype), dimensions, "C")


@infer_getattr
class ArrayOfHandle(AttributeTemplate):
    key = Handle

    def generic_resolve(self, kind, name):
        return array_type(name) if name in ARRAYS else None


@lower_getattr_generic(Handle)
def find_array(context, builder, kind, value, name):
    at = 0
    for other, (_, dimensions) in ARRAYS.items():
        if other == name:
            break
        at += 1 + dimensions
    word = context.get_value_type(types.int64)
    row = builder.bitcast(value, word.as_pointer())
    load = [builder.load(builder.gep(row, [word(at + n)])) for n in range(1 + dimensions)]
    return array_value(context, builder, array_type(name), load[0], load[1:])


@intrinsic
def dram_at(typingctx, handle):
    """The Dram whose row of words `handle` (int64 array) is."""

    def build(context, builder, signature, arguments):
        array = make_array(signature.args[0])(context, builder, arguments[0])
        return builder.bitcast(array.data, context.get_value_type(types.voidptr))

    return Handle()(handle), build
