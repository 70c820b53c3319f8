"""Clean runs of a small machine, to plant faults in: both ways to do attention, and two dataflows."""

import functools

import pytest

from accelsim.accelerators import machine
from accelsim.validation.evidence import Evidence, gather
from tests.accelerators.systolic.machines import one_of_each, systolic
from tests.validation.faults import planted

SMALL = (
    "array.rows=4", "array.columns=3", "act_buffer.capacity_bytes=1500", "weight_buffer.capacity_bytes=900",
    "output_buffer.capacity_bytes=400", "spill_buffer.capacity_bytes=400", "softmax.score_bytes=300",
)  # fmt: skip


@functools.lru_cache
def clean(dataflow: str = "os", attention: str = "unfused", *overrides: str) -> Evidence:
    """A run that is right."""
    arch = systolic(*SMALL, f"array.dataflow={dataflow}", f"attention={attention}", *overrides)
    return gather(machine("systolic"), arch, one_of_each())


@pytest.fixture(params=["unfused", "fused"])
def run(request) -> Evidence:
    """Output-stationary, each way to do attention."""
    return planted(clean("os", request.param))


@pytest.fixture
def unfused() -> Evidence:
    return planted(clean("os", "unfused"))


@pytest.fixture
def fused() -> Evidence:
    return planted(clean("os", "fused"))


@pytest.fixture
def parts() -> Evidence:
    """Weight-stationary, with buffers so small that sums wait in the accumulators."""
    return planted(clean("ws", "unfused", "weight_buffer.capacity_bytes=60", "act_buffer.capacity_bytes=300"))
