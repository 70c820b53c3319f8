"""A `Dram` inside compiled code: one pointer instead of its many arrays.

Functions that take the arrays themselves, or a tuple of them, take a hundred words each, and compiling the calls of a
controller took longer than compiling all else. The pointer leads to a row of words: each array's address and shape.
"""

import numpy as np

from accelsim.components.dram import state
from accelsim.components.dram.constraints import COMMANDS
from accelsim.core.compiled import intrinsic
from accelsim.core.elaborate import row_of

WORD = np.dtype(np.int64)
ARRAYS = {  # what lies in each, its dimensions, and how long the rows of two dimensions are
    "chip": (state.CHIP, 1),
    "channel": (state.CHANNEL, 1),
    "rank": (state.RANK, 1),
    "bank": (state.BANK, 1),
    "queue": (state.QUEUE, 2, state.WIDTH),
    "want": (WORD, 2, state.WIDTH),
    "due": (WORD, 2, state.WIDTH),
    "listed": (WORD, 2, state.WIDTH),
    "banks": (WORD, 2, state.WIDTH),
    "place": (WORD, 2, state.WIDTH),
    "oldest": (WORD, 2, state.WIDTH),
    "slot": (state.SLOT, 1),
    "bucket": (WORD, 1),
    "earliest": (WORD, 2, state.WIDTH),
    "row": (state.ROW, 1),
    "first_row": (WORD, 1),
    "past": (WORD, 1),
    "commands": (WORD, 2, len(COMMANDS)),
    "request": (state.REQUEST, 1),
    "reply": (state.REPLY, 1),
    "log": (state.LOG, 1),
}


def handle(dram: state.Dram) -> np.ndarray:
    """The row of words of a Dram; it must outlive the row."""
    return row_of({name: about[:2] for name, about in ARRAYS.items()}, dram._asdict())


@intrinsic
def dram_at(typingctx, handle):
    """The Dram whose row of words `handle` (int64 array) is."""
    from numba import types
    from numba.np.arrayobj import make_array

    from accelsim.components.dram.pointer import Pointer

    def build(context, builder, signature, arguments):
        array = make_array(signature.args[0])(context, builder, arguments[0])
        return builder.bitcast(array.data, context.get_value_type(types.voidptr))

    return Pointer()(handle), build
