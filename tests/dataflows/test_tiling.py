"""Folds, tiles and shares: closed forms, bounds, and the best of all candidates by brute force."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.core.errors import InputError
from accelsim.dataflows.tiling import DenseResources, ceil, pieces, plan_gemm, step_shape

SMALL = st.integers(1, 40)
SIZES = {"lines": 8, "macs": 4, "weight_bytes": 1024, "act_bytes": 2048, "store_bytes": 512, "psum_bytes": 1024}


def machine(**change) -> DenseResources:
    return DenseResources(**{**SIZES, **change})


@given(total=SMALL, most=SMALL)
def test_pieces_are_few_equal_and_complete(total, most):
    parts = pieces(total, most)
    assert sum(parts) == total and len(parts) == -(-total // most) and max(parts) <= most
    assert max(parts) - min(parts) <= 1


@given(tokens=SMALL, features=SMALL, lines=SMALL, macs=SMALL)
def test_a_step_is_laid_out_the_way_that_needs_fewer_of_them(tokens, features, lines, macs):
    a, b = step_shape(tokens, features, machine(lines=lines, macs=macs))
    assert sorted((a, b)) == sorted((lines, macs))
    steps = ceil(tokens, a) * ceil(features, b)
    assert steps == min(ceil(tokens, lines) * ceil(features, macs), ceil(tokens, macs) * ceil(features, lines))


def candidates(tokens, features, inputs, plan, residual, have):
    """DRAM traffic of every order and row tile that fits, for the plan's features and depths: the slow way."""
    feature_tile, depth_tile = plan.feature_tiles[0], plan.depth_tiles[0]
    depth, cut = sum(plan.depth_tiles), len(plan.depth_tiles) > 1
    row = ceil(inputs, tokens)
    for rows in sorted({*range(plan.step_tokens, tokens, plan.step_tokens), tokens}):
        if cut and 4 * rows * feature_tile > have.psum_bytes:
            continue
        times, addition = ceil(tokens, rows), 2 * rows * feature_tile * residual
        weights = depth * features
        if inputs + addition <= have.act_bytes:
            yield weights * (times if cut else 1) + inputs
        if rows * row + addition <= have.act_bytes:
            yield weights * times + inputs
        if 2 * rows * ceil(row * depth_tile, depth) + addition <= have.act_bytes:
            yield weights * times + inputs * len(plan.feature_tiles)


@settings(max_examples=120, deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 40), st.integers(1, 90), st.integers(1, 40)),
    lines=st.integers(1, 8),
    macs=st.integers(1, 4),
    buffers=st.tuples(st.integers(1, 600), st.integers(1, 900), st.integers(1, 600)),
    overlap=st.integers(1, 4),
    residual=st.booleans(),
    double_buffer=st.booleans(),
)
def test_a_plan_fits_covers_and_moves_least(sizes, lines, macs, buffers, overlap, residual, double_buffer):
    tokens, depth, features = sizes
    inputs = ceil(tokens * depth, overlap)
    have = machine(
        lines=lines,
        macs=macs,
        weight_bytes=buffers[0],
        act_bytes=buffers[1],
        psum_bytes=buffers[2],
        double_buffer=double_buffer,
    )
    try:
        plan = plan_gemm("x", tokens, depth, features, inputs, residual, have)
    except InputError:
        return
    assert sum(plan.row_tiles) == tokens and sum(plan.feature_tiles) == features and sum(plan.depth_tiles) == depth
    assert min(plan.row_tiles + plan.feature_tiles + plan.depth_tiles) >= 1
    assert max(plan.feature_tiles) * max(plan.depth_tiles) * 2 <= have.weight_bytes
    rows = max(plan.row_tiles)
    if len(plan.depth_tiles) > 1:
        assert 4 * rows * max(plan.feature_tiles) <= have.psum_bytes
    traffic = list(candidates(tokens, features, inputs, plan, residual, have))
    assert plan.dram_bytes == min(traffic)


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 30), st.integers(1, 60), st.integers(1, 30)),
    buffers=st.tuples(st.integers(16, 200), st.integers(16, 200), st.integers(16, 200)),
)
def test_a_plan_is_refused_only_when_nothing_fits(sizes, buffers):
    tokens, depth, features = sizes
    have = machine(weight_bytes=buffers[0], act_bytes=buffers[1], psum_bytes=buffers[2], lines=4, macs=2)
    wide = min(features, 4) if step_shape(tokens, features, have)[1] <= 4 else min(features, 8)
    try:
        plan_gemm("x", tokens, depth, features, tokens * depth, False, have)
        fits = True
    except InputError:
        fits = False
    step = min(step_shape(tokens, features, have)[0], tokens)
    room = have.weight_bytes // 2 // wide
    deep = pieces(depth, room)[0] if room else 0
    possible = room and (len(pieces(depth, room)) == 1 or 4 * step * wide <= have.psum_bytes)
    possible = possible and (tokens * depth <= have.act_bytes or 2 * step * deep <= have.act_bytes)
    possible = possible or (
        room and step * depth <= have.act_bytes and (deep == depth or 4 * step * wide <= buffers[2])
    )
    assert fits == bool(possible)


REFUSALS = [
    (
        {"weight_bytes": 15},
        "layer x: one row of 8 weights does not fit weight_gb.capacity_bytes = 15; make it at least 16 bytes",
    ),
    (
        {"weight_bytes": 15, "double_buffer": False},
        "layer x: one row of 8 weights does not fit weight_gb.capacity_bytes = 15; make it at least 16 bytes",
    ),
    (
        {"act_bytes": 60, "weight_bytes": 160, "psum_bytes": 10_000},
        "layer x: a tile of 4 tokens needs 80 bytes of activations (act_gb0.capacity_bytes = 60) and 128 bytes of "
        "partial sums (engine.psum_bytes = 10000); make the buffers larger or engine.lines smaller",
    ),
    (
        {"psum_bytes": 127, "weight_bytes": 160},
        "layer x: a tile of 4 tokens needs 80 bytes of activations (act_gb0.capacity_bytes = 2048) and 128 bytes of "
        "partial sums (engine.psum_bytes = 127); make the buffers larger or engine.lines smaller",
    ),
    (
        {"store_bytes": 63},
        "layer x: the array's outputs of one step need 2 x 32 bytes of act_gb1 (63); make its capacity_bytes larger or "
        "engine.lines smaller",
    ),
]


@pytest.mark.parametrize(("change", "sentence"), REFUSALS)
def test_buffers_that_are_too_small_are_refused_in_a_sentence(change, sentence):
    with pytest.raises(InputError) as refused:
        plan_gemm("x", 40, 100, 32, 4000, False, machine(**change))
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    "change", [{"weight_bytes": 16}, {"store_bytes": 64}, {"psum_bytes": 128, "weight_bytes": 160}]
)
def test_what_the_sentence_asks_for_is_enough(change):
    plan_gemm("x", 40, 100, 32, 4000, False, machine(**change))


def test_a_plan_that_is_cut_to_the_smallest_tile():
    have = machine(act_bytes=80, weight_bytes=160)
    plan = plan_gemm("x", 40, 100, 32, 4000, False, have)
    assert (plan.order, plan.row_tiles, plan.feature_tiles, plan.depth_tiles) == (
        "stream",
        (4,) * 10,
        (8,) * 4,
        (10,) * 10,
    )
    assert plan.dram_bytes == 10 * 3200 + 4 * 4000


@pytest.mark.parametrize("sizes", [(2**31 - 1, 64, 64), (64, 2**31 - 1, 64), (64, 64, 2**31 - 1)])
def test_a_layer_of_too_many_tiles_is_refused_before_they_are_listed(sizes):
    have = machine(lines=64, macs=8, weight_bytes=1 << 12, act_bytes=1 << 14, store_bytes=1 << 14, psum_bytes=1 << 15)
    tokens, depth, features = sizes
    with pytest.raises(InputError, match="layer a: .* would be cut into more than 131,072 tiles"):
        plan_gemm("a", tokens, depth, features, tokens * depth, False, have)
