"""The integers of the array: exponentials in four straight pieces, sums that are aligned to the larger exponent, and
the merge of pieces (SALO, DAC 2022; its RTL's formats where they are sound, else [ours]).

t = (q k multiplier) >> shift          the score in octaves, 6 bits after the point: e = t >> 6, f = t mod 64
x = slope[f >> 4] f + 4 intercept[f >> 4]    2^(f / 64) in steps of 1 / 1024; slopes in 1 / 16, intercepts in 1 / 256
m, l = max(m, e), (l >> (m' - m)) + (x >> (m' - e))     score by score along the row, global columns last
p = ((x >> (m - e)) r + 2^23) >> 24    with r = (128 << 24) // l: 0 to 128
o = sum of p v                         its real value is o / 128 * scale of V

A merge of (m, l, o) with a piece (m2, l2, o2): both sums aligned as above to a and b, w = (2^16 b + (a + b) / 2) //
(a + b), o' = ((2^16 - w) o + w o2 + 2^15) >> 16. A piece without a score changes nothing.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from accelsim.accelerators.salo.schedule import Schedule, Tile
from accelsim.workload import functional

SLOPES, INTERCEPTS = np.array([12, 14, 17, 20]), np.array([255, 246, 225, 185])
"""Published as .7553 .8978 1.0674 1.2708 and .9974 .9618 .8770 .7244; quantised to 4 and 8 bits after the point."""
POINT = 10
ONE = 128  # a probability of 1
RECIPROCAL_BITS, WEIGHT_BITS = 24, 16
LOWEST = -(1 << 20)
FRACTIONS = np.arange(1 << functional.FRACTION)
MANTISSAS = SLOPES[FRACTIONS >> 4] * FRACTIONS + 4 * INTERCEPTS[FRACTIONS >> 4]
"""x of every f."""


class Piece(NamedTuple):
    """What is known of rows: int64[rows] exponent and sum, int64[rows, v_dim] values."""

    m: np.ndarray
    l: np.ndarray  # noqa: E741 - as the literature calls it
    o: np.ndarray


def shifted(x: np.ndarray, by: np.ndarray) -> np.ndarray:
    """x >> by, of shifts of any length."""
    return x >> np.minimum(by, 62)


def nothing(rows: int, values: int) -> Piece:
    """The neutral piece."""
    return Piece(np.full(rows, LOWEST), np.zeros(rows, np.int64), np.zeros((rows, values), np.int64))


def piece(t: np.ndarray, on: np.ndarray, v: np.ndarray) -> Piece:
    """Of scores in octaves int64[rows, keys], those that are `on`, and values int64[rows, keys, v_dim]."""
    e, x = t >> functional.FRACTION, MANTISSAS[t & ((1 << functional.FRACTION) - 1)]
    m, total = np.full(len(t), LOWEST), np.zeros(len(t), np.int64)
    for n in range(t.shape[1]):
        higher = np.where(on[:, n], np.maximum(m, e[:, n]), m)
        total = shifted(total, higher - m) + np.where(on[:, n], shifted(x[:, n], np.maximum(higher - e[:, n], 0)), 0)
        m = higher
    r = (ONE << RECIPROCAL_BITS) // np.maximum(total, 1)
    aligned = np.where(on, shifted(x, np.maximum(m[:, None] - e, 0)), 0)
    p = (aligned * r[:, None] + (1 << (RECIPROCAL_BITS - 1))) >> RECIPROCAL_BITS
    return Piece(m, total, np.einsum("rk,rkd->rd", p, v))


def merged(a: Piece, b: Piece) -> Piece:
    """Two pieces of the same rows, `a` the one that was there."""
    m = np.maximum(a.m, b.m)
    left, right = shifted(a.l, m - a.m), shifted(b.l, m - b.m)
    both = left + right
    w = ((right << WEIGHT_BITS) + (both >> 1)) // np.maximum(both, 1)
    w = w[:, None]
    o = (((1 << WEIGHT_BITS) - w) * a.o + w * b.o + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS
    some = b.l > 0
    found = [np.where(some, new, old) for new, old in ((m, a.m), (both, a.l))]
    return Piece(*found, np.where(some[:, None], np.where((a.l > 0)[:, None], o, b.o), a.o))


def attention(
    schedules: Sequence[Schedule], q: np.ndarray, k: np.ndarray, v: np.ndarray, multiplier: int, shift: int
) -> np.ndarray:
    """int32[heads, q_tokens, v_dim] of int8 operands [heads, tokens, dim], each head by its schedule."""
    out = np.zeros((*q.shape[:2], v.shape[2]), np.int32)
    for head, plan in enumerate(schedules):
        out[head] = one_head(plan, *(x[head].astype(np.int64) for x in (q, k, v)), (multiplier, shift))
    return out


def one_head(plan: Schedule, q: np.ndarray, k: np.ndarray, v: np.ndarray, scaling: tuple[int, int]) -> np.ndarray:
    """int64[q_tokens, v_dim] of one head's operands [tokens, dim]."""
    out = np.zeros((len(q), v.shape[1]), np.int64)
    t = functional.octaves(q @ k.T, *scaling)
    columns, rows = list(plan.held.columns), list(plan.held.rows)
    whole = nothing(len(rows), v.shape[1])
    group = nothing(0, v.shape[1])
    for tile in plan.tiles:
        if tile.rows:
            queries, keys = places(tile, len(k))
            some = columns[: tile.columns]
            keys = np.concatenate([keys, np.tile(np.array(some, np.int64), (tile.rows, 1))], axis=1)
            on = np.concatenate([tile.local, np.ones((tile.rows, len(some)), bool)], axis=1)
            new = piece(t[queries[:, None], keys], on, v[keys])
            group = merged(nothing(tile.rows, v.shape[1]) if tile.first else group, new)
            if tile.last:
                out[queries] = group.o
        if rows:
            keys = np.clip(tile.key + np.arange(len(tile.across)) * tile.step, 0, len(k) - 1)
            on = np.tile(tile.across, (len(rows), 1))
            whole = merged(whole, piece(t[rows][:, keys], on, np.tile(v[keys], (len(rows), 1, 1))))
    if rows:
        out[rows] = whole.o
    return out


def places(tile: Tile, keys: int) -> tuple[np.ndarray, np.ndarray]:
    """The queries int64[rows] of a tile's local rows, and their keys int64[rows, C], those outside at the edge."""
    r = np.arange(tile.rows)
    at = tile.key + (r[:, None] + np.arange(tile.local.shape[1])) * tile.step
    return tile.query + r * tile.step, np.clip(at, 0, keys - 1)
