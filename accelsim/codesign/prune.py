"""Pruning by information (ViTCoD, HPCA 2023): in each row keep the largest scores until their sum reaches a threshold
theta_p."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from accelsim.core.errors import InputError, suggest

SCOPES = ("global", "layer", "head")


def information_before(maps: np.ndarray, one_more: bool = False) -> np.ndarray:
    """float64, shape of `maps` [..., q, kv]: the fraction of its row's sum that larger scores hold, so that the paper's
    rule "keep the largest until their sum reaches theta" is `information_before(maps) < theta`. Equal scores rank by
    position.

    `one_more`: the public code's rule, which keeps one entry more than needed in each row.
    Errors: InputError for a negative or not finite score, or a row that sums to 0.
    """
    maps = np.asarray(maps)
    if maps.ndim < 2 or 0 in maps.shape:
        raise InputError(
            f"an attention map has the shape {list(maps.shape)} but must be [..., q_tokens, kv_tokens], none 0."
        )
    if not np.isfinite(maps).all() or (maps < 0).any():
        raise InputError("an attention map holds a negative or not finite score; give the scores after the softmax.")
    rank = np.argsort(-maps, axis=-1, kind="stable")
    ranked = np.take_along_axis(maps, rank, axis=-1)
    total = ranked.sum(axis=-1, keepdims=True)
    if (total == 0).any():
        raise InputError(
            "an attention map has a row of zeros only; give the scores after the softmax, whose rows sum to 1."
        )
    before = np.zeros(maps.shape)
    # each sum is of the larger scores only, so that the first entry is exactly 0
    np.cumsum(ranked[..., :-1], axis=-1, out=before[..., 1:])
    before /= total
    if one_more:
        before[..., 2:] = before[..., 1:-1].copy()
        before[..., 1:2] = 0
    out = np.empty(maps.shape)
    np.put_along_axis(out, rank, before, axis=-1)
    return out


def prune(
    maps: Sequence[np.ndarray],
    *,
    theta: float | None = None,
    sparsity: float | None = None,
    scope: str = "global",
    class_token: bool = False,
    one_more: bool = False,
    allowed: Sequence[np.ndarray] | None = None,
) -> list[np.ndarray]:
    """maps: one array [heads, q_tokens, kv_tokens] of average attention per layer. Returns bool arrays, True = kept.

    Give either `theta`, the information threshold in (0, 1], or `sparsity` in [0, 1): then theta is the largest that
    prunes at least this fraction over the whole network ('global'), in every 'layer', or in every 'head'.
    `class_token`: row 0 and column 0 are always kept. `one_more`: the public code's rule. `allowed`: bool arrays of the
    maps' shapes, False = never kept (masked by the network itself).
    Errors: InputError for bad maps or arguments, or a sparsity that the entries which must stay make unreachable.
    """
    if (theta is None) == (sparsity is None):
        raise InputError("prune needs either theta or sparsity: give one of the two.")
    if theta is not None and not 0 < theta <= 1:
        raise InputError(f"theta is {theta!r} but must be above 0 and at most 1, a fraction of a row's attention.")
    if sparsity is not None and not 0 <= sparsity < 1:
        raise InputError(f"sparsity is {sparsity!r} but must be at least 0 and below 1, a fraction of the scores.")
    if scope not in SCOPES:
        raise InputError(f"scope is {scope!r} but must be one of {', '.join(SCOPES)}{suggest(scope, SCOPES)}.")
    ranks = [ranking(layer, class_token, one_more) for layer in maps]
    if allowed is not None:
        ranks = [np.where(may, rank, np.inf) for may, rank in zip(allowed, ranks)]
    if theta is not None:
        return [rank < theta for rank in ranks]
    if scope == "global":
        limit = _solve(np.concatenate([rank.ravel() for rank in ranks]), sparsity, "the network")
        return [rank < limit for rank in ranks]
    if scope == "layer":
        return [rank < _solve(rank.ravel(), sparsity, f"layer {i}") for i, rank in enumerate(ranks)]
    heads = [
        [_solve(head.ravel(), sparsity, f"layer {i}, head {h}") for h, head in enumerate(r)]
        for i, r in enumerate(ranks)
    ]
    return [rank < np.array(limits)[:, None, None] for rank, limits in zip(ranks, heads)]


def ranking(layer: np.ndarray, class_token: bool, one_more: bool = False) -> np.ndarray:
    """`information_before`, with the CLS row and column (always kept) at -1."""
    rank = information_before(layer, one_more)
    if class_token:
        rank[..., 0, :] = rank[..., :, 0] = -1
    return rank


def kept_entries(rank: np.ndarray, sparsity: float, what: str) -> int:
    """How many entries a sparsity leaves, to the nearest one. Errors: InputError when more than these must stay."""
    kept, needed = round(rank.size * (1 - sparsity)), np.count_nonzero(rank <= 0)
    if kept < needed:
        most = np.floor((1 - needed / rank.size) * 1e4) / 1e4
        raise InputError(
            f"sparsity {sparsity:g} cannot be reached in {what}: {needed} of {rank.size} scores must stay "
            f"(the CLS row and column and the largest score of each row); the most is {most:g}."
        )
    return kept


def _solve(rank: np.ndarray, sparsity: float, what: str) -> float:
    """The largest theta that keeps no more than (1 - sparsity) of the entries: ranks are exact, so no search is
    needed."""
    kept = kept_entries(rank, sparsity, what)
    return np.inf if kept == rank.size else float(np.partition(rank, kept)[kept])
