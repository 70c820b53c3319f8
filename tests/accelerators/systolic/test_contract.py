"""Any network on any systolic array: runs to its end, moves what it planned, and nothing about how it is run changes a
result."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings

from accelsim.core import InputError
from accelsim.workload import Attention, Gemm, Norm, Workload
from tests.accelerators.small import workloads
from tests.accelerators.systolic.machines import finished, machines, one_of_each, systolic

QUICK = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)
SMALL = (
    "array.rows=4",
    "array.columns=3",
    "act_buffer.capacity_bytes=1500",
    "weight_buffer.capacity_bytes=900",
    "output_buffer.capacity_bytes=400",
    "spill_buffer.capacity_bytes=400",
    "softmax.score_bytes=300",
)


def outcome(sim):
    """All of a result that is a statistic, in no order."""
    result = sim.result()
    return result.end, asdict(result.total), [asdict(span) for span in result.spans], result.peaks


def conserved(sim, program, workload: Workload) -> None:
    """Every multiplication once, every byte as planned, every buffer empty in the end and never too full."""
    count = sim.result().total.counts
    assert count["array"]["mac_ops"] == workload.batch * sum(layer.macs for layer in workload.layers)
    for component in sim.components:
        moves = program.descriptors.get(component.name)
        if moves is not None:
            moved = sum(size * segments for _, size, segments, *_ in moves)
            assert component.value("held") == 0 and component.value("peak_bytes") <= component.value("capacity_bytes")
            assert count[component.name]["write_bytes"] == moved
    scores = sum(x.heads * x.q_tokens * x.kv_tokens for x in workload.layers if isinstance(x, Attention))
    for counter in ("scale_ops", "exp_ops", "add_ops"):
        assert count["softmax"][counter] == workload.batch * scores


def touched(program, kind: str) -> np.ndarray:
    """How often each byte of DRAM is loaded (`buffers`) or stored (`stores`)."""
    times = np.zeros(program.memory + 1, np.int64)
    for buffer in getattr(program.names, kind):
        for address, size, segments, pitch, _ in program.descriptors[buffer]:
            for n in range(segments):
                times[address + n * pitch : address + n * pitch + size] += 1
    return times


def addressed(program, workload: Workload, fused: bool) -> None:
    """Every byte of every output is stored once, every byte of every operand is loaded."""
    outputs = operands = 0
    for layer in workload.layers:
        if isinstance(layer, Gemm):
            inputs = -(-layer.inputs * workload.batch // layer.repeat) * layer.repeat
            operands += layer.weights + inputs + layer.residual * layer.outputs * workload.batch
            operands += 8 * layer.out_features * layer.repeat
            outputs += layer.outputs * workload.batch
        elif isinstance(layer, Attention):
            spilled = 0 if fused else 3 * layer.heads * layer.q_tokens * layer.kv_tokens
            q, k = layer.q_tokens * layer.qk_dim, layer.kv_tokens * layer.qk_dim
            operands += (layer.heads * (q + k + layer.kv_tokens * layer.v_dim) + spilled) * workload.batch
            outputs += (layer.heads * layer.q_tokens * layer.v_dim + spilled) * workload.batch
        else:
            wide = layer.tokens * layer.features * workload.batch
            operands += wide * getattr(layer, "operands", 1) + 4 * layer.features * isinstance(layer, Norm)
            outputs += wide * getattr(layer, "out_tokens", layer.tokens) // layer.tokens
    stored = touched(program, "stores")
    assert stored.max() == 1 and stored.sum() == outputs
    loaded = sum(size for _, size, *_ in program.descriptors["program_gb"])
    assert np.count_nonzero(touched(program, "buffers")) == operands + loaded


@QUICK
@given(workloads(), machines())
def test_any_network_runs_to_its_end_and_sleeping_changes_nothing(workload, arch):
    try:
        lazy, program = finished(arch, workload)
    except InputError:
        reject()
    conserved(lazy, program, workload)
    addressed(program, workload, arch.options["attention"] == "fused")
    assert outcome(finished(arch, workload, skip=False)[0]) == outcome(lazy)


@pytest.mark.parametrize("attention", ["unfused", "fused"])
@pytest.mark.parametrize("dataflow", ["os", "ws", "is"])
def test_nothing_about_how_it_is_run_changes_a_result(attention, dataflow):
    arch = systolic(*SMALL, f"attention={attention}", f"array.dataflow={dataflow}")
    workload = one_of_each()
    plain, program = finished(arch, workload)
    conserved(plain, program, workload)
    for options in (
        {"slices": 101},
        {"order": list(range(len(plain.components)))[::-1]},
        {"trace": 20, "monitored": True},
    ):
        assert outcome(finished(arch, workload, **options)[0]) == outcome(plain)


def test_every_cycle_of_every_component_is_accounted_for_in_every_layer():
    workload = one_of_each()
    result = finished(systolic(*SMALL), workload)[0].result()
    assert [span.label for span in result.spans if span.label >= 0] == list(range(len(workload.layers)))
    for name, part in result.parts.items():
        for span in [result.total, *result.spans]:
            length = result.cycles(part.clock, span.end) - result.cycles(part.clock, span.start)
            assert sum(span.status[name].values()) == length
