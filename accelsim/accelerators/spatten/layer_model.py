"""The published performance model in closed form (spatten_hardware/simulator/src/bert.cpp, without Ramulator).

Nothing overlaps in it: a layer takes the sum of its fetches, its rows, one drain and its top-k. It serves comparisons;
the machine does not use it.
"""

from dataclasses import dataclass

import numpy as np

from accelsim.accelerators.spatten.quick_select import rounds, script_cycles
from accelsim.dataflows.tiling import ceil

DIM, TRANSACTION_BITS = 64, 256
DRAIN_CYCLES = 11 + 87 + 1 + 1 + 3  # dot products, softmax, decision, top-k, values; the last row's lines come on top


@dataclass(frozen=True)
class Sizes:
    """channels: of DRAM. multipliers: of each array. eliminator: values a zero eliminator takes in a cycle."""

    channels: int = 16
    multipliers: int = 512
    eliminator: int = 4

    def lines(self, tokens: int) -> int:
        """Cycles of a row of so many keys."""
        return ceil(tokens, self.multipliers // DIM)

    def fetch(self, heads: int, tokens: int, bits: tuple[int, int]) -> int:
        """Cycles of the fetches of K and V; widths of 6 and above 8 bits count as 8."""
        vectors = self.lines(tokens) * (self.multipliers // DIM)
        charged = (8 if one == 6 or one > 8 else one for one in bits)
        return heads * sum(ceil(vectors * DIM * one // TRANSACTION_BITS, self.channels) for one in charged)

    def fill(self, heads: int, tokens: int, queries: int) -> int:
        """Cycles of all rows."""
        return heads * queries * self.lines(tokens)

    def drain(self, tokens: int) -> int:
        """Cycles from the last row's last line to its result."""
        return DRAIN_CYCLES + self.lines(tokens)

    def top_k(self, tokens: int, keep: int) -> int:
        """Cycles of a top-k over random values, with the pivot inside the vector and the right branch (the published
        code errs in both): the model's generator, seeded with 0, and the standard library's way to draw from it."""
        draw = Twister()
        values = np.array([draw.word() >> 1 for _ in range(tokens)], np.int64)
        return (
            self.lines(tokens)
            + script_cycles(rounds(values, keep, draw=draw.below), self.eliminator)
            + self.lines(keep)
        )


class Twister:
    """mt19937 seeded with 0, and numbers below a bound as libstdc++ 11 and later draw them (Lemire's way)."""

    def __init__(self) -> None:
        self.source = np.random.RandomState(0)

    def word(self) -> int:
        """The next 32 bits."""
        return int(self.source.randint(0, 1 << 32, dtype=np.uint32))

    def below(self, bound: int) -> int:
        """A number from 0 to bound - 1."""
        product = self.word() * bound
        if product & 0xFFFFFFFF < bound:
            least = ((1 << 32) - bound) % bound
            while product & 0xFFFFFFFF < least:
                product = self.word() * bound
        return product >> 32
