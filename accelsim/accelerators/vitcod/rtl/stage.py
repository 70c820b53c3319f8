"""What the transposing stage reads, and whether it keeps up: the model gives a step as many cycles as the ports need
for its words; the stage has room for two a token."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import NamedTuple

import numpy as np

from accelsim.accelerators.vitcod.components.mac_array import MacArray
from accelsim.accelerators.vitcod.tables import WINDOWS
from accelsim.dataflows.steps import filling
from accelsim.dataflows.tiling import ceil
from accelsim.dataflows.windows import Window, lying, read_pieces, taken


@dataclass(frozen=True)
class Step:
    """A step of the array: when it may begin and must have ended, when the stage takes up its tile, its
    tokens, the length of its accumulation, bytes of a residual operand of each token, the half words that could be read
    while a word of the stage is, and the elements in one."""

    begin: int
    end: int
    known: int
    rows: int
    depth: int
    added: int
    halves: Sequence[int]
    chunk: int


Tile = tuple[Window | None, int, int]  # a convolution's window, and a tile's first row and element


def steps_of(
    values: Mapping[str, int], moved: Mapping[str, np.ndarray], lies: Iterable[Tile] | None = None
) -> Iterator[Step]:
    """The steps of a run of the array. moved: of its channels int64[transfers, 1 + fields], cycle and payload; lies: of
    each tile; None: there are no windows."""
    port, names = values["act_port_bytes"], MacArray.fields["command"].payload
    ends = iter(moved["out"][:, 0].tolist())
    before, free = 0, 0  # when the command before was taken up, when the tile before ended
    prepared = 0  # and from when on the stage could take up this one
    for (came, *told), done, (window, first_row, element) in zip(
        moved["command"].tolist(), moved["done"][:, 0].tolist(), lies or repeat((None, 0, 0))
    ):
        tile = dict(zip(names, told))
        tokens, features, high, wide = (tile[n] for n in ("tokens", "features", "step_tokens", "step_features"))
        known = max(came + 1, before)
        seen = max(known, prepared)
        prepared = seen + max(2, values["act_banks"] - 1)
        before, free = max(known, free), done
        begin = max(before, known + tile["lead"])
        chunk, depth = port, tile["depth"]
        if window:
            sizes = {"row": first_row, "tokens": tokens, "step_tokens": min(high, tokens), "element": element}
            chunk = lying(window, port, values["act_banks"], **sizes, depth=depth).chunk
            whole = ceil(first_row + tokens, window.out**2) * window.out**2
            slots, sums = read_pieces(window, element, depth, chunk, port, whole)
            begins = np.flatnonzero(np.diff(slots, prepend=-1))
        for row in range(0, tokens, high):
            rows = min(high, tokens - row)
            read = (taken(rows, rows, values["act_banks"]),) * ceil(depth, port)
            if window:
                words = sums[:, first_row + row + rows] - sums[:, first_row + row]
                read = np.add.reduceat(taken(words, rows, values["act_banks"]), begins).tolist()
            for column in range(0, features, wide):
                columns = min(wide, features - column)
                kind = ("inner", "right", "bottom", "corner")[
                    2 * (row + rows == tokens) + (column + columns == features)
                ]
                end = begin + tile[f"{kind}_cycles"]
                yield Step(begin, end, seen, rows, depth, columns * tile["added"], read, chunk)
                begin = next(ends) if tile["constants"] else end


class Late(NamedTuple):
    """How many of a run's steps are late, and by how many cycles a run would be longer in which the array waited."""

    steps: int
    of: int
    cycles: int


def late(values: Mapping[str, int], run: Iterable[Step]) -> Late:
    """What a word of each of a step's tokens takes is read as soon as what lay in its place is handed out; a feature is
    handed out a cycle, once its word is there; a residual operand is read behind a step's words."""
    size, banks = values["act_port_bytes"], values["act_banks"]
    rate = 2 * banks - 1  # half words a cycle
    ports, handed, delay, steps, of, tile = 0.0, (0.0, 0.0), 0.0, 0, 0, -1
    for step in run:
        if step.known != tile:  # the first words of a tile are read from the beginning of a cycle on
            tile, ports = step.known, math.ceil(ports)
        at = step.begin + delay
        for first, halves in zip(range(0, step.depth, step.chunk), step.halves, strict=True):
            ports = max(ports, handed[0], step.known + filling(banks) + delay) + halves / rate
            at = max(at, ports) + min(step.chunk, step.depth - first)
            handed = handed[1], at
        ports += ceil(step.added, size) * taken(step.rows, step.rows, banks) / rate
        behind = at - step.end - delay
        of += 1
        if behind > 1e-6:
            steps, delay = steps + 1, delay + behind
    return Late(steps, of, round(delay))


def in_rows(port: int, banks: int, pitch: int, depth: int, apart: int = 0) -> dict[str, int]:
    """How the rows of a matrix lie, so many words of so many bytes one behind the other, and `apart` bytes more: as a
    picture of one line, of which no row of windows ends."""
    without = dict.fromkeys(WINDOWS.names, 0)
    run = {"chunk": port, "run": depth, "width": depth, "height": 1, "x_last": 1, "x_wrap": 1, "y_end": 1}
    token, far = (divmod(n * (pitch * port + apart), port) for n in (1, banks))
    on = {"token_words": token[0], "token_bytes": token[1], "far_words": far[0], "far_bytes": far[1]}
    return {**without, **run, **on}


def pixels(window: Window, x: np.ndarray) -> np.ndarray:
    """The bytes of the pictures, one after the other, whose windows x int8[windows, depth] are. Raises ValueError if
    there are no such pictures."""
    token, (run, byte) = np.arange(len(x))[:, None], np.divmod(np.arange(window.depth), window.run)
    here = token % window.out**2
    down = here // window.out * window.stride - window.pad + run
    across = (here % window.out * window.stride - window.pad) * window.channels + byte
    inside = (down >= 0) & (down < window.side) & (across >= 0) & (across < window.line)
    place = (window.at(token) + run * window.line + byte)[inside]
    found = np.zeros(len(x) // window.out**2 * window.side * window.line, np.int8)
    found[place] = x[inside]
    if (found[place] != x[inside]).any() or x[~inside].any():
        raise ValueError("these are no windows of a picture with a border of zeros")
    return found
