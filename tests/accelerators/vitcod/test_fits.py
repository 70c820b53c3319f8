"""Any layer in any buffer: nothing that the shipped sweep asks for is refused, nor DeiT-Tiny on arrays and buffers of
any size; and what is cut so is judged right."""

import random
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accelsim.accelerators import machine, schema
from accelsim.config import load_arch
from accelsim.config.arch import Arch
from accelsim.config.shipped import find
from accelsim.sweep.plan import read
from accelsim.sweep.points import expand, point
from accelsim.validation import validate
from accelsim.workload import Attention, Workload, load

BUFFERS = (
    "weight_gb.capacity_bytes", "act_gb0.capacity_bytes", "act_gb1.capacity_bytes", "index_buffer.capacity_bytes",
    "engine.psum_bytes", "denser.q_bytes", "denser.k_bytes",
)  # fmt: skip
LEAST, MOST = 4 << 10, 4 << 20


@cache
def deit_tiny() -> Workload:
    return load(find("workloads", "deit_tiny_s90"))


@cache
def begun(after: int) -> Workload:
    """DeiT-Tiny up to so many layers after its first attention; those of a block are alike."""
    whole = deit_tiny()
    (end, *_) = (n for n, layer in enumerate(whole.layers) if isinstance(layer, Attention))
    masks = {whole.layers[end].name: whole.mask(whole.layers[end].name)}
    return Workload("part", "part", whole.layers[: end + 1 + after], masks)


def compiled(arch: Arch, workload: Workload) -> None:
    model = machine("vitcod")
    model.compile(model.program(arch), arch, workload)


def sized(lines: int, macs: int, sizes: dict[str, int], *others: str) -> Arch:
    values = {"engine.lines": lines, "engine.macs": macs} | sizes
    return load_arch("vitcod", schema, [*(f"{name}={size}" for name, size in values.items()), *others])


def test_no_point_of_the_shipped_sweep_is_refused():
    every = expand(read("vitcod_deit_tiny"))
    ((base, designs),) = every.designs
    assert len(every) == 1000
    sample = designs[3::17] + designs[-1:]
    assert {dict(one)["engine.lines"] for one in sample} == {"16", "32", "64", "128", "256"}
    for n, one in enumerate(sample):
        found = point(base, one, every.workloads[n % len(every.workloads)])
        compiled(found.arch, found.workload.load())


@settings(max_examples=6, deadline=None)
@given(
    lines=st.integers(16, 1024),
    macs=st.integers(1, 32),
    sizes=st.fixed_dictionaries({name: st.integers(LEAST, MOST) for name in BUFFERS}),
    small=st.sets(st.sampled_from(BUFFERS)),
)
@example(1024, 32, dict.fromkeys(BUFFERS, MOST), set(BUFFERS))
@example(16, 1, dict.fromkeys(BUFFERS, MOST), set(BUFFERS))
def test_arrays_and_buffers_of_any_size_run_deit_tiny(lines, macs, sizes, small):
    compiled(sized(lines, macs, sizes | dict.fromkeys(small, LEAST)), begun(4))


@pytest.mark.parametrize(
    ("lines", "macs", "sizes"),
    [
        (1024, 32, dict.fromkeys(BUFFERS, LEAST)),
        pytest.param(16, 1, dict.fromkeys(BUFFERS, LEAST), marks=pytest.mark.slow),
        pytest.param(200, 3, {"denser.k_bytes": LEAST, "act_gb0.capacity_bytes": LEAST}, marks=pytest.mark.slow),
    ],
)
def test_what_is_cut_to_fit_is_judged_right(lines, macs, sizes):
    report = validate(machine("vitcod"), sized(lines, macs, sizes), begun(0))
    assert report.failed == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_machines_at_random_are_judged_right(seed):
    draw = random.Random(seed)
    sizes = {name: 1 << draw.randint(12, 22) for name in BUFFERS}
    arch = sized(draw.randint(16, 1024), draw.randint(1, 32), sizes)
    assert validate(machine("vitcod"), arch, begun(0)).failed == []
