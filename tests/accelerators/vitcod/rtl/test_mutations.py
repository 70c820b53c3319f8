"""Every bug seeded in ViTCoD's modules is caught."""

import re
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from accelsim import cli
from accelsim.accelerators import machine
from accelsim.accelerators.vitcod.rtl import twins
from accelsim.accelerators.vitcod.rtl.mutations import MUTATIONS
from accelsim.accelerators.vitcod.rtl.twins import CORE, TWINS
from accelsim.rtl.mutations import Mutation, caught, seeded
from accelsim.rtl.suite import attempts

QUICK = ("index_walker", "hand_over")


def test_there_are_enough_seeded_bugs_and_in_every_module():
    assert len(MUTATIONS) >= 20
    assert len({m.module for m in MUTATIONS}) == 38
    assert len({m.module for m in MUTATIONS if m.component == CORE}) >= 12, "of the data path"


@pytest.mark.parametrize("name", ["vitcod", "systolic"])
def test_what_a_seeded_bug_changes_stands_in_its_module_once(name):
    """Also of bugs that only slow tests build."""
    all_of = machine(name).twins()
    for mutation in (*all_of.mutations, *(m for whole in all_of.whole.values() for m in whole.mutations)):
        path = all_of.package.module(mutation.module)
        assert seeded(path.read_text(), mutation, path.name) != path.read_text(), mutation


@pytest.mark.parametrize("mutation", [m for m in MUTATIONS if m.component in QUICK], ids=lambda m: m.bug)
def test_a_seeded_bug_is_caught(mutation):
    count, text = caught(mutation, attempts(TWINS, mutation.component, 13))
    assert count > 0 and text


@pytest.mark.slow
@pytest.mark.parametrize("mutation", [m for m in MUTATIONS if m.component not in QUICK], ids=lambda m: m.bug)
def test_a_seeded_bug_is_caught_in_the_larger_modules(mutation):
    count, text = caught(mutation, attempts(TWINS, mutation.component, 13))
    assert count > 0 and text


def test_the_command_lists_every_bug_and_fails_when_one_is_not_caught(monkeypatch):
    one, other = (
        m for m in MUTATIONS if m.bug in ("heads that came before are forgotten", "items that pass by take two cycles")
    )
    harmless = Mutation("encoder", "encoder", "none at all", "size = isa::W'(", "size =  isa::W'(")
    monkeypatch.setattr(twins, "TWINS", replace(TWINS, mutations=(one, other)))
    done = CliRunner().invoke(cli.app, ["cosim", "encoder", "--mutations"])
    assert done.exit_code == 0, done.output
    rows = done.output.splitlines()
    assert re.fullmatch("encoder: heads that came before are forgotten: [1-9][0-9,]* differences", rows[0])
    assert rows[-1] == "2 seeded bugs, 2 caught"
    monkeypatch.setattr(twins, "TWINS", replace(TWINS, mutations=(one, harmless)))
    done = CliRunner().invoke(cli.app, ["cosim", "encoder", "--mutations", "--cases", "2"])
    assert done.exit_code == 1
    assert "NOT CAUGHT" in done.output and "2 seeded bugs, 1 caught" in done.output
