"""`accelsim validate`: what it prints, and its exit status."""

import pytest
from typer.testing import CliRunner

from accelsim import cli
from accelsim.dataflows.program import Program
from accelsim.validation.validate import values
from accelsim.workload import Norm, Workload, save
from accelsim.workload.bounds import MOST_VALUES
from accelsim.workload.linear import converted
from tests.accelerators.small import one_of_each


def call(*arguments: object):
    return CliRunner().invoke(cli.app, ["validate", *map(str, arguments)])


@pytest.fixture
def workload(tmp_path):
    return save(one_of_each(), tmp_path / "each.yaml")


def test_a_right_run(workload):
    done = call("vitcod", workload, "--set", "engine.lines=12")
    assert done.exit_code == 0
    assert "each on vitcod" in done.stdout and "all passed" in done.stdout
    assert "replayed outputs equal the reference" in done.stdout
    assert "Integer attention against float64" in done.stdout
    every = call("vitcod", workload, "--set", "engine.lines=12", "--every")
    assert "layer attention, head 2: replayed outputs equal the reference" in every.stdout


def test_a_wrong_run(workload, monkeypatch):
    monkeypatch.setattr(Program, "fence", lambda self, buffer, wait: None)
    done = call("vitcod", workload, "--set", "engine.lines=12")
    assert done.exit_code == 1
    assert "FAILED order, act_gb0: activations are read after the layers before have been written" in done.stdout
    assert "waits for 0 stores of" in done.stdout


def test_bad_input(workload):
    assert call("vitcod", "nothing").exit_code == 2
    done = call("vitcod", workload, "--set", "act_gb0.capacity_bytes=10")
    assert done.exit_code == 2 and "make" in done.stderr


def test_a_layer_with_too_many_values_is_refused_before_the_run(tmp_path):
    layers = (Norm("norm", "b", 1 << 22, 8), Norm("next", "b", (1 << 22) + 1, 8))
    done = call("vitcod", save(Workload("large", "none", layers), tmp_path / "large.yaml"))
    said = (
        "large.yaml: layer next: to compute its 33,554,440 values would take 640 MiB; validate takes layers of at most"
    )
    assert done.exit_code == 2 and said in done.stderr
    assert [values(layer) for layer in layers] == [MOST_VALUES, MOST_VALUES + 8]


@pytest.mark.parametrize("of", [one_of_each, lambda: converted(one_of_each(), "taylor")])
def test_every_kind_of_layer_has_values(of):
    assert all(0 < values(layer) < MOST_VALUES for layer in of().layers)
