"""What the units are told of a pass: its tables, places counted from its start, and its share of the lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from accelsim.accelerators.vitcod.dataflow.head_work import HeadWork
from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.accelerators.vitcod.dataflow.shares import even_tile, share_lines
from accelsim.accelerators.vitcod.dataflow.sizes import Pass, TableBytes, table_bytes
from accelsim.accelerators.vitcod.tables import COLUMNS, DENSE, INDEX, LONG_INDEX, MOST_SHORT, PASSES, ROWS
from accelsim.isa.instructions import record
from accelsim.workload.layers import Attention

# A block of keys: where its dense columns, its sparse columns and its outputs' shares begin in the pass's tables, and
# how many there are of the former two; its sparse scores.
BLOCK = record("first_dense", "dense", "first_column", "columns", "first_share", "scores")


@dataclass(frozen=True)
class PassTables:
    """The tables of one pass and its blocks of keys (BLOCK); rows: outputs, then, with several blocks, their shares,
    block by block; index: the row of each sparse score, column by column; told: what the compiler needs of them when
    they are written down."""

    dense: np.ndarray
    columns: np.ndarray
    index: np.ndarray
    rows: np.ndarray
    blocks: np.recarray
    told: "PassTold"


@dataclass(frozen=True)
class PassTold:
    """dense: columns of all blocks; denser_lines, sparser_lines: each engine's share; dense_columns, sparse_columns:
    how many there are in each block of keys."""

    dense: int
    denser_lines: int
    sparser_lines: int
    bytes: TableBytes
    dense_columns: tuple[int, ...]
    sparse_columns: tuple[int, ...]

    @cached_property
    def worked(self) -> tuple[int, ...]:
        """The blocks of keys in which there is a score: no values of the others are needed."""
        return tuple(b for b, either in enumerate(zip(self.dense_columns, self.sparse_columns)) if any(either))


def tabulate(layer: Attention, one: Pass, work: Sequence[HeadWork], have: Resources) -> PassTables:
    """The tables of a pass (tables.py); INDEX, COLUMNS.first and ROWS.first are relative to the pass."""
    last, outputs, heads, count = one.row0 + one.rows, one.outputs, len(one.heads), len(one.blocks)
    several = count > 1
    starts = np.array([first for first, _ in one.blocks] + [layer.kv_tokens])
    dense_of, columns_of, index_of = [], [], []
    shares = np.zeros((count, heads, one.rows), ROWS)
    for n, h in enumerate(one.heads):
        column, row = work[h].by_column(one.row0, last)
        if several:
            block = np.repeat(one.rows * np.arange(count), np.diff(np.searchsorted(column, starts)))
            sparse = np.bincount(block + row, minlength=count * one.rows)
            shares["sparse"][:, n] = sparse.reshape(count, one.rows)
        else:
            shares["sparse"][0, n] = work[h].row_scores(one.row0, last)
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
    columns["first"] = before(columns["count"])
    if several and heads > 1:
        index, _ = by_block(index_of, [np.repeat(c["column"], c["count"]) for c in columns_of], starts)
    else:
        index = np.concatenate(index_of)
    rows = shares.reshape(-1)
    if several:  # an output's shares add up to it
        rows = np.concatenate([shares[0], rows])
        for name in ("sparse", "dense", "parts"):
            rows[name][:outputs] = shares[name].sum(axis=0)
        rows["first"][:outputs] = before(rows["sparse"][:outputs])
        firsts = rows["first"][:outputs] + np.cumsum(shares["sparse"], axis=0) - shares["sparse"]
        rows["first"][outputs:] = firsts.reshape(-1)
    else:
        rows["first"] = before(rows["sparse"])
    rows["scores"] = rows["sparse"] + rows["dense"]
    if have.two_engines:
        denser, sparser = share_lines(have.lines, len(dense) * one.rows, len(index))
    else:
        denser, sparser = have.lines * (len(dense) > 0), have.lines * (len(index) > 0)
    blocks = np.recarray(count, BLOCK)
    blocks["first_dense"], blocks["dense"], blocks["first_column"] = before(denses), denses, before(listed)
    blocks["columns"], blocks["scores"] = listed, entries
    blocks["first_share"] = outputs * (1 + np.arange(count)) * several
    told = PassTold(
        len(dense),
        denser,
        sparser,
        table_bytes(layer, one, work, have),
        tuple(blocks["dense"].tolist()),
        tuple(blocks["columns"].tolist()),
    )
    kind = INDEX if one.rows <= MOST_SHORT else LONG_INDEX
    return PassTables(dense, columns, index.astype(kind[0], copy=False).view(kind), rows, blocks, told)


def pass_rows(
    layer: Attention, one: Pass, table: PassTables, first_dense: int, first_column: int, first_row: int
) -> np.ndarray:
    """PASSES of a pass, a row a block of keys, whose other tables begin at these places; what depends on the layout of
    its operands and on forwarding is left 0."""
    blocks, found = table.blocks, np.zeros(len(table.blocks), PASSES)
    found["heads"], found["rows"], found["row0"] = len(one.heads), one.rows, one.row0
    found["dim"], found["value_dim"], found["activation"] = layer.qk_dim, layer.v_dim, bool(layer.activation)
    found["denser_lines"], found["sparser_lines"] = table.told.denser_lines, table.told.sparser_lines
    found["tile_rows"], found["places"] = even_tile(one.rows, min(table.told.denser_lines, one.places)), one.places
    found["first_row"], found["first_share"] = first_row, first_row + blocks["first_share"]
    found["first_dense"], found["dense"] = first_dense + blocks["first_dense"], blocks["dense"]
    found["first_column"], found["sparse_columns"] = first_column + blocks["first_column"], blocks["columns"]
    found["scores"] = blocks["scores"] + blocks["dense"] * one.rows
    return found


def before(counts: np.ndarray) -> np.ndarray:
    """How many come before each."""
    return np.cumsum(counts) - counts


def by_block(parts: Sequence[np.ndarray], keys: Sequence[np.ndarray], starts: np.ndarray):
    """(rows of all heads block by block, and in a block head by head; how many there are of each block). keys: of each
    row its key, ascending in a head."""
    ends = [np.searchsorted(key, starts) for key in keys]
    counts = sum(np.diff(end) for end in ends)
    if len(parts) == 1:
        return parts[0], counts
    if len(starts) > 2:
        parts = [part[end[b] : end[b + 1]] for b in range(len(starts) - 1) for part, end in zip(parts, ends)]
    kind = parts[0].dtype
    whole = np.concatenate([part.view(kind[0]) if kind.names else part for part in parts])  # slow on records
    return whole.view(kind), counts


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
