"""What a pass of attention needs of each buffer, and what a cut of a layer into passes is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from accelsim.accelerators.vitcod.dataflow.head_work import HeadWork
from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.accelerators.vitcod.tables import (
    COLUMN_BYTES,
    DENSE_BYTES,
    MASK_BITS,
    MOST_HEADS,
    PASS_BYTES,
    QUERY_BITS,
    ROW_BYTES,
    SCORE_BIAS_BYTES,
)
from accelsim.dataflows.tiling import ceil
from accelsim.workload.layers import Attention

Blocks = tuple[tuple[int, int], ...]  # (first, keys) of blocks of keys, in order
MOST_COUNTED = 256  # blocks of keys whose scores are counted row by row


class Pass(NamedTuple):
    """Heads and rows [row0, row0 + rows) of a layer that are worked on together.

    blocks: (first, keys) of the blocks of keys, in order: scores of all of them, then softmax, then values of all.
    places: rows of partial sums the merge has room for.
    """

    heads: tuple[int, ...]
    row0: int
    rows: int
    blocks: Blocks
    places: int

    @property
    def outputs(self) -> int:
        return len(self.heads) * self.rows

    @property
    def keys(self) -> int:
        """Of the largest block."""
        return max(keys for _, keys in self.blocks)


@dataclass(frozen=True)
class AttentionCut:
    """How a layer is cut, whoever chose it.

    halves: the operand buffers are split in two, so that one block's fill overlaps another's work. stays: Q and K of
    the whole layer stay in the activation buffer. piece_tokens: of Q and K, loaded and handed to the decoder at a time.
    """

    passes: tuple[Pass, ...]
    halves: bool
    stays: bool
    piece_tokens: int

    @cached_property
    def digest(self) -> int:
        """Its hash: there are thousands of passes, and of each two numbers tell cuts apart."""
        return hash(
            (tuple([(one.row0, one.places) for one in self.passes]), self.halves, self.stays, self.piece_tokens)
        )

    def __hash__(self) -> int:
        return self.digest

    @property
    def several_blocks(self) -> bool:
        """Whether any pass has its keys in blocks."""
        return any(len(one.blocks) > 1 for one in self.passes)

    def of_pass(self, tokens: int) -> int:
        """Tokens of the pieces that Q and K of so many tokens come in, at most."""
        return min(tokens, self.piece_tokens)


def coded_heads(layer: Attention, have: Resources) -> int:
    """Heads that Q and K are compressed to; 0: they are not."""
    return layer.encoded_heads if have.auto_encoder and layer.encoded_heads else 0


def token_bytes(layer: Attention, have: Resources, heads: int) -> int:
    """Bytes of a token of Q or K of some heads as they lie in the activation buffer: all compressed heads, if any."""
    return (coded_heads(layer, have) or heads) * layer.qk_dim


def whole_bytes(layer: Attention, have: Resources) -> int:
    """Bytes of Q and K of a layer."""
    return (layer.q_tokens + layer.kv_tokens) * token_bytes(layer, have, layer.heads)


def score_bytes(work: HeadWork, first: int, last: int) -> int:
    """The score buffer's share: two bytes a score, and a column beside each sparse one."""
    return 2 * len(work.dense) * (last - first) + 3 * work.sparse_scores(first, last)


def score_room(layer: Attention, have: Resources, places: int) -> int:
    """Bytes of scores that the partial-sum memory has beside so many places."""
    return min(have.score_bytes, have.psum_bytes - 4 * layer.v_dim * places)


def pass_bytes(have: Resources) -> int:
    """Of a pass's row, with where its queries lie if they are fetched from DRAM."""
    return PASS_BYTES + have.q_from_dram * (sum(QUERY_BITS.values()) // 8)


def bias_bytes(layer: Attention, heads: int) -> int:
    """Biases of scores that come with a pass."""
    return SCORE_BIAS_BYTES * heads * (layer.bias_offsets or 0)


def index_bytes(work: HeadWork, first: int, last: int, have: Resources) -> int:
    """A head's share of what the index buffer holds of a pass: the CSC index of the sparse part, the list of dense
    columns and their mask, the table of rows."""
    dense = len(work.dense)
    return (
        work.sparse_scores(first, last) * have.index_entry_bytes
        + COLUMN_BYTES * work.pieces(first, last, have.segment)
        + DENSE_BYTES * dense
        + ROW_BYTES * (last - first)
        + ceil(MASK_BITS * dense * (last - first), 8)
    )


@lru_cache(256)
def block_ends(tokens: int, blocks: int) -> np.ndarray:
    """int64[blocks, 2]: (first row, behind the last) of at most so many blocks of rows, of similar size; every head
    asks for the same, and nobody may write into it."""
    size = ceil(tokens, blocks)
    first = np.arange(0, tokens, size)
    made = np.stack([first, np.minimum(first + size, tokens)], axis=1)
    made.flags.writeable = False
    return made


def block_scores(work: HeadWork, blocks: int) -> int:
    """Most bytes of scores of a block, where a head's rows are cut into so many."""

    def made() -> int:
        ends = block_ends(work.rows, blocks)
        rows, scores = np.diff(ends, axis=1), np.diff(work.starts[ends], axis=1)
        return int((2 * len(work.dense) * rows + 3 * scores).max())

    return work.keep(("scores", blocks), made)


def block_tables(work: HeadWork, blocks: int, have: Resources, room: int) -> int:
    """Most bytes of tables of a block; of the block of the most scores alone, if these are more than there is room."""
    key = blocks, have.segment, have.index_entry_bytes
    if ("most", *key) not in work.found:
        ends = block_ends(work.rows, blocks)
        if ("heaviest", *key) not in work.found:
            heaviest = ends[np.diff(work.starts[ends], axis=1)[:, 0].argmax()]
            work.found["heaviest", *key] = index_bytes(work, *heaviest.tolist(), have)
        if work.found["heaviest", *key] > room:
            return work.found["heaviest", *key]
        work.found["most", *key] = max(index_bytes(work, *one, have) for one in ends.tolist())
    return work.found["most", *key]


@dataclass(frozen=True)
class TableBytes:
    """Bytes of a pass's tables as they are loaded: what stays until its last row has left the merge; and of each block
    of keys what its scores need, and what its values need (without blocks of keys all stays)."""

    stays: int
    scores: tuple[int, ...] = ()
    values: tuple[int, ...] = ()

    @property
    def most(self) -> int:
        return self.stays + max((*self.scores, *self.values), default=0)


def table_bytes(layer: Attention, one: Pass, work: Sequence[HeadWork], have: Resources) -> TableBytes:
    """Of a pass; see tables.py for what they hold."""
    last, heads = one.row0 + one.rows, len(one.heads)
    if len(one.blocks) == 1:
        whole = pass_bytes(have) + bias_bytes(layer, heads)
        return TableBytes(whole + sum(index_bytes(work[h], one.row0, last, have) for h in one.heads))
    stays = bias_bytes(layer, heads) + ROW_BYTES * one.outputs
    scores, values = pass_bytes(have), pass_bytes(have) + ROW_BYTES * one.outputs
    for h in one.heads:
        stays += ceil(MASK_BITS * len(work[h].dense) * one.rows, 8)
        sparse, dense = block_bytes(work[h], one.row0, last, one.blocks, have)
        scores, values = scores + sparse + dense, values + dense
    return TableBytes(stays, tuple(scores.tolist()), tuple(values.tolist()))


def block_bytes(
    work: HeadWork, first: int, last: int, blocks: Blocks, have: Resources
) -> tuple[np.ndarray, np.ndarray]:
    """int64[blocks]: bytes of a head's sparse and of its dense columns in each block of keys, of some rows; found once,
    since several cuts of a layer have the same."""

    def made() -> tuple[np.ndarray, np.ndarray]:
        starts, counts = [begin for begin, _ in blocks], work.column_counts(first, last)
        sparse = have.index_entry_bytes * np.add.reduceat(counts, starts)
        sparse += COLUMN_BYTES * np.add.reduceat(-(-counts // have.segment), starts)
        return sparse, DENSE_BYTES * np.diff(np.searchsorted(work.dense, [*starts, len(counts)]))

    return work.keep(("columns", first, last, blocks, have.segment, have.index_entry_bytes), made)


def tables_fit(
    layer: Attention, head: int, ends: np.ndarray, blocks: Blocks, work: Sequence[HeadWork], have: Resources
) -> bool:
    """Whether the tables of passes of one head, with the same blocks of keys, fit the half of the index buffer that
    each has; ends: int[passes, 2], (first row, behind the last). Counting the pieces of columns takes long: most passes
    have room for as many as there can be."""
    h, room, undecided = head, have.index_bytes // 2, ends
    if len(blocks) <= MOST_COUNTED:
        starts, dense = [first for first, _ in blocks], work[h].dense
        before = work[h].keep(("scores of keys", blocks), lambda: work[h].scores_of_keys(starts))
        rows = np.diff(ends, axis=1)[:, 0]
        scores = before[ends[:, 1]] - before[ends[:, 0]]  # of each pass and block
        columns = np.minimum(scores, [keys for _, keys in blocks])
        pieces = (scores + (have.segment - 1) * columns) // have.segment
        in_block = DENSE_BYTES * np.diff(np.searchsorted(dense, [*starts, layer.kv_tokens]))
        stays = bias_bytes(layer, 1) + pass_bytes(have) + ROW_BYTES * rows + ceil(MASK_BITS * len(dense) * rows, 8)
        most = have.index_entry_bytes * scores + COLUMN_BYTES * pieces + in_block
        if len(blocks) > 1:  # what values need
            most = np.maximum(most, ROW_BYTES * rows[:, None] + in_block)
        undecided = ends[stays + most.max(axis=1) > room]
    passes = (Pass((h,), first, last - first, blocks, 0) for first, last in undecided.tolist())
    return all(table_bytes(layer, one, work, have).most <= room for one in passes)


def faults(layer: Attention, work: Sequence[HeadWork], cut: AttentionCut, have: Resources) -> list[str]:
    """Why a cut does not fit its layer or the machine; empty if it does."""
    return [sentence for one in cut.passes for sentence in pass_faults(layer, work, one, cut, have)] + cover(layer, cut)


def cover(layer: Attention, cut: AttentionCut) -> list[str]:
    """Passes go through heads and rows once, head by head, and blocks through the keys."""
    head = row = 0
    for one in cut.passes:
        if one.heads != tuple(range(head, head + len(one.heads))) or not one.heads or one.row0 != row or one.rows < 1:
            return [
                f"a pass of heads {one.heads} from row {one.row0} on comes where head {head} and row {row} are next"
            ]
        key = 0
        for first, keys in one.blocks:
            key = first + keys if first == key and keys >= 1 else -1
        if key != layer.kv_tokens:
            return [f"the blocks of keys {one.blocks} do not go through {layer.kv_tokens} keys once"]
        row += one.rows
        if row == layer.q_tokens:
            head, row = one.heads[-1] + 1, 0
        elif len(one.heads) > 1:
            return ["a pass of several heads has not all their rows"]
    return [] if (head, row) == (layer.heads, 0) else [f"no pass has head {head} from row {row} on"]


def pass_faults(
    layer: Attention, work: Sequence[HeadWork], one: Pass, cut: AttentionCut, have: Resources
) -> Iterator[str]:
    """Why a pass does not fit."""
    heads, last, share = len(one.heads), one.row0 + one.rows, 2 if cut.halves else 1
    token = token_bytes(layer, have, heads)
    several = len(one.blocks) > 1
    sizes = [
        (heads * one.rows * layer.qk_dim, "denser.q_bytes", have.q_bytes // share),
        (heads * one.keys * layer.qk_dim, "denser.k_bytes", have.k_bytes // share),
        (heads * one.keys * layer.v_dim, "weight_gb.capacity_bytes", have.weight_bytes),
        (
            sum(score_bytes(work[h], one.row0, last) for h in one.heads),
            "softmax.score_bytes and engine.psum_bytes",
            score_room(layer, have, one.places),
        ),
        (table_bytes(layer, one, work, have).most, "index_buffer.capacity_bytes", have.index_bytes // 2),
        (heads, "a pass", min(MOST_HEADS, layer.heads if have.heads_parallel else 1)),
        (one.places, "merge.places", have.places),
    ]
    if several:
        sizes.append((one.outputs, "the pass's places, where keys are cut", one.places))
    if any(work[h].sparse_scores(one.row0, last) for h in one.heads):
        sizes.append((one.rows, "walker.index_bytes", 256**have.index_entry_bytes))
    if cut.stays:
        sizes.append((whole_bytes(layer, have), "act_gb0.capacity_bytes", have.act_bytes))
    else:
        held = one.rows + cut.of_pass(one.keys)  # all Q, and the piece of K that is being fetched
        sizes.append((held * token, "act_gb0.capacity_bytes", have.act_bytes))
    where = f"heads {one.heads[0]} to {one.heads[-1]}, rows {one.row0} to {last - 1}"
    for needed, what, room in sizes:
        if needed > room:
            yield f"{where}: {what} holds {room}, not {needed}"
