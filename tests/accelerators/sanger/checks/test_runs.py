"""Right runs pass: every reading on small buffers, random networks on random machines, and the shipped ones."""

import pytest
from typer.testing import CliRunner

from accelsim import cli
from accelsim.accelerators.trial import draw_workload
from accelsim.core import InputError
from tests.accelerators.sanger.checks.conftest import clean
from tests.accelerators.sanger.machines import SMALL, drawn, sanger
from tests.accelerators.small import one_of_each
from tests.validation.faults import judged, validated


@pytest.mark.parametrize("predict", ["true", "false"])
@pytest.mark.parametrize("control", ["wavefront", "per_stage", "global"])
@pytest.mark.parametrize("pack", ["column_tile", "block", "unit"])
def test_every_reading_is_legal_and_right(pack, control, predict):
    report = validated(sanger(*SMALL, f"pack={pack}", f"control={control}", f"predict={predict}"), one_of_each())
    assert report.failed == []
    assert sum(c.count for c in report.checks if c.name == "integers") == 3 * 17


def test_what_is_compared():
    report = judged(clean("array.packs_ahead=3"))
    assert {check.name for check in report.checks} == {
        "attention", "buffers", "bursts", "chained", "dispatch", "gemm", "integers", "kept", "lines", "loads",
        "memory",
        "operands", "order", "pace", "passes", "program", "stores", "totals", "vector", "window", "wires",
    }  # fmt: skip
    assert [error.layer for error in report.errors] == ["attention"]
    kinds = {c.compared: c.count for c in report.checks if c.scope == "layer attention"}
    assert kinds["every kept score in one pass"] == 3 * 17 * 17
    assert report.errors[0].rms < 0.5


@pytest.mark.parametrize("seed", range(8))
def test_a_network_on_a_drawn_machine(seed):
    try:
        assert validated(drawn(seed), draw_workload(seed)).failed == []
    except InputError:
        pytest.skip("the network does not fit")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 300))
def test_any_network_on_any_machine(seed):
    test_a_network_on_a_drawn_machine(seed)


@pytest.mark.parametrize(
    "workload",
    [
        "fmnist_vit_s90",
        pytest.param("deit_tiny_s90", marks=pytest.mark.slow),
        pytest.param("levit_128_s90", marks=pytest.mark.slow),
    ],
)
def test_a_shipped_network(workload):
    done = CliRunner().invoke(cli.app, ["validate", "sanger", workload])
    assert done.exit_code == 0 and "all passed" in done.stdout
