"""Faults that are planted in a run are found, and named."""

import dataclasses

import numpy as np
import pytest

from accelsim.workload import AttentionMask
from tests.validation.faults import change, drop, faults, repeat, wait_less


def names(found: dict) -> set[str]:
    return {name for name, _ in found}


def test_a_clean_run_has_none(run, unit):
    assert faults(run) == {} and faults(unit) == {}


@pytest.mark.parametrize("field", ["scanned", "emitted", "moved", "entries", "subrows", "last_row", "columns"])
def test_a_pass_that_is_not_the_masks(run, unit, field):
    for evidence in (run, unit):
        evidence.tables["packs"][field][1] += 1
        assert ("passes", "layer attention") in faults(evidence)


@pytest.mark.parametrize("field", ["row", "first", "count"])
def test_a_sub_row_of_other_scores(run, field):
    run.tables["subrows"][field][3] += 1
    assert ("passes", "layer attention") in faults(run)


@pytest.mark.parametrize("field", ["emits", "subrows", "passes", "first_pass"])
def test_a_tile_of_other_scores(unit, field):
    unit.tables["tiles"][field][2] += 1
    assert ("passes", "layer attention") in faults(unit)


def test_another_mask(run):
    mask = run.workload.masks["attention"]
    keep = mask.keep.copy()
    keep[0, 5, :] = ~keep[0, 5, :]
    keep[0, 5, 0] = True
    masks = {"attention": AttentionMask(keep, mask.order, mask.global_tokens)}
    found = faults(dataclasses.replace(run, workload=dataclasses.replace(run.workload, masks=masks)))
    assert {"passes", "totals"} <= names(found)


@pytest.mark.parametrize(
    ("unit", "operand"),
    [
        ("predictor", "tile"), ("predictor", "rows"), ("predictor", "dim"), ("predictor", "lengths"),
        ("array", "passes"), ("array", "first_row"), ("array", "value_dim"),
        ("merge", "rows"), ("merge", "places"), ("merge", "until"), ("merge", "passes"),
    ],
)  # fmt: skip
def test_an_instruction_that_says_something_else(run, unit, operand):
    change(run, unit, 1, operand, 1)
    assert ("attention", "layer attention") in faults(run)


@pytest.mark.parametrize("unit", ["predictor", "array", "dense"])
def test_operands_that_need_not_have_arrived(run, unit):
    wait_less(run, unit)
    assert {"attention", "operands", "gemm"} & names(faults(run))


@pytest.mark.parametrize("buffer", ["kv_buffer", "q_buffer", "predict_buffer"])
def test_operands_that_are_given_back_too_early(run, buffer):
    program, units = run.tables["program"], list(run.names.units)
    mine = np.flatnonzero(program["unit"] == units.index(buffer))
    first = next(n for n in mine if program["count"][n] and run.tables["operands"][program["first"][n]] > 100)
    program["count"][first] -= 1
    assert ("buffers", buffer) in faults(run)


@pytest.mark.parametrize("port", ["predictor.strip", "pack.ready", "pack.drained", "array.passed", "merge.row"])
def test_what_does_not_cross_a_wire_or_crosses_it_twice(run, port):
    drop(run, port, 2)
    assert ("wires", port) in faults(run)
    for _ in range(2):
        repeat(run, port, 1)
    assert ("wires", port) in faults(run)


@pytest.mark.parametrize("port", ["predictor.strip", "pack.ready", "pack.drained", "array.passed", "merge.row"])
@pytest.mark.parametrize("reading", ["run", "unit"])
def test_what_leaves_too_early(request, reading, port):
    evidence = request.getfixturevalue(reading)
    evidence.log[port]["at"] -= 1
    assert {"pace", "dispatch"} & names(faults(evidence))


def test_a_pass_without_room(run):
    run.log["merge.window"]["end"] -= 1
    assert ("window", "array") in faults(run)


def test_a_window_with_more_rows_than_places(run):
    run.log["merge.window"]["end"] += 20
    assert ("window", "merge") in faults(run)


def test_passes_in_another_order(run):
    run.log["array.passed"]["number"][[0, 1]] = run.log["array.passed"]["number"][[1, 0]]
    assert ("wires", "array.passed") in faults(run)


def test_a_row_that_is_stored_elsewhere(run):
    table, places = run.tables["output_buffer"], run.places
    mine = np.flatnonzero(table["address"] >= places["attention.output.0"])
    table["address"][mine[0]], table["address"][mine[1]] = table["address"][mine[1]], table["address"][mine[0]]
    assert ("stores", "layer attention") in faults(run)


@pytest.mark.parametrize(
    ("unit", "counter"),
    [("array", "mac_ops"), ("array", "sub_rows"), ("array", "passes"), ("array", "kv_read_bytes"),
     ("array", "q_read_bytes"), ("predictor", "mac4_ops"), ("predictor", "compare_ops"), ("merge", "divide_ops"),
     ("merge", "add_ops"), ("pack", "columns"), ("pack", "emits"), ("dense", "mac_ops"),
     ("predict_buffer", "write_bytes")],
)  # fmt: skip
def test_a_counter_that_is_off(run, unit, counter):
    run.result.total.counts[unit][counter] += 1
    assert ("totals", f"{unit}.{counter}") in faults(run)


def test_values_that_differ(run, monkeypatch):
    """A replay with one key exchanged does not give the reference."""
    from accelsim.accelerators.sanger.checks import replay

    whole = replay.replay

    def wrong(one, numbers, operands, scaling, bound):
        q, k, v = operands
        return whole(one, numbers, (q, k[:, ::-1], v), scaling, bound)

    monkeypatch.setattr(replay, "replay", wrong)
    assert "integers" in names(faults(run))
