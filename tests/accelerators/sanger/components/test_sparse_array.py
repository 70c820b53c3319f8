"""The sparse array on the wires: passes in closed form, in every control; nothing is early or late."""

import numpy as np
import pytest

from accelsim.workload import Attention, Workload
from tests.accelerators.sanger.machines import attention, full, logged, sized


def cycles(control: str, side: int, dim: int, value_dim: int) -> tuple[int, int]:
    """(of a pass, until its last value is there)."""
    pes, skew = side // 4, 2 * side - 1
    if control == "wavefront":
        return dim + 1 + max(value_dim, pes), 2 * side - 2
    if control == "per_stage":
        return (dim + side) + 1 + (value_dim + side), side - 1
    return 1 + (dim + skew) + 1 + (value_dim + skew) + pes, 0


@pytest.mark.parametrize("dims", [(1, 1), (8, 64), (64, 8), (64, 64)])
@pytest.mark.parametrize("side", [8, 64])
@pytest.mark.parametrize("control", ["wavefront", "per_stage", "global"])
def test_passes_follow_each_other(control, side, dims):
    log = logged(sized(side, f"control={control}"), attention(full(1, side, side), *dims))
    period, tail = cycles(control, side, *dims)
    passed = log["array.passed"]["at"]
    assert len(passed) == 4 and log["array.passed"]["number"].tolist() == [0, 1, 2, 3]
    begin = log["pack.ready"]["at"][0] + 1
    assert passed.tolist() == [begin + (n + 1) * period + tail for n in range(4)]
    assert log["array.done"]["at"].tolist() == passed[-1:].tolist()
    if (control, side, dims) == ("global", 64, (64, 64)):
        assert period == 400, "as the RTL"


def test_a_value_a_cycle_and_row_needs_an_adder():
    keep = full(1, 8, 8)
    spread = [np.diff(logged(sized(8, f"array.adders={n}"), attention(keep))["array.passed"]["at"]) for n in (8, 4, 3)]
    assert [set(some.tolist()) for some in spread] == [{8 + 1 + 8}, {8 + 1 + 16}, {8 + 1 + 24}]


def test_narrow_ports_of_the_buffers():
    keep, narrow = full(1, 8, 8), ("kv_buffer.banks=1", "kv_buffer.port_bytes=16", "q_buffer.banks=1")
    for port, scores in ((8, 8), (4, 16), (1, 64)):
        log = logged(sized(8, *narrow, f"q_buffer.port_bytes={port}"), attention(keep))
        assert set(np.diff(log["array.passed"]["at"])) == {scores + 1 + 8}


def test_a_head_without_scores_takes_no_time_in_the_array():
    rng = np.random.default_rng(5)
    q, k, v = rng.integers(-20, 20, (3, 2, 9, 4), np.int8)
    tensors = {"a.q": q, "a.k": k, "a.v": v}
    layer = Attention("a", "a", 2, 9, 9, 4, 4)
    work = Workload("stored", "stored", (layer,), {}, tensors)
    log = logged(sized(8, "mask_source=predict", "threshold=1000000"), work)
    assert len(log["array.passed"]) == 0 and len(log["merge.row"]) == 18
    assert len(log["predictor.strip"]) == 4 and len(log["array.done"]) == 2
