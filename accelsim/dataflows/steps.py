"""How long a step of an output-stationary array behind two buffers takes, in closed form (docs/timing.md, MAC array):
the estimates need it, and so do the commands of an array that is told instead of computing it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache, reduce
from math import gcd
from types import MappingProxyType
from typing import NamedTuple, Protocol

import numpy as np

from accelsim.dataflows.tiling import ceil, read_cycles
from accelsim.workload.layers import Gemm


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


class Window(NamedTuple):
    """A convolution's window as it lies in a buffer: `kernel` runs, each of `kernel` pixels of `channels` bytes."""

    kernel: int
    channels: int

    @classmethod
    def of(cls, layer: Gemm) -> "Window | None":
        """A layer's; None where windows do not overlap: those are stored one by one, as rows of a matrix are."""
        return cls(layer.kernel, layer.in_features // layer.kernel**2) if layer.kernel > 1 else None

    def words(self, depth, port_bytes):
        """Words that a window's next `depth` bytes lie in at most: a run begins with any pixel, a part of the depth
        with any byte. Of one depth, or int64 arrays of many."""
        run = self.kernel * self.channels
        whole = depth == self.kernel * run
        runs = whole * self.kernel + (1 - whole) * ((depth - 2) // run + 2)
        step = whole * gcd(self.channels, port_bytes) + (1 - whole)  # what all beginnings are multiples of
        longest_run = run - (run - depth) * (depth < run)
        return runs * ceil(longest_run + port_bytes - step, port_bytes)

    def beside(self, port_bytes: int) -> int:
        """Bytes of these words that are not of the window."""
        depth = self.kernel**2 * self.channels
        return self.words(depth, port_bytes) * port_bytes - depth


def beside_window(layer: Gemm, port_bytes: int) -> int:
    """Bytes that a port of so many brings beside each row of a layer's input; only windows that overlap have any."""
    window = Window.of(layer)
    return window.beside(port_bytes) if window else 0


def step_words(ports: Ports, rows, columns, depth, constants, added, window: Window | None = None):
    """Words that a step of rows x columns outputs reads: of weights, which lie one after the other, with the constants
    of its columns (bytes of each); of activations, token by token, with a residual operand (bytes of each output)."""
    weights = ceil(columns * depth, ports.weight_port_bytes) + ceil(columns * constants, ports.weight_port_bytes)
    each = window.words(depth, ports.act_port_bytes) if window else ceil(depth, ports.act_port_bytes)
    return weights, rows * (each + ceil(columns * added, ports.act_port_bytes))


def stage_cycles(ports: Ports, depth, words, beside):
    """Cycles in which a step's activations go through the transposing stage, which has two words of each token: while
    the features of one are handed out, one a cycle, the other is read; behind a step's last word its residual operand
    is, and the first word of the next. words: all that is read for one of these, beside: of the residual operand."""
    size = ports.act_port_bytes
    slots, rate = ceil(depth, size), 2 * ports.act_banks - 1  # half words that the ports read a cycle
    filled = (slots - 1) * longest(size * rate * slots, 2 * words)
    last = longest((depth - (slots - 1) * size) * rate * slots, 2 * (words + slots * beside))
    return ceil(filled + last, rate * slots)


def step_length(ports: Ports, rows, columns, depth, constants, added, moves, window: Window | None = None):
    """Cycles of such a step; moves: how often its partial sums are moved. Of one step, or int64 arrays of many."""
    weights, acts = step_words(ports, rows, columns, depth, constants, added, window)
    beside = rows * ceil(columns * added, ports.act_port_bytes)
    return ports.step_cycles + longest(
        depth,
        read_cycles(weights, ports.weight_banks),
        read_cycles(acts, ports.act_banks),
        stage_cycles(ports, depth, acts - beside, beside),
        ceil(4 * rows * columns * moves, ports.psum_cycle_bytes),
    )


@lru_cache(4096)
def timed(
    ports: Ports, *, tokens: int, features: int, depth: int, step_tokens: int, step_features: int, constants: int,
    added: int, adds: bool, window: Window | None = None,
) -> Mapping[str, int]:  # fmt: skip
    """What the command of a tile says of time: cycles of a step by where it stands in the tile (0 where none does), and
    bytes a cycle that the first one reads. adds: whether partial sums come from their memory; they go there where
    `constants` is 0. A layer's tiles are of few sizes: what is found is kept."""
    each, moves = (depth, constants, added), adds + (not constants)
    high, wide = min(step_tokens, tokens), min(step_features, features)
    down, across = ceil(tokens, high), ceil(features, wide)
    low, narrow = tokens - high * (down - 1), features - wide * (across - 1)
    first = step_length(ports, high, wide, *each, moves, window)
    weights, acts = step_words(ports, high, wide, *each, window)
    several, many = down > 1, across > 1
    said = {
        "inner_cycles": first if several and many else 0,
        "bottom_cycles": step_length(ports, low, wide, *each, moves, window) if many else 0,
        "right_cycles": step_length(ports, high, narrow, *each, moves, window) if several else 0,
        "corner_cycles": step_length(ports, low, narrow, *each, moves, window),
        "weight_rate": ceil(weights * ports.weight_port_bytes, first),
        "act_rate": ceil(acts * ports.act_port_bytes, first),
    }
    return MappingProxyType(said)
