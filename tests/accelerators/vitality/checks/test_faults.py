"""Faults planted in the program and its tables, in what crossed the wires, and in the replay: a check finds each."""

import functools

import numpy as np
import pytest

from accelsim.accelerators import machine
from accelsim.accelerators.vitality.checks import replay
from accelsim.validation.evidence import Evidence, gather
from tests.accelerators.vitality.machines import PIPE, SMALL, one_of_each, vitality
from tests.validation.faults import change, faults, judged, planted, wait_less

LAYER = ("attention", "layer attention")


@functools.lru_cache
def clean(rule: str = "taylor", *overrides: str) -> Evidence:
    """A run that is right."""
    return gather(machine("vitality"), vitality(*SMALL, *PIPE, *overrides), one_of_each(rule))


@pytest.fixture
def run() -> Evidence:
    return planted(clean())


def first(run: Evidence, unit: str, **said: int) -> int:
    """The first command of a unit in the attention layer, of those that say so."""
    commands, layers = run.commands(unit), run.layer_of_instruction()[run.instructions(unit)]
    mine = layers == 2
    for name, value in said.items():
        mine &= commands[name] == value
    return int(np.flatnonzero(mine)[0])


def test_what_is_compared():
    report = judged(clean())
    assert report.failed == []
    assert {check.name for check in report.checks} == {
        "attention", "buffers", "bursts", "chained", "dispatch", "gemm", "integers", "kept", "lines", "loads",
        "memory",
        "operands", "order", "program", "stores", "totals", "vector", "wires",
    }  # fmt: skip
    assert [error.layer for error in report.errors] == ["attention"] and report.errors[0].rms < 0.1
    assert any("Taylor weights are below 0" in remark for remark in report.remarks)


@pytest.mark.parametrize("operand", ["rows", "columns", "stream", "first", "last", "to", "row"])
@pytest.mark.parametrize("tag", [0, 2])
def test_a_command_of_the_array_that_says_something_else(run, operand, tag):
    nth = first(run, "array", row=tag)
    change(run, "array", nth, operand, -1 if run.commands("array")[operand][nth] else 1)
    assert LAYER in faults(run)


@pytest.mark.parametrize("operand", ["rows", "columns", "stream", "first", "last", "adds", "to"])
def test_a_command_of_the_diagonal_that_says_something_else(run, operand):
    nth = first(run, "diagonal")
    change(run, "diagonal", nth, operand, -1 if run.commands("diagonal")[operand][nth] else 1)
    assert LAYER in faults(run)


@pytest.mark.parametrize("operand", ["rows", "columns", "takes", "gives", "source", "reads", "writes"])
@pytest.mark.parametrize("unit", ["accumulate", "divide", "add"])
def test_a_sweep_that_says_something_else(run, unit, operand):
    nth = first(run, unit, kind=0)
    if (unit, operand) == ("divide", "source"):
        return  # a mean is of no buffer
    change(run, unit, nth, operand, -1 if run.commands(unit)[operand][nth] else 1)
    assert LAYER in faults(run)


@pytest.mark.parametrize("operand", ["rows", "columns", "gives"])
@pytest.mark.parametrize("unit", ["divide", "add"])
def test_a_stream_that_is_worked_on_otherwise(run, unit, operand):
    nth = first(run, unit, kind=1)
    change(run, unit, nth, operand, -1 if run.commands(unit)[operand][nth] else 1)
    assert LAYER in faults(run)


@pytest.mark.parametrize("nth", [0, 2])
def test_blocks_of_g_that_may_pass_too_early_or_late(nth):
    run = planted(clean("taylor", "centre=after"))
    commands = run.commands("add")
    change(run, "add", int(np.flatnonzero(commands["kind"] == 2)[nth]), "rows", 1)
    assert "may pass the adders before their mean is there" in str(faults(run)[LAYER])


def test_a_product_of_another_size_is_kept(run):
    change(run, "g_buffer", 1, "elements", -1)
    assert LAYER in faults(run)


@pytest.mark.parametrize("rule", ["taylor", "l1", "hash"])
@pytest.mark.parametrize("unit", ["add", "divide", "accumulate", "g_buffer", "divisors"])
def test_what_does_not_wait_for_a_unit(rule, unit):
    """Every wait for a unit, in its turn, is for one less."""
    run = planted(clean(rule))
    program, counter = run.tables["program"], 1 + list(run.names.counters).index(unit)
    layer = run.layer_of_instruction() == 2
    waiting = [(w, np.flatnonzero(layer & (program[w] == counter))) for w in ("wait", "wait2")]
    if not any(len(mine) for _, mine in waiting):
        assert (rule, unit) in {("l1", "add"), ("hash", "add"), ("taylor", "divide"), ("hash", "divide"),
                                ("l1", "accumulate"), ("taylor", "accumulate"), ("l1", "divisors")}  # fmt: skip
        return
    for wait, mine in waiting:
        program[wait.replace("wait", "count")][mine] -= 1
    assert set(faults(run)) & {LAYER, ("operands", "act_buffer")}


@pytest.mark.parametrize("unit", ["array", "accumulate"])
def test_what_does_not_wait_for_its_loads(run, unit):
    wait_less(run, unit)
    assert {name for name, _ in faults(run)} & {"attention", "operands", "gemm"}


@pytest.mark.parametrize("field", ["weight", "act", "weight_read", "act_read"])
def test_a_command_that_gives_back_or_reads_something_else(run, field):
    table = run.tables["array"][field]
    nth = first(run, "array", row=2 if not field.endswith("read") else 0)
    nth += int(np.flatnonzero(table[nth:])[0])
    table[nth] -= 1
    assert {name for name, _ in faults(run)} & {"attention", "buffers"}


@pytest.mark.parametrize("way", ["act_read", "weight_read"])
def test_a_diagonal_that_reads_something_else(run, way):
    run.tables["diagonal"][way][0] += 1
    assert LAYER in faults(run)


@pytest.mark.parametrize("unit", ["accumulate", "divide", "add"])
def test_a_sweep_that_ends_too_soon(run, unit):
    run.log[f"{unit}.done"]["at"][3] = 0
    assert ("lines", unit) in faults(run)


@pytest.mark.parametrize("channel", ["divide.passed.join", "join.out"])
def test_values_that_are_lost_on_their_way(run, channel):
    log = run.log[channel]
    log["rows" if "rows" in log.dtype.names else "elements"][-1] += 1
    assert any(name == "wires" for name, _ in faults(run))


@pytest.mark.parametrize(
    ("unit", "counter"),
    [("array", "mac_ops"), ("diagonal", "mac_ops"), ("add", "element_ops"), ("divide", "element_ops"),
     ("accumulate", "element_ops"), ("g_buffer", "requant_ops"), ("divisors", "write_bytes")],
)  # fmt: skip
def test_a_counter_that_is_wrong(run, unit, counter):
    run.result.total.counts[unit][counter] += 1
    assert any(name == "totals" for name, _ in faults(run))


def test_arithmetic_that_is_another(run, monkeypatch):
    right = replay.in_blocks
    monkeypatch.setattr(replay, "in_blocks", lambda *given: right(*given) + 1000)
    assert ("integers", "layer attention") in faults(run)
    monkeypatch.setattr(replay, "in_blocks", right)
    assert faults(run) == {}
    monkeypatch.setattr(replay, "turn", lambda x: np.swapaxes(x, 1, 2)[..., ::-1])
    assert ("integers", "layer attention") in faults(run)


def test_the_twin_is_not_the_replay(run, monkeypatch):
    """A machine that divides otherwise than the twin is found."""
    right = replay.outputs
    monkeypatch.setattr(replay, "outputs", lambda *given: right(*given) - 200)
    assert "row" in str(faults(run)["integers", "layer attention"])
