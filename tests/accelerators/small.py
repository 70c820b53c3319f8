"""Small networks and small machines, some of them random."""

import numpy as np
from hypothesis import strategies as st

from accelsim.accelerators import schema
from accelsim.config import load_arch
from accelsim.config.arch import Arch
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


def small_machine(*overrides: str) -> Arch:
    """ViTCoD with few lines and small buffers."""
    sizes = ("engine.lines=12", "engine.macs=4", "act_gb0.capacity_bytes=2000", "weight_gb.capacity_bytes=1500")
    return load_arch("vitcod", schema, [*sizes, "softmax.score_bytes=700", *overrides])


OPTIONS = ("auto_encoder", "prune", "reorder", "forward", "two_engines", "double_buffer")


@st.composite
def machines(draw) -> Arch:
    """ViTCoD with few lines, small buffers, narrow ports and any of its options. Some are too small for a network."""

    def some(low: int, high: int) -> int:
        return draw(st.integers(low, high))

    values = {
        "engine.lines": some(1, 16), "engine.macs": some(1, 8), "engine.psum_bytes": some(40, 2000),
        "weight_gb.capacity_bytes": some(300, 2500), "act_gb0.capacity_bytes": some(600, 8000),
        "act_gb1.capacity_bytes": some(100, 900), "index_buffer.capacity_bytes": some(30, 600),
        "denser.q_bytes": some(60, 1200), "denser.k_bytes": some(320, 1000), "softmax.score_bytes": some(60, 1000),
        "denser.q_port_bytes": some(1, 64), "sparser.banks": some(1, 4), "sparser.segment": some(1, 16),
        "sparser.score_ports": some(1, 8), "softmax.lanes": some(1, 8), "softmax.exp_cycles": some(1, 5),
        "softmax.divide_cycles": some(1, 20), "softmax.divide_interval": some(1, 9), "merge.places": some(1, 20),
        "encoder.lines": some(1, 8), "decoder.lines": some(1, 8), "decoder.port_bytes": some(1, 64),
        "decoder.queue": some(1, 8), "walker.word_bytes": some(1, 8), "vector.lanes": some(1, 16),
        "dma.burst_bytes": some(64, 300), "dma.outstanding": some(1, 8), "weight_gb.outstanding": some(1, 4),
        "act_gb0.outstanding": some(1, 4), "index_buffer.outstanding": some(1, 2), "dram.window": some(1, 8),
        "softmax.mode": draw(st.sampled_from(["bounded", "max"])),
        "heads": draw(st.sampled_from(["parallel", "serial"])),
        "layout": draw(st.sampled_from(["packed", "token_major", "fused_qkv"])),
    }  # fmt: skip
    values |= draw(
        st.sampled_from(
            [
                {"dram.model": "exact", "dram.controller": "frfcfs"},
                {"dram.model": "exact", "dram.controller": "dramsim3", "dram.channels": 1},
                *({"dram.model": "pipe", "clocks.dram": clock} for clock in ("1200 MHz", "500 MHz", "333 MHz")),
            ]
        )
    )
    values |= {option: draw(st.sampled_from(["true", "true", "false"])) for option in OPTIONS}
    return load_arch("vitcod", schema, [f"{name}={value}" for name, value in values.items()])
