"""Sizes of machines, and small networks, to compile for."""

import numpy as np
from hypothesis import strategies as st

from accelsim.accelerators import machine as accelerator
from accelsim.accelerators import schema
from accelsim.accelerators.vitcod.dataflow.compile import compile_workload
from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.config import load_arch
from accelsim.dataflows.program import Program
from accelsim.dataflows.steps import ArrayPorts
from accelsim.dataflows.tiling import VectorRates
from accelsim.workload import Attention, AttentionMask, Elementwise, Gemm, Norm, Workload

SIZES = {
    "lines": 8, "macs": 4, "weight_bytes": 1024, "act_bytes": 2048, "index_bytes": 4096, "store_bytes": 512,
    "psum_bytes": 1024, "q_bytes": 512, "k_bytes": 512, "score_bytes": 512, "places": 8, "segment": 4,
    "index_entry_bytes": 1, "row_values": 8, "sum_bytes": 64, "ports": ArrayPorts(4, 64, 4, 64, 256),
    "vector_rates": VectorRates(64, 4, 64, 8, 16),
}  # fmt: skip
SWITCHES = ("heads_parallel", "auto_encoder", "reorder", "prune", "forward", "two_engines", "double_buffer")


def machine(**change) -> Resources:
    return Resources(**{**SIZES, **change})


def program_of(net: Workload, have: Resources) -> Program:
    """The program of a network. Raises InputError when it does not fit."""
    made = accelerator("vitcod").program(load_arch("vitcod", schema))
    compile_workload(made, net, have)
    return made


def workload(*layers, masks=None, batch=1) -> Workload:
    return Workload(name="case", model="test", layers=layers, masks=masks or {}, batch=batch)


@st.composite
def machines(draw) -> Resources:
    """Small and odd, with any switches, but large enough for what `networks` draws."""
    switches = {name: draw(st.booleans()) for name in SWITCHES}
    return machine(
        lines=draw(st.integers(1, 9)),
        macs=draw(st.integers(1, 5)),
        weight_bytes=draw(st.integers(128, 600)),
        act_bytes=draw(st.one_of(st.integers(120, 400), st.integers(400, 3000))),
        index_bytes=draw(st.integers(300, 1500)),
        store_bytes=draw(st.integers(100, 300)),
        psum_bytes=draw(st.integers(400, 900)),
        q_bytes=draw(st.integers(130, 400)),
        k_bytes=draw(st.integers(130, 400)),
        score_bytes=draw(st.integers(60, 400)),
        places=draw(st.integers(1, 9)),
        segment=draw(st.integers(1, 6)),
        index_entry_bytes=draw(st.integers(1, 2)),
        **switches,
    )


@st.composite
def masks(draw, heads: int, queries: int, keys: int) -> AttentionMask:
    """From almost empty to full, with any number of global tokens; no row is empty."""
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    keep = rng.random((heads, queries, keys)) < draw(st.sampled_from([0.0, 0.2, 0.6, 1.0]))
    keep[:, np.arange(queries), rng.integers(0, keys, queries)] = True
    order = np.stack([rng.permutation(keys) for _ in range(heads)])
    counts = [draw(st.sampled_from([0, 1, keys // 2, keys])) for _ in range(heads)]
    return AttentionMask(keep, order, np.array(counts))


@st.composite
def attentions(draw, name="attention", queries=None) -> tuple[Attention, AttentionMask]:
    heads, keys = draw(st.integers(1, 4)), draw(st.integers(1, 12))
    queries = queries or draw(st.one_of(st.just(keys), st.integers(1, 12)))
    qk_dim, v_dim = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    encoded = draw(st.one_of(st.none(), st.integers(1, heads)))
    return Attention(name, "b", heads, queries, keys, qk_dim, v_dim, encoded), draw(masks(heads, queries, keys))


@st.composite
def gemms(draw, name="gemm") -> Gemm:
    tokens, depth, features, repeat = (draw(st.integers(1, most)) for most in (14, 60, 20, 2))
    distinct = draw(st.one_of(st.none(), st.integers(1, tokens * depth * repeat)))
    return Gemm(
        name, "b", "mlp", tokens, depth, features, repeat=repeat, input_elements=distinct, residual=draw(st.booleans())
    )


@st.composite
def networks(draw) -> Workload:
    """A projection, its attention, a GEMM, a normalisation and a pooling; every kind of descriptor."""
    attention, mask = draw(attentions())
    heads, tokens = attention.heads, attention.kv_tokens
    layers = [attention, draw(gemms()), Norm("norm", "b", tokens, 7), Elementwise("pool", "b", "mean", tokens, 5)]
    if attention.q_tokens == tokens and draw(st.booleans()):
        columns = heads * (2 * attention.qk_dim + attention.v_dim)
        layers.insert(0, Gemm("qkv", "b", "qkv", tokens, draw(st.integers(1, 20)), columns, encodes="attention"))
    return workload(*layers, masks={"attention": mask}, batch=draw(st.integers(1, 2)))
