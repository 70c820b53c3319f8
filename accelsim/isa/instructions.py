"""The instructions a compiled network consists of, and what they can wait for: the contract between the compiler
(dataflows) and the sequencer (components).

A unit is a part with a port `command`, a counter one with a port `done`; both have the part's name. The numbers below
are their places in the order in which they are wired to the sequencer.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import itemgetter

import numpy as np


def record(*names: str) -> np.dtype:
    """A table row of int64 fields."""
    return np.dtype([(n, "i8") for n in names])


def short_record(*names: str) -> np.dtype:
    """A table row of int32 fields."""
    return np.dtype([(n, "i4") for n in names])


INSTRUCTION = record(
    "unit",  # who is to do it; MARK: nobody, the operand is the number of a layer that ends
    "first",  # where its operands begin; there are as many as the unit's command has fields
    "wait",  # a counter
    "count",  # what it must have reached
    "wait2",  # another
    "count2",
)
MARK = -1

# How instructions lie in DRAM and in the program memory [ours]. A word of 256 bits begins with the header: the unit and
# two counters (of up to 31) with the counts they must have reached, which are compared modulo 2^24. What is left of
# it are twelve operands of 16 bits on average (sizes in a tile need 16, flags one, bytes to give back 24); a command of
# more operands takes further words. A component may say which of its command's operands have fewer bits (`short`): an
# instruction whose operands all fit has this short form, any other one has 16 bits for each and another number of the
# same unit. A mark is an instruction without operands.
HEADER_BITS = {"unit": 6, "wait": 5, "count": 24, "wait2": 5, "count2": 24}
OPERAND_BITS = 16
WORD_BYTES = 32


@cache
def instruction_bytes(operands: int, spared: int = 0) -> int:
    """Bytes of an instruction with so many operands; spared: bits that they have fewer than 16 each."""
    bits = sum(HEADER_BITS.values()) + OPERAND_BITS * operands - spared
    return -(-bits // (8 * WORD_BYTES)) * WORD_BYTES


def spared_bits(short: Mapping[str, int]) -> int:
    """Bits that a short form spares; short: the bits of its short operands."""
    return sum(OPERAND_BITS - bits for bits in short.values())


def short_form(fields: Sequence[str], short: Mapping[str, int]) -> tuple[int, list[tuple[int, int]]]:
    """Bytes of an instruction with these operands in short form; places of the short ones, and what each must be
    below."""
    size = instruction_bytes(len(fields), spared_bits(short))
    return size, [(fields.index(name), 1 << bits) for name, bits in short.items()]


def in_order(fields: Sequence[str]) -> Callable[[Mapping[str, int]], tuple[int, ...]]:
    """What takes an instruction's operands by their names, in the order of the command's fields."""
    if len(fields) > 1:
        return itemgetter(*fields)
    return lambda operands: tuple(operands[name] for name in fields)


NOTHING = 0  # the counter that is always at zero; the others follow from 1 on

GRANT = {"bytes": "bytes that may be overwritten; below 0: bytes that are reserved", "fences": "fences that are lifted"}
DONE = {"number": "how many it has finished since the last notice"}
