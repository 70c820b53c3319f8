"""Attention cut into passes: groups of heads x blocks of query rows that fit the engines' buffers."""

from dataclasses import dataclass

import numpy as np

from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.accelerators.vitcod.dataflow.shares import share_lines
from accelsim.accelerators.vitcod.tables import (
    COLUMN_BYTES,
    COLUMNS,
    DENSE,
    DENSE_BITS,
    INDEX,
    MASK_BITS,
    MOST_HEADS,
    PASS_BITS,
    ROW_BITS,
    ROWS,
    SCORE_BIAS_BYTES,
)
from accelsim.core.errors import InputError
from accelsim.dataflows.tiling import ceil
from accelsim.workload.layers import Attention
from accelsim.workload.mask import AttentionMask


@dataclass(frozen=True)
class HeadWork:
    """One head's share of the two engines: `dense` columns (ascending) and `sparse` bool[q_tokens, kv_tokens]."""

    dense: np.ndarray
    sparse: np.ndarray

    @property
    def sparse_rows(self) -> np.ndarray:
        """Sparse scores of each row."""
        return self.sparse.sum(axis=1)


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


@dataclass(frozen=True)
class Pass:
    """Heads and rows [row0, row0 + rows) of a layer that are worked on together."""

    heads: tuple[int, ...]
    row0: int
    rows: int


def score_bytes(work: HeadWork, first: int, last: int) -> int:
    """The score buffer's share: two bytes a score, and a column beside each sparse one."""
    return 2 * len(work.dense) * (last - first) + 3 * int(work.sparse_rows[first:last].sum())


def index_bytes(work: HeadWork, first: int, last: int, have: Resources) -> int:
    """A head's share of what the index buffer holds of a pass: the CSC index of the sparse part, the list of dense
    columns and their mask, the table of rows."""
    block = work.sparse[first:last]
    counts = block.sum(axis=0)
    columns = int((-(-counts // have.segment)).sum())  # a column longer than a segment is handed out in pieces
    dense = len(work.dense)
    bits = sum(DENSE_BITS.values()) * dense + sum(ROW_BITS.values()) * (last - first)
    return (
        int(counts.sum()) * have.index_entry_bytes
        + COLUMN_BYTES * columns
        + ceil(bits, 8)
        + ceil(MASK_BITS * dense * (last - first), 8)
    )


def pass_bytes(layer: Attention, heads: int) -> int:
    """What comes with a pass of so many heads beside their shares of the tables: its row, and the biases of scores."""
    return PASS_BITS // 8 + SCORE_BIAS_BYTES * heads * (layer.bias_offsets or 0)


@dataclass(frozen=True)
class PsumSplit:
    """What the partial-sum memory is used for in a layer's attention: `places` rows of partial sums, and bytes of
    scores."""

    places: int
    score_bytes: int


def split_psum(layer: Attention, have: Resources, places: int) -> PsumSplit:
    """The split with as many places; the scores have the rest, within `softmax.score_bytes`."""
    return PsumSplit(places, min(have.score_bytes, have.psum_bytes - 4 * layer.v_dim * places))


def plan_passes(layer: Attention, work: list[HeadWork], have: Resources) -> tuple[PsumSplit, list[Pass], bool]:
    """How the partial-sum memory is split, the passes, and whether the operand buffers are split in two so that one
    pass's fill overlaps another's work.

    The places have up to a third of the memory, or fewer where else not even a row of scores fits. Raises InputError
    when not even one row of one head fits.
    """
    if layer.v_dim > have.row_values:
        raise InputError(
            f"layer {layer.name}: an output row of a head has {layer.v_dim} sums, but a line holds engine.row_values = "
            f"{have.row_values}; make it at least {layer.v_dim}"
        )
    room = max(1, have.psum_bytes // (12 * layer.v_dim))
    places = min(have.places, 1 << (room.bit_length() - 1))  # coarse, so that a few more places do not cut passes anew
    while True:
        split = split_psum(layer, have, places)
        try:
            return split, *cut(layer, work, have, split)
        except InputError:
            if places == 1:
                raise
        places //= 2


def cut(layer: Attention, work: list[HeadWork], have: Resources, split: PsumSplit) -> tuple[list[Pass], bool]:
    """The passes for a split of the partial-sum memory.

    As many heads go together as the buffers hold (one with `heads: serial`); a head whose scores or tables do not fit,
    or which has more rows than a row number in the index can name, is cut into blocks of rows. Without double buffering
    the passes are the same; only nothing is fetched ahead. Raises InputError when not even one row of one head fits.
    """
    q_head, k_head = layer.q_tokens * layer.qk_dim, layer.kv_tokens * layer.qk_dim
    v_head = layer.kv_tokens * layer.v_dim

    def most_heads(share: int) -> int:
        fits = min(have.q_bytes // share // q_head, have.k_bytes // share // k_head, have.weight_bytes // v_head)
        return min(fits, MOST_HEADS, layer.heads if have.heads_parallel else 1)

    # Halves, so that the next pass's fill overlaps all of this one's work, unless that would separate heads: a fill
    # overlaps the values' phase in any case.
    several = most_heads(1) < layer.heads
    halves = several and 0 < most_heads(1) == most_heads(2)
    share = 2 if halves else 1
    for needed, size, name in (
        (k_head, have.k_bytes // share, "denser.k_bytes"),
        (v_head, have.weight_bytes, "weight_gb.capacity_bytes"),
        (layer.qk_dim, have.q_bytes // share, "denser.q_bytes"),
    ):
        if needed > size:
            raise InputError(
                f"layer {layer.name}: one head needs {needed} bytes at once, {name} gives {size}; make it larger"
            )
    group = max(1, most_heads(share))
    index_room = have.index_bytes // 2

    most_rows = 256**have.index_entry_bytes  # that the index can name

    def fits(heads: range, first: int, last: int) -> bool:
        return (
            (last - first <= most_rows or not any(work[h].sparse.any() for h in heads))
            and len(heads) * (last - first) * layer.qk_dim <= have.q_bytes // share
            and sum(score_bytes(work[h], first, last) for h in heads) <= split.score_bytes
            and pass_bytes(layer, len(heads)) + sum(index_bytes(work[h], first, last, have) for h in heads)
            <= index_room
        )

    passes, head = [], 0
    while head < layer.heads:
        size = min(group, layer.heads - head)
        while size > 1 and not fits(range(head, head + size), 0, layer.q_tokens):
            size -= 1
        heads = range(head, head + size)
        if fits(heads, 0, layer.q_tokens):
            passes.append(Pass(tuple(heads), 0, layer.q_tokens))
        else:
            passes += row_blocks(layer, head, fits, have, split)
        head += size
    return passes, halves


def row_blocks(layer: Attention, head: int, fits, have: Resources, split: PsumSplit) -> list[Pass]:
    """One head in blocks of rows of similar size: as few as fit, or up to two more if they fill the lines better."""
    found: list[list[Pass]] = []
    for blocks in range(2, layer.q_tokens + 1):
        size = ceil(layer.q_tokens, blocks)
        starts = range(0, layer.q_tokens, size)
        if all(fits(range(head, head + 1), at, min(at + size, layer.q_tokens)) for at in starts):
            found.append([Pass((head,), at, min(size, layer.q_tokens - at)) for at in starts])
        if len(found) == 3 or (found and blocks == layer.q_tokens):
            return min(found, key=lambda passes: sum(ceil(one.rows, have.lines) for one in passes))
    raise InputError(
        f"layer {layer.name}: not even one row of head {head} fits the {split.score_bytes} bytes of scores that "
        f"engine.psum_bytes = {have.psum_bytes} and softmax.score_bytes = {have.score_bytes} leave, and "
        f"index_buffer.capacity_bytes = {have.index_bytes}; make them larger"
    )


@dataclass(frozen=True)
class PassTables:
    """The tables of one pass, places counted from its start, and its share of the lines."""

    dense: np.ndarray
    columns: np.ndarray
    index: np.ndarray
    rows: np.ndarray
    denser_lines: int
    sparser_lines: int
    index_bytes: int


def tabulate(layer: Attention, one: Pass, work: list[HeadWork], have: Resources) -> PassTables:
    """The tables of a pass (isa.tables); INDEX, COLUMNS.first and ROWS.first are relative to the pass."""
    last = one.row0 + one.rows
    dense = np.zeros(sum(len(work[h].dense) for h in one.heads), DENSE)
    rows = np.zeros(len(one.heads) * one.rows, ROWS)
    columns, index, at, entries = [], [], 0, 0
    for n, h in enumerate(one.heads):
        w = work[h]
        dense["head"][at : at + len(w.dense)], dense["column"][at : at + len(w.dense)] = n, w.dense
        at += len(w.dense)
        block = w.sparse[one.row0 : last]
        counts = block.sum(axis=0)
        # a column longer than a segment is handed out in several pieces
        cuts = -(-counts // have.segment)
        used = np.repeat(np.arange(len(counts)), cuts)
        some = np.zeros(len(used), COLUMNS)
        nth = np.arange(len(used)) - np.repeat(np.cumsum(cuts) - cuts, cuts)
        some["head"], some["column"] = n, used
        some["count"] = np.minimum(have.segment, counts[used] - nth * have.segment)
        some["first"] = entries + np.cumsum(some["count"]) - some["count"]
        columns.append(some)
        index.append(np.nonzero(block.T)[1])
        entries += len(index[-1])
        mine = rows[n * one.rows : (n + 1) * one.rows]
        mine["head"], mine["sparse"], mine["dense"] = n, block.sum(axis=1), len(w.dense)
    rows["scores"] = rows["sparse"] + rows["dense"]
    rows["first"] = np.cumsum(rows["sparse"]) - rows["sparse"]
    rows["parts"] = -(-rows["sparse"] // have.segment) + (rows["dense"] > 0)
    rows["values"] = layer.v_dim
    order = np.zeros(entries, INDEX)
    order["row"] = np.concatenate(index)
    if have.two_engines:
        denser, sparser = share_lines(have.lines, len(dense) * one.rows, entries)
    else:
        denser, sparser = have.lines * bool(len(dense)), have.lines * bool(entries)
    size = pass_bytes(layer, len(one.heads)) + sum(index_bytes(work[h], one.row0, last, have) for h in one.heads)
    return PassTables(dense, np.concatenate(columns), order, rows, denser, sparser, size)
