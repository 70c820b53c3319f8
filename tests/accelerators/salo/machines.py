"""Small random machines for windows, and small networks under patterns and other masks to run on them."""

import functools

import numpy as np
from hypothesis import strategies as st

from accelsim.accelerators import machine, schema
from accelsim.config import load_arch
from accelsim.config.arch import Arch
from accelsim.core.result import Result
from accelsim.workload import Attention, AttentionMask, Elementwise, Gemm, Norm, Workload
from accelsim.workload.pattern import WindowPattern

PIPE = ("dram.model=pipe", "clocks.dram=1200 MHz")
SMALL = (
    "window.rows=4", "window.columns=3", "act_buffer.capacity_bytes=700", "weight_buffer.capacity_bytes=900",
    "output_buffer.capacity_bytes=200", "merge.lanes=4",
)  # fmt: skip


def salo(*overrides: str) -> Arch:
    """The shipped machine with overrides."""
    return load_arch("salo", schema, list(overrides))


def mask_of(pattern: str, tokens: int, heads: int = 1) -> AttentionMask:
    """The mask of a pattern, which is said as a text."""
    return AttentionMask.of_pattern(WindowPattern.parse(pattern), heads, tokens)


def one_layer(mask: AttentionMask, dim: int = 10, wide: int = 7, batch: int = 1) -> Workload:
    """A network of one attention layer."""
    layer = Attention("attention", "b", mask.heads, mask.q_tokens, mask.kv_tokens, dim, wide)
    return Workload("one", "one", (layer,), {"attention": mask}, batch=batch)


@functools.lru_cache
def one_of_each(pattern: str) -> Workload:
    """A block of every kind of layer, its attention under a pattern or, where that is a number, a random mask."""
    if pattern.isdigit():
        rng = np.random.default_rng(int(pattern))
        keep = rng.random((3, 17, 17)) < 0.3
        keep[:, np.arange(17), np.arange(17)] = True
        keep[1, 3] = keep[1, :, 5] = True
        mask = AttentionMask(keep, np.tile(np.arange(17), (3, 1)), np.zeros(3, int))
    else:
        mask = mask_of(pattern, 17, 3)
    layers = (
        Norm("norm", "b", 17, 24),
        Gemm("qkv", "b", "qkv", 17, 24, 3 * (2 * 10 + 7)),
        Attention("attention", "b", 3, 17, 17, 10, 7, activation="hardswish"),
        Gemm("proj", "b", "proj", 17, 21, 24, residual=True),
        Elementwise("mean", "b", "mean", 17, 24),
    )
    return Workload("each", "each", layers, {"attention": mask}, batch=2)


def finished(arch: Arch, workload: Workload) -> Result:
    """The result of a run."""
    model = machine(arch.machine)
    sim, _ = model.build(arch, workload, monitored=True)
    sim.run()
    model.finish(arch, sim)
    return sim.result()


@st.composite
def machines(draw) -> Arch:
    """Few PEs, small buffers, ports as wide as need be. Some are too small for a network."""

    def some(low: int, high: int) -> int:
        return draw(st.integers(low, high))

    rows, columns, tokens = some(1, 6), some(1, 6), some(0, 2)
    values = {
        "window.rows": rows, "window.columns": columns, "window.globals": tokens,
        "merge.features": some(8, 20), "merge.merge_cycles": some(1, 4), "merge.lanes": some(1, 8),
        "array.ahead": some(1, 4), "array.overlap": draw(st.sampled_from(["none", "auto"])),
        "weight_buffer.capacity_bytes": some(100, 1500), "act_buffer.capacity_bytes": some(200, 1500),
        "output_buffer.capacity_bytes": some(80, 500), "vector.lanes": some(1, 16),
        "weight_buffer.banks": 1, "weight_buffer.port_bytes": rows + columns - 1 + tokens + some(0, 6),
        "act_buffer.banks": 1, "act_buffer.port_bytes": rows + tokens + some(0, 6),
        "weight_buffer.outstanding": some(1, 4), "act_buffer.outstanding": some(1, 4),
        "dma.burst_bytes": some(64, 300), "dma.outstanding": some(1, 8),
        "dram.model": "pipe", "clocks.dram": draw(st.sampled_from(["333 MHz", "1200 MHz"])),
    }  # fmt: skip
    return salo(*(f"{name}={value}" for name, value in values.items()))


@st.composite
def patterns(draw, tokens: int) -> WindowPattern:
    """Any window on a line, or on a grid with what is left global."""
    dilation, tokens_seen = draw(st.integers(1, 4)), draw(st.integers(0, 3))
    wide = draw(st.integers(1, 9))
    if draw(st.booleans()):
        return WindowPattern((wide,), dilation, tokens_seen)
    across = draw(st.integers(1, tokens))
    grid = tokens // across, across
    outside = tokens - grid[0] * grid[1]
    return WindowPattern((draw(st.integers(1, 5)), wide), dilation, max(outside, tokens_seen), grid)


@st.composite
def masks(draw, heads: int, queries: int, keys: int) -> AttentionMask | None:
    """A pattern, anything, or nothing."""
    kind = draw(st.sampled_from(["pattern", "random", "none"] if queries == keys else ["random", "none"]))
    if kind == "none":
        return None
    if kind == "pattern":
        return AttentionMask.of_pattern(draw(patterns(keys)), heads, keys)
    rng = np.random.default_rng(draw(st.integers(0, 1 << 20)))
    keep = rng.random((heads, queries, keys)) < draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
    head, row = np.indices(keep.shape[:2])
    keep[head, row, rng.integers(0, keys, keep.shape[:2])] = True
    if draw(st.booleans()):
        keep[:, :, rng.integers(0, keys)] = keep[:, rng.integers(0, queries)] = True
    return AttentionMask(keep, np.tile(np.arange(keys), (heads, 1)), np.zeros(heads, int))


@st.composite
def networks(draw) -> Workload:
    """A dense layer and one or two attention layers."""
    layers, kept = [], {}
    for n in range(draw(st.integers(1, 2))):
        q, kv, heads = draw(st.integers(1, 24)), draw(st.integers(1, 24)), draw(st.integers(1, 3))
        q = draw(st.sampled_from([q, kv, kv]))
        sizes = heads, q, kv, draw(st.integers(1, 12)), draw(st.integers(1, 12))
        activation = draw(st.sampled_from([None, "hardswish"]))
        layers.append(Gemm(f"mlp{n}", "b", "mlp", q, draw(st.integers(1, 12)), draw(st.integers(1, 12))))
        layers.append(Attention(f"a{n}", "b", *sizes, activation=activation))
        mask = draw(masks(heads, q, kv))
        kept |= {f"a{n}": mask} if mask else {}
    return Workload("random", "random", tuple(layers), kept, batch=draw(st.integers(1, 2)))
