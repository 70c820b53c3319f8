"""Folds, tiles and shares: closed forms, bounds, and the best of all candidates by brute force."""

import re
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accelsim.core.errors import InputError
from accelsim.dataflows.gemm_cuts import GemmShape, faults, least_traffic, most_sums, plan_gemm
from accelsim.dataflows.tiling import DenseResources, GemmPlan, VectorRates, ceil, pieces, step_shape

SMALL = st.integers(1, 40)
SIZES = {
    "lines": 8,
    "macs": 4,
    "weight_bytes": 1024,
    "act_bytes": 2048,
    "store_bytes": 512,
    "psum_bytes": 1024,
    "sum_bytes": 4096,
}
SIZES |= {"vector_rates": VectorRates(64, 4, 64)}


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
    """DRAM traffic of every order and row tile of whole steps that fits, for the plan's features and depths: the slow
    way."""
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


SIZES_OF_LAYERS = st.tuples(st.integers(1, 40), st.integers(1, 90), st.integers(1, 40))


@st.composite
def layers(draw) -> GemmShape:
    """Small, with overlapping inputs, residuals, constants and encoders."""
    tokens, depth, features = draw(SIZES_OF_LAYERS)
    heads = draw(st.sampled_from([0, 3, 6]))
    inputs = ceil(tokens * depth, draw(st.integers(1, 4)))
    encoded = draw(st.integers(1, heads)) if heads else 0
    return GemmShape(
        tokens, depth, features, inputs, draw(st.booleans()), draw(st.sampled_from([0, 8])), heads, encoded
    )


@st.composite
def arrays(draw) -> DenseResources:
    sizes = {f"{name}_bytes": draw(st.integers(1, 900)) for name in ("weight", "act", "store", "psum")}
    return machine(lines=draw(st.integers(1, 40)), macs=draw(st.integers(1, 9)), **sizes)


@settings(max_examples=150, deadline=None)
@given(shape=layers(), have=arrays())
def test_a_cut_of_the_whole_array_moves_least(shape, have):
    plan = least_traffic(shape, have)
    if plan is None:
        return
    assert faults(shape, plan, have) == []
    assert max(plan.row_tiles) >= min(plan.step_tokens, shape.tokens)
    sizes = shape.tokens, shape.features, shape.inputs
    assert plan.dram_bytes == min(candidates(*sizes, plan, shape.residual, have))


def smallest(shape: GemmShape) -> list[GemmPlan]:
    """An output at a time."""
    ones = [(1,) * size for size in (shape.tokens, shape.features, shape.depth)]
    return [GemmPlan(order, *ones, 1, 1, 0) for order in ("resident", "rows", "stream")]


@settings(max_examples=150, deadline=None)
@given(shape=layers(), have=arrays())
@example(
    shape=GemmShape(1, 1, 7, 1, heads=3, encoded=3),
    have=machine(lines=1, macs=7, weight_bytes=14, act_bytes=1, store_bytes=14, psum_bytes=1),
)
def test_a_layer_is_refused_only_when_not_even_one_output_fits(shape, have):
    try:
        plan = plan_gemm("x", shape, have)
    except InputError as refused:
        assert all(faults(shape, one, have) for one in smallest(shape)), "a cut to single outputs fits"
        needed = {part.split(".")[0]: int(size) for part, size in re.findall(r"([a-z_0-9.]+) of (\d+)", str(refused))}
        enough = replace(have, **{f"{name}_bytes": needed[part] for name, part in PARTS.items() if part in needed})
        plan = plan_gemm("x", shape, enough)  # what the sentence asks for, of all buffers at once, is enough
        one_less = {f"{name}_bytes": needed[part] - 1 for name, part in PARTS.items() if part in needed}
        if "store_bytes" not in one_less:
            with pytest.raises(InputError):
                plan_gemm("x", shape, replace(enough, **one_less))
        have = enough
    assert faults(shape, plan, have) == []


PARTS = {"weight": "weight_gb", "act": "act_gb0", "store": "act_gb1", "psum": "engine"}


@settings(max_examples=150, deadline=None)
@given(shape=layers(), have=arrays(), data=st.data())
def test_what_does_not_fit_is_said(shape, have, data):
    """Faults against the sizes of what is held at a time, added up here the slow way."""
    rows, columns, deep = (data.draw(st.integers(1, n)) for n in (shape.tokens, shape.features, shape.depth))
    step_tokens, step_features = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    tiles = [
        tuple(min(part, whole - at) for at in range(0, whole, part))
        for part, whole in ((rows, shape.tokens), (columns, shape.features), (deep, shape.depth))
    ]
    order = data.draw(st.sampled_from(["resident", "rows", "stream"]))
    plan = GemmPlan(order, *tiles, step_tokens, step_features, 0)
    high, wide = min(step_tokens, rows), min(step_features, columns)
    good = (high <= have.lines and wide <= have.macs) or (high <= have.macs and wide <= have.lines)
    leaving = max(
        sum(shape.encoded for c in range(m, m + wide) if c % shape.heads == shape.heads - 1) if shape.heads else wide
        for m in range(max(shape.heads, 1))
    )
    good = good and 2 * high * leaving <= have.store_bytes
    good = good and 2 * columns * (deep + shape.constants) <= have.weight_bytes
    good = good and (deep == shape.depth or 4 * rows * columns <= have.psum_bytes)
    row = ceil(shape.inputs, shape.tokens)
    activations = {"resident": shape.inputs, "rows": rows * row, "stream": 2 * rows * ceil(row * deep, shape.depth)}
    good = good and activations[order] + 2 * rows * columns * shape.residual <= have.act_bytes
    assert (faults(shape, plan, have) == []) == good
    short = GemmPlan(order, tiles[0][:-1] or (2 * shape.tokens,), *tiles[1:], step_tokens, step_features, 0)
    assert any("row_tiles add up to" in said for said in faults(shape, short, have))


REFUSALS = [
    (
        {"weight_bytes": 17},
        "layer x: a single output at a time needs weight_gb.capacity_bytes of 18 (it has 17); make them at least that "
        "large",
    ),
    (
        {"weight_bytes": 3, "act_bytes": 1, "store_bytes": 1, "psum_bytes": 3},
        "layer x: a single output at a time needs weight_gb.capacity_bytes of 18 (it has 3), act_gb0.capacity_bytes of "
        "4 (it has 1), act_gb1.capacity_bytes of 2 (it has 1), engine.psum_bytes of 4 (it has 3); make them at least "
        "that large",
    ),
]


@pytest.mark.parametrize(("change", "sentence"), REFUSALS)
def test_buffers_that_are_too_small_are_refused_in_a_sentence(change, sentence):
    with pytest.raises(InputError) as refused:
        plan_gemm("x", GemmShape(40, 100, 32, 4000, True, 8), machine(**change))
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("change", "step", "tile"),
    [
        ({}, (4, 8), (20, 8)),  # the whole array
        ({"act_bytes": 6}, (3, 8), (3, 32)),  # three tokens of a depth of one, twice
        ({"weight_bytes": 6}, (8, 2), (16, 2)),  # three weights, two of which make a step of whole tokens
        ({"store_bytes": 8}, (1, 4), (20, 4)),  # four outputs leave at a time
        ({"psum_bytes": 32, "weight_bytes": 160}, (8, 1), (8, 1)),  # few sums: lines whose sums have no room are idle
    ],
)
def test_lines_and_macs_that_buffers_cannot_feed_stand_idle(change, step, tile):
    plan = plan_gemm("x", GemmShape(40, 100, 32, 4000), machine(**change))
    assert (plan.step_tokens, plan.step_features) == step
    assert (max(plan.row_tiles), max(plan.feature_tiles)) == tile


def test_a_plan_that_is_cut_to_the_smallest_tile_of_the_whole_array():
    have = machine(act_bytes=80, weight_bytes=160)
    plan = least_traffic(GemmShape(40, 100, 32, 4000), have)
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
        plan_gemm("a", GemmShape(tokens, depth, features, tokens * depth), have)


def test_cuts_keep_no_more_sums_of_cut_features_than_fit():
    """40 tokens of 3 heads to 2: 8 bytes a token. Tiles of whole features, or of fewer tokens, where those of all
    tokens do not fit, then steps of fewer; then it is refused."""
    shape = GemmShape(40, 100, 24, 4000, heads=3, encoded=2)

    def kept(sum_bytes):
        plan = plan_gemm("x", shape, machine(act_bytes=4096, weight_bytes=3200, sum_bytes=sum_bytes))
        found = most_sums(shape, plan)
        assert found <= sum_bytes
        assert not faults(shape, plan, machine(act_bytes=4096, weight_bytes=3200, sum_bytes=found))
        if found:
            (wrong,) = faults(shape, plan, machine(act_bytes=4096, weight_bytes=3200, sum_bytes=found - 1))
            assert wrong == f"it needs {found} bytes of encoder.sum_bytes ({found - 1})"
        return found

    assert kept(8 * 40) == 8 * 40  # a tile cuts a feature of all tokens
    assert kept(8 * 40 - 1) <= 8 * 20 and kept(8 * 7) <= 8 * 4 and kept(8) <= 8
    assert kept(0) == 0  # steps of whole features
    one = "layer x: a single output at a time needs encoder.sum_bytes of 8 (it has 7); make them at least that large"
    with pytest.raises(InputError, match=re.escape(one)):  # two features' weights fit
        plan_gemm("x", shape, machine(weight_bytes=4, sum_bytes=7))
