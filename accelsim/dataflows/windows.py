"""Where a convolution's windows lie in a buffer, and how many of its words are read for them (docs/timing.md, MAC
array): a picture begins a word, its pixels lie line by line, and the runs of a window are read where they lie."""

from collections.abc import Iterator
from functools import lru_cache
from math import gcd, isqrt
from typing import NamedTuple

import numpy as np

from accelsim.dataflows.tiling import ceil
from accelsim.workload.layers import Gemm

PARTS = 8  # parts of a depth that an estimate looks at


class Window(NamedTuple):
    """A convolution's windows: `kernel` runs, each of `kernel` pixels of `channels` bytes, `stride` pixels apart.

    out: windows side by side, and one below the other, in a picture of out * stride lines and columns, with half a
    window of padding; 0: the picture is not square, and its sides are not known. What lies beyond a picture is read as
    if lines went on there, and counts as zero.
    """

    kernel: int
    channels: int
    stride: int
    out: int

    @classmethod
    def of(cls, layer: Gemm) -> "Window | None":
        """A layer's; None where windows do not overlap: those are stored one by one, as rows of a matrix are."""
        if (kernel := layer.kernel) == 1:
            return None
        out = isqrt(layer.tokens)
        stride = isqrt(kernel**2 * layer.inputs // (layer.repeat * layer.tokens * layer.in_features))
        return cls(kernel, layer.in_features // kernel**2, stride, out if out**2 == layer.tokens else 0)

    @property
    def run(self) -> int:
        """Bytes of a run."""
        return self.kernel * self.channels

    @property
    def depth(self) -> int:
        """Bytes of a window."""
        return self.kernel * self.run

    @property
    def pad(self) -> int:
        """Lines and columns of padding before a picture's first."""
        return self.kernel // 2

    @property
    def side(self) -> int:
        """Lines and columns of a picture."""
        return self.out * self.stride

    @property
    def line(self) -> int:
        """Bytes from a run to the one below it."""
        return self.side * self.channels

    def at(self, tokens):
        """The byte a window begins with, counted from the first picture's first; tokens are counted through all
        pictures. Of one window, or int64 arrays of many."""
        picture, here = tokens // self.out**2, tokens % self.out**2
        down, across = here // self.out * self.stride - self.pad, here % self.out * self.stride - self.pad
        return (picture * self.side + down) * self.line + across * self.channels

    def pieces(self, first: int, depth: int, chunk: int) -> Iterator[tuple[int, int, int, int]]:
        """(word of the stage, run, first byte in it, bytes) of `depth` elements from `first` on: they are read run by
        run, as far as a word of the stage goes, which takes `chunk` of them."""
        at = first
        while at < first + depth:
            slot = (at - first) // chunk
            end = min((at // self.run + 1) * self.run, first + (slot + 1) * chunk, first + depth)
            yield slot, at // self.run, at % self.run, end - at
            at = end

    def chunks(self, port_bytes: int, depth: int) -> list[int]:
        """How many elements a word of the stage may take: all that it has room for, or a half or quarter of that, or
        an equal share of the depth; or whole runs, or equal shares of one, so that no word of the buffer is read for
        two words of the stage."""
        if self.out == 0:
            return [port_bytes]
        found = [port_bytes, port_bytes // 2, port_bytes // 4, ceil(depth, ceil(depth, port_bytes))]
        least = ceil(self.run, port_bytes)
        shares = [self.run // n for n in range(least, 2 * least + 1) if self.run % n == 0]
        return [one for one in dict.fromkeys((*found, port_bytes // self.run * self.run, *shares)) if one]


class Lies(NamedTuple):
    """How the windows of a tile are read. chunk: elements in a word of the stage. words: that are read of the buffer
    for each of these, the most in any step; halves: half words that could be read meanwhile (`taken`); and the same of
    the last step."""

    chunk: int
    words: tuple[int, ...]
    halves: tuple[int, ...]
    bottom_words: tuple[int, ...]
    bottom_halves: tuple[int, ...]


@lru_cache(64)
def beside_window(layer: Gemm, port_bytes: int, staged: bool) -> int:
    """Bytes that a port of so many brings beside each row of a layer's input, where what reads has no addresses: each
    run of a window that overlaps others as if it lay in the worst place of its words. `staged`: whether rows go
    through a transposing stage, of whose words the array counts whole ones anyway."""
    if (window := Window.of(layer)) is None:
        return 0
    words = ceil(window.run + port_bytes - gcd(window.channels, port_bytes), port_bytes)
    own = ceil(window.depth, port_bytes) * port_bytes if staged else window.depth
    return window.kernel * words * port_bytes - own


def read_words(window: Window, first: int, depth: int, chunk: int, port_bytes: int, tokens: int) -> np.ndarray:
    """int64[words of the stage, tokens + 1]: words of the buffer that are read for all windows before one."""
    slots, found = read_pieces(window, first, depth, chunk, port_bytes, tokens)
    return np.add.reduceat(found, np.flatnonzero(np.diff(slots, prepend=-1)), axis=0)


def read_pieces(
    window: Window, first: int, depth: int, chunk: int, port_bytes: int, tokens: int
) -> tuple[np.ndarray, np.ndarray]:
    """Of each piece of the depth the word of the stage, int64[pieces]; and int64[pieces, tokens + 1], the words of the
    buffer that are read for all windows before one."""
    pieces = list(window.pieces(first, depth, chunk))
    found = np.zeros((len(pieces), tokens + 1), np.int64)
    anywhere = np.arange(0, port_bytes, gcd(window.channels, port_bytes))  # of which the worst place counts
    at = window.at(np.arange(tokens)) if window.out else anywhere
    for number, (_, run, byte, size) in enumerate(pieces):
        begin = at + run * window.line + byte
        words = (begin + size - 1) // port_bytes - begin // port_bytes + 1
        found[number, 1:] = words if window.out else words.max()
    return np.array([slot for slot, *_ in pieces]), np.cumsum(found, axis=1)


def taken(words, tokens, banks: int):
    """Half words that the ports could read while one of so many words is read for each of some tokens: places are found
    of one piece in a cycle, for as many tokens as there are banks. Whole numbers, or int64 arrays of them."""
    rate = (2 * banks - 1) * ceil(tokens, banks)
    return max(2 * words, rate) if isinstance(rate, int) and isinstance(words, int) else np.maximum(2 * words, rate)


def handed(banks: int, depth: int, lies: Lies) -> int:
    """Half words that the ports could read while the stage hands out a step's features: see `steps.stage_cycles`."""
    rate = 2 * banks - 1
    rest = depth - (len(lies.halves) - 1) * lies.chunk
    return sum(max(lies.chunk * rate, some) for some in lies.halves[1:]) + max(rest * rate, lies.halves[0])


@lru_cache(1 << 12)
def lying(
    window: Window, port_bytes: int, banks: int, *, row: int, tokens: int, step_tokens: int, element: int, depth: int
) -> Lies:
    """How the windows of a tile are read from a buffer of so many banks, with the chunk that takes the shortest time.
    The tile is of so many windows from `row` on, and of `depth` elements from `element` on."""
    picture = max(1, window.out**2)
    edges, found = np.append(np.arange(row, row + tokens, step_tokens), row + tokens), []
    for chunk in window.chunks(port_bytes, depth):
        whole = ceil(row + tokens, picture) * picture
        slots, before = read_pieces(window, element, depth, chunk, port_bytes, whole)
        words, begins = np.diff(before[:, edges], axis=1), np.flatnonzero(np.diff(slots, prepend=-1))
        each = [np.add.reduceat(some, begins, axis=0) for some in (words, taken(words, np.diff(edges), banks))]
        told = [tuple(some.tolist()) for some in (*(one.max(axis=1) for one in each), *(one[:, -1] for one in each))]
        found.append(Lies(chunk, *told))
    return min(found, key=lambda lies: handed(banks, depth, lies))


@lru_cache(1 << 12)
def usual(window: Window, port_bytes: int, banks: int, tokens: int, step_tokens: int, depth: int) -> Lies:
    """The same of a layer of so many windows with parts of so much depth, for an estimate: of the first parts the one
    that takes longest."""
    starts = range(0, window.depth - depth + 1, depth)[:PARTS]
    sizes = {"row": 0, "tokens": tokens, "step_tokens": step_tokens, "depth": depth}
    found = [lying(window, port_bytes, banks, **sizes, element=first) for first in starts]
    return max(found, key=lambda lies: handed(banks, depth, lies))


def entry(window: Window, port_bytes: int, banks: int, chunk: int, row: int, element: int) -> dict[str, int]:
    """What the transposing stage is told of a tile's windows: places and distances in words of the buffer and bytes
    (0 to port_bytes - 1) beyond, from the first picture's first byte on. See `tables.WINDOWS`."""
    channels, stride, out = window.channels, window.stride, window.out
    down, across, begin = row % out**2 // out, row % out, element % window.run
    token = stride * channels
    rows, rest = divmod(banks, out)  # as many tokens on as there are banks
    distances = {
        "at": window.at(row) + element // window.run * window.line + begin,
        "token": token,
        "line": stride * window.line - (out - 1) * token,
        "far": window.at(banks) - window.at(0),
        "wrap": window.at(out - 1 + banks) - window.at(out - 1),
        "pitch": window.line,
        "below": window.line - begin,
    }
    told = {}
    for name, size in distances.items():
        told |= {f"{name}_words": size // port_bytes, f"{name}_bytes": size % port_bytes}
    last = (out - 1) * token - window.pad * channels
    return told | {
        "chunk": chunk,
        "run": window.run,
        "begin_byte": begin,
        "begin_run": element // window.run,
        "x": (across * stride - window.pad) * channels,
        "x_step": token,
        "x_last": last,
        "x_far": rest * token,
        "x_wrap": last - (rest - 1) * token,
        "y": down * stride - window.pad,
        "y_step": stride,
        "y_far": rows % out * stride,
        "y_wrap": (rows % out + 1) * stride,
        "y_end": window.side - window.pad,
        "width": window.line,
        "height": window.side,
    }
