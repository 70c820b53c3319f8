"""What the units are told of a pass: its tables, places counted from its start, and its share of the lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from accelsim.accelerators.vitcod.dataflow.head_work import HeadWork
from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.accelerators.vitcod.dataflow.shares import share_lines
from accelsim.accelerators.vitcod.dataflow.sizes import Pass, TableBytes, table_bytes
from accelsim.accelerators.vitcod.tables import COLUMNS, DENSE, INDEX, ROWS
from accelsim.workload.layers import Attention


@dataclass(frozen=True)
class BlockTables:
    """A block of keys: where its dense columns, its sparse columns and its outputs' shares begin in the pass's tables,
    and how many there are of the former two; its sparse scores."""

    first_dense: int
    dense: int
    first_column: int
    columns: int
    first_share: int
    scores: int


@dataclass(frozen=True)
class PassTables:
    """The tables of one pass and its blocks of keys; rows: outputs, then, with several blocks, their shares, block by
    block."""

    dense: np.ndarray
    columns: np.ndarray
    index: np.ndarray
    rows: np.ndarray
    blocks: tuple[BlockTables, ...]
    denser_lines: int
    sparser_lines: int
    bytes: TableBytes

    @cached_property
    def worked(self) -> list[int]:
        """The blocks of keys in which there is a score: no values of the others are needed."""
        return [b for b, block in enumerate(self.blocks) if block.dense or block.columns]


def tabulate(layer: Attention, one: Pass, work: Sequence[HeadWork], have: Resources) -> PassTables:
    """The tables of a pass (tables.py); INDEX, COLUMNS.first and ROWS.first are relative to the pass."""
    last, outputs, heads, count = one.row0 + one.rows, one.outputs, len(one.heads), len(one.blocks)
    several = count > 1
    starts = np.array([first for first, _ in one.blocks] + [layer.kv_tokens])
    dense_of, columns_of, index_of = [], [], []
    shares = np.zeros((count, heads, one.rows), ROWS)
    for n, h in enumerate(one.heads):
        column, row = work[h].by_column(one.row0, last)
        block = np.repeat(np.arange(count), np.diff(np.searchsorted(column, starts)))
        sparse = np.bincount(block * one.rows + row, minlength=count * one.rows)
        shares["sparse"][:, n] = sparse.reshape(count, one.rows)
        dense = np.zeros(len(work[h].dense), DENSE)
        dense["head"], dense["column"] = n, work[h].dense
        shares["dense"][:, n] = np.diff(np.searchsorted(work[h].dense, starts))[:, None]
        dense_of.append(dense)
        columns_of.append(cut_columns(column, layer.kv_tokens, have.segment, n))
        index_of.append(row)
    shares["head"], shares["values"] = np.arange(heads)[:, None], layer.v_dim
    shares["parts"] = -(-shares["sparse"] // have.segment) + (shares["dense"] > 0)
    shares = shares.reshape(count, outputs)
    entries = shares["sparse"].sum(axis=1)
    dense, denses = by_block(dense_of, [part["column"] for part in dense_of], starts)
    columns, listed = by_block(columns_of, [part["column"] for part in columns_of], starts)
    columns["first"] = np.cumsum(columns["count"]) - columns["count"]
    order = np.zeros(int(entries.sum()), INDEX)
    order["row"], _ = by_block(index_of, [np.repeat(c["column"], c["count"]) for c in columns_of], starts)
    rows = shares.reshape(-1)
    if several:  # an output's shares add up to it
        rows = np.concatenate([shares[0], rows])
        for name in ("sparse", "dense", "parts"):
            rows[name][:outputs] = shares[name].sum(axis=0)
        rows["first"][:outputs] = np.cumsum(rows["sparse"][:outputs]) - rows["sparse"][:outputs]
        firsts = rows["first"][:outputs] + np.cumsum(shares["sparse"], axis=0) - shares["sparse"]
        rows["first"][outputs:] = firsts.reshape(-1)
    else:
        rows["first"] = np.cumsum(rows["sparse"]) - rows["sparse"]
    rows["scores"] = rows["sparse"] + rows["dense"]
    if have.two_engines:
        denser, sparser = share_lines(have.lines, len(dense) * one.rows, len(order))
    else:
        denser, sparser = have.lines * (len(dense) > 0), have.lines * (len(order) > 0)
    blocks = zip(before(denses), denses, before(listed), listed, outputs * (1 + np.arange(count)) * several, entries)
    described = tuple(BlockTables(*map(int, block)) for block in blocks)
    return PassTables(dense, columns, order, rows, described, denser, sparser, table_bytes(layer, one, work, have))


def before(counts: np.ndarray) -> np.ndarray:
    """How many come before each."""
    return np.cumsum(counts) - counts


def by_block(parts: Sequence[np.ndarray], keys: Sequence[np.ndarray], starts: np.ndarray):
    """(rows of all heads block by block, and in a block head by head; how many there are of each block). keys: of each
    row its key, ascending in a head."""
    ends = [np.searchsorted(key, starts) for key in keys]
    counts = sum(np.diff(end) for end in ends)
    if len(parts) == 1 or len(starts) == 2:
        return (np.concatenate(parts) if len(parts) > 1 else parts[0]), counts
    cut = [part[end[b] : end[b + 1]] for b in range(len(starts) - 1) for part, end in zip(parts, ends)]
    return np.concatenate(cut), counts


def cut_columns(column: np.ndarray, keys: int, segment: int, head: int) -> np.ndarray:
    """COLUMNS of a head, without `first`: `column` of each sparse score, ascending. A column longer than a segment is
    handed out in several pieces."""
    counts = np.bincount(column, minlength=keys)
    cuts = -(-counts // segment)
    used = np.repeat(np.arange(keys), cuts)
    some = np.zeros(len(used), COLUMNS)
    nth = np.arange(len(used)) - np.repeat(np.cumsum(cuts) - cuts, cuts)
    some["head"], some["column"] = head, used
    some["count"] = np.minimum(segment, counts[used] - nth * segment)
    return some
