"""A systolic array register by register, one cycle at a time: what its closed forms are proven with.

Operands move one PE a cycle to the right (and down, output-stationary), partial sums one row in `psum_hop` cycles,
finished outputs down the columns as a shift chain. A beat carries the marks that swap, clear and drain the PEs it
meets.
Nothing here knows how long a fold takes: it has ended when its last value has come out at the bottom.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accelsim.dataflows.products.folds import Array

LOST = np.iinfo(np.int32).min  # no sum of int8 products of a few folds


@dataclass
class Operands:
    """One fold: `left` (T, rows) streams from the left; `top` streams from the top, (T, columns), where outputs stay in
    the PEs, or is put into them before, (rows, columns).
    """

    left: np.ndarray
    top: np.ndarray


def cut(array: Array, a: np.ndarray, b: np.ndarray) -> list[tuple[Operands, slice, slice]]:
    """The folds of A (M, K) x B (K, N) in order, each with where it lies along the rows and along the columns."""
    left, top = {"os": (a.T, b), "ws": (a, b), "is": (b.T, a.T)}[array.dataflow]
    over_rows, over_columns, _ = array.mapped(len(a), b.shape[1], len(b))
    return [
        (Operands(left[:, rows], top[rows, columns] if array.stationary else top[:, columns]), rows, columns)
        for columns in (slice(at, at + array.columns) for at in range(0, over_columns, array.columns))
        for rows in (slice(at, at + array.rows) for at in range(0, over_rows, array.rows))
    ]


def multiply(array: Array, a: np.ndarray, b: np.ndarray, interval: int | None = None) -> tuple[np.ndarray, int]:
    """A (M, K) x B (K, N) of int8: the int32 sums (M, N) and the cycles.

    Folds begin `interval` cycles apart; without it, each when the one before has come out.
    """
    parts = cut(array, a.astype(np.int64), b.astype(np.int64))
    starts = None if interval is None else [interval * n for n in range(len(parts))]
    outcomes, cycles = run(array, [operands for operands, *_ in parts], starts)
    c = np.zeros((len(a), b.shape[1]) if array.dataflow != "is" else (b.shape[1], len(a)), np.int64)
    for outcome, (_, rows, columns) in zip(outcomes, parts, strict=True):
        if array.stationary:  # the accumulators at the bottom edge
            c[:, columns] += outcome[:, : c[:, columns].shape[1]]
        else:
            high, wide = c[rows, columns].shape
            c[rows, columns] = outcome[:high, :wide]
    return (c.T if array.dataflow == "is" else c).astype(np.int32), cycles


def run(array: Array, folds: Sequence[Operands], starts: Sequence[int] | None) -> tuple[list[np.ndarray], int]:
    """Step the registers until all has come out: outputs, (rows, columns) or (T, columns) a fold, and the cycles.

    The first beat of fold f enters `starts[f]` cycles after that of fold 0; without `starts`, a fold begins when the
    one before has come out. Where starts are too close values are overwritten or never come out (LOST).
    """
    rows, columns, hop = array.rows, array.columns, array.psum_hop if array.stationary else 1
    entry = [rows - array.span(len(f.top) if array.stationary else f.left.shape[1]) for f in folds]
    tall = [rows - e for e in entry]
    length = np.array([len(f.left) for f in folds])
    out = [np.full((len(f.left) if array.stationary else t, columns), LOST) for f, t in zip(folds, tall)]
    lead = tall[0] if array.stationary else 0
    begin = [lead] if starts is None else [lead + s for s in starts]
    pes = (Stationary if array.stationary else OutputStationary)(array)
    now, last, missing = 0, -1, [o.size for o in out]
    while any(missing) and now < begin[-1] + sum(length) + 9 * rows * hop + columns:
        left, top = np.zeros((rows, 3), np.int64), np.zeros((columns, 2), np.int64)
        for f, at in enumerate(begin):
            for q in range(tall[f]):  # through the skew registers of the left edge
                beat = now - at - hop * q
                if 0 <= beat < length[f]:
                    value = folds[f].left[beat, q] if q < folds[f].left.shape[1] else 0
                    left[entry[f] + q] = value, f * 4096 + beat + 1, (beat == 0) + 2 * (beat + 1 == length[f])
            for c in range(columns):  # and of the top edge; without shadow registers a load is not skewed
                beat = now - at - c if not array.stationary or array.overlap == "shadow" else now - at
                if array.stationary:
                    beat += tall[f]  # rows in reverse, the bottom one first
                    if 0 <= beat < tall[f]:
                        q = tall[f] - 1 - beat
                        held = q < len(folds[f].top) and c < folds[f].top.shape[1]
                        top[c] = folds[f].top[q, c] if held else 0, entry[f] + q + 1
                elif 0 <= beat < length[f] and c < folds[f].top.shape[1]:
                    top[c, 0] = folds[f].top[beat, c]
        current = max((f for f, at in enumerate(begin) if at - (tall[f] if array.stationary else 0) <= now), default=0)
        values, marks = pes.step(left, top, entry[current])
        for c in np.flatnonzero(marks):
            f, place = divmod(int(marks[c]) - 1, 4096)
            out[f][place - (0 if array.stationary else entry[f]), c] = values[c]
            missing[f] -= 1
            last = now
        if starts is None and missing[len(begin) - 1] == 0 and len(begin) < len(folds):
            begin.append(now + 1 + (tall[len(begin)] if array.stationary else 0))
        now += 1
    return out, last + 1


def below(first: np.ndarray, registers: np.ndarray) -> np.ndarray:
    """What each row sees of the row above; the top row sees `first`."""
    return np.concatenate([first[None], registers[:-1]])


class Stationary:
    """PEs of WS and IS: a stationary operand, its shadow, the operand that moves right, partial sums that move down."""

    def __init__(self, array: Array) -> None:
        shape = (array.rows, array.columns)
        self.shadow, self.right = array.overlap == "shadow", np.zeros((*shape, 3), np.int64)
        self.held, self.word = np.zeros(shape, np.int64), np.zeros((*shape, 2), np.int64)  # word: value, row it is for
        self.sums = np.zeros((array.psum_hop, *shape, 2), np.int64)  # value, mark
        self.row = np.arange(array.rows)[:, None]

    def step(self, left: np.ndarray, top: np.ndarray, entry: int) -> tuple[np.ndarray, np.ndarray]:
        """One cycle: what enters, as (value, mark, flags) and (value, row); what leaves at the bottom."""
        operand = np.concatenate([left[:, None], self.right[:, :-1]], axis=1)
        going = np.where((self.word[..., 1] > self.row + 1)[..., None], self.word, 0)
        coming = below(np.zeros_like(top), going)
        coming[entry] = top
        if self.shadow:
            self.held = np.where(operand[..., 2] & 1, self.word[..., 0], self.held)
        above = below(np.zeros_like(top), self.sums[-1])
        above[entry, :, 0], above[entry, :, 1] = 0, operand[entry, :, 1]
        outcome = above + np.stack([operand[..., 0] * self.held, np.zeros_like(self.held)], axis=-1)
        self.word = np.where(coming[..., 1:] > 0, coming, np.where(going[..., 1:] > 0, 0, self.word))
        if not self.shadow:  # there is one register, and it is the chain
            self.held = np.where(self.word[..., 1] > 0, self.word[..., 0], self.held)
        self.sums = np.concatenate([outcome[None], self.sums[:-1]])
        self.right = operand
        return outcome[-1, :, 0], outcome[-1, :, 1]


class OutputStationary:
    """PEs of OS: an accumulator, its shadow, operands that move right and down. Outputs leave as a shift chain."""

    def __init__(self, array: Array) -> None:
        shape = (array.rows, array.columns)
        self.shadow, self.right, self.down = array.overlap == "shadow", np.zeros((*shape, 3), np.int64), np.zeros(shape)
        self.sum, self.chain = np.zeros(shape, np.int64), np.zeros((*shape, 2), np.int64)  # chain: value, mark
        self.to_pass = np.zeros(shape, np.int64)
        self.row = np.arange(array.rows)[:, None]

    def step(self, left: np.ndarray, top: np.ndarray, entry: int) -> tuple[np.ndarray, np.ndarray]:
        """One cycle: what enters, as (value, mark, flags) and (value, nothing); what leaves at the bottom."""
        operand = np.concatenate([left[:, None], self.right[:, :-1]], axis=1)
        factor = below(top[:, 0], self.down)
        factor[entry] = top[:, 0]
        self.sum = np.where(operand[..., 2] & 1, 0, self.sum) + (operand[..., 0] * factor).astype(np.int64)
        final = (operand[..., 2] & 2) > 0
        mark = (operand[..., 1] - 1) // 4096 * 4096 + self.row + 1
        done = np.stack([self.sum, mark], axis=-1)
        # a column drains from the cycle in which its bottom row is done; a row stops when all above it has passed
        self.to_pass = np.where(final[-1], np.maximum(self.row - entry + 1, 0), self.to_pass)
        passing = (self.to_pass > 0)[..., None]
        at_once = final if not self.shadow else final & (self.row == len(self.row) - 1)
        chain = np.where(at_once[..., None], done, self.chain)  # the bottom row's output goes straight out
        passed = np.where(passing, chain, 0)
        self.chain = np.where(passing, 0, chain) + below(np.zeros_like(top), passed)
        if self.shadow:  # refilled in the cycle in which it is emptied
            self.chain = np.where((final & ~at_once)[..., None], done, self.chain)
        self.to_pass = np.maximum(self.to_pass - 1, 0)
        self.right, self.down = operand, factor
        return passed[-1, :, 0], passed[-1, :, 1]
