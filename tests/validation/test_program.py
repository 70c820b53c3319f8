"""Faults planted in the program of a run, in what the units did with it, and in the compiler that made it."""

import numpy as np
import pytest

from accelsim.dataflows import attention as dataflow
from accelsim.dataflows.program import NOW, Program
from accelsim.isa import instructions as isa
from accelsim.validation import validate
from accelsim.validation.evidence import Evidence
from tests.accelerators.test_contract import one_of_each, small_machine
from tests.validation.faults import faults


def instructions(evidence: Evidence, op: int) -> np.ndarray:
    return np.flatnonzero(evidence.tables["program"]["op"] == op)


@pytest.mark.parametrize("op", [isa.DECODE, isa.DENSER, isa.VECTOR, isa.ARRAY, isa.WALKER])
def test_an_instruction_that_does_not_wait_for_its_operands(run, op):
    program = run.tables["program"]
    # earlier instructions wait for earlier loads only, so that the last wait of each kind is the one that counts
    mine = instructions(run, op)
    for wait, count in (("wait", "count"), ("wait2", "count2")):
        loads = np.isin(program[wait][mine], [isa.WEIGHT_LOADED, isa.ACT_LOADED, isa.INDEX_LOADED])
        program[count][mine[loads]] -= 1
    assert faults(run)


@pytest.mark.parametrize("op", [isa.GRANT_ACT, isa.GRANT_WEIGHT, isa.GRANT_INDEX])
def test_space_given_back_before_its_last_reader_is_done(run, op):
    grants = instructions(run, op)
    grants = grants[run.tables["program"]["a"][grants] > 0]
    early = instructions(run, isa.DECODE)[0] - 1
    row = run.tables["program"][grants[0]].copy()
    row["wait"] = row["wait2"] = isa.NOTHING
    rest = np.delete(run.tables["program"], grants[0])
    run.tables["program"] = np.insert(rest, early, row).view(np.recarray)
    name = {isa.GRANT_ACT: "act", isa.GRANT_WEIGHT: "weight", isa.GRANT_INDEX: "index"}[op]
    assert "may still be read" in str(faults(run)["buffers", f"{name} buffer"])


def test_a_load_before_the_layers_that_write_it(run):
    run.tables["act"]["fence"][:] = 0
    assert "stores of" in faults(run)["order", "act buffer"][0]


def test_a_layer_marked_as_ended_too_early(run):
    mark = instructions(run, isa.MARK)[1]
    run.tables["program"]["count"][mark] -= 1
    assert "the end of layer 1 does not wait" in faults(run)["order", "layers"][0]


@pytest.mark.parametrize("field", ["a", "b", "c"])
def test_a_tile_of_another_size(run, field):
    run.tables["program"][field][instructions(run, isa.ARRAY)[0]] -= 1
    assert ("gemm", "layer qkv") in faults(run)


def test_a_store_that_overwrites_another(run):
    run.tables["stores"]["address"][1] -= 1
    assert any(name == "memory" for name, _ in faults(run))


def test_a_load_beside_its_tensor(run):
    run.tables["act"]["address"][0] -= 1
    assert ("memory", "act descriptors") in faults(run)


def test_tensors_on_top_of_each_other(run):
    run.places["qkv.weight"] = run.places["norm.input"] + 1
    assert "overlaps" in faults(run)["memory", "tensors"][0]


def test_counters_buffers_and_channels(run):
    run.result.total.counts["engine"]["mac_ops"] -= 1
    run.peak["act_gb0"] = 1 << 30
    run.held["weight_gb"] = 8
    found = faults(run)
    assert ("totals", "engine.mac_ops") in found
    assert ("buffers", "act_gb0") in found and ("buffers", "weight_gb") in found


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
        work = original(layer, mask, have)
        head, row = 0, int(np.flatnonzero(work[0].sparse_rows > 1)[0])
        work[head].sparse[row, np.flatnonzero(work[head].sparse[row])[-1]] = False
        return work

    monkeypatch.setattr(dataflow, "split_heads", careless)
    report = validate(small_machine(), one_of_each())
    assert {("tables", "INDEX"), ("totals", "softmax.exp_ops")} <= {(c.name, c.scope) for c in report.failed}


def test_a_machine_whose_program_does_not_wait(monkeypatch):
    monkeypatch.setattr(Program, "fence", lambda self, buffer: None)
    report = validate(small_machine(), one_of_each())
    assert {("order", "act buffer"), ("order", "weight buffer")} <= {(c.name, c.scope) for c in report.failed}


def test_a_machine_that_begins_values_before_they_are_loaded(monkeypatch):
    original = Program.issue

    def hasty(self, op, *arguments, wait=NOW, wait2=NOW):
        original(self, op, *arguments, wait=wait, wait2=NOW if op in (isa.DENSER, isa.SPARSER) else wait2)

    monkeypatch.setattr(Program, "issue", hasty)
    report = validate(small_machine(), one_of_each())
    assert ("operands", "weight buffer") in {(c.name, c.scope) for c in report.failed}
