"""All layers but attention, in integers: products with bias and residual, activations by table, norms, element-wise.

A dense layer leaves the accumulators as int32 sums of int8 products and an int32 bias:

    y = clamp(rescale(sum, multiplier, shift) + rescale(residual, its multiplier, its shift))
    y = table[y + 128]                          where the layer has an activation

A norm, over n = all features of a token (layernorm, rmsnorm; groupnorm: all of an image, one group):

    d = n * x - sum of x                        rmsnorm: n * x
    V = n * (sum of x^2) - (sum of x)^2 + epsilon        n^2 times the variance; rmsnorm: without the second term
    V = M * 4^e, 2^30 <= M < 2^32               bits that an M has no room for are cut off
    root = floor(sqrt(M))                       16 bits, a bit a step
    r = 2^31 // root                            the divider of softmax serves; 1 / sqrt(V) = r / 2^31 / 2^e
    z = (d * r + half) >> (31 - NORM_FRACTION + e)       x normalised, NORM_FRACTION = 10 bits after the point
    y = clamp((z * gamma + beta + half) >> shift)        gamma int16, beta int32 of a feature, shift of the layer

Batchnorm is its last line, with x for z.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from accelsim.core.errors import InputError
from accelsim.workload.functional.requantise import clamp, requantise, rescale

NORM_FRACTION = 10
EXACT_DEPTH = 1 << 10
"""Products of int8 are at most 2^14, so that so many of them add up exactly in float32's 24 bits."""
ACTIVATION = {
    "gelu": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
    "relu": lambda x: max(x, 0.0),
    "relu6": lambda x: min(max(x, 0.0), 6.0),
    "hardswish": lambda x: x * min(max(x + 3, 0.0), 6.0) / 6,
    "silu": lambda x: x / (1 + math.exp(-x)),
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "hardsigmoid": lambda x: min(max(x + 3, 0.0), 6.0) / 6,
    "tanh": math.tanh,
}
"""Real functions; PyTorch's definitions."""
CODES = {"exp": math.exp, "sign": lambda x: 1 if x >= 0 else -1}
"""Of the layers that make the codes of linear attention; a sign is an integer."""


def activation_table(name: str, scale_in: float, scale_out: float) -> np.ndarray:
    """int8[256]: entry x + 128 is the activation of x * scale_in, in steps of scale_out, halves to the even one."""
    real = (ACTIVATION | CODES)[name]
    if name == "sign":
        scale_out = 1
    return clamp(np.array([round(real(x * scale_in) / scale_out) for x in range(-128, 128)], np.int64))


def look_up(table: np.ndarray, x: np.ndarray) -> np.ndarray:
    """int8: each x through a table of 256 entries."""
    return table[x.astype(np.int16) + 128]


def product(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """int32[..., tokens, columns]: int8 x[..., tokens, depth] times int8 weight[..., depth, columns], added up in 32
    bits that wrap around. Exact: floating point serves for at most EXACT_DEPTH products at a time."""
    depth = x.shape[-1]
    out = np.zeros((*x.shape[:-1], weight.shape[-1]), np.int32)
    for at in range(0, depth, EXACT_DEPTH):
        some = slice(at, at + EXACT_DEPTH)
        out += np.matmul(x[..., some].astype(np.float32), weight[..., some, :].astype(np.float32)).astype(np.int32)
    return out


def dense(
    sums: np.ndarray,
    bias: np.ndarray | int,
    requant: np.ndarray,
    residual: np.ndarray | None = None,
    residual_requant: np.ndarray | None = None,
    table: np.ndarray | None = None,
) -> np.ndarray:
    """int8 of a dense layer's sums int32[..., features]. bias: int32[features]. requant: int32[features, 2]
    (multiplier, shift). residual: int8 as the sums, residual_requant: int32[2]. table: of the activation, int8[256]."""
    y = rescale(sums + np.asarray(bias, np.int32), requant[..., 0], requant[..., 1])
    if residual is not None:
        y = y + rescale(residual, *residual_requant)
    return clamp(y) if table is None else look_up(table, clamp(y))


def reciprocal_root(v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(r, e), int64: 1 / sqrt(v) is r / 2^31 / 2^e, of v int64 above 0; (0, 0) where v is 0."""
    bits = np.array([int(x).bit_length() for x in v.ravel()], np.int64).reshape(v.shape)
    e = (bits - 31) // 2  # 31 or 32 bits are left
    m = np.where(e >= 0, v >> np.maximum(e * 2, 0), v << np.maximum(-e * 2, 0))
    root = np.array([math.isqrt(int(x)) for x in m.ravel()], np.int64).reshape(v.shape)
    r = (np.int64(1) << 31) // np.maximum(root, 1)
    return np.where(v > 0, r, 0), np.where(v > 0, e, 0)


def normalise(
    x: np.ndarray, norm: str, gamma: np.ndarray, beta: np.ndarray, shift: int, epsilon: int = 0
) -> np.ndarray:
    """int8[tokens, features] of int8 x. epsilon: integer, in steps of (n * scale of x)^2. Errors: InputError for more
    elements a statistic than 2^20, whose sums have more than 63 bits."""
    z = x.astype(np.int64)
    if norm != "batchnorm":
        whole = z.reshape(1, -1) if norm == "groupnorm" else z
        n = whole.shape[-1]
        if n > 1 << 20:
            raise InputError(f"a {norm} of {n} elements has sums of more than 63 bits; at most {1 << 20} are taken.")
        total = whole.sum(axis=-1, keepdims=True) * (norm != "rmsnorm")
        r, e = reciprocal_root(n * (whole**2).sum(axis=-1, keepdims=True) - total**2 + epsilon)
        down = 31 - NORM_FRACTION + e
        scaled = (n * whole - total) * r
        z = np.where(
            down > 0,
            (scaled + ((np.int64(1) << np.maximum(down, 0)) >> 1)) >> np.maximum(down, 0),
            scaled << np.maximum(-down, 0),
        ).reshape(x.shape)
    y = z * gamma.astype(np.int64) + beta.astype(np.int64)
    return clamp((y + ((1 << shift) >> 1)) >> shift)


def elementwise(op: str, x: Sequence[np.ndarray], requant: np.ndarray, table: np.ndarray | None = None) -> np.ndarray:
    """int8 of operands int8[tokens, features], all of one shape. requant: int32[operands, 2] of the operands of add;
    its first row serves the others: multiply rescales the product, mean the sum over the tokens. max takes none, an
    activation its table."""
    wide = [one.astype(np.int64) for one in x]
    if op == "add":
        return clamp(sum(rescale(one, *scaling) for one, scaling in zip(wide, requant, strict=True)))
    if op == "multiply":
        return requantise(math.prod(wide[1:], start=wide[0]), *requant[0])
    if op == "mean":
        return requantise(wide[0].sum(axis=-2, keepdims=True), *requant[0])
    return x[0].max(axis=-2, keepdims=True) if op == "max" else look_up(table, x[0])
