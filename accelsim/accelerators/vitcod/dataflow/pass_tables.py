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
    last, outputs = one.row0 + one.rows, one.outputs
    sparse = [work[h].by_column(one.row0, last) for h in one.heads]
    several = len(one.blocks) > 1
    rows = np.zeros(outputs * (1 + len(one.blocks) * several), ROWS)
    rows["head"] = np.tile(np.repeat(np.arange(len(one.heads)), one.rows), len(rows) // outputs)
    rows["values"] = layer.v_dim
    dense, columns, index, blocks = [], [], [], []
    entries = denses = listed = 0  # in the tables so far
    for b, (first, keys) in enumerate(one.blocks):
        share = outputs * (1 + b) * several
        before = entries, denses, listed
        for n, (h, (column, row)) in enumerate(zip(one.heads, sparse)):
            found = work[h].dense_in(first, keys)
            dense.append(np.zeros(len(found), DENSE))
            dense[-1]["head"], dense[-1]["column"] = n, found
            denses += len(found)
            begin, end = np.searchsorted(column, (first, first + keys))
            columns.append(cut_columns(column[begin:end] - first, keys, have.segment, n, first, entries))
            listed += len(columns[-1])
            index.append(row[begin:end])
            entries += end - begin
            mine = rows[share + n * one.rows : share + (n + 1) * one.rows]
            mine["sparse"], mine["dense"] = np.bincount(row[begin:end], minlength=one.rows), len(found)
        sizes = before[1], denses - before[1], before[2], listed - before[2]
        blocks.append(BlockTables(*sizes, share, int(entries - before[0])))
    rows["parts"] = -(-rows["sparse"] // have.segment) + (rows["dense"] > 0)
    if several:  # an output's shares add up to it
        shares = rows[outputs:].reshape(len(one.blocks), outputs)
        for name in ("sparse", "dense", "parts"):
            rows[name][:outputs] = shares[name].sum(axis=0)
        rows["first"][:outputs] = np.cumsum(rows["sparse"][:outputs]) - rows["sparse"][:outputs]
        shares["first"] = rows["first"][:outputs] + np.cumsum(shares["sparse"], axis=0) - shares["sparse"]
    else:
        rows["first"] = np.cumsum(rows["sparse"]) - rows["sparse"]
    rows["scores"] = rows["sparse"] + rows["dense"]
    order = np.zeros(entries, INDEX)
    order["row"] = np.concatenate(index)
    if have.two_engines:
        denser, sparser = share_lines(have.lines, denses * one.rows, int(entries))
    else:
        denser, sparser = have.lines * bool(denses), have.lines * bool(entries)
    tables = np.concatenate(dense), np.concatenate(columns), order, rows
    return PassTables(*tables, tuple(blocks), denser, sparser, table_bytes(layer, one, work, have))


def cut_columns(column: np.ndarray, keys: int, segment: int, head: int, first: int, at: int) -> np.ndarray:
    """COLUMNS of a head in a block of keys: `column` of each sparse score, counted from the block's first, ascending;
    `at`: where its first score stands in INDEX. A column longer than a segment is handed out in several pieces."""
    counts = np.bincount(column, minlength=keys)
    cuts = -(-counts // segment)
    used = np.repeat(np.arange(len(counts)), cuts)
    some = np.zeros(len(used), COLUMNS)
    nth = np.arange(len(used)) - np.repeat(np.cumsum(cuts) - cuts, cuts)
    some["head"], some["column"] = head, first + used
    some["count"] = np.minimum(segment, counts[used] - nth * segment)
    some["first"] = at + np.cumsum(some["count"]) - some["count"]
    return some
