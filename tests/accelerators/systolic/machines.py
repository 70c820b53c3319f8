"""Small random systolic machines, and small products to run on them."""

from hypothesis import strategies as st

from accelsim.accelerators import machine, schema
from accelsim.accelerators.systolic.machine import resources
from accelsim.config import load_arch
from accelsim.config.arch import Arch
from accelsim.dataflows.products.folds import Array
from accelsim.workload import Attention, Elementwise, Gemm, Norm, Workload

MEMORIES = (
    {"dram.model": "exact"},
    {"dram.model": "exact", "dram.controller": "dramsim3", "dram.channels": 1},
    {"dram.model": "pipe", "clocks.dram": "1200 MHz"},
    {"dram.model": "pipe", "clocks.dram": "333 MHz"},
)


def systolic(*overrides: str) -> Arch:
    """The shipped machine with overrides."""
    return load_arch("systolic", schema, overrides)


@st.composite
def machines(draw) -> Arch:
    """Few PEs, small buffers, narrow ports, and any option. Some are too small for a network."""

    def some(low: int, high: int) -> int:
        return draw(st.integers(low, high))

    timing = draw(st.sampled_from(["exact", "exact", "scalesim"]))
    exact = timing == "exact"
    overlap = draw(st.sampled_from(["none", "shadow", "auto"])) if exact else draw(st.sampled_from(["none", "auto"]))
    values = {
        "array.rows": some(1, 6), "array.columns": some(1, 6), "array.timing": timing, "array.overlap": overlap,
        "array.dataflow": draw(st.sampled_from(["os", "ws", "is"])), "array.ahead": some(1, 4),
        "array.psum_hop": some(1, 2) if exact else 1, "array.accumulator_bytes": some(24, 400),
        "array.row_skip": draw(st.sampled_from(["true", "false"])) if exact and overlap != "shadow" else "false",
        "weight_buffer.capacity_bytes": some(40, 900), "act_buffer.capacity_bytes": some(200, 1600),
        "output_buffer.capacity_bytes": some(80, 500), "spill_buffer.capacity_bytes": some(80, 500),
        "softmax.score_bytes": some(60, 600), "softmax.lanes": some(1, 8), "softmax.divide_cycles": some(1, 20),
        "softmax.mode": draw(st.sampled_from(["bounded", "max"])), "softmax.exp_cycles": some(1, 5),
        "softmax.divide_interval": some(1, 5), "softmax.ahead": some(1, 3), "vector.lanes": some(1, 16),
        "weight_buffer.banks": some(1, 2), "weight_buffer.port_bytes": some(1, 4),
        "act_buffer.banks": some(1, 2), "act_buffer.port_bytes": some(1, 4),
        "weight_buffer.outstanding": some(1, 4), "act_buffer.outstanding": some(1, 4),
        "dma.burst_bytes": some(64, 300), "dma.outstanding": some(1, 8),
        "attention": draw(st.sampled_from(["unfused", "fused"])), "tile_rows": draw(st.sampled_from([0, 0, 1, 3, 20])),
        **draw(st.sampled_from(MEMORIES)),
    }  # fmt: skip
    return systolic(*(f"{name}={value}" for name, value in values.items()))


def product(m: int, n: int, k: int, **options) -> Workload:
    """One dense layer."""
    return Workload("one", "one", (Gemm("one", "one", "other", m, k, n, **options),), {})


def one_of_each() -> Workload:
    """Every kind of layer."""
    layers = (
        Norm("norm", "b", 17, 24),
        Gemm("qkv", "b", "qkv", 17, 24, 3 * (2 * 10 + 7)),
        Attention("attention", "b", 3, 17, 17, 10, 7),
        Gemm("proj", "b", "proj", 17, 21, 24, residual=True),
        Elementwise("mean", "b", "mean", 17, 24),
    )
    return Workload("each", "each", layers, {})


def finished(arch: Arch, workload: Workload, *, skip: bool = True, slices: int = 0, **options):
    """A simulator that has run, and its program."""
    sim, program = machine("systolic").build(arch, workload, **options)
    while not sim.run(*([slices] if slices else []), skip=skip):
        pass
    return sim, program


def closed_form(arch: Arch) -> Array:
    """The array's closed forms."""
    return resources(arch).model


def data_bytes(count: dict[str, dict[str, int]]) -> int:
    """Bytes read from DRAM but for those of the program."""
    return count["dram"]["read_bytes"] - count["program_gb"]["write_bytes"]
