"""FLAT: logit and attend fused, a tile of complete rows of the scores at a time (Kao et al., ASPLOS 2023).

What a tile holds on chip, what crosses DRAM, and the order of work on one array with one softmax unit, in closed form.
Granularities from coarse to fine: M all batches and heads, B one batch item, H one head, R `rows` rows of one head.
"""

from dataclasses import dataclass
from typing import NamedTuple

from accelsim.core.errors import InputError
from accelsim.dataflows.tiling import ceil

GRANULARITIES = ("M", "B", "H", "R")


class Live(NamedTuple):
    """Elements of a tile, tensor by tensor; S and P share their place."""

    q: int
    k: int
    v: int
    s: int
    o: int

    @property
    def elements(self) -> int:
        """All of them."""
        return sum(self)

    @property
    def double_buffered(self) -> int:
        """Elements with a second buffer for all that comes from or goes to DRAM, which the scores never do."""
        return 2 * self.elements - self.s


@dataclass(frozen=True)
class Attention:
    """Attention of `tokens` queries over as many keys, `heads` x `batch` times, `head_dim` features each."""

    tokens: int
    head_dim: int
    heads: int
    batch: int = 1

    def live(self, granularity: str, rows: int | None = None) -> Live:
        """Elements of one tile. `rows` counts at granularity R only. Raises InputError for an unknown granularity."""
        if granularity not in GRANULARITIES:
            raise InputError(f"granularity: expected one of {', '.join(GRANULARITIES)}, not {granularity!r}.")
        many = {"M": self.batch * self.heads, "B": self.heads}.get(granularity, 1)
        rows = rows if granularity == "R" and rows else self.tokens
        few, all_of_it = many * rows * self.head_dim, many * self.tokens * self.head_dim
        return Live(few, all_of_it, all_of_it, many * rows * self.tokens, few)

    @property
    def operations(self) -> int:
        """Multiplications and additions of both products."""
        return 4 * self.batch * self.heads * self.tokens**2 * self.head_dim

    def dram_elements(self, fused: bool = True, rows: int | None = None, score_passes: int = 4) -> int:
        """Elements that cross DRAM.

        Fused: Q, K, V, O once each, and with `rows` K and V again for every tile of so many rows. Unfused: the scores
        as well, `score_passes` times (4: S out and in, P out and in; 2: softmax on the way out).
        """
        one = self.tokens * self.head_dim
        each = 4 * one
        if fused and rows:
            each = 2 * one + 2 * one * ceil(self.tokens, rows)
        if not fused:
            each += score_passes * self.tokens**2
        return self.batch * self.heads * each

    def ideal_seconds(self, pes: int, hertz: float) -> float:
        """Both products with every PE at work in every cycle."""
        return self.operations / 2 / (pes * hertz)


@dataclass(frozen=True)
class Scratchpad:
    """On-chip memory of fused attention: its bytes, bytes a score, and what it holds twice."""

    capacity_bytes: int
    score_bytes: int = 2
    double_buffered: bool = True
    score_tiles: int = 1

    def needs(self, attention: Attention, rows: int) -> int:
        """Bytes of a tile of `rows` rows: Q, K, V, O of one byte an element, and `score_tiles` tiles of scores."""
        live = attention.live("R", rows)
        held = live.elements - live.s
        return held * (2 if self.double_buffered else 1) + self.score_tiles * live.s * self.score_bytes

    def most_rows(self, attention: Attention, array_rows: int) -> int:
        """The most rows a tile can have: all of them, or a multiple of the array's rows.

        Raises InputError when not even one block of rows fits; columns of scores are never cut.
        """
        full = attention.tokens // array_rows * array_rows
        sizes = dict.fromkeys([attention.tokens, *range(full, 0, -array_rows)])
        for rows in sizes:
            if self.needs(attention, rows) <= self.capacity_bytes:
                return rows
        least = min(sizes)
        raise InputError(
            f"attention: flat needs {self.needs(attention, least)} bytes for a tile of {least} rows x "
            f"{attention.tokens} tokens, not {self.capacity_bytes}; a tile holds complete rows of scores."
        )


def serial_cycles(tiles: int, logit: int, softmax: int, attend: int) -> int:
    """Cycles of `tiles` equal tiles with room for one tile of scores; `logit`, `softmax`, `attend` cycles each."""
    return tiles * (logit + softmax + attend)


def pipelined_cycles(tiles: int, logit: int, softmax: int, attend: int) -> int:
    """Cycles with room for two tiles of scores: the array works L1, L2, A1, L3, A2, ... beside the softmax unit."""
    if tiles < 1:
        return 0
    if tiles == 1:
        return logit + softmax + attend
    if softmax >= logit + attend:
        return logit + tiles * softmax + attend
    if softmax >= logit:
        return logit + softmax + (tiles - 2) * (logit + attend) + max(attend, softmax) + attend
    return tiles * logit + (tiles - 1) * attend + max(attend, softmax)
