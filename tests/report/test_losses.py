"""Losses add up to the run, and are put where they belong."""

import numpy as np
import pytest

from accelsim.report.losses import losses, suspects

from .records import CORE, PARTS, record


def done(made, spans) -> float:
    return sum(s.counts[n]["mac_ops"] for s in spans for n in made.engines) / made.peak_macs


def test_with_the_work_at_peak_they_add_up_to_the_run():
    made = record(3, traced=True)
    found = losses(made)
    total = sum(loss.cycles for loss in found) + done(made, made.result.spans)
    assert total == pytest.approx(made.result.cycles(), abs=1.5)  # what is below half a cycle is not said
    for loss in found:
        assert sum(loss.layers.values()) == pytest.approx(loss.cycles)
    assert [loss.cycles for loss in found] == sorted((loss.cycles for loss in found), reverse=True)


def test_masks_are_who_is_busy_when():
    made = record(1, traced=True)
    names = list(PARTS)
    made.result.events = np.array(
        [(12, 5, 1), (24, 6, 1), (36, 5, 3), (48, 6, 2), (60, 5, 1)], made.result.events.dtype
    )
    span = made.result.spans[0]
    found = made.result.busy_together()[0]
    assert found == {0: 12 + 12, 1 << 5: 12 + span.end - 60, 1 << 5 | 1 << 6: 12, 1 << 6: 12}
    assert names[6] == "gemm"


def test_who_works_while_the_array_stands_still():
    made = record(1, traced=True)
    norm = made.result.spans[0]
    names = list(PARTS)
    end = made.result.spans[-1].end
    made.result.events = np.array(
        [(0, names.index("vector"), 1), (norm.end // 2, names.index("vector"), 0), (norm.end, names.index("gemm"), 1)],
        made.result.events.dtype,
    )
    found = {(loss.phase, loss.cause): loss for loss in losses(made)}
    assert found["norm", "unit"].component == "vector"
    assert found["norm", "unit"].cycles == pytest.approx(norm.end / 2 / CORE)
    assert found["norm", "latency"].cycles == pytest.approx(norm.end / 2 / CORE)
    assert suspects(made, found["norm", "unit"]) == ["vector"]
    mlp = [s for s in made.result.spans if made.phase(s.label) == "mlp"]
    lost = sum(s.end - s.start for s in mlp) / CORE - done(made, mlp)
    assert found["mlp", "unused"].cycles == pytest.approx(lost)
    said = found["norm", "unit"].sentence(end // CORE)
    assert said.startswith(f"{round(norm.end / 2 / CORE):,} core cycles (") and "while vector works" in said


def test_memories_are_no_unit():
    made = record(1, traced=True)
    names = list(PARTS)
    made.result.events = np.array([(0, names.index("dram"), 1)], made.result.events.dtype)
    assert {loss.cause for loss in losses(made)} == {"memory"}


def test_nothing_is_said_of_a_run_without_its_changes_of_status():
    assert losses(record(1)) == []
