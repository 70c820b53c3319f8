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
AT_ONCE = 1 << 16  # scores that are looked at at a time: what is made of them stays in a processor's own cache
MOST_FOUND = 2048  # things that are kept for a head
LARGEST_FOUND = 1 << 14  # outputs of a layer whose cuts are kept: there may be as many passes


@dataclass(frozen=True, eq=False)
class HeadWork:
    """One head's share of the two engines: `dense` columns (ascending), and the sparse scores row by row: `starts`
    int64[q_tokens + 1], where each row's begin, and `columns`, the column of each, in 16 bits where these hold the
    number of any of its `keys`: such are sorted by their digits, in one sweep."""

    dense: np.ndarray
    starts: np.ndarray
    columns: np.ndarray
    keys: int
    found: dict[tuple, object] = field(default_factory=dict, repr=False)  # what points of a sweep ask for again

    @classmethod
    def of(cls, dense: np.ndarray, sparse: np.ndarray) -> "HeadWork":
        """The same of the scores as bool[q_tokens, kv_tokens], some rows at a time."""
        rows, keys = sparse.shape
        starts, short = np.zeros(rows + 1, np.int64), np.uint16 if keys <= 1 << 16 else np.int64
        np.cumsum(np.count_nonzero(sparse, axis=1), out=starts[1:])
        columns, some = np.empty(starts[-1], short), max(1, AT_ONCE // keys)
        for at in range(0, rows, some):
            last = min(at + some, rows)
            columns[starts[at] : starts[last]] = np.flatnonzero(sparse[at:last]) % keys
        return cls(dense, starts, columns, keys)

    @property
    def rows(self) -> int:
        return len(self.starts) - 1

    @property
    def sparse(self) -> np.ndarray:
        """bool[q_tokens, kv_tokens]: the sparse scores, made anew each time."""
        made = np.zeros((self.rows, self.keys), bool)
        made[np.repeat(np.arange(self.rows), np.diff(self.starts)), self.columns] = True
        return made

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
    def scores_before(self) -> list[int]:
        """Sparse scores of all rows above each, and of all: [q_tokens + 1]."""
        return self.starts.tolist()

    def sparse_scores(self, first: int, last: int) -> int:
        """Sparse scores of rows first to last - 1."""
        before = self.scores_before
        return before[last] - before[first]

    def scores_of_keys(self, starts: Sequence[int]) -> np.ndarray:
        """int64[q_tokens + 1, blocks]: sparse scores of all rows above each, in blocks of keys that begin there."""
        block = np.searchsorted(starts, np.arange(self.keys), side="right") - 1
        before, count = np.zeros((self.rows + 1, len(starts)), np.int64), np.diff(self.starts)
        some = max(1, AT_ONCE * self.rows // max(1, len(self.columns)))
        for at in range(0, self.rows, some):
            last = min(at + some, self.rows)
            rows = np.repeat(len(starts) * np.arange(last - at), count[at:last])
            rows += block[self.columns[self.starts[at] : self.starts[last]]]
            each = np.bincount(rows, minlength=(last - at) * len(starts))
            before[at + 1 : last + 1] = each.reshape(-1, len(starts))
        return np.cumsum(before, axis=0, out=before)

    def segments_before(self, segment: int) -> np.ndarray:
        """int64[q_tokens + 1]: segments of scores of all rows above each."""

        def made() -> np.ndarray:
            before = np.zeros(self.rows + 1, np.int64)
            np.cumsum(-(-np.diff(self.starts) // segment), out=before[1:])
            return before

        return self.keep(("segments", segment), made)

    def pieces(self, first: int, last: int, segment: int) -> int:
        """Pieces that the columns of rows first to last - 1 are handed out in: none is longer than a segment."""
        return int((-(-self.column_counts(first, last) // segment)).sum())

    def column_pieces(self, segment: int) -> int:
        """The same of all rows."""
        return self.keep(("pieces", segment), lambda: self.pieces(0, self.rows, segment))

    def column_counts(self, first: int, last: int) -> np.ndarray:
        """int64[kv_tokens]: sparse scores of each column in rows first to last - 1."""
        starts = self.scores_before
        return np.bincount(self.columns[starts[first] : starts[last]], minlength=self.keys)

    def by_column(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """(columns, rows counted from the first) of the sparse scores of some rows, column by column; the rows in 16
        bits where these hold them."""
        starts = self.starts
        mine = self.columns[starts[first] : starts[last]]
        short = np.uint16 if last - first <= 1 << 16 else np.int64
        rows = np.repeat(np.arange(last - first, dtype=short), np.diff(starts[first : last + 1]))
        order = np.argsort(mine, kind="stable")
        return mine[order], rows[order]

    def row_scores(self, first: int, last: int) -> np.ndarray:
        """int64[rows]: sparse scores of each of rows first to last - 1."""
        return np.diff(self.starts[first : last + 1])


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


def forget(layer: Attention, mask: AttentionMask) -> None:
    """Hold the heads of a large layer no longer than somebody asks for them."""
    if layer.heads * layer.q_tokens > LARGEST_FOUND:
        _found.pop(mask, None)


def split_head(layer: Attention, mask: AttentionMask, head: int, prune: bool, reorder: bool) -> HeadWork:
    """Of one head."""
    keep = mask.head(head) if prune else np.ones((layer.q_tokens, layer.kv_tokens), bool)
    if not reorder:
        dense = np.zeros(0, np.int64)
    elif prune:
        dense = np.sort(mask.order[head, : mask.global_tokens[head]]).astype(np.int64)
    else:
        dense = np.arange(layer.kv_tokens)
    if len(dense):
        keep = keep.copy()
        keep[:, dense] = False
    return HeadWork.of(dense, keep)
