"""Right runs pass: every dataflow, overlap and way to do attention on small buffers, random networks on random
machines, and the shipped ones."""

import pytest
from hypothesis import HealthCheck, given, reject, settings
from typer.testing import CliRunner

from accelsim import cli
from accelsim.core import InputError
from accelsim.workload import Attention, Gemm, Workload
from tests.accelerators.small import workloads
from tests.accelerators.systolic.checks.conftest import SMALL, clean
from tests.accelerators.systolic.machines import machines, one_of_each, systolic
from tests.validation.faults import judged, validated

BUFFERS = (
    (),
    ("weight_buffer.capacity_bytes=600", "act_buffer.capacity_bytes=600", "softmax.mode=max"),
    ("output_buffer.capacity_bytes=120", "spill_buffer.capacity_bytes=120", "array.accumulator_bytes=100"),
)


@pytest.mark.parametrize("buffers", BUFFERS, ids=("small", "operands", "outputs"))
@pytest.mark.parametrize("attention", ["unfused", "fused"])
@pytest.mark.parametrize("overlap", ["none", "shadow"])
@pytest.mark.parametrize("dataflow", ["os", "ws", "is"])
def test_every_dataflow_is_legal_and_right(dataflow, overlap, attention, buffers):
    options = f"array.dataflow={dataflow}", f"array.overlap={overlap}", f"attention={attention}"
    report = validated(systolic(*SMALL, *buffers, *options), one_of_each())
    assert report.failed == []
    assert sum(c.count for c in report.checks if c.name == "integers") == 3 * 17
    assert len([c for c in report.checks if c.name == "chained" and "product" in c.compared]) == 2


def test_what_is_compared():
    report = judged(clean())
    assert {check.name for check in report.checks} == {
        "attention", "buffers", "bursts", "chained", "dispatch", "gemm", "integers", "kept", "lines", "loads",
        "memory",
        "operands", "order", "program", "softmax", "stores", "totals", "vector", "wires",
    }  # fmt: skip
    assert [error.layer for error in report.errors] == ["attention"]
    kinds = {c.compared: c.count for c in report.checks if c.scope == "layer attention"}
    assert kinds["each part of each score computed once"] == 3 * 17 * 17 * 10


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(workloads(), machines())
def test_any_network_on_any_machine(workload, arch):
    try:
        report = validated(arch, workload)
    except InputError:
        reject()
    assert report.failed == []


def test_parts_of_weights_that_could_end_a_tile_further_left():
    """The first part of columns 8 to 15 ends where the last part of columns 4 to 11 would."""
    layers = (Gemm("q", "b", "qkv", 6, 2, 24), Attention("a", "b", 2, 6, 6, 4, 4))
    small = ("weight_buffer.capacity_bytes=40", "act_buffer.capacity_bytes=200", "output_buffer.capacity_bytes=80",
             "spill_buffer.capacity_bytes=80", "softmax.score_bytes=60")  # fmt: skip
    array = ("array.rows=1", "array.columns=5", "array.dataflow=is", "array.timing=scalesim", "array.overlap=none",
             "array.accumulator_bytes=24", "weight_buffer.banks=1", "weight_buffer.port_bytes=1", "act_buffer.banks=1",
             "act_buffer.port_bytes=1")  # fmt: skip
    arch = systolic(*small, *array)
    assert validated(arch, Workload("parts", "parts", layers, {})).failed == []


@pytest.mark.parametrize("rows, columns, weight, features, depth", [(4, 6, 483, 8, 64), (3, 4, 360, 4, 48)])
def test_parts_of_the_depth_of_a_tile_whose_weights_came_in_pieces(rows, columns, weight, features, depth):
    """Inputs are cut in parts, weights are not: each part waits for the last piece of the tile."""
    small = (f"weight_buffer.capacity_bytes={weight}", "act_buffer.capacity_bytes=200",
             "output_buffer.capacity_bytes=80", "spill_buffer.capacity_bytes=80", "softmax.score_bytes=60")  # fmt: skip
    arch = systolic(*small, f"array.rows={rows}", f"array.columns={columns}", "array.dataflow=os")
    layers = (Gemm("p", "b", "proj", 12, depth, features),)
    assert validated(arch, Workload("parts", "parts", layers, {})).failed == []


@pytest.mark.parametrize("dataflow", ["os", "ws", "is"])
def test_one_pe_and_ports_of_a_byte(dataflow):
    """Whatever is read beside the operands takes time of a port that has no room for it."""
    layers = (Gemm("thin", "b", "proj", 9, 1, 6, residual=True), Gemm("next", "b", "mlp", 9, 6, 5, residual=True))
    ports = (f"{buffer}_buffer.{what}=1" for buffer in ("act", "weight") for what in ("banks", "port_bytes"))
    arch = systolic("array.rows=1", "array.columns=1", f"array.dataflow={dataflow}", *ports)
    assert validated(arch, Workload("narrow", "narrow", layers, {})).failed == []


@pytest.mark.slow
@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(workloads(), machines())
def test_many_networks_on_many_machines(workload, arch):
    test_any_network_on_any_machine.hypothesis.inner_test(workload, arch)


@pytest.mark.parametrize("workload", ["fmnist_vit_s90", pytest.param("deit_tiny_s90", marks=pytest.mark.slow)])
def test_a_shipped_network(workload):
    done = CliRunner().invoke(cli.app, ["validate", "systolic", workload])
    assert done.exit_code == 0 and "all passed" in done.stdout
