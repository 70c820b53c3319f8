"""Faults planted in the program and its tables, in what crossed the wires, and in the replay: a check finds each."""

import functools

import numpy as np
import pytest

from accelsim.accelerators import machine
from accelsim.accelerators.salo.checks import replay
from accelsim.accelerators.salo.tables import TILE
from accelsim.validation.evidence import Evidence, gather
from tests.accelerators.salo.machines import PIPE, SMALL, one_of_each, salo
from tests.validation.faults import change, faults, judged, planted, wait_less

LAYER = ("attention", "layer attention")
CUT = "weight_buffer.capacity_bytes=380"


@functools.lru_cache
def clean(pattern: str = "window:5,globals=1", *overrides: str) -> Evidence:
    """A run that is right."""
    return gather(machine("salo"), salo(*SMALL, *PIPE, *overrides), one_of_each(pattern))


@pytest.fixture
def run() -> Evidence:
    return planted(clean())


def test_what_is_compared():
    report = judged(clean())
    assert report.failed == []
    assert {check.name for check in report.checks} == {
        "attention", "buffers", "bursts", "chained", "dispatch", "gemm", "integers", "kept", "lines", "loads",
        "memory",
        "operands", "order", "program", "stores", "totals", "vector", "wires",
    }  # fmt: skip
    assert [error.layer for error in report.errors] == ["attention"]


@pytest.mark.parametrize("nth", [0, 3])
@pytest.mark.parametrize("operand", [n for n in TILE if n not in ("step", "low", "high", "across_low", "across_high")])
def test_a_tile_that_says_something_else(run, operand, nth):
    change(run, "window", nth, operand, -1 if run.commands("window")[operand][nth] else 1)
    assert faults(run)


@pytest.mark.parametrize("operand", ["query", "key", "step", "low", "high", "across_low", "across_high"])
def test_a_tile_of_other_scores(run, operand):
    commands = run.commands("window")
    plain = np.flatnonzero((commands["mask_bytes"] == 0) & (commands["rows"] > 1) & (commands["across"] > 1))
    change(run, "window", int(plain[0]), operand, -1 if operand.endswith("high") else 1)
    assert LAYER in faults(run)


@pytest.mark.parametrize("cut", [(), (CUT,)], ids=["whole", "cut"])
def test_a_tile_that_does_not_wait_for_its_operands(cut):
    for buffer in ("weight_buffer", "act_buffer"):
        run = planted(clean("window:5,globals=1", *cut))
        program, mine = run.tables["program"], run.instructions("window")
        counter = 1 + list(run.names.counters).index(buffer)
        fields = [(w, c) for w, c in (("wait", "count"), ("wait2", "count2")) if (program[w][mine[0]] == counter)]
        program[fields[0][1]][mine[0]] -= 1
        assert ("operands", buffer) in faults(run)


@pytest.mark.parametrize("cut", [(), (CUT,)], ids=["whole", "cut"])
def test_bytes_that_are_given_back_too_early(cut):
    run = planted(clean("window:5,globals=1", *cut))
    program = run.tables["program"]
    counter = 1 + list(run.names.counters).index("window")
    mine = [n for n in run.instructions("weight_buffer") if program["wait"][n] == counter]
    program["count"][mine[0]] -= 1
    assert ("buffers", "weight_buffer") in faults(run)


def test_rows_that_are_stored_elsewhere(run):
    layer = run.layer_of_instruction()
    assert layer.max() == 5
    places = run.places["attention.output.0"], run.places["attention.output.1"]
    table = run.tables["output_buffer"]
    mine = np.flatnonzero((table["address"] >= min(places)) & (table["address"] < min(places) + 17 * 21))
    table["address"][mine[:2]] = table["address"][mine[:2]][::-1].copy()
    assert faults(run)


@pytest.mark.parametrize(("port", "field"), [("window.out", "rows"), ("merge.row", "bytes"), ("merge.row", "at")])
def test_what_is_wrong_on_the_wires(run, port, field):
    log = run.log[port]
    log[field][1] -= 5 if field == "at" else 1
    assert ("wires", port) in faults(run)


def test_a_tile_that_is_done_too_soon(run):
    run.log["window.done"]["at"][2] -= 1
    assert ("lines", "window") in faults(run)


def test_values_that_differ_in_one_place(run, monkeypatch):
    right = replay.replay

    def wrong(*given):
        found = right(*given)
        found[4, 7, 2] += 1
        return found

    monkeypatch.setattr(replay, "replay", wrong)
    assert faults(run) == {("integers", "layer attention, head 1"): ("layer attention, head 4, row 7 differs",)}


def test_no_wait_is_too_many():
    """Every wait of the array for its operands, and of the buffers for the array, one less: a check finds it."""
    run = planted(clean("7", CUT))
    assert judged(run).failed == []
    wait_less(run, "window")
    assert {("operands", "weight_buffer"), ("operands", "act_buffer")} <= faults(run).keys()
