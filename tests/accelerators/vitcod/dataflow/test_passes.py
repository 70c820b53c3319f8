"""Passes: every head, row and key once, within the buffers; their tables say what the mask says."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.accelerators.vitcod.dataflow.head_work import split_heads
from accelsim.accelerators.vitcod.dataflow.pass_tables import tabulate
from accelsim.accelerators.vitcod.dataflow.passes import key_blocks, plan_attention
from accelsim.accelerators.vitcod.dataflow.sizes import AttentionCut, faults
from accelsim.core.errors import InputError
from accelsim.workload import Attention, AttentionMask
from tests.accelerators.vitcod.dataflow.machines import attentions, machine, machines


def compiled(case, have):
    """The layer, its heads' work and its cut, which is checked here the slow way."""
    layer, mask = case
    work = split_heads(layer, mask, have)
    cut = plan_attention(layer, work, have)
    assert faults(layer, work, cut, have) == []
    check_cut(layer, work, cut, have)
    return layer, work, cut


def check_cut(layer, work, cut: AttentionCut, have) -> None:
    seen = np.zeros((layer.heads, layer.q_tokens, layer.kv_tokens), int)
    share = 2 if cut.halves else 1
    coded = layer.encoded_heads if have.auto_encoder and layer.encoded_heads else 0
    token = (coded or layer.heads) * layer.qk_dim
    assert not cut.stays or (coded and token * (layer.q_tokens + layer.kv_tokens) <= have.act_bytes)
    for one in cut.passes:
        heads, last = len(one.heads), one.row0 + one.rows
        # places and scores share the memory
        assert 1 <= one.places <= have.places
        parts = [(work[h].dense, work[h].sparse[one.row0 : last]) for h in one.heads]
        scores = sum(2 * len(dense) * one.rows + 3 * int(sparse.sum()) for dense, sparse in parts)
        assert scores <= have.score_bytes and scores + 4 * layer.v_dim * one.places <= have.psum_bytes
        assert list(one.heads) == list(range(one.heads[0], one.heads[0] + heads))
        assert have.heads_parallel or heads == 1
        assert heads * one.rows * layer.qk_dim <= have.q_bytes // share
        at = 0
        for first, keys in one.blocks:
            assert first == at and keys >= 1
            at += keys
            seen[list(one.heads), one.row0 : last, first:at] += 1
            assert heads * keys * layer.qk_dim <= have.k_bytes // share
            assert heads * keys * layer.v_dim <= have.weight_bytes
        assert len(one.blocks) == 1 or heads * one.rows <= one.places  # sums of all its outputs are kept
        if not cut.stays:
            each = (coded or heads) * layer.qk_dim
            assert (one.rows + min(cut.piece_tokens, max(k for _, k in one.blocks))) * each <= have.act_bytes
        table = tabulate(layer, one, work, have)
        assert table.told.bytes.most <= have.index_bytes // 2
    assert (seen == 1).all()
    assert [(p.heads[0], p.row0) for p in cut.passes] == sorted((p.heads[0], p.row0) for p in cut.passes)


@settings(max_examples=70, deadline=None)
@given(case=attentions(), have=machines())
def test_passes_cover_heads_rows_and_keys_once_within_the_buffers(case, have):
    compiled(case, have)


@settings(max_examples=70, deadline=None)
@given(case=attentions(), have=machines(), small=st.integers(1, 40), places=st.integers(1, 9))
def test_keys_are_cut_into_blocks_where_they_do_not_fit(case, have, small, places):
    layer = case[0]
    have = replace(have, k_bytes=max(small, layer.qk_dim), places=places)
    cut = compiled(case, have)[2]
    whole = layer.kv_tokens * layer.qk_dim <= have.k_bytes
    assert whole or all(len(one.blocks) > 1 for one in cut.passes)


@settings(max_examples=70, deadline=None)
@given(case=attentions(), have=machines())
def test_heads_are_split_as_the_options_say(case, have):
    layer, mask = case
    for head, work in enumerate(split_heads(layer, mask, have)):
        keep = mask.keep[head] if have.prune else np.ones_like(mask.keep[head])
        dense = np.zeros_like(keep)
        dense[:, work.dense] = True
        assert not (dense & work.sparse).any()
        assert ((dense | work.sparse) >= keep).all() and (work.sparse <= keep).all()
        assert (np.diff(work.dense) > 0).all()
        if not have.reorder:
            assert not len(work.dense)
        elif have.prune:
            assert set(work.dense) == set(mask.order[head, : mask.global_tokens[head]].tolist())


@settings(max_examples=90, deadline=None)
@given(case=attentions(), have=machines(), blocks=st.booleans())
def test_tables_of_a_pass_say_what_the_mask_says(case, have, blocks):
    layer, mask = case
    work = split_heads(layer, mask, have)
    cut = plan_attention(layer, work, have)
    if blocks:
        have = replace(have, k_bytes=2 * layer.qk_dim, index_bytes=4000)
        cut = key_blocks(layer, work, have, cut.stays) or cut
    for one in cut.passes:
        table = tabulate(layer, one, work, have)
        check_tables(layer, one, table, work, have)
        works = (len(table.dense) > 0, len(table.columns) > 0)
        lines = (table.told.denser_lines, table.told.sparser_lines)
        assert tuple(n > 0 for n in lines) == works
        assert all(n in (0, have.lines) for n in lines) if not have.two_engines else sum(lines) <= max(2, have.lines)
        size = 73 + 16 * one.outputs + 23 * len(table.dense) + 4 * len(table.columns)
        size += len(table.index) * have.index_entry_bytes
        size += sum(-(-len(work[h].dense) * one.rows // 8) for h in one.heads)
        if len(one.blocks) == 1:
            assert (table.told.bytes.stays, table.told.bytes.scores, table.told.bytes.values) == (size, (), ())
        else:  # of the same tables, a row of the pass table a block, and the values' a second time
            assert table.told.bytes.stays + sum(table.told.bytes.scores) == size + 73 * (len(one.blocks) - 1)
            values = [73 + 16 * one.outputs + 23 * block.dense for block in table.blocks]
            assert list(table.told.bytes.values) == values


def check_tables(layer, one, table, work, have) -> None:
    """What is listed, block by block, is what the mask keeps, and so are the outputs and their shares."""
    outputs, several, at, listed = one.outputs, len(one.blocks) > 1, 0, 0
    counts = np.zeros((2, len(one.blocks), outputs), int)  # sparse and dense scores of each block and output
    for b, ((key, keys), block) in enumerate(zip(one.blocks, table.blocks, strict=True)):
        dense = np.zeros((len(one.heads), one.rows, layer.kv_tokens), int)
        sparse = dense.copy()
        assert block.first_dense == sum(part.dense for part in table.blocks[:b])
        for column in table.dense[block.first_dense : block.first_dense + block.dense]:
            dense[column["head"], :, column["column"]] += 1
        for column in table.columns[block.first_column : block.first_column + block.columns]:
            assert column["first"] == at and 1 <= column["count"] <= have.segment
            rows = table.index["row"][at : at + column["count"]]
            assert (np.diff(rows) > 0).all()
            sparse[column["head"], rows, column["column"]] += 1
            at += int(column["count"])
        for n, head in enumerate(one.heads):
            wanted = work[head].sparse[one.row0 : one.row0 + one.rows].copy()
            wanted[:, :key] = wanted[:, key + keys :] = False
            assert (sparse[n] == wanted).all()
            columns = work[head].dense
            assert (np.flatnonzero(dense[n, 0]) == columns[(columns >= key) & (columns < key + keys)]).all()
        counts[0, b], counts[1, b] = sparse.sum(axis=2).reshape(-1), dense.sum(axis=2).reshape(-1)
        assert block.first_share == outputs * (1 + b) * several and block.scores == counts[0, b].sum()
    assert at == len(table.index) and len(table.rows) == outputs * (1 + len(one.blocks) * several)
    for n in range(outputs):
        entry, parts = table.rows[n], 0
        for b, block in enumerate(table.blocks):
            share, (count, some) = table.rows[block.first_share + n], counts[:, b, n]
            assert (share["head"], share["sparse"], share["first"]) == (n // one.rows, count, listed)
            assert share["dense"] == some and share["values"] == layer.v_dim
            parts += -(-count // have.segment) + (some > 0)
            listed += count
        assert entry["first"] == listed - counts[0, :, n].sum() and entry["head"] == n // one.rows
        assert (entry["sparse"], entry["dense"]) == tuple(counts[:, :, n].sum(axis=1))
        assert entry["scores"] == counts[:, :, n].sum() and entry["parts"] == parts >= 1
        assert entry["values"] == layer.v_dim


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(200, 700),
    heads=st.integers(1, 2),
    kept=st.floats(0, 0.1),
    reorder=st.booleans(),
    seed=st.integers(0, 9),
)
def test_no_pass_has_more_rows_than_its_index_can_name(rows, heads, kept, reorder, seed):
    keep = np.random.default_rng(seed).random((heads, rows, 12)) < kept
    keep[:, :, 0] = True
    one = Attention("a", "b", heads, rows, 12, 4, 4)
    order = np.tile(np.arange(12), (heads, 1))
    mask = AttentionMask(keep, order, np.ones(heads, int))
    for entry, most in ((1, 256), (2, 65536)):
        have = machine(
            reorder=reorder, index_entry_bytes=entry, q_bytes=10_000, k_bytes=10_000, score_bytes=100_000,
            psum_bytes=200_000, index_bytes=100_000, act_bytes=100_000,
        )  # fmt: skip
        _, work, cut = compiled((one, mask), have)
        passes = cut.passes
        for some in passes:
            rowed = tabulate(one, some, work, have).index["row"]
            assert rowed.max(initial=0) < most and (some.rows <= most or not len(rowed))
        assert sum(len(some.heads) * some.rows for some in passes) == heads * rows
        if entry == 2 or not any(w.sparse.any() for w in work):
            assert len(passes) == 1  # nothing is cut without need


def test_a_row_number_of_a_byte_names_256_rows():
    keep = np.ones((1, 256, 4), bool)
    mask = AttentionMask(keep, np.arange(4)[None], np.zeros(1, int))
    big = machine(q_bytes=10_000, k_bytes=10_000, score_bytes=100_000, psum_bytes=200_000, index_bytes=100_000)
    assert len(compiled((Attention("a", "b", 1, 256, 4, 4, 4), mask), big)[2].passes) == 1
    more = AttentionMask(np.ones((1, 257, 4), bool), np.arange(4)[None], np.zeros(1, int))
    assert [p.rows for p in compiled((Attention("a", "b", 1, 257, 4, 4, 4), more), big)[2].passes] == [129, 128]


def layer(heads=2, tokens=10, dim=4):
    return Attention("a", "b", heads, tokens, tokens, dim, dim), AttentionMask.dense(heads, tokens, tokens)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"k_bytes": 3}, "denser.k_bytes of 4 (it has 3)"),
        ({"score_bytes": 19}, "softmax.score_bytes of 20 (it has 19)"),
        ({"row_values": 3}, "engine.row_values of 4 (it has 3)"),
        ({"index_bytes": 259}, "index_buffer.capacity_bytes of 260 (it has 259)"),
        (
            {"q_bytes": 3, "k_bytes": 3, "weight_bytes": 3, "psum_bytes": 35, "act_bytes": 15, "store_bytes": 3},
            "denser.q_bytes of 4 (it has 3), denser.k_bytes of 4 (it has 3), weight_gb.capacity_bytes of 4 (it has 3), "
            "engine.psum_bytes of 36 (it has 35), act_gb0.capacity_bytes of 8 (it has 7), act_gb1.capacity_bytes of 4 "
            "(it has 3)",
        ),
    ],
)
def test_buffers_that_are_too_small_are_refused_in_a_sentence_that_says_what_would_do(change, said):
    change = change | ({"act_bytes": 7} if "act_bytes" in change else {})
    with pytest.raises(InputError) as refused:
        compiled(layer(), machine(**change))
    why = "a row of a head with all its scores, and a key at a time, needs"
    assert str(refused.value) == f"layer a: {why} {said}; make them at least that large"
    names = {f"{part}_bytes": name for name, part in PARTS.items()} | {"row_values": "engine.row_values"}
    enough = {field: int(said.split(f"{names[field]} of ")[1].split()[0]) for field in change}
    compiled(layer(), machine(**enough))


PARTS = {
    "denser.q_bytes": "q", "denser.k_bytes": "k", "weight_gb.capacity_bytes": "weight", "engine.psum_bytes": "psum",
    "softmax.score_bytes": "score", "index_buffer.capacity_bytes": "index", "act_gb0.capacity_bytes": "act",
    "act_gb1.capacity_bytes": "store",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "passes"),
    [
        ({}, 1),
        ({"heads_parallel": False}, 2),
        ({"k_bytes": 40}, 2),
        ({"weight_bytes": 40}, 2),
        ({"q_bytes": 4}, 20),  # a row at a time
        ({"score_bytes": 20}, 20),
        ({"score_bytes": 399}, 2),
        ({"index_bytes": 278, "reorder": False}, 20),  # half of it: the pass 73, a row 16, 10 entries and 10 columns 50
        ({"index_bytes": 278, "reorder": False, "double_buffer": False}, 20),
    ],
)
def test_passes_are_as_few_as_the_buffers_allow(change, passes):
    assert len(compiled(layer(), machine(**change))[2].passes) == passes


@pytest.mark.parametrize(
    ("change", "halves", "heads"),
    [
        ({"q_bytes": 80, "k_bytes": 80}, False, [2, 2]),  # halving would separate heads that fit together
        ({"q_bytes": 80, "k_bytes": 80, "heads_parallel": False}, True, [1] * 4),
        ({"q_bytes": 160, "k_bytes": 160, "heads_parallel": False}, True, [1] * 4),
        ({"q_bytes": 79, "k_bytes": 80, "heads_parallel": False}, False, [1] * 4),
        ({"q_bytes": 160, "k_bytes": 160, "heads_parallel": False, "double_buffer": False}, True, [1] * 4),
        ({"q_bytes": 500, "k_bytes": 500}, False, [4]),
    ],
)
def test_operand_buffers_are_halved_unless_that_separates_heads(change, halves, heads):
    cut = compiled(layer(heads=4), machine(score_bytes=10_000, **change))[2]
    assert (cut.halves, [len(one.heads) for one in cut.passes]) == (halves, heads)


@given(case=attentions(queries=1), seed=st.integers(0, 3))
@settings(max_examples=20, deadline=None)
def test_a_single_query_is_a_single_block(case, seed):
    cut = compiled(case, machine(segment=1 + seed))[2]
    assert all((one.row0, one.rows) == (0, 1) for one in cut.passes)
