"""Small networks, most of them random."""

import random
from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from accelsim.workload import Attention, AttentionMask, Elementwise, Gemm, Norm, Workload


class Drawn:
    """What hypothesis draws."""

    def __init__(self, draw) -> None:
        self.draw = draw

    def whole(self, low: int, high: int) -> int:
        """A number of [low, high]."""
        return self.draw(st.integers(low, high))

    def one_of(self, some: Sequence):
        return self.draw(st.sampled_from(some))


class Seeded(Drawn):
    """What a generator draws: the same whatever else is loaded, where hypothesis prefers numbers that it finds in the
    modules there are, even if it is told to repeat itself."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def whole(self, low: int, high: int) -> int:
        return self.rng.randint(low, high)

    def one_of(self, some: Sequence):
        return self.rng.choice(some)


def mask_of(drawn: Drawn, layer: Attention) -> AttentionMask:
    """From almost empty to full, with none to all columns dense."""
    shape = layer.heads, layer.q_tokens, layer.kv_tokens
    rng = np.random.default_rng(drawn.whole(0, 2**20))
    keep = rng.random(shape) < drawn.one_of([0.0, 0.1, 0.5, 0.9, 1.0])
    heads, rows = np.indices(shape[:2])
    keep[heads, rows, rng.integers(0, layer.kv_tokens, shape[:2])] = True
    order = np.stack([rng.permutation(layer.kv_tokens) for _ in range(layer.heads)])
    most = layer.kv_tokens
    dense = [drawn.one_of([0, most, drawn.whole(0, most)]) for _ in range(layer.heads)]
    return AttentionMask(keep, order, np.array(dense))


def workload_of(drawn: Drawn) -> Workload:
    """One or two attention layers between dense, element-wise and normalising ones."""
    layers, kept, some = [], {}, drawn.whole
    for n in range(some(1, 2)):
        tokens, heads = some(1, 20), some(1, 4)
        dim, values = some(4, 16), some(4, 16)
        queries = drawn.one_of([tokens, some(1, 20)])
        coded = drawn.one_of([None, some(1, heads)])
        width = some(1, 20)
        attention = Attention(f"b{n}.attention", f"b{n}", heads, queries, tokens, dim, values, coded)
        layers.append(Norm(f"b{n}.norm", f"b{n}", tokens, width, drawn.one_of(["layernorm", "batchnorm"])))
        if queries == tokens:
            columns = heads * (2 * dim + values)
            layers.append(Gemm(f"b{n}.qkv", f"b{n}", "qkv", tokens, width, columns, encodes=attention.name))
        else:
            columns = heads * (dim + values)
            layers.append(Gemm(f"b{n}.kv", f"b{n}", "kv", tokens, width, columns, encodes=attention.name))
            layers.append(Gemm(f"b{n}.q", f"b{n}", "q", queries, width, heads * dim, encodes=attention.name))
        layers.append(attention)
        layers.append(Gemm(f"b{n}.proj", f"b{n}", "proj", queries, heads * values, width, residual=True))
        repeat = some(1, 3)
        layers.append(
            Gemm(f"b{n}.conv", f"b{n}", "conv", queries, 9, some(1, 40), repeat=repeat,
                 residual=drawn.one_of([False, True]), activation="gelu",
                 input_elements=drawn.one_of([None, repeat * some(1, 9 * queries)]))
        )  # fmt: skip
        layers.append(Elementwise(f"b{n}.mean", f"b{n}", "mean", queries, width))
        if drawn.one_of([False, True]):
            kept[attention.name] = mask_of(drawn, attention)
    return Workload("random", "random", tuple(layers), kept, batch=some(1, 2))


@st.composite
def masks(draw, layer: Attention) -> AttentionMask:
    """Masks of a layer."""
    return mask_of(Drawn(draw), layer)


@st.composite
def workloads(draw) -> Workload:
    """Small networks."""
    return workload_of(Drawn(draw))


def one_of_each() -> Workload:
    """Every kind of layer, and a mask with both kinds of work."""
    rng = np.random.default_rng(5)
    keep = rng.random((3, 17, 17)) < 0.3
    keep[:, np.arange(17), np.arange(17)] = True
    order = np.stack([rng.permutation(17) for _ in range(3)])
    layers = (
        Norm("norm", "b", 17, 24),
        Gemm("qkv", "b", "qkv", 17, 24, 3 * (2 * 10 + 7), encodes="attention"),
        Attention("attention", "b", 3, 17, 17, 10, 7, 2),
        Gemm("proj", "b", "proj", 17, 21, 24, residual=True),
        Elementwise("mean", "b", "mean", 17, 24),
    )
    return Workload("each", "each", layers, {"attention": AttentionMask(keep, order, np.array([3, 0, 17]))})
