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

    def pieces(self, first: int, depth: int, port_bytes: int) -> Iterator[tuple[int, int, int, int]]:
        """(word of the stage, run, first byte in it, bytes) of `depth` elements from `first` on: they are read run by
        run, and as far as a word of the stage takes them."""
        at = first
        while at < first + depth:
            slot = (at - first) // port_bytes
            end = min((at // self.run + 1) * self.run, first + (slot + 1) * port_bytes, first + depth)
            yield slot, at // self.run, at % self.run, end - at
            at = end


@lru_cache(64)
def read_words(window: Window, first: int, depth: int, port_bytes: int, tokens: int) -> np.ndarray:
    """int64[words of the stage, tokens + 1]: words of the buffer that are read for all windows before one."""
    found = np.zeros((ceil(depth, port_bytes), tokens + 1), np.int64)
    anywhere = np.arange(0, port_bytes, gcd(window.channels, port_bytes))  # of which the worst place counts
    at = window.at(np.arange(tokens)) if window.out else anywhere
    for slot, run, byte, size in window.pieces(first, depth, port_bytes):
        begin = at + run * window.line + byte
        words = (begin + size - 1) // port_bytes - begin // port_bytes + 1
        found[slot, 1:] += words if window.out else words.max()
    return np.cumsum(found, axis=1)


def most_words(
    window: Window, port_bytes: int, row: int, tokens: int, step_tokens: int, first: int, depth: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Words that are read for each word of the stage: the most that any step of a tile reads, and what its last one
    does. The tile is of so many windows from `row` on, and of `depth` elements from `first` on."""
    whole = ceil(row + tokens, max(1, window.out**2)) * max(1, window.out**2)
    before = read_words(window, first, depth, port_bytes, whole)
    edges = np.append(np.arange(row, row + tokens, step_tokens), row + tokens)
    words = np.diff(before[:, edges], axis=1)
    return tuple(words.max(axis=1).tolist()), tuple(words[:, -1].tolist())


@lru_cache(1 << 12)
def usual_words(window: Window, port_bytes: int, tokens: int, step_tokens: int, depth: int) -> tuple[int, ...]:
    """The most that a step of a layer of so many windows reads for each word of the stage, with parts of so much depth:
    of the first parts, which are looked at for an estimate."""
    starts = range(0, window.depth - depth + 1, depth)[:PARTS]
    each = [most_words(window, port_bytes, 0, tokens, step_tokens, first, depth)[0] for first in starts]
    return tuple(map(max, zip(*each)))


def entry(window: Window, port_bytes: int, row: int, element: int) -> dict[str, int]:
    """What the transposing stage is told of a tile's windows: places and distances in words of the buffer and bytes
    (0 to port_bytes - 1) beyond, from the first picture's first byte on. See `tables.WINDOWS`."""
    channels, stride, out = window.channels, window.stride, window.out
    down, across = row % out**2 // out, row % out
    token = stride * channels
    line = stride * window.line - (out - 1) * token  # to the first window of the next row, or picture
    distances = {
        "at": window.at(row) + element // window.run * window.line + element % window.run,
        "token": token,
        "line": line,
        "gap": window.line - window.run,
    }
    told = {}
    for name, size in distances.items():
        told |= {f"{name}_words": size // port_bytes, f"{name}_bytes": size % port_bytes}
    return told | {
        "run": window.run,
        "begin_byte": element % window.run,
        "begin_run": element // window.run,
        "x": (across * stride - window.pad) * channels,
        "x_first": -window.pad * channels,
        "x_step": token,
        "y": down * stride - window.pad,
        "y_first": -window.pad,
        "y_step": stride,
        "width": window.line,
        "height": window.side,
        "columns": out - across,
        "rows": out - down,
        "out": out,
    }
