"""Whether blocks divide a matrix product's iteration space; and the product itself, block by block, in integers."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from accelsim.workload.functional.layers import EXACT_DEPTH


@dataclass(frozen=True)
class Block:
    """Outputs [row, row + rows) x [column, column + columns) of product `group`, and the part [depth, depth + deep) of
    their accumulation."""

    group: int
    row: int
    rows: int
    column: int
    columns: int
    depth: int
    deep: int

    def of(self, outputs: np.ndarray) -> np.ndarray:
        """Its outputs, of an array [group, row, column]."""
        return outputs[self.group, self.row : self.row + self.rows, self.column : self.column + self.columns]


@dataclass
class Coverage:
    """`groups` products of [rows, depth] and [depth, columns] each, and the blocks they are computed in, in order."""

    groups: int
    rows: int
    columns: int
    depth: int
    blocks: list[Block] = field(default_factory=list)

    def faults(self) -> list[str]:
        """What keeps the blocks from being all multiplications, each once; any order of them will do."""
        wrong = []
        for b in self.blocks:
            inside = (
                0 <= b.group < self.groups
                and 0 <= b.row <= b.row + b.rows <= self.rows
                and 0 <= b.column <= b.column + b.columns <= self.columns
                and 0 <= b.depth <= b.depth + b.deep <= self.depth
            )
            if not inside:
                wrong.append(f"{b} is not of a product of {self.rows} x {self.columns} outputs of depth {self.depth}")
        if wrong:
            return wrong
        cuts = sorted({0, self.depth, *(b.depth for b in self.blocks), *(b.depth + b.deep for b in self.blocks)})
        for begin, end in pairwise(cuts):
            seen = np.zeros((self.groups, self.rows, self.columns), np.uint8)
            for b in self.blocks:
                if b.depth <= begin and b.depth + b.deep >= end:
                    mine = b.of(seen)
                    mine += mine < 255
            missing, twice = int((seen == 0).sum()), int((seen > 1).sum())
            if missing or twice:
                where = "" if len(cuts) == 2 else f", at depths {begin} to {end}"
                wrong.append(f"{missing} outputs are never computed, {twice} more than once, of {seen.size}{where}")
        return wrong

    def replay(self, x: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """int32[group, row, column]: int8 x[group, row, depth] times int8 weight[group, depth, column], accumulated
        block by block in their order, in 32 bits that wrap around."""
        # floating point adds up so few products of 8 bits exactly
        kind = np.float32 if max((b.deep for b in self.blocks), default=0) <= EXACT_DEPTH else np.float64
        x, weight = x.astype(kind), weight.astype(kind)
        out = np.zeros((self.groups, self.rows, self.columns), np.int32)
        for b in self.blocks:
            deep = slice(b.depth, b.depth + b.deep)
            sums = b.of(out)
            part = x[b.group, b.row : b.row + b.rows, deep] @ weight[b.group, deep, b.column : b.column + b.columns]
            sums += part.astype(np.int64).astype(np.int32)
        return out
