"""A tile's outputs leave in parts, however large the output buffer is."""

from dataclasses import replace

import pytest

from accelsim.dataflows.stores import at_once
from accelsim.dataflows.tiling import DenseResources, GemmPlan, VectorRates, blocks

HAVE = DenseResources(
    lines=64, macs=8, weight_bytes=1 << 15, act_bytes=1 << 16, store_bytes=4096, psum_bytes=1 << 15,
    vector_rates=VectorRates(64, 2, 64),
)  # fmt: skip


def test_a_tile_leaves_in_quarters_that_half_the_buffer_holds():
    assert at_once(HAVE, 4000) == 1000 and at_once(HAVE, 40000) == 2048
    assert at_once(HAVE, 100) == 64, "a line of DRAM at least"
    assert at_once(HAVE, 4000, 1500) == 1500 and at_once(HAVE, 4000, 3000) == 2048


@pytest.mark.parametrize("times", [1, 16, 256])
def test_a_larger_buffer_does_not_have_a_tile_leave_later(times):
    have = replace(HAVE, store_bytes=times * HAVE.store_bytes)
    plan = GemmPlan("resident", (32,), (48,), (10,), 8, 16, 0)
    parts = list(blocks(32, 48, plan, at_once(have, 32 * 48, 48 * plan.step_tokens)))
    assert parts == [(row, 8, 0, 48) for row in (0, 8, 16, 24)]
