"""Passes: every head and row once, within the buffers; their tables say what the mask says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.accelerators.vitcod.dataflow.passes import plan_passes, split_heads, tabulate
from accelsim.core.errors import InputError
from accelsim.workload import Attention, AttentionMask
from tests.accelerators.vitcod.dataflow.machines import attentions, machine, machines


def compiled(case, have):
    layer, mask = case
    work = split_heads(layer, mask, have)
    split, passes, halves = plan_passes(layer, work, have)
    # places and scores share the memory
    assert 1 <= split.places <= have.places and split.score_bytes <= have.score_bytes
    assert 4 * layer.v_dim * split.places + split.score_bytes <= have.psum_bytes
    for one in passes:
        last = one.row0 + one.rows
        scores = sum(
            2 * len(work[h].dense) * one.rows + 3 * int(work[h].sparse[one.row0 : last].sum()) for h in one.heads
        )
        assert scores <= split.score_bytes
    return layer, mask, work, passes, halves


@settings(max_examples=70, deadline=None)
@given(case=attentions(), have=machines())
def test_passes_cover_heads_and_rows_once_within_the_buffers(case, have):
    layer, _, work, passes, halves = compiled(case, have)
    seen = np.zeros((layer.heads, layer.q_tokens), int)
    share = 2 if halves else 1
    for one in passes:
        seen[list(one.heads), one.row0 : one.row0 + one.rows] += 1
        heads = len(one.heads)
        assert list(one.heads) == list(range(one.heads[0], one.heads[0] + heads))
        assert have.heads_parallel or heads == 1
        assert heads * one.rows * layer.qk_dim <= have.q_bytes // share
        assert heads * layer.kv_tokens * layer.qk_dim <= have.k_bytes // share
        assert heads * layer.kv_tokens * layer.v_dim <= have.weight_bytes
        table = tabulate(layer, one, work, have)
        assert table.index_bytes <= have.index_bytes // 2
    assert (seen == 1).all()
    assert [(one.heads[0], one.row0) for one in passes] == sorted((one.heads[0], one.row0) for one in passes)


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


@settings(max_examples=70, deadline=None)
@given(case=attentions(), have=machines())
def test_tables_of_a_pass_say_what_the_mask_says(case, have):
    layer, _, work, passes, _ = compiled(case, have)
    for one in passes:
        table = tabulate(layer, one, work, have)
        dense = np.zeros((len(one.heads), one.rows, layer.kv_tokens), int)
        sparse, listed = dense.copy(), 0
        for column in table.dense:
            dense[column["head"], :, column["column"]] += 1
        at = 0
        for column in table.columns:
            assert column["first"] == at and 1 <= column["count"] <= have.segment
            rows = table.index["row"][at : at + column["count"]]
            assert (np.diff(rows) > 0).all()
            sparse[column["head"], rows, column["column"]] += 1
            at += int(column["count"])
        assert at == len(table.index)
        for n, head in enumerate(one.heads):
            block = work[head].sparse[one.row0 : one.row0 + one.rows]
            assert (sparse[n] == block).all()
            assert (np.flatnonzero(dense[n, 0]) == work[head].dense).all()
            for row in range(one.rows):
                entry = table.rows[n * one.rows + row]
                count = int(block[row].sum())
                assert (entry["head"], entry["sparse"], entry["first"]) == (n, count, listed)
                assert entry["dense"] == len(work[head].dense) and entry["scores"] == count + entry["dense"]
                assert entry["parts"] == -(-count // have.segment) + (entry["dense"] > 0) >= 1
                assert entry["values"] == layer.v_dim
                listed += count
        works = (len(table.dense) > 0, len(table.columns) > 0)
        lines = (table.denser_lines, table.sparser_lines)
        assert tuple(n > 0 for n in lines) == works
        assert all(n in (0, have.lines) for n in lines) if not have.two_engines else sum(lines) <= max(2, have.lines)
        size = 34 + 8 * len(table.rows) + 4 * len(table.dense) + 4 * len(table.columns)
        size += len(table.index) * have.index_entry_bytes
        assert table.index_bytes == size + sum(-(-len(work[h].dense) * one.rows // 8) for h in one.heads)


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
            psum_bytes=200_000, index_bytes=100_000,
        )  # fmt: skip
        _, _, work, passes, _ = compiled((one, mask), have)
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
    assert len(compiled((Attention("a", "b", 1, 256, 4, 4, 4), mask), big)[3]) == 1
    more = AttentionMask(np.ones((1, 257, 4), bool), np.arange(4)[None], np.zeros(1, int))
    assert [p.rows for p in compiled((Attention("a", "b", 1, 257, 4, 4, 4), more), big)[3]] == [129, 128]


def layer(heads=2, tokens=10, dim=4):
    return Attention("a", "b", heads, tokens, tokens, dim, dim), AttentionMask.dense(heads, tokens, tokens)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"k_bytes": 39}, "layer a: one head needs 40 bytes at once, denser.k_bytes gives 39; make it larger"),
        (
            {"weight_bytes": 39},
            "layer a: one head needs 40 bytes at once, weight_gb.capacity_bytes gives 39; make it larger",
        ),
        ({"q_bytes": 3}, "layer a: one head needs 4 bytes at once, denser.q_bytes gives 3; make it larger"),
        (
            {"score_bytes": 19},
            "layer a: not even one row of head 0 fits the 19 bytes of scores that engine.psum_bytes = 1024 and "
            "softmax.score_bytes = 19 leave, and index_buffer.capacity_bytes = 4096; make them larger",
        ),
        (
            {"row_values": 3},
            "layer a: an output row of a head has 4 sums, but a line holds engine.row_values = 3; make it at least 4",
        ),
        (
            {"index_bytes": 183, "reorder": False},
            "layer a: not even one row of head 0 fits the 512 bytes of scores that engine.psum_bytes = 1024 and "
            "softmax.score_bytes = 512 leave, and index_buffer.capacity_bytes = 183; make them larger",
        ),
    ],
)
def test_buffers_that_are_too_small_are_refused_in_a_sentence(change, sentence):
    with pytest.raises(InputError) as refused:
        compiled(layer(), machine(**change))
    assert str(refused.value) == sentence


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
        ({"index_bytes": 184, "reorder": False}, 20),  # half of it: the pass 34, a row 8, 10 entries and 10 columns 50
        ({"index_bytes": 184, "reorder": False, "double_buffer": False}, 20),
    ],
)
def test_passes_are_as_few_as_the_buffers_allow(change, passes):
    assert len(compiled(layer(), machine(**change))[3]) == passes


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
    _, _, _, passes, found = compiled(layer(heads=4), machine(score_bytes=10_000, **change))
    assert (found, [len(one.heads) for one in passes]) == (halves, heads)


@given(case=attentions(queries=1), seed=st.integers(0, 3))
@settings(max_examples=20, deadline=None)
def test_a_single_query_is_a_single_block(case, seed):
    _, _, _, passes, _ = compiled(case, machine(segment=1 + seed))
    assert all((one.row0, one.rows) == (0, 1) for one in passes)
