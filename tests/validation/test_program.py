"""Faults planted in the program of a run, in what the units did with it, and in the compiler that made it."""

import numpy as np
import pytest

from accelsim.dataflows.program import Program
from accelsim.isa.instructions import MARK, NOTHING
from tests.accelerators.small import one_of_each
from tests.accelerators.vitcod.small import small_machine
from tests.validation.faults import change, faults, validated, wait_less


@pytest.mark.parametrize("unit", ["vector", "engine"])
def test_an_instruction_that_does_not_wait_for_its_operands(run, unit):
    wait_less(run, unit)
    assert faults(run)


@pytest.mark.parametrize("buffer", ["act_gb0", "weight_gb", "index_buffer"])
def test_space_given_back_before_its_last_reader_is_done(run, buffer):
    grants = run.instructions(buffer)[run.commands(buffer)["bytes"] > 0]
    early = run.instructions("decoder")[0] - 1
    grants = grants[grants > early]  # what is given back before is of other layers
    row = run.tables["program"][grants[0]].copy()
    row["wait"] = row["wait2"] = NOTHING
    rest = np.delete(run.tables["program"], grants[0])
    run.tables["program"] = np.insert(rest, early, row).view(np.recarray)
    assert "may still be read" in str(faults(run)["buffers", buffer])


def test_a_load_before_the_layers_that_write_it(run):
    run.tables["act_gb0"]["fence"][:] = 0
    assert "stores of" in faults(run)["order", "act_gb0"][0]


def test_a_layer_marked_as_ended_too_early(run):
    mark = np.flatnonzero(run.tables["program"]["unit"] == MARK)[1]
    run.tables["program"]["count"][mark] -= 1
    assert "the end of layer 1 does not wait" in faults(run)["order", "layers"][0]


@pytest.mark.parametrize("field", ["tokens", "features", "depth"])
def test_a_tile_of_another_size(run, field):
    change(run, "engine", 0, field, -1)
    assert ("gemm", "layer qkv") in faults(run)


def test_a_store_that_overwrites_another(run):
    run.tables["act_gb1"]["address"][1] -= 1
    assert any(name == "memory" for name, _ in faults(run))


def test_a_load_beside_its_tensor(run):
    run.tables["act_gb0"]["address"][0] -= 1
    assert ("memory", "act_gb0 descriptors") in faults(run)


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


def test_a_machine_whose_program_does_not_wait(monkeypatch):
    monkeypatch.setattr(Program, "hold", lambda self, buffer: None)
    monkeypatch.setattr(Program, "lift", lambda self, buffer, wait: None)
    report = validated(small_machine(), one_of_each())
    assert {("order", "act_gb0"), ("order", "weight_gb")} <= {(c.name, c.scope) for c in report.failed}


@pytest.mark.parametrize("operand", ["constants", "heads", "encoded", "token", "met", "step_features"])
def test_a_tile_that_is_told_something_else(run, operand):
    last = int(np.flatnonzero(run.commands("engine")["constants"])[0])  # the others give nothing
    change(run, "engine", last, operand, 1)
    found = {name for name, _ in faults(run)}
    assert "gemm" in found or "lines" in found


def test_an_instruction_in_a_layer_of_others(run):
    first = run.instructions("decoder")[0]
    moved = run.tables["program"][first]
    run.tables["program"] = np.insert(np.delete(run.tables["program"], first), 6, moved).view(np.recarray)
    assert "which has no part in a dense layer" in str(faults(run))


@pytest.mark.parametrize(("field", "buffer"), [("weight", "weight_gb"), ("act", "act_gb0")])
def test_a_tile_that_gives_back_too_much(run, field, buffer):
    run.tables["frees"][field][0] += 1
    assert ("buffers", buffer) in faults(run)


def test_a_tile_that_gives_back_what_the_next_one_reads(run):
    frees = run.tables["frees"]["act"]
    (last,) = np.flatnonzero(frees)[:1]
    frees[0], frees[last] = frees[last], 0
    assert "may still be read" in str(faults(run)["buffers", "act_gb0"])
