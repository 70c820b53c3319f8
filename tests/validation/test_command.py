"""`accelsim validate`: what it prints, and its exit status."""

import pytest
from typer.testing import CliRunner

from accelsim import cli
from accelsim.dataflows.program import Program
from accelsim.workload import save
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
