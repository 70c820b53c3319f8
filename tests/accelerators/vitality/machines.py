"""Small random machines for linear attention, and small networks to run on them."""

import functools

from hypothesis import strategies as st

from accelsim.accelerators import machine, schema
from accelsim.config import load_arch
from accelsim.config.arch import Arch
from accelsim.core.result import Result
from accelsim.workload import Elementwise, Gemm, LinearAttention, Norm, Workload
from accelsim.workload.layers import RULES

PIPE = ("dram.model=pipe", "clocks.dram=1200 MHz")
SMALL = (
    "array.rows=4", "array.columns=3", "array.accumulator_bytes=400", "diagonal.rows=4", "diagonal.left_bytes=4",
    "accumulate.lanes=3", "divide.lanes=3", "add.lanes=3", "g_buffer.capacity_bytes=512", "g_buffer.banks=1",
    "g_buffer.lanes=8", "divisors.capacity_bytes=320", "act_buffer.capacity_bytes=1800", "act_buffer.banks=2",
    "act_buffer.port_bytes=16", "weight_buffer.capacity_bytes=1200", "weight_buffer.banks=2",
    "weight_buffer.port_bytes=16", "output_buffer.capacity_bytes=400",
)  # fmt: skip
OPTIONS = (
    (),
    ("options.centre=after",),
    ("options.diag=off",),
    ("options.g_resident=true",),
    ("options.pipeline=none",),
    ("options.key_bits=8",),
    ("options.centre=after", "options.diag=off", "options.g_resident=true"),
)


def vitality(*overrides: str) -> Arch:
    """The shipped machine with overrides."""
    return load_arch("vitality", schema, [one.removeprefix("options.") for one in overrides])


def one_layer(rule: str = "taylor", heads: int = 3, q: int = 17, kv: int = 17, dim: int = 10, wide: int = 7, **said):
    """A network of one linear attention layer."""
    layer = LinearAttention("attention", "b", rule, heads, q, kv, dim, wide, **said)
    return Workload("one", "one", (layer,))


@functools.lru_cache
def one_of_each(rule: str = "taylor") -> Workload:
    """A block of every kind of layer."""
    layers = (
        Norm("norm", "b", 17, 24),
        Gemm("qkv", "b", "qkv", 17, 24, 3 * (2 * 10 + 7)),
        LinearAttention("attention", "b", rule, 3, 17, 17, 10, 7, activation="hardswish"),
        Gemm("proj", "b", "proj", 17, 21, 24, residual=True),
        Elementwise("mean", "b", "mean", 17, 24),
    )
    return Workload("each", "each", layers, batch=2)


def finished(arch: Arch, workload: Workload) -> Result:
    """The result of a run."""
    model = machine(arch.machine)
    sim, _ = model.build(arch, workload, monitored=True)
    sim.run()
    model.finish(arch, sim)
    return sim.result()


@st.composite
def machines(draw) -> Arch:
    """Few PEs and lanes, small buffers, ports as wide as need be, any option. Some are too small for a network."""

    def some(low: int, high: int) -> int:
        return draw(st.integers(low, high))

    lanes = {unit: some(1, 5) for unit in ("accumulate", "divide", "add")}
    left, rows, columns = some(1, 6), some(1, 6), some(1, 6)
    beside = lanes["accumulate"] + 2 * max(lanes["divide"], lanes["add"]) + left
    values = {
        "array.rows": rows, "array.columns": columns, "array.overlap": draw(st.sampled_from(["none", "auto"])),
        "array.ahead": some(1, 4), "array.psum_hop": some(1, 2), "array.accumulator_bytes": some(24, 400),
        "diagonal.rows": some(1, 6), "diagonal.left_bytes": left, "diagonal.ahead": some(1, 3),
        "diagonal.accumulator_bytes": some(8, 100),
        **{f"{unit}.lanes": n for unit, n in lanes.items()}, **{f"{unit}.latency": some(0, 6) for unit in lanes},
        **{f"{unit}.interval": some(1, 3) for unit in lanes}, **{f"{unit}.ahead": some(1, 4) for unit in lanes},
        "g_buffer.capacity_bytes": some(100, 900), "g_buffer.banks": 1, "g_buffer.lanes": some(1, 8),
        "g_buffer.latency": some(0, 4), "divisors.capacity_bytes": some(100, 400),
        "weight_buffer.capacity_bytes": some(100, 1500), "act_buffer.capacity_bytes": some(200, 2500),
        "output_buffer.capacity_bytes": some(80, 500), "vector.lanes": some(1, 16),
        "weight_buffer.banks": 1, "weight_buffer.port_bytes": beside + rows + some(0, 6),
        "act_buffer.banks": 1, "act_buffer.port_bytes": beside + columns + some(0, 6),
        "weight_buffer.outstanding": some(1, 4), "act_buffer.outstanding": some(1, 4),
        "dma.burst_bytes": some(64, 300), "dma.outstanding": some(1, 8),
        "diag": draw(st.sampled_from(["on", "off"])), "centre": draw(st.sampled_from(["before", "after"])),
        "pipeline": draw(st.sampled_from(["heads", "none"])), "g_resident": draw(st.sampled_from(["true", "false"])),
        "key_bits": draw(st.sampled_from(["8", "9"])), "l1_order": draw(st.sampled_from(["auto", "kv", "qk"])),
        "dram.model": "pipe", "clocks.dram": draw(st.sampled_from(["333 MHz", "1200 MHz"])),
    }  # fmt: skip
    return vitality(*(f"{name}={value}" for name, value in values.items()))


@st.composite
def networks(draw) -> Workload:
    """A projection and one or two linear attention layers."""
    layers = []
    for n in range(draw(st.integers(1, 2))):
        q, kv = draw(st.integers(1, 20)), draw(st.integers(1, 20))
        sizes = (
            draw(st.integers(1, 4)),
            q,
            draw(st.sampled_from([q, kv])),
            draw(st.integers(1, 12)),
            draw(st.integers(1, 12)),
        )
        activation = draw(st.sampled_from([None, "hardswish"]))
        layers.append(Gemm(f"mlp{n}", "b", "mlp", q, draw(st.integers(1, 12)), draw(st.integers(1, 12))))
        layers.append(LinearAttention(f"a{n}", "b", draw(st.sampled_from(RULES)), *sizes, activation=activation))
    return Workload("random", "random", tuple(layers), batch=draw(st.integers(1, 2)))
