"""The commands take any machine's modules, and say so where a machine has none."""

import pytest
from typer.testing import CliRunner

from accelsim import cli
from accelsim.accelerators import machine
from tests.rtl.toy import TWINS


def run(*words: str):
    return CliRunner().invoke(cli.app, words)


@pytest.fixture
def toy(monkeypatch) -> None:
    """A machine whose modules are the toy's."""
    monkeypatch.setattr(type(machine("vitcod")), "twins", lambda self: TWINS)


def test_a_machine_brings_its_own_modules(toy, tmp_path):
    done = run("cosim", "--cases", "2")
    assert done.exit_code == 0, done.output
    assert [row.split()[0] for row in done.output.splitlines()[2:]] == ["scaler"]
    done = run("rtl", "vitcod", "-o", str(tmp_path / "rtl"), "--simulate")
    assert "the top is scaler_bench" in done.output and "PASS: scaler_bench, " in done.output
    done = run("cosim", "scaler", "--mutations")
    assert done.output.splitlines()[-1] == "2 seeded bugs, 2 caught"
    done = run("cosim", "--workload", "fmnist_vit_s90")
    assert done.exit_code == 2
    assert done.stderr == "error: cosim: none of scaler runs the layers of a workload\n"


def test_a_machine_without_modules_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(type(machine("vitcod")), "twins", lambda self: None)
    for words in (["cosim"], ["rtl", "vitcod", "-o", str(tmp_path)]):
        done = run(*words)
        assert done.exit_code == 2
        assert done.stderr == (
            "error: the machine vitcod has no hardware twins: none of its components has a module "
            "(docs/rtl.md says how to add one)\n"
        )
