"""Who computes which of a head's scores, and how many there are in a block of rows."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.workload.layers import Attention
from accelsim.workload.mask import AttentionMask


@dataclass(frozen=True)
class HeadWork:
    """One head's share of the two engines: `dense` columns (ascending) and `sparse` bool[q_tokens, kv_tokens]."""

    dense: np.ndarray
    sparse: np.ndarray

    @cached_property
    def entries(self) -> tuple[np.ndarray, np.ndarray]:
        """Sparse scores row by row: int64[q_tokens + 1], where each row's begin, and the column of each."""
        rows, columns = np.nonzero(self.sparse)
        return np.searchsorted(rows, np.arange(len(self.sparse) + 1)), columns

    def sparse_scores(self, first: int, last: int) -> int:
        """Sparse scores of rows first to last - 1."""
        starts, _ = self.entries
        return int(starts[last] - starts[first])

    @property
    def sparse_rows(self) -> np.ndarray:
        """Sparse scores of each row."""
        return np.diff(self.entries[0])

    def column_counts(self, first: int, last: int) -> np.ndarray:
        """int64[kv_tokens]: sparse scores of each column in rows first to last - 1."""
        starts, columns = self.entries
        return np.bincount(columns[starts[first] : starts[last]], minlength=self.sparse.shape[1])

    def by_column(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """(columns, rows counted from the first) of the sparse scores of some rows, column by column."""
        starts, columns = self.entries
        mine = columns[starts[first] : starts[last]]
        rows = np.repeat(np.arange(last - first), np.diff(starts[first : last + 1]))
        order = np.argsort(mine, kind="stable")
        return mine[order], rows[order]

    def dense_in(self, first: int, keys: int) -> np.ndarray:
        """The dense columns among `keys` keys."""
        begin, end = np.searchsorted(self.dense, (first, first + keys))
        return self.dense[begin:end]


def split_heads(layer: Attention, mask: AttentionMask, have: Resources) -> list[HeadWork]:
    """Who computes what: the global tokens' columns densely, what is left sparsely [paper].

    Without pruning every column is dense; without reordering (and with pruning) everything is sparse. A column of which
    nothing is kept is never dense work.
    """
    work = []
    for head in range(layer.heads):
        keep = mask.keep[head] if have.prune else np.ones((layer.q_tokens, layer.kv_tokens), bool)
        if not have.reorder:
            dense = np.zeros(0, np.int64)
        elif have.prune:
            dense = np.sort(mask.order[head, : mask.global_tokens[head]]).astype(np.int64)
        else:
            dense = np.arange(layer.kv_tokens)
        sparse = keep.copy()
        sparse[:, dense] = False
        work.append(HeadWork(dense, sparse))
    return work
