"""Right runs pass, and faults that are planted in one are found."""

import functools

import numpy as np
import pytest

from accelsim.accelerators import machine
from accelsim.accelerators.spatten.checks import values
from accelsim.dataflows.program import Program
from accelsim.validation.evidence import Evidence, gather
from tests.accelerators.spatten.networks import blocks, spatten
from tests.validation.faults import change, drop, faults, judged, planted, validated

SMALL = ("act_buffer.capacity_bytes=3000", "output_buffer.capacity_bytes=512")
CASCADE = ("prune=stages", "keep=700", "keep_heads=700", "first_layer=1", "every=1")
PROGRESSIVE = ("quant=progressive", "threshold=200")
EVERYTHING = (*CASCADE, *PROGRESSIVE, "v_prune=per_query", "v_keep=500")


@functools.lru_cache
def clean() -> Evidence:
    """A run that is right, with every kind of pruning."""
    return gather(machine("spatten"), spatten(*SMALL, *EVERYTHING), blocks())


@pytest.fixture
def run() -> Evidence:
    return planted(clean())


@pytest.mark.parametrize("name", ["spatten", "spatten_rtl"])
@pytest.mark.parametrize(
    "options", [(), CASCADE, ("prune=flat", "keep=315"), PROGRESSIVE, ("v_prune=first_query", "v_keep=300"), EVERYTHING]
)
def test_every_way_to_prune_is_right(name, options):
    report = validated(spatten(*SMALL, *options, name=name), blocks())
    assert report.failed == []
    rows = sum(c.count for c in report.checks if c.name == "integers")
    assert rows > 0 and len(report.errors) == 3


def test_a_right_run_passes(run):
    assert faults(run) == {}


@pytest.mark.parametrize(
    ("port", "scope"),
    [(port, port) for port in ("decision.rows", "qk_array.scores", "decision.reports", "pv_array.results")],
)  # fmt: skip
def test_a_row_that_is_lost(run, port, scope):
    where = int(np.flatnonzero(run.log[port]["again"])[0]) if port == "decision.reports" else 3
    drop(run, port, where)
    assert ("rows", scope) in faults(run)


def test_a_row_before_its_lines(run):
    run.log["qk_array.scores"]["at"][0] = run.log["k_buffer.lines"]["at"][0]
    assert ("rows", "qk_array") in faults(run)


def test_rows_faster_than_their_lines():
    found = planted(gather(machine("spatten"), spatten(*SMALL), blocks(1)))
    scores = found.log["qk_array.scores"]
    scores["at"][1:21] = scores["at"][0] + np.arange(1, 21)
    assert ("lines", "qk_array") in faults(found)


def test_a_softmax_that_takes_no_time(run):
    run.log["softmax.probabilities"]["at"][5] = run.log["qk_array.scores"]["at"][5] + 1
    assert ("lines", "softmax") in faults(run)


@pytest.mark.parametrize("field", ["keys", "values", "k_lines", "v_bytes", "rows"])
def test_a_head_of_other_sizes(run, field):
    run.tables["heads"][field][1] += 1
    assert ("attention", "layer b0.attention") in faults(run)


def test_a_head_of_other_rows(run):
    change(run, "fetcher", 2, "row", 1)
    assert ("attention", "layer b0.attention") in faults(run)


def test_keys_of_another_head(run):
    loads = run.tables["k_buffer"]
    loads["address"][[0, 1]] = loads["address"][[1, 0]]
    assert ("attention", "layer b0.attention") in faults(run)


def test_a_choice_of_fewer_tokens_or_of_other_sums(run):
    change(run, "top_k", 0, "keep", -1)
    assert "it does not choose" in str(faults(run)["attention", "layer b0.attention"])
    other = planted(clean())
    other.tables["candidates"]["value"][0] += 1
    assert "it does not choose" in str(faults(other)["attention", "layer b0.attention"])


def test_stores_that_change_places(run):
    stores = run.tables["output_buffer"]
    first = run.places["b0.attention.output"]
    mine = np.flatnonzero((stores["address"] >= first) & (stores["address"] < first + 21 * 24))
    stores[[mine[0], mine[1]]] = stores[[mine[1], mine[0]]]
    assert faults(run)


@pytest.mark.parametrize(
    ("part", "counter"),
    [("qk_array", "mac_ops"), ("pv_array", "mac_ops"), ("array", "mac_ops"), ("fetcher", "lines"), ("top_k", "rounds"),
     ("top_k", "compare_ops"), ("importance", "importance_adds"), ("softmax", "exp_ops"), ("l_buffer", "write_bytes"),
     ("qk_array", "rows_again")],
)  # fmt: skip
def test_another_count(run, part, counter):
    run.result.total.counts[part][counter] += 1
    assert ("totals", f"{part}.{counter}") in faults(run)


def test_a_twin_that_rounds_differently(run, monkeypatch):
    original = values.rows_of
    monkeypatch.setattr(values, "rows_of", lambda *given: original(*given) + 1)
    assert any(name == "integers" for name, _ in faults(run))


def test_weights_that_come_while_keys_and_values_are_there(monkeypatch):
    original = Program.fence
    held = ("weight_buffer", "k_buffer", "v_buffer")
    monkeypatch.setattr(Program, "fence", lambda p, b, wait: None if b in held else original(p, b, wait))
    report = validated(spatten(*SMALL), blocks())
    assert "shared lines" in {c.scope for c in report.failed}


def test_a_compiler_that_chooses_before_all_is_added_up(monkeypatch):
    original = Program.issue

    def hasty(self, unit, **given):
        original(self, unit, **(given if unit != "top_k" else {k: v for k, v in given.items() if k != "wait"}))

    monkeypatch.setattr(Program, "issue", hasty)
    report = validated(spatten(*SMALL, *CASCADE), blocks())
    assert "it does not wait for the last row" in str([c.differences for c in report.failed])


def test_what_is_compared():
    assert {c.name for c in judged(clean()).checks} >= {
        "attention", "buffers", "bursts", "chained", "dispatch", "gemm", "integers", "lines", "loads", "memory",
        "operands", "order", "rows", "stores", "totals", "vector",
    }  # fmt: skip
