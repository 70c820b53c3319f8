"""Polarizing (ViTCoD, HPCA 2023, section on split and conquer): find each head's global tokens and put their columns
first."""

from __future__ import annotations

import numpy as np

from accelsim.core.errors import InputError
from accelsim.workload.mask import AttentionMask

THRESHOLD, THRESHOLD_TOKENS = 50, 197
"""The public code's theta_d: a token is global when its column has more than 50 of 197 nonzeros."""


def polarize(keep: np.ndarray, threshold: float | None = None) -> AttentionMask:
    """keep: bool[heads, q_tokens, kv_tokens], True = kept. A token is global in a head when its column has more than
    `threshold` nonzeros (None: 50 / 197 of q_tokens, which is 50 for DeiT). Global tokens first, then the rest, both
    ascending. Errors: InputError for a negative threshold or a mask that is none (see AttentionMask).
    """
    keep = np.asarray(keep)
    if keep.ndim != 3 or keep.dtype != np.bool_:
        raise InputError(
            f"a mask to polarize is {keep.dtype}{list(keep.shape)} but must be bool[heads, q_tokens, kv_tokens]."
        )
    if threshold is not None and not threshold >= 0:
        raise InputError(f"threshold is {threshold!r} but must be a number of nonzeros, 0 or more.")
    limit = THRESHOLD * keep.shape[1] / THRESHOLD_TOKENS if threshold is None else threshold
    is_global = keep.sum(axis=1) > limit
    order = np.argsort(~is_global, axis=1, kind="stable")
    return AttentionMask(keep, order, is_global.sum(axis=1))
