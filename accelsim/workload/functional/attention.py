"""Attention in integers: the softmax in fixed point, base 2, and the auto-encoder across the heads.

t = (s * multiplier) >> shift      the score in octaves, FRACTION = 6 bits after the point (arithmetic shift)
u = max(bound - t, 0)              how far below the bound, which is the layer's constant or the row's maximum
e = EXP2[u mod 64] >> (u div 64)   2^(-u/64) with 15 bits; 0 from 16 octaves on, and where the mask prunes
r = (127 << 24) // sum of e        0 when the sum is 0
p = (e * r + (1 << 23)) >> 24      0 to 127
o = sum over the row of p * V      int32; its real value is o / 127 * scale of V

Where division comes last, behind the values: o = (sum over the row of e * V * r + (1 << 23)) >> 24
"""

from __future__ import annotations

import math

import numpy as np

from accelsim.core.errors import InputError, suggest
from accelsim.workload.functional.requantise import Scaling, requantise, scaling_of
from accelsim.workload.layers import Attention
from accelsim.workload.workload import Workload, tensor_shapes

FRACTION = 6
EXP_BITS, RECIPROCAL_BITS, FULL = 15, 24, 127
EXP2 = np.array([round(2**EXP_BITS * 2 ** (-f / 2**FRACTION)) for f in range(2**FRACTION)], np.int64)
"""EXP2[f] = round(2^15 * 2^(-f/64))."""
MODES = ("bounded", "max")
RANDOM_SCALE = 1 / 32
"""Real value of one step of `random_operands`, whose real values are then standard normal."""


def choose_scaling(scale_q: float, scale_k: float, qk_dim: int) -> Scaling:
    """The 15-bit multiplier (2^14 to 2^15 - 1) and shift with multiplier / 2^shift closest to
    scale_q * scale_k / sqrt(qk_dim) * log2(e) * 2^FRACTION. Errors: InputError for scales that no shift from 0 to 62
    can express."""
    if not (0 < scale_q < math.inf and 0 < scale_k < math.inf and qk_dim >= 1):
        raise InputError(f"scale_q {scale_q!r}, scale_k {scale_k!r} and qk_dim {qk_dim!r} must be finite and above 0.")
    found = scaling_of(scale_q * scale_k / math.sqrt(qk_dim) * math.log2(math.e) * 2**FRACTION)
    if not 0 <= found.shift <= 62:
        raise InputError(
            f"scale_q {scale_q!r} and scale_k {scale_k!r} need a shift of {found.shift}, but it must be 0 to 62."
        )
    return found


def choose_requantization(scale_sums: float, scale_out: float) -> Scaling:
    """The 15-bit multiplier and shift (0 to 62) for which (sum * multiplier) >> shift turns sums of this scale into
    integers of another: multiplier / 2^shift is closest to scale_sums / scale_out. Errors: InputError as above."""
    # choose_scaling of a dimension and factor that cancel its own
    return choose_scaling(scale_sums / scale_out, 1 / (math.log2(math.e) * 2**FRACTION), 1)


def scores(q: np.ndarray, k: np.ndarray) -> np.ndarray:
    """int32[heads, q_tokens, kv_tokens] = Q K^T of int8 q[heads, q_tokens, qk_dim] and k[heads, kv_tokens, qk_dim]."""
    return np.matmul(_int8("q", q).astype(np.int32), _int8("k", k).astype(np.int32).transpose(0, 2, 1))


def octaves(s: np.ndarray, multiplier: int, shift: int) -> np.ndarray:
    """t, int64, of int32 scores."""
    return (s.astype(np.int64) * multiplier) >> shift


def calibrate_bound(q: np.ndarray, k: np.ndarray, keep: np.ndarray, multiplier: int, shift: int) -> int:
    """The largest t over the kept scores of the given operands: the layer's constant for mode 'bounded'; 0 if none
    is kept."""
    kept = octaves(scores(q, k), multiplier, shift)[keep]
    return int(kept.max()) if kept.size else 0


def exponentials(
    s: np.ndarray, keep: np.ndarray, multiplier: int, shift: int, bound: int | None, mode: str
) -> np.ndarray:
    """e, int64 from 0 to 2^15, of int32 scores; 0 where the mask prunes."""
    if mode not in MODES:
        raise InputError(f"softmax mode is {mode!r} but must be one of {', '.join(MODES)}{suggest(mode, MODES)}.")
    if (bound is None) != (mode == "max"):
        raise InputError(
            f"softmax mode {mode!r} {'takes no' if mode == 'max' else 'needs a'} bound, but bound is {bound!r}."
        )
    t = octaves(s, multiplier, shift)
    if mode == "max":
        bound = np.where(keep, t, np.iinfo(np.int64).min).max(axis=-1, keepdims=True)
        # a row without a kept score has no maximum, and all its e are 0 in any case
        bound = np.where(keep.any(axis=-1, keepdims=True), bound, 0)
    u = np.maximum(bound - t, 0)
    # from 16 octaves on all of EXP2's bits are shifted out
    e = EXP2[u & (2**FRACTION - 1)] >> np.minimum(u >> FRACTION, EXP_BITS + 1)
    return np.where(keep, e, 0)


def probabilities(e: np.ndarray) -> np.ndarray:
    """p, int32 from 0 to 127, of the exponentials of whole rows."""
    total = e.sum(axis=-1, keepdims=True)
    r = np.where(total > 0, (FULL << RECIPROCAL_BITS) // np.maximum(total, 1), 0)
    return ((e * r + (1 << (RECIPROCAL_BITS - 1))) >> RECIPROCAL_BITS).astype(np.int32)


def attention(
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    keep: np.ndarray,
    multiplier: int,
    shift: int,
    bound: int | None = None,
    mode: str = "max",
    late: bool = False,
) -> np.ndarray:
    """o, int32[heads, q_tokens, v_dim] of int8 q, k, v (see `scores`; v[heads, kv_tokens, v_dim]) under
    keep bool[heads, q_tokens, kv_tokens]. bound: an integer for mode 'bounded', None for mode 'max'. late: division
    comes last.
    Errors: InputError for operands that are not int8 or a mode and bound that do not fit."""
    e = exponentials(scores(q, k), keep, multiplier, shift, bound, mode)
    if late:  # floating point adds up products of 16 and 8 bits exactly
        weighted = np.matmul(e.astype(np.float64), _int8("v", v).astype(np.float64)).astype(np.int64)
        return divided(weighted, e.sum(axis=-1, keepdims=True))
    return np.matmul(probabilities(e), _int8("v", v).astype(np.int32))


def divided(weighted: np.ndarray, total: np.ndarray) -> np.ndarray:
    """o, int32, of sums of e * V and of e: times the reciprocal of the latter; 0 where there is none."""
    r = np.where(total > 0, (FULL << RECIPROCAL_BITS) // np.maximum(total, 1), 0)
    return ((weighted * r + (1 << (RECIPROCAL_BITS - 1))) >> RECIPROCAL_BITS).astype(np.int32)


def attention_reference(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, keep: np.ndarray, scale_q: float, scale_k: float, scale_v: float
) -> np.ndarray:
    """float64[heads, q_tokens, v_dim]: the exact masked softmax attention of the same operands, to measure the
    error."""
    real = scores(q, k) * (scale_q * scale_k / math.sqrt(q.shape[-1]))
    real = np.where(keep, real, -np.inf)
    e = np.exp(real - real.max(axis=-1, keepdims=True))
    return np.matmul(e / e.sum(axis=-1, keepdims=True), v.astype(np.float64) * scale_v)


def encode(
    x: np.ndarray, weights: np.ndarray, multiplier: int, shift: int, bias: np.ndarray | None = None
) -> np.ndarray:
    """int8[h', tokens, dim]: one linear layer across the heads of x int8[h, tokens, dim], weights int8[h', h], bias
    int32[h']. Sums are int32, requantised by (sum * multiplier + half) >> shift and clamped to int8."""
    acc = np.einsum("oh,hnd->ond", _int8("weights", weights).astype(np.int32), _int8("x", x).astype(np.int32))
    if bias is not None:
        acc = acc + bias.astype(np.int32)[:, None, None]
    return requantise(acc, multiplier, shift)


def decode(
    x: np.ndarray, weights: np.ndarray, multiplier: int, shift: int, bias: np.ndarray | None = None
) -> np.ndarray:
    """int8[h, tokens, dim] of x int8[h', tokens, dim] and weights int8[h, h']: the same arithmetic as `encode`."""
    return encode(x, weights, multiplier, shift, bias)


def random_operands(workload: Workload, layer: Attention, seed: int) -> dict[str, np.ndarray]:
    """Operands for a workload that carries none: int8 arrays by name ('q', 'k', 'v', and the auto-encoder's weights
    where the layer has one), shapes as in `tensor_shapes`. Same workload name, layer name and seed, same operands."""
    rng = np.random.default_rng([seed, *f"{workload.name}/{layer.name}".encode()])
    return {
        name: np.clip(np.rint(rng.standard_normal(shape) / RANDOM_SCALE), -127, 127).astype(np.int8)
        for name, shape in tensor_shapes(layer).items()
    }


def _int8(name: str, array: np.ndarray) -> np.ndarray:
    if array.dtype != np.int8:
        raise InputError(f"operand {name} is {array.dtype} but must be int8.")
    return array
