"""Who computes which of a head's scores, and how many there are in a block of rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.workload.layers import Attention
from accelsim.workload.mask import AttentionMask

T = TypeVar("T")
MOST_FOUND = 2048  # things that are kept for a head
LARGEST_FOUND = 1 << 14  # outputs of a layer whose cuts are kept: there may be as many passes


@dataclass(frozen=True, eq=False)
class HeadWork:
    """One head's share of the two engines: `dense` columns (ascending) and `sparse` bool[q_tokens, kv_tokens]."""

    dense: np.ndarray
    sparse: np.ndarray
    found: dict[tuple, object] = field(default_factory=dict, repr=False)  # what points of a sweep ask for again

    def keep(self, key: tuple, make: Callable[[], T], size: int = 0) -> T:
        """What is asked for again, made when it is asked for first; not for ever, since points of a search are many,
        and nothing that is large."""
        if size > LARGEST_FOUND:
            return make()
        if key not in self.found:
            if len(self.found) >= MOST_FOUND:
                self.found.clear()
            self.found[key] = make()
        return self.found[key]

    def last(self, key: tuple, of: object, make: Callable[[], T], size: int = 0) -> T:
        """What was made last under a key, if it was made of what compares equal; nothing that is large is kept."""
        if size > LARGEST_FOUND:
            return make()
        if key not in self.found or self.found[key][0] != of:
            self.found[key] = of, make()
        return self.found[key][1]

    @cached_property
    def entries(self) -> tuple[np.ndarray, np.ndarray]:
        """Sparse scores row by row: int64[q_tokens + 1], where each row's begin, and the column of each, in 16 bits
        where these hold it: such are sorted by their digits, in one sweep."""
        places = np.flatnonzero(self.sparse)
        keys = self.sparse.shape[1]
        columns = (places % keys).astype(np.uint16 if keys <= 1 << 16 else np.int64)
        return np.searchsorted(places, keys * np.arange(len(self.sparse) + 1)), columns

    @cached_property
    def scores_before(self) -> list[int]:
        """Sparse scores of all rows above each, and of all: [q_tokens + 1]."""
        return self.entries[0].tolist()

    def sparse_scores(self, first: int, last: int) -> int:
        """Sparse scores of rows first to last - 1."""
        before = self.scores_before
        return before[last] - before[first]

    def scores_of_keys(self, starts: Sequence[int]) -> np.ndarray:
        """int64[q_tokens + 1, blocks]: sparse scores of all rows above each, in blocks of keys that begin there."""
        begins, columns = self.entries
        block = np.searchsorted(starts, np.arange(self.sparse.shape[1]), side="right") - 1
        rows = np.repeat(np.arange(len(self.sparse)), np.diff(begins))
        each = np.bincount(rows * len(starts) + block[columns], minlength=len(self.sparse) * len(starts))
        before = np.zeros((len(self.sparse) + 1, len(starts)), np.int64)
        np.cumsum(each.reshape(-1, len(starts)), axis=0, out=before[1:])
        return before

    def segments_before(self, segment: int) -> np.ndarray:
        """int64[q_tokens + 1]: segments of scores of all rows above each."""

        def made() -> np.ndarray:
            before = np.zeros(len(self.sparse) + 1, np.int64)
            np.cumsum(-(-np.diff(self.entries[0]) // segment), out=before[1:])
            return before

        return self.keep(("segments", segment), made)

    def pieces(self, first: int, last: int, segment: int) -> int:
        """Pieces that the columns of rows first to last - 1 are handed out in: none is longer than a segment."""
        return int((-(-self.column_counts(first, last) // segment)).sum())

    def column_pieces(self, segment: int) -> int:
        """The same of all rows."""
        return self.keep(("pieces", segment), lambda: self.pieces(0, len(self.sparse), segment))

    def column_counts(self, first: int, last: int) -> np.ndarray:
        """int64[kv_tokens]: sparse scores of each column in rows first to last - 1."""
        starts, columns = self.scores_before, self.entries[1]
        return np.bincount(columns[starts[first] : starts[last]], minlength=self.sparse.shape[1])

    def by_column(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """(columns, rows counted from the first) of the sparse scores of some rows, column by column; the rows in 16
        bits where these hold them."""
        starts, columns = self.entries
        mine = columns[starts[first] : starts[last]]
        short = np.uint16 if last - first <= 1 << 16 else np.int64
        rows = np.repeat(np.arange(last - first, dtype=short), np.diff(starts[first : last + 1]))
        order = np.argsort(mine, kind="stable")
        return mine[order], rows[order]

    def row_scores(self, first: int, last: int) -> np.ndarray:
        """int64[rows]: sparse scores of each of rows first to last - 1."""
        return np.diff(self.entries[0][first : last + 1])


_found: "WeakKeyDictionary[AttentionMask, dict[tuple[bool, bool], tuple[HeadWork, ...]]]" = WeakKeyDictionary()


def split_heads(layer: Attention, mask: AttentionMask, have: Resources) -> tuple[HeadWork, ...]:
    """Who computes what: the global tokens' columns densely, what is left sparsely [paper]; found once for a mask.

    Without pruning every column is dense; without reordering (and with pruning) everything is sparse. A column of which
    nothing is kept is never dense work.
    """
    ways = _found.setdefault(mask, {})
    key = have.prune, have.reorder
    if key not in ways:
        ways[key] = tuple(split_head(layer, mask, head, *key) for head in range(layer.heads))
    return ways[key]


def split_head(layer: Attention, mask: AttentionMask, head: int, prune: bool, reorder: bool) -> HeadWork:
    """Of one head."""
    keep = mask.keep[head] if prune else np.ones((layer.q_tokens, layer.kv_tokens), bool)
    if not reorder:
        dense = np.zeros(0, np.int64)
    elif prune:
        dense = np.sort(mask.order[head, : mask.global_tokens[head]]).astype(np.int64)
    else:
        dense = np.arange(layer.kv_tokens)
    if len(dense):
        keep = keep.copy()
        keep[:, dense] = False
        keep.flags.writeable = False
    return HeadWork(dense, keep)
