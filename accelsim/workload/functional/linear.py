"""Linear attention: the three rules in float64, by their definition, and in the integers that a machine computes.

Integers, of int8 q, k, v; sums are exact, `mean` is rounded to the nearest, halves up:

    taylor   k^ = k - mean of k over the tokens             9 bits
             G = k^T V, ksum = sum of k^, vsum = sum of v
             num = Q requantise(G) + rescale(vsum)          rescale(vsum): sqrt(d) vsum, in steps of the product
             den = max(1, offset + Q ksum)                  offset: n sqrt(d), in steps of Q ksum
             y = requantise((2^(fraction + 1) num + den) // (2 den))
    hash     as taylor with k for k^; rescale(vsum): (bits + 1) vsum; offset: n (bits + 1)
    l1       q, k: (2^(shift + 1) x + sum of |x|) // (2 sum of |x|), clamped to int8, shift: `l1_shift`
             y = requantise(Q requantise(K^T V)), or requantise(requantise(Q K^T) V)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from accelsim.workload.functional.requantise import clamp, rescale

WIDE, NARROW = 9, 8  # bits of a centred key


class Taylor(NamedTuple):
    """Of ViTALiTy's Algorithm 1, float64: g [.., qk_dim, v_dim], ksum [.., qk_dim], vsum [.., v_dim], divisors [..,
    q_tokens] and z [.., q_tokens, v_dim]."""

    g: np.ndarray
    ksum: np.ndarray
    vsum: np.ndarray
    divisors: np.ndarray
    z: np.ndarray


class Sums(NamedTuple):
    """In integers: mean int64 [.., qk_dim] (0 where keys are not centred), keys int16 [.., kv_tokens, qk_dim], g, ksum
    and vsum int64, as of `Taylor`."""

    mean: np.ndarray
    keys: np.ndarray
    g: np.ndarray
    ksum: np.ndarray
    vsum: np.ndarray


def taylor(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> Taylor:
    """Algorithm 1 (ViTALiTy, HPCA 2023) of real q [.., q_tokens, qk_dim], k [.., kv_tokens, qk_dim], v [.., kv_tokens,
    v_dim]."""
    q, k, v = (np.asarray(x, np.float64) for x in (q, k, v))
    keys, root = k - k.mean(axis=-2, keepdims=True), np.sqrt(k.shape[-1])
    g, ksum, vsum = np.swapaxes(keys, -1, -2) @ v, keys.sum(axis=-2), v.sum(axis=-2)
    divisors = k.shape[-2] * root + (q * ksum[..., None, :]).sum(axis=-1)
    return Taylor(g, ksum, vsum, divisors, (root * vsum[..., None, :] + q @ g) / divisors[..., None])


def taylor_weights(q: np.ndarray, k: np.ndarray) -> np.ndarray:
    """float64[.., q_tokens, kv_tokens]: 1 + x of the centred scores x, which may be below 0; nothing clamps them."""
    q, k = np.asarray(q, np.float64), np.asarray(k, np.float64)
    keys = k - k.mean(axis=-2, keepdims=True)
    return 1 + q @ np.swapaxes(keys, -1, -2) / np.sqrt(k.shape[-1])


def weighted(weights: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The closed sum of any rule: sum of w v / sum of w, over the tokens."""
    return weights @ np.asarray(v, np.float64) / weights.sum(axis=-1, keepdims=True)


def l1(q: np.ndarray, k: np.ndarray, v: np.ndarray, scores_first: bool) -> np.ndarray:
    """SimA (WACV 2024): q and k divided by their features' sums of magnitudes over the tokens, then both products; a
    feature that is 0 in every token stays 0."""
    totals = [np.abs(np.asarray(x, np.float64)).sum(axis=-2, keepdims=True) for x in (q, k)]
    q, k = (x / np.where(total > 0, total, 1) for x, total in zip((q, k), totals))
    turned = np.swapaxes(k, -1, -2)
    return (q @ turned) @ v if scores_first else q @ (turned @ np.asarray(v, np.float64))


def hash_weights(q: np.ndarray, k: np.ndarray) -> np.ndarray:
    """float64[.., q_tokens, kv_tokens]: bits + 1 + q k of codes of -1 and 1 (EcoFormer, NeurIPS 2022); the kernel's
    form, whose weights sum to the divisor. The released code adds (bits + 1) v of the query's own token instead."""
    q, k = np.asarray(q, np.float64), np.asarray(k, np.float64)
    return q.shape[-1] + 1 + q @ np.swapaxes(k, -1, -2)


class Operations(NamedTuple):
    """Multiplications and additions of an attention layer, and their energy at 3.7 and 0.9 pJ (32-bit floating
    point)."""

    multiplications: int
    additions: int

    @property
    def pj(self) -> float:
        return 3.7 * self.multiplications + 0.9 * self.additions


def hash_operations(tokens: int, dim: int, heads: int, bits: int, anchors: int = 25) -> Operations:
    """As EcoFormer's released counters have them, projections not counted; `dim`: of all heads. Per token and head:
    codes by `anchors` anchors (2 multiplications an exponential, one a bit and anchor), a bit's product with the
    divisor's sum, one division a feature."""
    head = dim // heads
    multiplications = (anchors + 1) * bits + head + 2 * anchors + 1
    additions = bits * (2 * head + anchors + 2) + (2 * anchors + 1) * head
    return Operations(tokens * heads * multiplications, tokens * heads * additions)


def softmax_operations(tokens: int, dim: int, heads: int) -> Operations:
    """Of softmax attention, counted as `hash_operations` counts."""
    head, scores = dim // heads, tokens * tokens * heads
    return Operations(scores * (2 * head + 1), scores * 2 * head)


def mean(x: np.ndarray) -> np.ndarray:
    """int64[.., features]: the mean of integers [.., tokens, features] over the tokens, to the nearest, halves up."""
    tokens = x.shape[-2]
    return (2 * x.astype(np.int64).sum(axis=-2) + tokens) // (2 * tokens)


def sums(k: np.ndarray, v: np.ndarray, *, centred: bool, key_bits: int = WIDE) -> Sums:
    """What the products and accumulators of taylor (centred) and hash leave. `key_bits`: 8 saturates centred keys."""
    middle = mean(k) if centred else np.zeros((*k.shape[:-2], k.shape[-1]), np.int64)
    keys = k.astype(np.int64) - middle[..., None, :]
    if key_bits == NARROW:
        keys = np.clip(keys, -128, 127)
    wide = v.astype(np.int64)
    return Sums(middle, keys.astype(np.int16), np.swapaxes(keys, -1, -2) @ wide, keys.sum(axis=-2), wide.sum(axis=-2))


def numerator(q: np.ndarray, g: np.ndarray, vsum: np.ndarray, multiplier: int, shift: int) -> np.ndarray:
    """int64[.., q_tokens, v_dim] of int8 q and requantised g."""
    return q.astype(np.int64) @ g.astype(np.int64) + rescale(vsum, multiplier, shift)[..., None, :]


def divisors(q: np.ndarray, ksum: np.ndarray, offset: int) -> np.ndarray:
    """int64[.., q_tokens], at least 1."""
    return np.maximum(1, offset + (q.astype(np.int64) * ksum[..., None, :]).sum(axis=-1))


def divide(num: np.ndarray, den: np.ndarray, fraction: int) -> np.ndarray:
    """int64: num / den with `fraction` bits after the point, to the nearest, halves up; den above 0."""
    return ((num.astype(np.int64) << (fraction + 1)) + den) // (2 * den)


def l1_shift(tokens: int) -> int:
    """Bits after the point of a normalised operand: its mean magnitude, 1 / tokens, becomes 8 to 16 of 127."""
    return (16 * tokens).bit_length() - 1


def l1_normalised(x: np.ndarray) -> np.ndarray:
    """int8[.., tokens, features] of int8 x; 0 where a feature is 0 in every token."""
    wide = x.astype(np.int64)
    total = np.abs(wide).sum(axis=-2, keepdims=True)
    return clamp(divide(wide, np.maximum(total, 1), l1_shift(x.shape[-2])))
