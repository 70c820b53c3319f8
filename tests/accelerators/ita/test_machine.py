"""ITA on whole networks: judged right, in tiles of any size; faults are found; clear refusals."""

import functools

import numpy as np
import pytest

from accelsim.accelerators import machine
from accelsim.core import InputError
from accelsim.validation.evidence import Evidence, gather
from accelsim.workload import Attention, Workload
from tests.accelerators.ita.machines import SMALL, ita
from tests.accelerators.small import one_of_each
from tests.validation.faults import change, faults, judged, planted, validated


@functools.lru_cache
def clean() -> Evidence:
    return gather(machine("ita"), ita(*SMALL), one_of_each())


@pytest.fixture
def run() -> Evidence:
    return planted(clean())


def of_layer(run: Evidence, number: int, kind: int) -> int:
    """The last phase of a kind in a layer."""
    mine = run.layer_of_instruction()[run.instructions("engine")] == number
    return int(np.flatnonzero(mine & (run.commands("engine")["kind"] == kind))[-1])


def test_a_right_run_is_judged_right(run):
    report = judged(run)
    assert report.passed, [(c.name, c.scope, c.differences) for c in report.failed]
    assert {"attention", "integers", "gemm", "chained", "operands"} <= {c.name for c in report.checks}
    assert len(run.commands("engine")) > len(run.workload.layers)


def test_in_the_wrapper():
    assert validated(ita(), one_of_each()).passed


@pytest.mark.parametrize("operand", ["kind", "rows", "columns", "depth", "first", "last", "passes", "row", "bias"])
@pytest.mark.parametrize("kind", [0, 1, 2])
def test_a_phase_that_says_something_else(run, kind, operand):
    numbers = [n for n, layer in enumerate(run.workload.layers) if isinstance(layer, Attention) == bool(kind)]
    dense = next(n for n in numbers if kind or hasattr(run.workload.layers[n], "repeat"))
    nth = of_layer(run, dense, kind)
    change(run, "engine", nth, operand, -1 if run.commands("engine")[operand][nth] else 1)
    assert {"attention", "gemm"} & {name for name, _ in faults(run)}


@pytest.mark.parametrize("field", ["weight_read", "act_read"])
def test_a_phase_that_does_not_say_what_it_reads(run, field):
    run.tables["frees"][field][3] += 1
    assert ("operands", "engine") in faults(run)


@pytest.mark.parametrize("counter", ["mac_ops", "divisions", "sum_ops", "shift_ops", "beats"])
def test_a_wrong_count(run, counter):
    run.result.total.counts["engine"][counter] += 1
    assert ("totals", f"engine.{counter}") in faults(run)


def test_values_of_a_wrong_order(run, monkeypatch):
    from accelsim.accelerators.ita.checks import attention

    monkeypatch.setattr(attention, "passed", lambda logits, n, rows=None: old(logits, n, None))
    old = __import__("accelsim.accelerators.ita.arithmetic", fromlist=["passed"]).passed
    assert "integers" in {name for name, _ in faults(run)}


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("engine.logit_bytes=100", r"logits of 16 rows and 17 keys need 512 bytes of engine.logit_bytes \(100\)"),
        ("weight_buffer.capacity_bytes=400", "weight_buffer.capacity_bytes is 400; make it at least"),
        ("act_buffer.capacity_bytes=40", "act_buffer.capacity_bytes"),
        ("output_buffer.capacity_bytes=8", "output_buffer"),
    ],
)
def test_a_layer_that_does_not_fit(override, said):
    with pytest.raises(InputError, match=said):
        machine("ita").build(ita(*SMALL, override), attention_only())


def attention_only() -> Workload:
    return Workload("a", "random", (Attention("a", "a", 2, 17, 17, 16, 16, None),), {})


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("engine.columns=48", "engine.columns: must be >= 16 and <= 16"),
        ("engine.queue_jobs=5", "engine.queue_jobs: must be >= 1 and <= 4"),
        ("sum_bits=8", "sum_bits"),
    ],
)
def test_a_size_that_it_cannot_have(override, said):
    with pytest.raises(InputError, match=said):
        ita(override)


def test_groups_that_do_not_fill_a_tile():
    with pytest.raises(InputError, match="engine.columns = 24 must divide engine.length = 64"):
        ita("engine.model=streams", "engine.columns=24")


@pytest.mark.parametrize(
    "more", ["engine.dividers=12", "engine.out_fifo=24", "engine.sum_fifo=24", "vector.lanes=64", "engine.queue_jobs=4"]
)
def test_more_is_not_slower(more):
    base, other = cycles(ita()), cycles(ita(more))
    assert other <= 1.01 * base


def cycles(arch) -> int:
    sim, _ = machine("ita").build(arch, one_of_each())
    sim.run()
    return sim.result().cycles()
