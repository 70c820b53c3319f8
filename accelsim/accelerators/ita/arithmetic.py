"""The integers of ITA: softmax of base 2 as the logits pass, requantisation, activations [RTL ita_softmax.sv,
ita_requantizer.sv, ita_gelu.sv, ita_relu.sv at ba96519].

Of a row of int8 logits x, in groups of N columns: m' is the larger of m and the group's largest, and
sum = (sum >> (m' - m)) + the sum over the group of (256 >> (m' - x)); m begins at -128. After the last group
inv = 65280 // sum, 8 bits. The probability that A V is given is inv >> (m - x), unsigned: a row of 256 or more equal
logits is all zero.

The published tree of maxima is wired for 16 columns: with more, a group's maximum is that of its first 16, and the
shift of a larger logit, modulo 256, is so long that it counts as 0 (`wired=16`).
"""

from typing import NamedTuple

import numpy as np

from accelsim.core.errors import InputError
from accelsim.workload.functional import FRACTION, scores

ONE, NUMERATOR, SUM_BITS = 256, 65280, 19
LEAST = -128
ACCUMULATOR_BITS = 26


class Rows(NamedTuple):
    """int64[rows] each: the largest logit, the sum, and its 8-bit inverse."""

    largest: np.ndarray
    sums: np.ndarray
    inverses: np.ndarray


def shifted(x: np.ndarray | int, by: np.ndarray) -> np.ndarray:
    """x >> by, of shifts of any length."""
    return np.right_shift(x, np.minimum(by, 62))


def passed(logits: np.ndarray, columns: int, rows: Rows | None = None, wired: int = 0) -> Rows:
    """What is known of rows once int8 logits[rows, keys] have passed in groups of `columns`, after those before.
    `wired`: columns of a group that its maximum is taken of; 0: all."""
    found = rows or Rows(*(np.full(len(logits), n, np.int64) for n in (LEAST, 0, 0)))
    largest, sums = found.largest, found.sums
    for at in range(0, logits.shape[1], columns):
        group = logits[:, at : at + columns].astype(np.int64)
        most = np.maximum(largest, group[:, : wired or columns].max(axis=1))
        sums = shifted(sums, most - largest) + shifted(ONE, (most[:, None] - group) % 256).sum(axis=1)
        sums &= (1 << SUM_BITS) - 1
        largest = most
    return Rows(largest, sums, NUMERATOR // np.maximum(sums, 1) & 255)


def probabilities(logits: np.ndarray, rows: Rows) -> np.ndarray:
    """int32[rows, keys], 0 to 255: what A V is given of int8 logits."""
    below = (rows.largest[:, None] - logits.astype(np.int64)) % 256
    return shifted(rows.inverses[:, None], below).astype(np.int32)


def softmax(logits: np.ndarray, columns: int) -> np.ndarray:
    """int32[rows, keys], 0 to 255: softmax of whole rows of int8 logits, N = `columns`."""
    return probabilities(logits, passed(logits, columns))


def wrapped(sums: np.ndarray, bits: int = ACCUMULATOR_BITS) -> np.ndarray:
    """int64: sums as an accumulator of so many bits holds them."""
    half = np.int64(1) << (bits - 1)
    return ((sums.astype(np.int64) + half) & ((np.int64(1) << bits) - 1)) - half


def requantise(sums: np.ndarray, multiplier: int, shift: int, add: int = 0) -> np.ndarray:
    """int8 of 26-bit sums: times 8 bits without a sign, shifted down, one more where the last bit shifted out was 1."""
    wide = wrapped(sums) * multiplier
    rounded = (wide >> shift) + ((wide >> (shift - 1)) & 1 if shift else 0)
    return np.clip(rounded + add, -128, 127).astype(np.int8)


def gelu(x: np.ndarray, b: int, c: int, multiplier: int, shift: int, add: int = 0) -> np.ndarray:
    """int8: x (s ((min(|x|, -b) + b)^2 + c) + c), s the sign of x, requantised again."""
    wide = x.astype(np.int64)
    inner = (np.minimum(np.abs(wide), -b) + b) ** 2 + c
    return requantise(wide * (np.sign(wide) * inner + c), multiplier, shift, add)


def relu(x: np.ndarray, multiplier: int, shift: int, add: int = 0) -> np.ndarray:
    """int8: what is not below 0, requantised again."""
    return requantise(np.maximum(x.astype(np.int64), 0), multiplier, shift, add)


def logit_scaling(multiplier: int, shift: int) -> tuple[int, int]:
    """The 8-bit multiplier and the shift that make logits, a step an octave, of scores, for which (score * multiplier)
    >> shift has FRACTION bits behind the octave's point. Raises InputError where the shift would be negative."""
    small = min((multiplier + 64) >> 7, 255)
    if shift + FRACTION < 7:
        raise InputError(
            f"scores would be scaled by {multiplier} / 2^{shift}, more than the requantiser can; scale Q or K"
        )
    return small, shift + FRACTION - 7


def attention(q: np.ndarray, k: np.ndarray, v: np.ndarray, multiplier: int, shift: int, columns: int) -> np.ndarray:
    """int32[heads, q_tokens, v_dim]: what ITA makes of int8 q, k[heads, tokens, dim] and v, N = `columns`; 255 is 1."""
    small, down = logit_scaling(multiplier, shift)
    found = []
    for head, one in enumerate(scores(q, k)):
        found.append(softmax(requantise(one, small, down), columns).astype(np.int64) @ v[head].astype(np.int64))
    return wrapped(np.stack(found)).astype(np.int32)
