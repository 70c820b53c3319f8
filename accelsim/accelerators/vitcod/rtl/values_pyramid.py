"""Small random networks of what transformers alone do not have: windows that overlap, products side by side, attention
with fewer queries than keys, element-wise layers, means."""

from collections.abc import Iterator

import numpy as np

from accelsim.accelerators.trial import Rng, draw, draw_mask
from accelsim.accelerators.vitcod.machine import MACHINE
from accelsim.config.arch import Arch
from accelsim.core.errors import InputError
from accelsim.dataflows.tiling import ceil
from accelsim.workload.layers import Attention, Elementwise, Gemm, Layer
from accelsim.workload.workload import Workload

SIDE, CHANNELS, DIM = 4, 12, 12  # most pixels of the smallest picture's side, channels, features of a head


def draw_pyramid(seed: int, lanes: int) -> Workload:
    """A picture under one to three convolutions, each of which halves its sides or not and may be of several products;
    two branches that are added or multiplied; a stage of attention that takes every second row and column, or all;
    an activation by itself, a mean over as many features as `lanes`, and two heads whose outputs are added."""
    rng = np.random.default_rng([seed, 4714])
    out, channels = 2 * int(rng.integers(1, SIDE)), draw(rng, CHANNELS)
    strides = rng.choice([1, 2], int(rng.integers(1, 4)))
    side, first, layers, masks = out * int(np.prod(strides)), 3, [], {}
    for n, stride in enumerate(strides.tolist()):
        side //= stride
        repeat = int(rng.choice([r for r in (1, 2, 3) if first % r == channels % r == 0]))
        layers.append(convolution(rng, f"conv{n}", side, stride, first, channels, repeat))
        first, channels = channels, draw(rng, CHANNELS)
    tokens = side * side
    layers += branches(rng, tokens, first, lanes if rng.random() < 0.5 else draw(rng, 2 * lanes))
    width = layers[-1].features
    if rng.random() < 0.8:
        small = side // 2 if rng.random() < 0.7 else side
        for layer in stage(rng, tokens, small * small, width, lanes):
            layers.append(layer)
            if isinstance(layer, Attention):
                masks[layer.name] = draw_mask(rng, layer)
        tokens = small * small
    else:
        layers.append(Gemm("widen", "widen", "other", tokens, width, lanes))
    classes, biases = draw(rng, 30), bool(rng.random() < 0.5)
    layers += [
        Elementwise("look", "look", str(rng.choice(["gelu", "relu", "hardswish"])), tokens, lanes),
        Elementwise("pool", "head", "mean", tokens, lanes),
        Gemm("head", "head", "head", 1, lanes, classes, bias=biases),
        Gemm("head_dist", "head", "head", 1, lanes, classes, bias=biases),
        Elementwise("head_add", "head", "add", 1, classes, 2),
    ]
    return Workload(f"pyramid {seed}", "random", tuple(layers), masks)


def convolution(rng: Rng, name: str, side: int, stride: int, channels: int, features: int, repeat: int) -> Gemm:
    """A convolution of 3 x 3 windows that overlap."""
    tokens, each = side * side, channels // repeat
    return Gemm(
        name, "stem", "conv", tokens, 9 * each, features // repeat, repeat=repeat,
        activation="hardswish" if rng.random() < 0.7 else None, input_elements=tokens * stride**2 * channels,
        residual=bool(rng.random() < 0.3), bias=bool(rng.random() < 0.7),
    )  # fmt: skip


def branches(rng: Rng, tokens: int, features: int, width: int) -> Iterator[Layer]:
    """Two dense layers, the second on the first's output and of several products, and what joins the two."""
    repeat = int(rng.choice([r for r in (1, 2, 3) if width % r == 0]))
    yield Gemm("left", "join", "other", tokens, features, width)
    yield Gemm("right", "join", "other", tokens, width // repeat, width // repeat, repeat=repeat)
    yield Elementwise("join", "join", str(rng.choice(["add", "multiply"])), tokens, width, 2)


def stage(rng: Rng, tokens: int, queries: int, width: int, features: int) -> Iterator[Layer]:
    """Attention of some queries on all tokens, and what follows."""
    heads, dim, values = draw(rng, 4), draw(rng, DIM), draw(rng, DIM)
    coded = draw(rng, heads) if rng.random() < 0.7 else None
    activation = "hardswish" if rng.random() < 0.6 else None
    one = Attention("attention", "stage", heads, queries, tokens, dim, values, coded, activation)
    yield Gemm("kv", "stage", "kv", tokens, width, heads * (dim + values), encodes=one.name)
    yield Gemm("q", "stage", "q", queries, width, heads * dim, encodes=one.name)
    yield one
    yield Gemm("proj", "stage", "downsample", queries, heads * values, features)


def any_cuts(arch: Arch, workload: Workload, rng: Rng) -> dict[str, dict[str, object]]:
    """A mapping that cuts rows, features and depth of dense layers anywhere: so small ones would be done at once."""
    found: dict[str, dict[str, object]] = {}
    lines, macs = (arch.parts["engine"][name] for name in ("lines", "macs"))
    for layer in workload.layers:
        if not isinstance(layer, Gemm) or layer.encodes or rng.random() < 0.3:
            continue
        high, wide = rng.permutation([lines, macs]).tolist()
        order = str(rng.choice(["resident", "rows", "stream"]))
        parts = min(6, layer.in_features)
        if order == "stream" and layer.input_elements:  # of a row's bytes some are loaded with each part
            parts = min(parts, ceil(layer.inputs // layer.repeat, layer.tokens))
        cut = {
            "order": order,
            "rows": int(rng.integers(1, layer.tokens + 1)),
            "features": int(rng.integers(1, layer.out_features + 1)),
            "depth_tiles": int(rng.integers(1, parts + 1)),
            "step_tokens": high,
            "step_features": wide,
        }
        more = found | {layer.name: {"outputs": cut}}
        try:
            MACHINE.mapping(arch, workload, pinned=more)
        except InputError:  # sums that are put away do not fit
            continue
        found = more
    return found
