"""The waveforms of the model and of the modules show the same, and so does their picture."""

import pytest
from typer.testing import CliRunner

from accelsim import cli
from accelsim.accelerators.vitcod.rtl.cases import cases
from accelsim.accelerators.vitcod.rtl.twins import TWINS
from accelsim.core.errors import InputError
from accelsim.rtl.suite import case_of


def test_the_command_writes_waveforms_and_a_picture(tmp_path):
    done = CliRunner().invoke(cli.app, ["cosim", "encoder", "--waves", str(tmp_path), "--case", "1"])
    assert done.exit_code == 0, done.output
    assert {path.name for path in (tmp_path / "encoder").iterdir()} == {"model.vcd", "module.vcd", "waves.png"}
    assert "encoder 1" in done.output


def test_a_case_is_the_one_of_the_suite():
    for n, case in enumerate(cases("encoder", 3, 5)):
        assert (case_of(TWINS, "encoder", n, 5).scripts["outputs"].items == case.scripts["outputs"].items).all()
    with pytest.raises(InputError) as error:
        case_of(TWINS, "encoder", -1, 5)
    assert str(error.value) == "cosim: --case is -1 but must be >= 0"
