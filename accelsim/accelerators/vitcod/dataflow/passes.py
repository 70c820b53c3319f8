"""Attention cut into passes: groups of heads x blocks of query rows that fit the engines' buffers, with all keys of a
pass at once or, where these do not fit, in blocks of keys."""

from collections.abc import Sequence
from dataclasses import dataclass

from accelsim.accelerators.vitcod.dataflow.head_work import HeadWork
from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.accelerators.vitcod.dataflow.shares import CHUNK_TOKENS
from accelsim.accelerators.vitcod.dataflow.sizes import (
    AttentionCut,
    Pass,
    bias_bytes,
    block_ends,
    block_scores,
    block_tables,
    coded_heads,
    pass_bytes,
    score_bytes,
    score_room,
    tables_fit,
    token_bytes,
    whole_bytes,
)
from accelsim.accelerators.vitcod.tables import COLUMN_BYTES, DENSE_BYTES, MOST_HEADS, MOST_KEYS, ROW_BYTES
from accelsim.core.errors import InputError
from accelsim.dataflows.tiling import ceil, pieces
from accelsim.workload.layers import Attention

LONGEST_PIECE = 4 * CHUNK_TOKENS  # of keys that stream by block after block
# [ours, measured] of a pass, beyond which more than twice the lines, or than a head's rows, take longer: rows that wait
# in them are written and read once more each, and the engines work on different heads
PLACES = 64


def plan_attention(layer: Attention, work: Sequence[HeadWork], have: Resources) -> AttentionCut:
    """The cut of a layer: passes with all keys at once where they fit, else with blocks of keys; found once for all
    machines of the same buffers and lines, and kept with the first head.

    Raises InputError when not even one row of one head fits with one key at a time, with the sizes that would do.
    """
    have = have.for_passes
    outputs = layer.heads * layer.q_tokens
    return work[0].keep(("cut", layer, have), lambda: planned(layer, work, have), outputs)


def planned(layer: Attention, work: Sequence[HeadWork], have: Resources) -> AttentionCut:
    """The same, looked for."""
    # The auto-encoder mixes heads: every pass needs all compressed heads. They stay on chip if they fit.
    stays = bool(coded_heads(layer, have)) and whole_bytes(layer, have) <= have.act_bytes
    found = None
    if layer.v_dim <= min(have.row_values, have.store_bytes):
        found = all_keys(layer, work, have, stays) or key_blocks(layer, work, have, stays)
    if found is None:
        raise InputError(refusal(layer, work, have, stays))
    return found


def pieced(layer: Attention, passes: Sequence[Pass], halves: bool, stays: bool, have: Resources) -> AttentionCut:
    """The cut of these passes with pieces as long as the activation buffer has room for."""
    tokens = CHUNK_TOKENS
    if not stays:
        heads, _, rows, blocks, _ = zip(*passes)  # of thousands of passes
        sizes = {(len(some), many) for some, many in set(zip(heads, rows))}
        room = min(have.act_bytes // token_bytes(layer, have, count) - many for count, many in sizes)
        blocks = dict(zip(map(id, blocks), blocks)).values()
        keys = max(many for some in blocks for _, many in some)
        if any(len(some) > 1 for some in blocks):
            tokens = min(LONGEST_PIECE, max(CHUNK_TOKENS, room // 2))
        while tokens > 1 and min(tokens, keys) > room:
            tokens //= 2
    return AttentionCut(tuple(passes), halves, stays, tokens)


def all_keys(layer: Attention, work: Sequence[HeadWork], have: Resources, stays: bool) -> AttentionCut | None:
    """Passes with all keys at once. None: not even one row of one head fits.

    The places have up to a third of the partial-sum memory, or fewer where else not even a row of scores fits; and
    there are no more than help.
    """
    room = max(1, have.psum_bytes // (12 * layer.v_dim))
    places = 1 << (room.bit_length() - 1)  # coarse, so that a few more places do not cut passes anew
    helps = min(2 * have.lines, 1 << (layer.q_tokens - 1).bit_length())
    places = min(have.places, places, max(PLACES, have.lines, helps))
    while places:
        if found := heads_together(layer, work, have, places, stays):
            return pieced(layer, *found, stays, have)
        places //= 2
    return None


def heads_together(
    layer: Attention, work: Sequence[HeadWork], have: Resources, places: int, stays: bool
) -> tuple[list[Pass], bool] | None:
    """The passes with so many places, and whether the operand buffers are split in two so that one pass's fill overlaps
    another's work.

    As many heads go together as the buffers hold (one with `heads: serial`); a head whose scores or tables do not fit,
    or which has more rows than a row number in the index can name, is cut into blocks of rows. Without double buffering
    the passes are the same; only nothing is fetched ahead.
    """
    q_head, k_head = layer.q_tokens * layer.qk_dim, layer.kv_tokens * layer.qk_dim
    v_head, scores = layer.kv_tokens * layer.v_dim, score_room(layer, have, places)

    def most_heads(share: int) -> int:
        fits = min(have.q_bytes // share // q_head, have.k_bytes // share // k_head, have.weight_bytes // v_head)
        return min(fits, MOST_HEADS, layer.heads if have.heads_parallel else 1)

    # Halves, so that the next pass's fill overlaps all of this one's work, unless that would separate heads: a fill
    # overlaps the values' phase in any case.
    several = most_heads(1) < layer.heads
    halves = several and 0 < most_heads(1) == most_heads(2)
    share = 2 if halves else 1
    if k_head > have.k_bytes // share or v_head > have.weight_bytes or layer.qk_dim > have.q_bytes // share:
        return None
    group = max(1, most_heads(share))
    room = Room(share, stays, scores)

    keys, passes, head = ((0, layer.kv_tokens),), [], 0
    while head < layer.heads:
        size = min(group, layer.heads - head)
        while size > 1 and not room.holds(layer, work[head : head + size], have):
            size -= 1
        heads = tuple(range(head, head + size))
        if room.holds(layer, work[head : head + size], have):
            passes.append(Pass(heads, 0, layer.q_tokens, keys, places))
        elif blocks := room.row_blocks(layer, work[head], have):
            passes += [Pass(heads, at, rows, keys, places) for at, rows in blocks]
        else:
            return None
        head += size
    return passes, halves


@dataclass(frozen=True)
class Room:
    """What is there for a pass. share: the part of the operand buffers; stays: whether Q and K stay in the activation
    buffer; score_bytes: of its scores."""

    share: int
    stays: bool
    score_bytes: int

    def most_rows(self, layer: Attention, work: Sequence[HeadWork], have: Resources) -> int:
        """Rows of some heads that the operand buffers hold and the index can name."""
        most = have.q_bytes // self.share // (len(work) * layer.qk_dim)
        if not self.stays:
            most = min(most, have.act_bytes // token_bytes(layer, have, len(work)) - 1)
        named = 256**have.index_entry_bytes
        if most > named and any(one.sparse_scores(0, layer.q_tokens) for one in work):
            return named
        return most

    def tables(self, layer: Attention, heads: int, have: Resources) -> int:
        """Bytes of the tables of rows and columns of so many heads."""
        return have.index_bytes // 2 - pass_bytes(have) - bias_bytes(layer, heads)

    def holds(self, layer: Attention, work: Sequence[HeadWork], have: Resources) -> bool:
        """Whether all rows of some heads fit."""
        room = self.tables(layer, len(work), have)
        if (
            layer.q_tokens > self.most_rows(layer, work, have)
            or sum([block_scores(w, 1) for w in work]) > self.score_bytes
        ):
            return False
        return sum([block_tables(one, 1, have, room) for one in work]) <= room

    def row_blocks(self, layer: Attention, work: HeadWork, have: Resources) -> list[tuple[int, int]]:
        """(first, rows) of one head in blocks of rows of similar size: as few as fit, or up to two more if they fill
        the lines better. Empty: not even one row fits."""
        most, room, tokens = self.most_rows(layer, [work], have), self.tables(layer, 1, have), layer.q_tokens
        if min(most, room, self.score_bytes) < 1:
            return []
        found: list[list[tuple[int, int]]] = []
        # blocks share out all that there is: fewer than these cannot fit
        shared = (tokens, most), (block_scores(work, 1), self.score_bytes), (block_tables(work, 1, have, room), room)
        for blocks in range(max(2, *(ceil(all_of, each) for all_of, each in shared)), tokens + 1):
            if (
                ceil(tokens, blocks) <= most
                and block_scores(work, blocks) <= self.score_bytes
                and block_tables(work, blocks, have, room) <= room
            ):
                found.append([(first, last - first) for first, last in block_ends(tokens, blocks).tolist()])
            if len(found) == 3 or (found and blocks == tokens):
                return min(found, key=lambda passes: sum([ceil(rows, have.lines) for _, rows in passes]))
        return []


def key_blocks(layer: Attention, work: Sequence[HeadWork], have: Resources, stays: bool) -> AttentionCut | None:
    """Passes of one head and of as many rows as the scores of all their keys, and their sums, have room for, with keys
    in blocks as large as the operand buffers hold, twice where they can. None: not even one row and key fits."""
    share = 2 if min(have.q_bytes, have.k_bytes) >= 2 * layer.qk_dim else 1
    values = 2 if have.weight_bytes >= 2 * layer.v_dim else 1
    keys = min(layer.kv_tokens, have.k_bytes // share // layer.qk_dim, have.weight_bytes // values // layer.v_dim)
    rows = min(layer.q_tokens, have.q_bytes // share // layer.qk_dim, have.places, have.psum_bytes // layer.v_dim // 4)
    if not stays:
        rows = min(rows, have.act_bytes // token_bytes(layer, have, 1) - 1)
    passes: list[Pass] = []
    for head in range(layer.heads):
        most = min(rows, 256**have.index_entry_bytes) if work[head].sparse_scores(0, layer.q_tokens) else rows
        found = blocks_of_head(layer, work, have, head, most, min(keys, MOST_KEYS)) if min(most, keys) >= 1 else []
        if not found:
            return None
        passes += found
    return pieced(layer, passes, share == 2, stays, have)


def blocks_of_head(
    layer: Attention, work: Sequence[HeadWork], have: Resources, head: int, rows: int, keys: int
) -> list[Pass]:
    """The passes of a head of at most so many rows, and keys in a block; fewer of both where scores and tables need
    more. Empty: nothing fits."""
    number = ceil(layer.q_tokens, rows)
    while True:
        size, ends = ceil(layer.q_tokens, number), block_ends(layer.q_tokens, number)
        some = keys if block_scores(work[head], number) <= score_room(layer, have, size) else 0
        while some:
            sizes = pieces(layer.kv_tokens, some)
            blocks = tuple((sum(sizes[:n]), many) for n, many in enumerate(sizes))
            if tables_fit(layer, head, ends, blocks, work, have):
                return [Pass((head,), first, last - first, blocks, size) for first, last in ends.tolist()]
            some //= 2
        if size == 1:
            return []
        number = min(layer.q_tokens, max(number + 1, number * 5 // 4))


def refusal(layer: Attention, work: Sequence[HeadWork], have: Resources, stays: bool) -> str:
    """Why a layer does not fit, and the smallest sizes of all buffers that hold a row of a head and a key at a time."""
    row = max(score_bytes(w, at, at + 1) for w in work for at in range(layer.q_tokens))
    dense = max(len(w.dense) for w in work)
    kept = bias_bytes(layer, 1) + ROW_BYTES + ceil(dense, 8)
    block = pass_bytes(have) + max(have.index_entry_bytes + COLUMN_BYTES, ROW_BYTES + DENSE_BYTES)
    needed = [
        ("denser.q_bytes", have.q_bytes, layer.qk_dim),
        ("denser.k_bytes", have.k_bytes, layer.qk_dim),
        ("weight_gb.capacity_bytes", have.weight_bytes, layer.v_dim),
        ("softmax.score_bytes", have.score_bytes, row),
        ("engine.psum_bytes", have.psum_bytes, row + 4 * layer.v_dim),
        ("index_buffer.capacity_bytes", have.index_bytes, 2 * (kept + block)),
        ("act_gb0.capacity_bytes", have.act_bytes, 0 if stays else 2 * token_bytes(layer, have, 1)),
        ("act_gb1.capacity_bytes", have.store_bytes, layer.v_dim),
        ("engine.row_values", have.row_values, layer.v_dim),
    ]
    small = ", ".join(f"{name} of {least} (it has {size})" for name, size, least in needed if size < least)
    return (
        f"layer {layer.name}: a row of a head with all its scores, and a key at a time, needs {small}; make them at "
        "least that large"
    )
