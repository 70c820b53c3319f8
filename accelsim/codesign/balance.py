"""Choosing theta_d: how many global tokens make the denser and the sparser engine equally long at work."""

from __future__ import annotations

import numpy as np


def balanced_threshold(keep: np.ndarray) -> int:
    """The threshold for `polarize` at which the longer of the two engines' work is the least, of all heads of a layer.

    keep: bool[heads, q_tokens, kv_tokens]. The denser engine computes q_tokens scores for each global token, kept or
    not; the sparser engine what is kept in the other columns. Some column's count; of equally good ones the largest.
    """
    columns = keep.sum(axis=1).ravel()
    rows = keep.shape[1]
    candidates = np.unique(np.append(columns, 0))
    ranked = np.sort(columns)
    above = len(ranked) - np.searchsorted(ranked, candidates, side="right")
    sparse = np.concatenate([[0], np.cumsum(ranked)])[len(ranked) - above]
    longer = np.maximum(above * rows, sparse)
    return int(candidates[np.flatnonzero(longer == longer.min())[-1]])
