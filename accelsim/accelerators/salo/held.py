"""What of a mask is windows, dilated ones and global tokens: what an array without indices can hold.

A window is a run of diagonals of the mask, of every D-th where it is dilated, that are kept as far as they go; a global
token's row and column are kept whole. What is left is the remainder.
"""

from dataclasses import dataclass

import numpy as np

from accelsim.workload.mask import AttentionMask


@dataclass(frozen=True)
class Held:
    """Of one head. columns: tokens that all see. rows: tokens that see all. diagonals: key less query of those that are
    kept whole, ascending. dilation: their greatest common step. scores: kept ones. remainder: those that are in none
    of these."""

    columns: tuple[int, ...]
    rows: tuple[int, ...]
    diagonals: np.ndarray
    dilation: int
    scores: int
    remainder: int

    @property
    def share(self) -> float:
        """Of the kept scores, what such hardware holds."""
        return 1 - self.remainder / self.scores if self.scores else 1.0


def held(mask: AttentionMask, head: int, room: int) -> Held:
    """Of one head of a mask, on an array for `room` global tokens.

    Where the mask has a name, its windows are those of the name, on a grid as well; else they are looked for.
    """
    keep = mask.head(head)
    queries, keys = keep.shape
    rows = tuple(np.flatnonzero(keep.all(axis=1))[:room].tolist())
    # where all queries are global, none is left for a column
    columns = tuple(np.flatnonzero(keep.all(axis=0))[:room].tolist()) if len(rows) < queries else ()
    inside = np.ones(keep.shape, bool)
    inside[:, list(columns)] = inside[list(rows)] = False
    offsets = np.arange(keys)[None] - np.arange(queries)[:, None] + queries - 1
    of_each, kept = (np.bincount(offsets[some], minlength=queries + keys - 1) for some in (inside, inside & keep))
    diagonals = np.flatnonzero((of_each > 0) & (kept == of_each)) - (queries - 1)
    whole = np.isin(offsets - (queries - 1), diagonals)
    dilation = int(np.gcd.reduce(np.diff(diagonals))) if len(diagonals) > 1 else 1
    if mask.pattern is not None:
        dilation = mask.pattern.dilation
        tokens = slice(mask.pattern.globals)
        whole = np.ones(keep.shape, bool)
        whole[:, tokens] = whole[tokens] = False
    remainder = int((keep & inside & ~whole).sum())
    return Held(columns, rows, diagonals, max(1, dilation), int(keep.sum()), remainder)
