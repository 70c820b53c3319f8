"""Faults planted in the program, its tables and what crossed the wires, and in the compiler: which check finds each."""

import numpy as np
import pytest

from accelsim.accelerators.systolic.checks import replay
from accelsim.dataflows.products import plan
from accelsim.dataflows.program import NOW, Program
from tests.accelerators.systolic.checks.conftest import SMALL
from tests.accelerators.systolic.machines import one_of_each, product, systolic
from tests.validation.faults import change, drop, faults, judged, repeat, validated, wait_less


def found(run) -> set[str]:
    return {name for name, _ in faults(run)}


def of_layer(run, number: int) -> int:
    """The first command of the array in a layer."""
    return int(np.flatnonzero(run.layer_of_instruction()[run.instructions("array")] == number)[0])


@pytest.mark.parametrize("operand", ["rows", "columns", "stream", "first", "last", "to", "passes"])
@pytest.mark.parametrize(("layer", "check"), [(1, "gemm"), (2, "attention"), (3, "gemm")])
def test_a_command_that_says_something_else(run, layer, check, operand):
    nth = of_layer(run, layer)
    said = run.commands("array")[operand][nth]
    if operand == "passes" and layer == 2:
        nth = int(np.flatnonzero(run.layer_of_instruction()[run.instructions("array")] == 2)[-1])
    change(run, "array", nth, operand, -1 if said else 1)
    assert check in found(run)


@pytest.mark.parametrize("operand", ["constants", "added"])
@pytest.mark.parametrize(("layer", "check"), [(1, "gemm"), (2, "attention"), (3, "gemm")])
def test_a_command_that_says_otherwise_what_outputs_leave_with(run, layer, check, operand):
    change(run, "array", of_layer(run, layer), operand, 1)
    assert check in found(run)


def test_outputs_that_leave_with_constants_which_are_not_there(run):
    table = run.tables["weight_buffer"]
    biases = np.flatnonzero(table["address"] == run.places["proj.bias"])
    table["bytes"][biases[0]] -= 1
    assert {"memory", "gemm"} & found(run)


def test_a_command_that_reads_more_than_its_port_gives(run, monkeypatch):
    assert faults(run) == {}
    monkeypatch.setitem(run.arch.parts["weight_buffer"], "port_bytes", 1)
    monkeypatch.setitem(run.arch.parts["weight_buffer"], "banks", 1)
    assert ("lines", "array") in faults(run)


@pytest.mark.parametrize("operand", ["adds", "first", "last"])
def test_a_part_that_begins_ends_or_adds_wrongly(parts, operand):
    nth = of_layer(parts, 1) + 1
    change(parts, "array", nth, operand, -1 if parts.commands("array")[operand][nth] else 1)
    assert ("gemm", "layer qkv") in faults(parts)


def test_partial_sums_that_do_not_fit(parts, monkeypatch):
    assert faults(parts) == {}
    monkeypatch.setitem(parts.result.parts["array"].parameters, "accumulator_bytes", "20")
    assert "partial sums of a column do not fit the 1 it has room for" in str(faults(parts)["gemm", "layer qkv"])


@pytest.mark.parametrize("dataflow", ["ws", "is"])
def test_more_outputs_at_once_than_have_room_behind_the_array(dataflow, monkeypatch):
    arch = systolic(*SMALL, f"array.dataflow={dataflow}")
    workload = product(*((3, 20) if dataflow == "is" else (20, 3)), 4)
    assert validated(arch, workload).failed == []
    monkeypatch.setattr(plan, "longest_stream", lambda s, have: 20)
    plan.planned.cache_clear()
    report = validated(arch, workload)
    plan.planned.cache_clear()
    assert "20 outputs of a column leave at once, but 8 have room behind the array" in str(report.failed)


@pytest.mark.parametrize("dataflow", ["ws", "is"])
def test_partial_sums_that_take_the_accumulators_of_idle_columns(dataflow, monkeypatch):
    """One column of three is at work; its sums would fit where all columns' do, to which it has no wires."""
    shape = (1, 40) if dataflow == "is" else (40, 1)
    arch = systolic(*SMALL, f"array.dataflow={dataflow}", "array.accumulator_bytes=240")
    workload = product(shape[0], shape[1], 9)
    assert validated(arch, workload).failed == []
    monkeypatch.setattr(plan, "longest_stream", lambda s, have: 40)
    plan.planned.cache_clear()
    report = validated(arch, workload)
    plan.planned.cache_clear()
    assert "40 partial sums of a column do not fit the 20 it has room for" in str(report.failed)


@pytest.mark.parametrize("field", ["weight_read", "act_read"])
def test_a_command_that_does_not_say_what_it_reads(run, field):
    run.tables["frees"][field][of_layer(run, 2)] += 1
    assert {("attention", "layer attention"), ("wires", f"array.release_{field.split('_')[0]}")} <= set(faults(run))


@pytest.mark.parametrize(("field", "buffer"), [("weight", "weight_buffer"), ("act", "act_buffer")])
def test_bytes_given_back_before_their_last_reader(run, field, buffer):
    frees = run.tables["frees"][field]
    nth = next(n for n, size in enumerate(frees) if size and n and not frees[n - 1])
    frees[[nth - 1, nth]] = frees[[nth, nth - 1]]
    assert ("buffers", buffer) in faults(run)


@pytest.mark.parametrize("field", ["weight", "act"])
def test_bytes_that_are_never_given_back(run, field):
    frees = run.tables["frees"][field]
    frees[np.flatnonzero(frees)[3]] = 0
    assert ("buffers", f"{field}_buffer") in faults(run)


def test_a_command_that_does_not_wait_for_its_operands(run):
    wait_less(run, "array")
    assert found(run) & {"gemm", "attention", "operands"}


def test_probabilities_read_before_the_softmax_knows_them(fused):
    program, counters = fused.tables["program"], list(fused.names.counters)
    waits = np.flatnonzero(program["wait2"] == 1 + counters.index("softmax"))
    program["wait2"][waits] = program["count2"][waits] = 0
    assert "its probabilities need not be known" in str(faults(fused)["attention", "layer attention"])


@pytest.mark.parametrize(("operand", "check"), [("rows", "softmax"), ("columns", "softmax"), ("kind", "softmax")])
def test_another_tile_of_scores(run, operand, check):
    change(run, "softmax", 0, operand, 1)
    assert check in found(run) or "attention" in found(run)


def test_probabilities_read_more_often_than_the_softmax_is_told(fused):
    change(fused, "softmax", 1, "reads", 1)
    assert ("softmax", "layer attention") in faults(fused)


def test_scores_of_another_row_of_the_tile(fused):
    change(fused, "array", of_layer(fused, 2), "row", 4)
    assert found(fused) & {"attention", "softmax"}
    assert ("wires", "array.scores") in faults(fused)


def test_a_score_buffer_that_is_too_small(fused, monkeypatch):
    monkeypatch.setitem(fused.arch.parts["softmax"], "score_bytes", 100)
    assert "bytes of scores are to be held at once" in str(faults(fused)["softmax", "layer attention"])


def test_scores_fetched_before_they_are_in_dram(unfused):
    unfused.tables["act_buffer"]["fence"][:] = 0
    assert "what a layer reads back is in DRAM" in {c.compared for c in judged(unfused).failed}


def test_scores_stored_by_the_wrong_buffer_or_twice(unfused):
    stores = unfused.tables["spill_buffer"]
    stores["address"][1] = stores["address"][0]
    assert ("memory", "attention.scores.0") in faults(unfused)


def test_probabilities_stored_where_those_of_another_tile_belong(unfused):
    stores = unfused.tables["spill_buffer"]
    mine = np.flatnonzero(stores["address"] >= unfused.places["attention.probabilities.0"])
    sizes = stores["bytes"][mine]
    first, second = mine[0], next(m for m, size in zip(mine, sizes) if size != sizes[0])
    stores[[first, second]] = stores[[second, first]]
    assert ("attention", "layer attention") in faults(unfused)


@pytest.mark.parametrize("store", ["output_buffer", "spill_buffer"])
def test_stores_that_change_places(unfused, store):
    stores = unfused.tables[store]
    size = stores["bytes"] * stores["segments"]
    begin = 0 if store == "spill_buffer" else int(np.flatnonzero(stores["address"] >= unfused.places["qkv.output"])[0])
    first = next(n for n in range(begin, len(stores) - 1) if size[n] != size[n + 1])
    stores[[first, first + 1]] = stores[[first + 1, first]]
    assert found(unfused) & {"gemm", "attention", "memory"}


def test_a_dense_output_stored_elsewhere(run):
    stores = run.tables["output_buffer"]
    first = int(np.flatnonzero(stores["address"] >= run.places["qkv.output"])[0])
    stores["address"][[first, first + 1]] = stores["address"][[first + 1, first]]
    assert found(run) & {"gemm", "memory"}


@pytest.mark.parametrize("port", ["array.scores", "array.out", "array.release_act", "array.release_weight"])
def test_an_item_that_is_lost_or_doubled_on_its_way(run, port):
    drop(run, port, 2)
    assert ("wires", port) in faults(run)
    repeat(run, port, 2)
    repeat(run, port, 2)
    assert ("wires", port) in faults(run)


@pytest.mark.parametrize(
    ("port", "field"),
    [("array.scores", "row"), ("array.scores", "columns"), ("array.out", "elements"), ("softmax.done", "number")],
)  # fmt: skip
def test_an_item_of_something_else(run, port, field):
    run.log[port][field][1] += 1
    assert ("wires", port) in faults(run) or ("wires", "softmax.done") in faults(run)


@pytest.mark.parametrize("port", ["softmax.out", "softmax.done"])
def test_a_result_of_the_softmax_that_comes_too_early(unfused, port):
    unfused.log[port]["at"][-1] -= 500
    assert ("softmax", port) in faults(unfused)


def test_a_command_that_is_done_too_early(run):
    run.log["array.done"]["at"][5] = run.log["array.done"]["at"][4] + 1
    assert ("lines", "array") in faults(run)


@pytest.mark.parametrize("counter", ["mac_ops", "exp_ops", "divide_ops"])
def test_another_count(run, counter):
    unit = "array" if counter == "mac_ops" else "softmax"
    run.result.total.counts[unit][counter] += 1
    assert ("totals", f"{unit}.{counter}") in faults(run)


def test_a_softmax_that_rounds_differently(run, monkeypatch):
    original = replay.softmax
    monkeypatch.setattr(replay, "softmax", lambda *given: original(*given) + 1)
    assert ("integers", "layer attention, head 2") in faults(run)


def test_a_compiler_that_fences_nothing(monkeypatch):
    monkeypatch.setattr(Program, "fence", lambda self, buffer, wait: None)
    report = validated(systolic(*SMALL), one_of_each())
    assert {(c.name, c.scope) for c in report.failed} >= {("order", "act_buffer"), ("order", "weight_buffer")}


def test_a_compiler_whose_array_does_not_wait(monkeypatch):
    original = Program.issue

    def hasty(self, unit, *, wait=NOW, wait2=NOW, **operands):
        original(self, unit, wait=wait, wait2=NOW if unit == "array" else wait2, **operands)

    monkeypatch.setattr(Program, "issue", hasty)
    for attention in ("unfused", "fused"):
        report = validated(systolic(*SMALL, f"attention={attention}"), one_of_each())
        assert "attention" in {c.name for c in report.failed}
