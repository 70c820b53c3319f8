"""How long a step of an output-stationary array behind two buffers takes, in closed form (docs/timing.md, MAC array):
the estimates need it, and so do the commands of an array that is told instead of computing it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache, reduce
from types import MappingProxyType
from typing import NamedTuple, Protocol

import numpy as np

from accelsim.dataflows.tiling import ceil, read_cycles
from accelsim.dataflows.windows import Window, lying, taken


class Ports(Protocol):
    """Banks and bytes a cycle of the buffers of weights and of activations, bytes a cycle of the partial-sum memory,
    and cycles between two steps."""

    @property
    def weight_banks(self) -> int: ...
    @property
    def weight_port_bytes(self) -> int: ...
    @property
    def act_banks(self) -> int: ...
    @property
    def act_port_bytes(self) -> int: ...
    @property
    def psum_cycle_bytes(self) -> int: ...
    @property
    def step_cycles(self) -> int: ...


@dataclass(frozen=True)
class ArrayPorts:
    """The same of an array alone."""

    weight_banks: int
    weight_port_bytes: int
    act_banks: int
    act_port_bytes: int
    psum_cycle_bytes: int
    step_cycles: int = 0

    @classmethod
    def of(cls, array: Mapping[str, int]) -> "ArrayPorts":
        """Of the parameters of an array."""
        sums = {"psum_cycle_bytes": array["psum_banks"] * array["psum_port_bytes"]}
        return cls(**{one.name: {**array, **sums}[one.name] for one in fields(cls)})


def longest(*terms):
    """The largest of whole numbers, or of arrays of them one by one."""
    for term in terms:
        if not isinstance(term, int):
            return reduce(np.maximum, terms)
    return max(terms)


class Reads(NamedTuple):
    """What a step reads of its activations. words: all of them. In half words that could be read meanwhile: first: the
    first word of the transposing stage; later: while the features of the others are handed out. rest: features of the
    last one."""

    words: int
    first: int
    later: int
    rest: int

    @classmethod
    def rows(cls, ports: Ports, rows, depth) -> "Reads":
        """Of rows that lie one after the other, each from a word's beginning on. Of one step, or int64 arrays of
        many."""
        size, more = ports.act_port_bytes, ceil(depth, ports.act_port_bytes) - 1
        halves = taken(rows, rows, ports.act_banks)
        later = more * longest(size * (2 * ports.act_banks - 1), halves)
        return cls(rows * (more + 1), halves, later, depth - more * size)

    @classmethod
    def windows(cls, ports: Ports, depth: int, chunk: int, words: Sequence[int], halves: Sequence[int]) -> "Reads":
        """Of a convolution's windows: see `windows.Lies`."""
        handed = chunk * (2 * ports.act_banks - 1)
        later = sum(max(handed, some) for some in halves[1:])
        return cls(sum(words), halves[0], later, depth - (len(words) - 1) * chunk)


def weight_words(ports: Ports, columns, depth, constants):
    """Words of weights that a step reads, which lie one after the other, with the constants of its columns (bytes of
    each)."""
    return ceil(columns * depth, ports.weight_port_bytes) + ceil(columns * constants, ports.weight_port_bytes)


def stage_cycles(ports: Ports, reads: Reads, beside):
    """Cycles in which a step's activations go through the transposing stage, which has two words of each token: while
    the features of one are handed out, one a cycle, the other is read; behind a step's last word its residual operand
    is (half words that could be read meanwhile), and the first word of the next."""
    rate = 2 * ports.act_banks - 1  # half words that the ports read a cycle
    return ceil(reads.later + longest(reads.rest * rate, reads.first + beside), rate)


def step_length(ports: Ports, rows, columns, depth, constants, added, moves, reads: Reads | None = None):
    """Cycles of a step of rows x columns outputs; added: bytes of a residual operand for each; moves: how often its
    partial sums are moved; reads: of windows. Of one step, or int64 arrays of many."""
    reads = reads or Reads.rows(ports, rows, depth)
    beside = ceil(columns * added, ports.act_port_bytes)  # words for each row
    return ports.step_cycles + longest(
        depth,
        read_cycles(weight_words(ports, columns, depth, constants), ports.weight_banks),
        read_cycles(reads.words + rows * beside, ports.act_banks),
        stage_cycles(ports, reads, beside * taken(rows, rows, ports.act_banks)),
        ceil(4 * rows * columns * moves, ports.psum_cycle_bytes),
    )


def filling(banks: int) -> int:
    """Cycles from the one in which a command is there to the first reads of its activations: one in which it is taken
    up with two tokens, one for each lane more, whose first token comes from the one before, one to find their places.
    """
    return max(3, banks) - 1


@lru_cache(4096)
def timed(
    ports: Ports, *, tokens: int, features: int, depth: int, step_tokens: int, step_features: int, constants: int,
    added: int, adds: bool, window: Window | None = None, row: int = 0, element: int = 0,
) -> Mapping[str, int]:  # fmt: skip
    """What the command of a tile says of time: cycles of a step by where it stands in the tile (0 where none does),
    bytes a cycle that the first one reads, and the cycles until its first words are there. adds: whether partial sums
    come from their memory; they go there where `constants` is 0. Of a convolution the tile's first row and element
    decide how its windows lie: steps of one kind are as long as the one whose windows lie in most words. A layer's
    tiles are of few sizes: what is found is kept."""
    each, moves = (depth, constants, added), adds + (not constants)
    high, wide = min(step_tokens, tokens), min(step_features, features)
    down, across = ceil(tokens, high), ceil(features, wide)
    low, narrow = tokens - high * (down - 1), features - wide * (across - 1)
    if window:
        sizes = {"row": row, "tokens": tokens, "step_tokens": high, "element": element, "depth": depth}
        lies = lying(window, ports.act_port_bytes, ports.act_banks, **sizes)
        above = Reads.windows(ports, depth, lies.chunk, lies.words, lies.halves)
        below = Reads.windows(ports, depth, lies.chunk, lies.bottom_words, lies.bottom_halves)
    else:
        above, below = (Reads.rows(ports, rows, depth) for rows in (high, low))
    first = step_length(ports, high, wide, *each, moves, above)
    weights = weight_words(ports, wide, depth, constants)
    acts = above.words + high * ceil(wide * added, ports.act_port_bytes)
    several, many = down > 1, across > 1
    said = {
        "inner_cycles": first if several and many else 0,
        "bottom_cycles": step_length(ports, low, wide, *each, moves, below) if many else 0,
        "right_cycles": step_length(ports, high, narrow, *each, moves, above) if several else 0,
        "corner_cycles": step_length(ports, low, narrow, *each, moves, below),
        "weight_rate": ceil(weights * ports.weight_port_bytes, first),
        "act_rate": ceil(acts * ports.act_port_bytes, first),
        "lead": filling(ports.act_banks) + ceil(above.first, 2 * ports.act_banks - 1),
    }
    return MappingProxyType(said)
