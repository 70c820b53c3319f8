"""A program as hardware has it: each instruction with its operands in one row of the program memory."""

from collections.abc import Mapping

import numpy as np

from accelsim.isa.instructions import INSTRUCTION
from accelsim.rtl.package import Rows

HEADER = tuple(name for name in INSTRUCTION.names if name != "first")
ENDS = -2  # the unit of the row behind the last instruction


def program_fields(operands: int) -> tuple[str, ...]:
    """The words of a row for commands of up to so many operands."""
    return *HEADER, *(f"operand{n}" for n in range(operands))


def program_rows(operands: int) -> Rows:
    """What makes the rows: uint32[instructions + 1, words]."""

    def rows(tables: Mapping[str, np.ndarray], _: object) -> np.ndarray:
        program, words = tables["program"], tables["operands"]
        made = np.zeros((len(program) + 1, len(HEADER) + operands), np.int64)
        for n, name in enumerate(HEADER):
            made[:-1, n] = program[name]
        made[-1, 0] = ENDS
        sizes = np.diff(np.append(program["first"], len(words)))
        for n in range(operands):
            has = np.flatnonzero(sizes > n)
            made[has, len(HEADER) + n] = words[program["first"][has] + n]
        return made.astype(np.uint32)

    return rows
