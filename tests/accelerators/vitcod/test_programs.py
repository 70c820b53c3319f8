"""A program is made once for machines that differ in what it does not know of, and no run writes into it."""

import numpy as np
import pytest

from accelsim.accelerators import machine, schema
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


def test_a_program_is_shared_by_machines_that_it_is_the_same_for_and_by_no_other(workload, nothing_kept):
    first = built(workload)[1]
    assert built(workload, "softmax.exp_cycles=9")[1].words is first.words
    assert built(workload, "engine.lines=32")[1].words is not first.words
    assert built(workload, "residency=keep")[1].words is not first.words
    assert built(workload)[1].words is first.words and len(PROGRAMS.kept) == 3


def test_a_run_of_a_shared_program_is_the_run_of_a_new_one_and_writes_nothing_into_it(workload, nothing_kept):
    sim, program = built(workload)
    before = contents(program)
    sim.run()
    again, same = built(workload)
    assert same.words is program.words and contents(program) == before
    again.run()
    assert again.at == sim.at and np.array_equal(again.cycles, sim.cycles)


def test_of_many_programs_the_last_are_kept_and_of_a_workload_that_is_gone_none(workload, nothing_kept):
    for places in range(8, 8 + MOST + 2):
        built(workload, f"merge.places={places}")
    assert len(PROGRAMS.kept) <= MOST
    PROGRAMS.kept = [(lambda: None, of, program) for _, of, program in PROGRAMS.kept]
    built(workload)
    assert len(PROGRAMS.kept) == 1
