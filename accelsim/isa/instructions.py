"""The instructions a compiled network consists of, and what they can wait for: the contract between the compiler
(dataflows) and the sequencer (components).

A unit is a part with a port `command`, a counter one with a port `done`; both have the part's name. The numbers below
are their places in the order in which they are wired to the sequencer.
"""

import numpy as np


def record(*names: str) -> np.dtype:
    """A table row of int64 fields."""
    return np.dtype([(n, "i8") for n in names])


INSTRUCTION = record(
    "unit",  # who is to do it; MARK: nobody, the operand is the number of a layer that ends
    "first",  # where its operands begin; there are as many as the unit's command has fields
    "wait",  # a counter
    "count",  # what it must have reached
    "wait2",  # another
    "count2",
)
MARK = -1
NOTHING = 0  # the counter that is always at zero; the others follow from 1 on

GRANT = {"bytes": "bytes that may be overwritten", "fences": "fences that are lifted"}
DONE = {"number": "how many it has finished since the last notice"}
