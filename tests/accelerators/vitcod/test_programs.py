"""A program is made once for machines that differ in what it does not know of; each has a copy of its own."""

import numpy as np
import pytest

from accelsim.accelerators import machine, schema
from accelsim.accelerators.vitcod import machine as vitcod
from accelsim.accelerators.vitcod.dataflow.compile import compile_workload
from accelsim.accelerators.vitcod.machine import PROGRAMS
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.dataflows.program import Program
from accelsim.dataflows.reuse import MOST
from accelsim.workload import load


@pytest.fixture(scope="module")
def workload():
    return load(find("workloads", "fmnist_vit_s90"))


def built(workload, *settings):
    arch = load_arch("vitcod", schema, list(settings))
    return machine(arch.machine).build(arch, workload)


@pytest.fixture
def nothing_kept(monkeypatch):
    monkeypatch.setattr(PROGRAMS, "kept", [])


def contents(program: Program) -> dict[str, bytes]:
    """What its arrays hold, but what a run writes down."""
    return {name: found.tobytes() for name, found in program.finish().items() if name != "reached"}


@pytest.fixture
def compiled(monkeypatch, nothing_kept) -> list:
    """Grows whenever a program is compiled and not taken from those that are kept."""
    found = []

    def counted(*given):
        found.append(given)
        compile_workload(*given)

    monkeypatch.setattr(vitcod, "compile_workload", counted)
    return found


def test_a_program_is_shared_by_machines_that_it_is_the_same_for_and_by_no_other(workload, compiled):
    first = contents(built(workload)[1])
    assert contents(built(workload, "softmax.exp_cycles=9")[1]) == first and len(compiled) == 1
    assert contents(built(workload, "engine.lines=32")[1]) != first and len(compiled) == 2
    assert contents(built(workload, "residency=keep")[1]) != first and len(compiled) == 3
    assert contents(built(workload)[1]) == first and len(compiled) == 3


def test_what_is_added_to_a_program_is_in_no_other(workload, compiled):
    arch, model = load_arch("vitcod", schema, []), machine("vitcod")
    own, other = model.program(arch), model.program(arch)
    for one in (own, other):
        model.compile(one, arch, workload)
        one.issue("vector", **dict.fromkeys(one.units["vector"][1], 1))  # a derived machine's, behind all else
    assert len(compiled) == 1
    assert contents(own) == contents(other) != contents(built(workload)[1])


def test_a_run_of_a_shared_program_is_the_run_of_a_new_one(workload, compiled):
    sim, again = built(workload)[0], built(workload)[0]
    sim.run()
    again.run()
    assert len(compiled) == 1 and again.at == sim.at and np.array_equal(again.cycles, sim.cycles)


def test_of_many_programs_the_last_are_kept_and_of_a_workload_that_is_gone_none(workload, nothing_kept):
    for places in range(8, 8 + MOST + 2):
        built(workload, f"merge.places={places}")
    assert len(PROGRAMS.kept) <= MOST
    PROGRAMS.kept = [(lambda: None, *rest) for _, *rest in PROGRAMS.kept]
    built(workload)
    assert len(PROGRAMS.kept) == 1
