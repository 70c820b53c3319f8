"""A pass whose keys are cut into blocks: the scores of all blocks, one after the other, then the values of all.

K streams in block by block and Q is decoded with each anew; a row's scores are kept until its softmax is known;
then V streams in. Tables come with the blocks: one load with what the scores of a block need, one with what its values
need, beside what stays until the last row has left the merge.
"""

from typing import TYPE_CHECKING

from accelsim.accelerators.vitcod.dataflow.operands import TABLES, VALUES
from accelsim.dataflows.program import Wait

if TYPE_CHECKING:
    from accelsim.accelerators.vitcod.dataflow.attention import AttentionLayer

BUFFERS = ("index_buffer", "act_gb0", "weight_gb")


def run_blocks(layer: "AttentionLayer", n: int) -> None:
    """Scores and values of a pass; the next block's operands are fetched on the way, and then the next pass's."""
    p, one, table = layer.p, layer.passes[n], layer.tables[n]
    ahead, blocks = layer.have.double_buffer, len(one.blocks)
    halves = layer.cut.halves and ahead
    layer.saying(n, "whole pass")
    layer.phase("softmax", layer.numbers[n][0], wait=p.all_of("denser"), wait2=p.all_of("sparser"))
    layer.phase("merge", layer.numbers[n][0])
    scored, decoded = [], [layer.decoded]
    for b in range(blocks):
        layer.scores(n, b)
        scored.append(both_done(layer))
        if b == 0:
            layer.give_back()
        # with halves, the side that the next block's operands take is that of the block before
        if (done := b - halves) >= 0:
            give_scores(layer, n, done, scored[done], decoded[done])
        if b + 1 < blocks:
            layer.decode(n, b + 1)
            decoded.append(layer.decoded)
    sizes = [keys * layer.layer.v_dim * len(one.heads) for _, keys in one.blocks]
    twice = ahead and 2 * max(sizes) <= layer.have.weight_bytes
    before: list[tuple[int, tuple[Wait, Wait]]] = []  # blocks whose V is still there
    for b in table.worked:
        if not ahead:
            hold_back(layer)
            layer.load_tables(n, (VALUES, b), table.bytes.values[b])
            layer.load_values(n, b)
        p.free("index_buffer", 0, wait=layer.loaded[n, (VALUES, b)])
        layer.values(n, b)
        before.append((b, both_done(layer)))
        if b == table.worked[0]:
            if halves:
                give_scores(layer, n, blocks - 1, scored[-1], decoded[-1])
            if not layer.stays:
                layer.operands.give_queries(n, layer.loads_q(n), scored[-1])
        # the last block's are given back when the next pass's operands are under way
        while len(before) > (twice or b == table.worked[-1]):
            gone, ended = before.pop(0)
            give_values(layer, n, gone, sizes[gone], ended)
    layer.leaving = table.bytes.stays, p.will("merge")
    if not ahead:
        for gone, ended in before:
            give_values(layer, n, gone, sizes[gone], ended)
        layer.give_back()
    if n + 1 < len(layer.passes):
        layer.decode(n + 1)
    if ahead:
        for gone, ended in before:
            give_values(layer, n, gone, sizes[gone], ended)


def both_done(layer: "AttentionLayer") -> tuple[Wait, Wait]:
    """What to wait for if both engines must have finished what they have been given."""
    return layer.p.all_of("denser"), layer.p.all_of("sparser")


def free(layer: "AttentionLayer", buffer: str, size: int, done: tuple[Wait, Wait]) -> None:
    layer.p.free(buffer, size, wait=done[0], wait2=done[1])


def give_scores(layer: "AttentionLayer", n: int, b: int, done: tuple[Wait, Wait], decoded: Wait) -> None:
    """What the scores of a block needed of the tables is given back; the decoder reads the pass's row to the end."""
    layer.p.free("index_buffer", 0, wait=decoded)
    free(layer, "index_buffer", layer.tables[n].bytes.scores[b], done)


def give_values(layer: "AttentionLayer", n: int, b: int, size: int, done: tuple[Wait, Wait]) -> None:
    """V of a block, and what its values needed of the tables, are given back."""
    free(layer, "weight_gb", size, done)
    free(layer, "index_buffer", layer.tables[n].bytes.values[b], done)


def load_block_alone(layer: "AttentionLayer", n: int, b: int) -> None:
    """Without double buffering: the tables of a block's scores when all before it is done, with the first those that
    stay. K and Q that do not stay on chip come with the decoder's commands."""
    hold_back(layer)
    if b == 0:
        layer.load_tables(n, TABLES, layer.tables[n].bytes.stays)
    layer.load_tables(n, b, layer.tables[n].bytes.scores[b])
    if layer.stays and n == b == 0:
        layer.load_whole()
        layer.p.free("act_gb0", 0, wait=layer.p.all_of("act_gb0"))


def hold_back(layer: "AttentionLayer") -> None:
    """Hold what is loaded next back until the units are done with what there is."""
    free(layer, "index_buffer", 0, both_done(layer))
    for buffer in BUFFERS:
        layer.p.fence(buffer, layer.p.all_of("decoder"))
