"""Faults planted in the program of the attention units, and in the compiler that made it."""

import numpy as np
import pytest

from accelsim.accelerators import machine
from accelsim.accelerators.vitcod.dataflow import attention as dataflow
from accelsim.accelerators.vitcod.dataflow import dense
from accelsim.accelerators.vitcod.dataflow.head_work import HeadWork
from accelsim.accelerators.vitcod.tables import WINDOWS
from accelsim.dataflows.program import NOW, Program
from accelsim.validation.evidence import Evidence, gather
from accelsim.workload import Gemm, Workload
from tests.accelerators.small import one_of_each
from tests.accelerators.vitcod.small import small_machine
from tests.validation.faults import change, faults, validated, wait_less


@pytest.mark.parametrize("unit", ["decoder", "denser"])  # the walker comes behind a decoder that waited for its tables
def test_an_instruction_that_does_not_wait_for_its_operands(run, unit):
    wait_less(run, unit)
    assert faults(run)


@pytest.mark.parametrize(("unit", "operand"), [("decoder", "first"), ("denser", "end"), ("sparser", "begin")])
def test_an_instruction_for_other_tokens_or_outputs(run, unit, operand):
    values = np.flatnonzero(run.commands(unit)["phase"]) if unit != "decoder" else [0]
    change(run, unit, values[0], operand, 1)
    where = (
        ("passes", "attention") if unit == "decoder" else ("operands", "passes")
    )  # which keys a pass has is in doubt
    assert where in faults(run)


def test_an_instruction_for_a_pass_that_there_is_not(run):
    change(run, "walker", 0, "number", 100)
    assert "for pass 100, which there is not" in faults(run)["operands", "passes"][0]


def of_tiles(evidence: Evidence, operand: str) -> int:
    """A tile of the array whose command says something by this operand."""
    return int(np.flatnonzero(evidence.commands("engine")[operand])[0])


@pytest.mark.parametrize(
    "operand", ["inner_cycles", "bottom_cycles", "right_cycles", "corner_cycles", "weight_rate", "act_rate", "lead"]
)
@pytest.mark.parametrize("more", [-1, 1])
def test_a_tile_of_which_the_array_is_told_a_wrong_time(run, operand, more):
    nth = of_tiles(run, operand)
    change(run, "engine", nth, operand, more)
    said = [s for s in faults(run)["gemm", "engine"] if s.startswith(f"tile {nth} says") and operand in s]
    assert len(said) == 1, "it is found, and found once"


CONVOLUTION = Workload("one", "none", (Gemm("conv", "stem", "conv", 16, 27, 10, input_elements=8 * 8 * 3),), batch=2)


@pytest.mark.parametrize("name", WINDOWS.names)
def test_a_tile_whose_windows_lie_elsewhere(name):
    found = gather(machine("vitcod"), small_machine("act_gb0.port_bytes=8", "decoder.port_bytes=8"), CONVOLUTION)
    assert not faults(found)
    found.tables["windows"][name][-1] += 1 if name != "chunk" else 8
    assert any(f"row {len(found.tables['windows']) - 1} " in said for said in faults(found)["gemm", "windows"])


def test_a_tile_whose_windows_the_stage_is_not_told():
    found = gather(machine("vitcod"), small_machine("act_gb0.port_bytes=8", "decoder.port_bytes=8"), CONVOLUTION)
    found.tables["windows"] = found.tables["windows"][:-1]
    many = len(found.tables["windows"])
    assert f"there are {many} rows for {many + 1} tiles" in faults(found)["gemm", "windows"]


def test_a_tile_that_says_the_time_of_steps_it_has_not(run):
    nth = int(np.flatnonzero(run.commands("engine")["inner_cycles"] == 0)[0])
    change(run, "engine", nth, "inner_cycles", 5)
    assert faults(run) == {("gemm", "engine"): (f"tile {nth} says inner_cycles of 5, but they are 0",)}


def test_a_tile_that_counts_heads_wrongly(run):
    said = run.commands("engine")
    nth = int(np.flatnonzero((said["heads"] > 0) & (said["constants"] > 0))[0])
    change(run, "engine", nth, "meets", 1)
    assert any("is said to add" in s for sentences in faults(run).values() for s in sentences)


@pytest.mark.parametrize("operand", ["cycles", "rate"])
def test_a_command_of_which_the_vector_unit_is_told_a_wrong_time(run, operand):
    change(run, "vector", 0, operand, 1)
    assert "command 0 says" in faults(run)["vector", "vector unit"][0]


def test_a_compiler_that_makes_the_last_step_too_short(monkeypatch):
    """The same, but run: every tile ends a cycle too early."""
    original = dense.timed
    monkeypatch.setattr(
        dense, "timed", lambda *a, **b: (said := original(*a, **b)) | {"corner_cycles": said["corner_cycles"] - 1}
    )
    report = validated(small_machine(), one_of_each())
    assert {("gemm", "engine"), ("lines", "engine")} <= {(c.name, c.scope) for c in report.failed}


def test_an_engine_buffer_that_is_too_small(run):
    run.arch.parts["denser"]["k_bytes"], before = 50, run.arch.parts["denser"]["k_bytes"]
    try:
        assert "pass 0 makes it" in faults(run)["buffers", "denser.k_bytes"][0]
    finally:
        run.arch.parts["denser"]["k_bytes"] = before


def test_a_machine_that_is_sent_the_wrong_work(monkeypatch):
    """The same as in the log, but run: the compiler leaves out the last entry of a mask."""
    original = dataflow.split_heads

    def careless(layer, mask, have):
        first, *others = original(layer, mask, have)
        sparse = first.sparse.copy()
        row = int(np.flatnonzero(sparse.sum(axis=1) > 1)[0])
        sparse[row, np.flatnonzero(sparse[row])[-1]] = False
        return HeadWork.of(first.dense, sparse), *others

    monkeypatch.setattr(dataflow, "split_heads", careless)
    report = validated(small_machine(), one_of_each())
    assert {("tables", "INDEX"), ("totals", "softmax.exp_ops")} <= {(c.name, c.scope) for c in report.failed}


def test_a_machine_that_begins_values_before_they_are_loaded(monkeypatch):
    original = Program.issue

    def hasty(self, unit, *, wait=NOW, wait2=NOW, **operands):
        original(self, unit, wait=wait, wait2=NOW if unit in ("denser", "sparser") else wait2, **operands)

    monkeypatch.setattr(Program, "issue", hasty)
    report = validated(small_machine(), one_of_each())
    assert ("operands", "weight_gb") in {(c.name, c.scope) for c in report.failed}
