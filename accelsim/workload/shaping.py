"""From one layer's output to the shape the next one reads: im2col, class token, subsampling, heads side by side."""

from __future__ import annotations

import math

import numpy as np

from accelsim.workload.layers import Attention, Gemm, Layer, LinearAttention


def wanted(layer: Layer) -> tuple[int, int]:
    """Tokens and features that a layer reads; of a dense layer all its repetitions, of attention Q, K and V."""
    if isinstance(layer, Gemm):
        return layer.tokens, layer.repeat * layer.in_features
    if isinstance(layer, Attention | LinearAttention):
        heads = layer.heads // layer.windows
        return layer.kv_tokens * layer.windows, heads * (2 * layer.qk_dim + layer.v_dim)
    return layer.tokens, layer.features


def fit(
    x: np.ndarray, tokens: int, features: int, class_token: np.ndarray | None, repeat: int = 1
) -> np.ndarray | None:
    """int8[batch, tokens, features] of x int8[batch, its tokens, its features]; None when there is no rule for it.

    In this order: as it is; a class token before it; its first tokens, or every second row and column of a grid
    (LeViT's subsampling); windows of a square grid (im2col, window elements outside channels); the same elements in
    another order of sizes. Convolutions are as many windows a side as the grid's root says, with half a window of
    padding where windows overlap.
    """
    batch, have, wide = x.shape
    if wide == features:
        if have == tokens:
            return x
        if have + 1 == tokens and class_token is not None:
            return np.concatenate([np.broadcast_to(class_token, (batch, 1, wide)), x], axis=1)
        side, small = math.isqrt(have), math.isqrt(tokens)
        if side * side == have and small * small == tokens and -(-side // 2) == small and tokens > 1:
            return x.reshape(batch, side, side, wide)[:, ::2, ::2].reshape(batch, tokens, wide)
        if tokens < have:
            return x[:, :tokens]
    windows = im2col(x, tokens, features, repeat)
    if windows is not None:
        return windows
    return x.reshape(batch, tokens, features) if have * wide == tokens * features else None


def im2col(x: np.ndarray, tokens: int, features: int, repeat: int) -> np.ndarray | None:
    """int8[batch, tokens, features]: square windows of a square grid; of `repeat` groups of channels, one after the
    other. None when the sizes are not those of such windows."""
    batch, have, channels = x.shape
    side, out = math.isqrt(have), math.isqrt(tokens)
    area, rest = divmod(features, channels)
    kernel = math.isqrt(area)
    if side * side != have or out * out != tokens or rest or kernel * kernel != area or channels % repeat or out > side:
        return None
    stride = -(-side // out)
    pad = kernel // 2 if kernel > stride or kernel * out > side else 0
    grid = np.pad(x.reshape(batch, side, side, channels), ((0, 0), (pad, kernel), (pad, kernel), (0, 0)))
    rows = stride * np.arange(out)[:, None] + np.arange(kernel)
    if rows.max() >= grid.shape[1]:
        return None
    cut = grid[:, rows[:, None, :, None], rows[None, :, None, :]]  # batch, out, out, kernel, kernel, channels
    cut = cut.reshape(batch, tokens, area, repeat, channels // repeat)
    return np.ascontiguousarray(cut.transpose(0, 1, 3, 2, 4)).reshape(batch, tokens, features)


def split(layer: Attention | LinearAttention, read: list[np.ndarray]) -> dict[str, np.ndarray] | None:
    """q, k, v int8[batch, heads, tokens, dim] of the projections' outputs, in the order of the layers: one with all
    three, or Q and K V in either order, or Q, K and V; columns are head by head. None when their sizes are others."""
    heads, windows = layer.heads // layer.windows, layer.windows
    widths = {"q": heads * layer.qk_dim, "k": heads * layer.qk_dim, "v": heads * layer.v_dim}
    tokens = {"q": layer.q_tokens, "k": layer.kv_tokens, "v": layer.kv_tokens}
    for order in (("qkv",), ("q", "kv"), ("kv", "q"), ("q", "k", "v")):
        shapes = [(windows * tokens[some[-1]], sum(widths[n] for n in some)) for some in order]
        if [one.shape[1:] for one in read] == shapes:
            break
    else:
        return None
    found = {}
    for some, one in zip(order, read, strict=True):
        at = 0
        for n in some:
            mine = one[..., at : at + widths[n]].reshape(len(one), windows, tokens[n], heads, -1)
            found[n] = np.ascontiguousarray(mine.transpose(0, 1, 3, 2, 4)).reshape(len(one), layer.heads, tokens[n], -1)
            at += widths[n]
    return found


def join(layer: Attention | LinearAttention, y: np.ndarray) -> np.ndarray:
    """int8[batch, tokens, features] of an attention layer's outputs int8[batch, heads, q_tokens, v_dim]."""
    heads, windows = layer.heads // layer.windows, layer.windows
    apart = y.reshape(len(y), windows, heads, layer.q_tokens, layer.v_dim).transpose(0, 1, 3, 2, 4)
    return np.ascontiguousarray(apart).reshape(len(y), windows * layer.q_tokens, -1)
