"""Small networks, most of them random."""

import numpy as np
from hypothesis import strategies as st

from accelsim.workload import Attention, AttentionMask, Elementwise, Gemm, Norm, Workload


@st.composite
def masks(draw, layer: Attention) -> AttentionMask:
    """From almost empty to full, with none to all columns dense."""
    shape = layer.heads, layer.q_tokens, layer.kv_tokens
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    keep = rng.random(shape) < draw(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]))
    heads, rows = np.indices(shape[:2])
    keep[heads, rows, rng.integers(0, layer.kv_tokens, shape[:2])] = True
    order = np.stack([rng.permutation(layer.kv_tokens) for _ in range(layer.heads)])
    most = layer.kv_tokens
    some = st.one_of(st.just(0), st.just(most), st.integers(0, most))
    return AttentionMask(keep, order, np.array([draw(some) for _ in range(layer.heads)]))


@st.composite
def workloads(draw) -> Workload:
    """One or two attention layers between dense, element-wise and normalising ones."""
    layers, kept = [], {}
    for n in range(draw(st.integers(1, 2))):
        tokens, heads = draw(st.integers(1, 20)), draw(st.integers(1, 4))
        dim, values = draw(st.integers(4, 16)), draw(st.integers(4, 16))
        queries = draw(st.one_of(st.just(tokens), st.integers(1, 20)))
        coded = draw(st.one_of(st.none(), st.integers(1, heads)))
        width = draw(st.integers(1, 20))
        attention = Attention(f"b{n}.attention", f"b{n}", heads, queries, tokens, dim, values, coded)
        layers.append(Norm(f"b{n}.norm", f"b{n}", tokens, width, draw(st.sampled_from(["layernorm", "batchnorm"]))))
        if queries == tokens:
            columns = heads * (2 * dim + values)
            layers.append(Gemm(f"b{n}.qkv", f"b{n}", "qkv", tokens, width, columns, encodes=attention.name))
        else:
            columns = heads * (dim + values)
            layers.append(Gemm(f"b{n}.kv", f"b{n}", "kv", tokens, width, columns, encodes=attention.name))
            layers.append(Gemm(f"b{n}.q", f"b{n}", "q", queries, width, heads * dim, encodes=attention.name))
        layers.append(attention)
        layers.append(Gemm(f"b{n}.proj", f"b{n}", "proj", queries, heads * values, width, residual=True))
        repeat = draw(st.integers(1, 3))
        layers.append(
            Gemm(f"b{n}.conv", f"b{n}", "conv", queries, 9, draw(st.integers(1, 40)), repeat=repeat,
                 residual=draw(st.booleans()), activation="gelu",
                 input_elements=draw(st.one_of(st.none(), st.integers(1, 9 * queries).map(lambda x, r=repeat: x * r))))
        )  # fmt: skip
        layers.append(Elementwise(f"b{n}.mean", f"b{n}", "mean", queries, width))
        if draw(st.booleans()):
            kept[attention.name] = draw(masks(attention))
    return Workload("random", "random", tuple(layers), kept, batch=draw(st.integers(1, 2)))


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
