"""Every component against its module, a few cases each (all settings with -m slow)."""

import numpy as np
import pytest
from typer.testing import CliRunner

from accelsim.accelerators.vitcod.rtl.cases import SETTINGS, cases
from accelsim.accelerators.vitcod.rtl.twins import TWINS
from accelsim.core.errors import InputError
from accelsim.rtl.cosim import cosimulate, run_model


@pytest.mark.parametrize("component", SETTINGS)
def test_not_one_transfer_differs(component):
    outcome = cosimulate(component, cases(component, 12, 7, settings=1))
    assert outcome.first == ""
    assert outcome.differences == 0 and outcome.cases == 12
    assert all(outcome.counts.values()), f"a port without a transfer proves nothing: {outcome.counts}"


@pytest.mark.slow
@pytest.mark.parametrize("component", SETTINGS)
def test_not_one_transfer_differs_in_300_cases_of_all_settings(component):
    outcome = cosimulate(component, cases(component, 300, 11))
    assert outcome.first == ""
    assert outcome.differences == 0 and outcome.cases == 300
    assert all(outcome.counts.values())


@pytest.mark.parametrize("component", SETTINGS)
def test_sleeping_does_not_change_what_is_compared(component):
    for case in cases(component, 4, 3, settings=1):
        assert np.array_equal(run_model(case)[0], run_model(case, skip=False)[0])


def test_the_same_seed_gives_the_same_cases():
    first, second = (list(cases("softmax_unit", 3, 5)) for _ in range(2))
    other = list(cases("softmax_unit", 3, 6))
    assert all((a.scripts["score"].items == b.scripts["score"].items).all() for a, b in zip(first, second))
    assert any(len(a.scripts["score"].items) != len(b.scripts["score"].items) for a, b in zip(first, other))


def test_the_command_prints_a_table_and_fails_when_something_differs(monkeypatch):
    from accelsim import cli
    from accelsim.rtl import cosim

    command = ["cosim", "index_walker", "--cases", "1", "--seed", "3"]
    header, _, row = CliRunner().invoke(cli.app, command).output.strip().splitlines()
    assert header.split() == ["module", "cases", "cycles", "statuses", "transfers", "values", "differences"]
    assert row.split()[0] == "index_walker" and row.split()[-1] == "0" and row.split()[2] == row.split()[3]
    run = cosim.run_module
    monkeypatch.setattr(cosim, "run_module", lambda *arguments: run(*arguments)[:-1])
    done = CliRunner().invoke(cli.app, command)
    assert done.exit_code == 1
    assert "index_walker 0: the first difference is in cycle" in done.output


def test_a_module_that_is_not_there_is_named():
    with pytest.raises(InputError) as error:
        TWINS.chosen(["encodr"])
    assert str(error.value).startswith("cosim: there is no module 'encodr', only index_walker, output_merge,")
    assert str(error.value).endswith("(did you mean 'encoder'?)")
