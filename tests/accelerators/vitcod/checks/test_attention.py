"""A validation passes what is right, and finds every fault that is planted: in the log of a run, in the program that
was run, and in what is made of its numbers."""

import numpy as np
import pytest

from accelsim.accelerators import machine
from accelsim.accelerators.vitcod.checks import ViTCoDJudge
from accelsim.accelerators.vitcod.checks.expected import attention_work
from accelsim.accelerators.vitcod.checks.places import locate
from accelsim.accelerators.vitcod.checks.replay import check_replay
from accelsim.accelerators.vitcod.checks.scores import Scores, read_scores
from accelsim.accelerators.vitcod.checks.values import read_parts
from accelsim.validation.evidence import gather
from accelsim.validation.report import Report
from accelsim.workload import load
from tests.accelerators.small import one_of_each
from tests.accelerators.vitcod.small import small_machine
from tests.conftest import ROOT
from tests.validation.faults import drop, faults, judged, planted, repeat, validated


def test_a_right_run_passes_and_says_what_was_compared(clean, missing):
    report = judged(clean)
    assert report.failed == [] and report.passed and judged(missing).failed == []
    kinds = {check.name for check in report.checks}
    assert kinds == {
        "passes", "tables", "lines", "scores", "operands", "softmax", "values", "window", "rows", "integers", "gemm",
        "chained", "memory", "order", "buffers", "loads", "totals", "vector", "dispatch", "bursts", "stores",
        "program", "kept",
    }  # fmt: skip
    assert sum(c.count for c in report.checks if c.name == "integers") == 3 * 17
    assert [error.layer for error in report.errors] == ["attention"]
    assert 0 < report.errors[0].rms < 1 < report.errors[0].peak


@pytest.mark.parametrize("options", [("reorder=false",), ("prune=false",), ("two_engines=false", "softmax.mode=max")])
def test_other_orders_of_the_same_work_give_the_same_integers(options):
    report = validated(small_machine(*options), one_of_each())
    assert report.failed == [] and len([c for c in report.checks if c.name == "integers"]) == 3


def test_a_dropped_score(run):
    drop(run, "sparser.score", 7)
    assert "is missing" in faults(run)["scores", "sparser engine"][0]


def test_a_score_computed_twice(run):
    repeat(run, "sparser.score", 7)
    assert "is there twice" in faults(run)["scores", "sparser engine"][0]


def test_a_score_of_another_row(run):
    run.log["sparser.score"]["place"][7] += 1
    found = faults(run)["scores", "sparser engine"]
    assert "is missing" in found[0] and "head 0, row" in found[0]


def test_a_doubled_dense_column(run):
    run.log["denser.scores"]["first"][0] += 1
    assert {"scores"} == {name for name, _ in faults(run)}


def test_a_dropped_tile_of_the_denser_engine(run):
    drop(run, "denser.scores", 3)
    assert ("scores", "denser engine") in faults(run)


@pytest.mark.parametrize("engine", ["denser", "sparser"])
def test_a_row_that_is_ready_before_its_last_score(run, engine):
    run.log[f"softmax.{engine}"]["at"][5] -= 15
    assert "cycles after its last score" in faults(run)["softmax", f"{engine} engine"][0]


@pytest.mark.parametrize("engine", ["denser", "sparser"])
def test_a_row_begun_before_it_is_ready(run, engine):
    run.log[f"softmax.{engine}"]["at"][5] += 10_000
    assert "begun before its scores were complete" in faults(run)["values", f"{engine} engine"][0]


def test_a_row_that_nobody_was_told_of(run):
    drop(run, "softmax.sparser", 5)
    assert "told 0 times" in faults(run)["softmax", "sparser engine"][0]


@pytest.mark.parametrize("change", [drop, repeat])
def test_a_part_that_is_lost_or_comes_twice(run, change):
    change(run, "sparser.partial", 4)
    assert "parts of" in faults(run)["values", "sparser engine"][0]


def test_a_part_with_a_score_too_few(run):
    run.log["denser.partial"]["scores"][2] -= 1
    assert ("values", "denser engine") in faults(run)


def test_a_row_that_leaves_before_its_last_part(run):
    run.log["merge.row"]["at"][3] -= 1000
    assert "cannot be layer attention, head 0, row 3" in faults(run)["rows", "merge"][0]


def test_a_row_that_never_leaves(run):
    drop(run, "merge.row", 3)
    assert "50 were found where 51 are expected" in str(faults(run)["rows", "merge"])


def test_work_outside_the_window(run):
    run.log["merge.sparser_window"]["end"] -= 64
    assert "begun when the window ended" in faults(run)["window", "sparser engine"][0]


def test_a_window_larger_than_its_places():
    evidence = gather(machine("vitcod"), small_machine("merge.places=4"), one_of_each())
    evidence.log["merge.denser_window"]["end"] += 1
    assert "with 4 places" in faults(evidence)["window", "merge, denser engine"][0]


def test_scores_and_partial_rows_that_do_not_fit_the_memory_together(run):
    run.tables["passes"]["places"] *= 1000
    found = faults(run)
    assert "makes it" in found["buffers", "engine.psum_bytes"][0]
    assert "places of" in found["window", "passes"][0]


def test_two_sparse_scores_for_one_bank_in_a_cycle(run):
    left = run.log["sparser.score"]
    banks = left["place"] % 8
    other = 1 + np.flatnonzero(banks[1:] == banks[0])[0]
    left["at"][other] = left["at"][0]
    assert "2 scores for bank" in faults(run)["buffers", "engine.psum_banks"][0]


@pytest.mark.parametrize(("kind", "name"), [(0, "K"), (1, "Q")])
def test_an_operand_that_comes_late(run, kind, name):
    notes = run.log["decoder.denser"]
    notes["at"][notes["kind"] == kind] += 100
    assert "was not there" in faults(run)["operands", f"{name}, denser engine"][0]


def test_a_query_that_is_neither_forwarded_nor_fetched(missing):
    evidence = planted(missing)
    drop(evidence, "decoder.vector", 9)
    found = faults(evidence)
    assert ("operands", "single Q vectors") in found and ("operands", "Q, sparser engine") in found


def test_a_query_fetched_before_it_is_loaded(missing):
    evidence = planted(missing)
    told = evidence.log["sequencer.command.decoder"]
    told["at"][(told["kind"] > 0) & (told["number"] == 0)] += 500
    assert "vector 0, row" in faults(evidence)["operands", "single Q vectors"][0]


def test_a_fetched_query_for_another_line(missing):
    evidence = planted(missing)
    evidence.log["decoder.vector"]["line"][9] += 1
    assert "vector 9 went to line" in faults(evidence)["operands", "single Q vectors"][0]


def test_queries_from_dram(fetched):
    assert faults(planted(fetched)) == {}
    asks, fetches, joins = (
        len(fetched.log["sparser.miss"]),
        *(fetched.count("queries", n) for n in ("fetches", "joins")),
    )
    assert asks == fetches + joins and min(fetches, joins) > 0

    def found(port: str, field: str, n: int, more: int) -> list[str]:
        evidence = planted(fetched)
        evidence.log[port][field][n] += more
        return faults(evidence)["operands", "single Q vectors"]

    assert "answer 9 is of row" in found("queries.found", "row", 9, 1)[0]
    assert "answered in cycle" in found("dma.arrived.queries", "at", 9, 100_000)[0]
    assert "of byte" in found("queries.request", "address", 9, 1)[0]
    evidence = planted(fetched)
    evidence.log["queries.request"]["at"][:] = 0
    assert any("of byte" in line for line in faults(evidence)["operands", "single Q vectors"])
    evidence = planted(fetched)
    evidence.arch.parts["queries"]["capacity_bytes"] = 30
    assert "makes it" in faults(evidence)["buffers", "queries"][0]


def test_an_engine_that_is_faster_than_its_lines(run):
    run.log["sparser.score"]["at"][:] = run.log["sparser.score"]["at"][-1]
    found = faults(run)
    assert ("lines", "sparser engine, scores") in found and ("lines", "score ports") in found


def test_engines_that_do_not_take_turns():
    evidence = gather(machine("vitcod"), small_machine("two_engines=false"), one_of_each())
    assert faults(evidence) == {}
    scores = evidence.log["sparser.score"]
    scores["at"] -= scores["at"][0] - evidence.log["denser.scores"]["at"][4]
    assert "both engines work in cycle" in faults(evidence)["lines", "both engines, scores"][0]


def test_swapped_heads_in_the_tables(run):
    head = run.tables["columns"]["head"]
    run.tables["columns"]["head"] = np.where(head == 0, 1, np.where(head == 1, 0, head))
    assert ("tables", "INDEX") in faults(run)


def test_a_row_number_off_by_one_in_the_index(run):
    run.tables["index"]["row"][0] += 1
    assert ("tables", "INDEX") in faults(run)


@pytest.mark.parametrize("field", ["head", "scores", "sparse", "dense", "first", "parts", "values"])
def test_a_wrong_number_in_the_table_of_rows(run, field):
    run.tables["rows"][field][6] += 1
    assert "head 0, row 6" in faults(run)["tables", f"ROWS.{field}"][0]


def test_passes_that_leave_out_a_row(run):
    run.tables["passes"]["rows"][0] -= 1
    assert ("passes", "attention") in faults(run)


@pytest.mark.parametrize("change", ["column", "place"])
def test_a_wrong_operand_shows_in_the_integers(run, change):
    report = Report("", "", 0)
    outputs = locate(run, attention_work(run), report)
    scores, parts = read_scores(run, outputs), read_parts(run, outputs)
    network = ViTCoDJudge(run).network
    for layer in network.workload.layers:
        network.of(layer.name)
    check_replay(network, outputs, scores, parts, report)
    assert report.passed
    fields = {n: getattr(scores, n).copy() for n in ("place", "column", "at", "dense", "number")}
    if change == "column":
        first = np.lexsort((fields["column"], fields["place"]))[0]  # whenever it was computed
        fields["column"][first] = (fields["column"][first] + 1) % 17
    else:
        mine = np.flatnonzero(~fields["dense"])
        a, b = mine[0], mine[fields["place"][mine] != fields["place"][mine[0]]][0]
        fields["place"][[a, b]] = fields["place"][[b, a]]
    check_replay(network, outputs, Scores(**fields), parts, report)
    assert {c.name for c in report.failed} == {"integers"}
    assert "its values differ" in report.failed[0].differences[0]


def test_a_whole_network():
    workload = load(ROOT / "workloads" / "levit_128_s90.yaml")
    room = ("act_gb0.capacity_bytes=20000", "weight_gb.capacity_bytes=20000", "softmax.score_bytes=20000")
    report = validated(small_machine("engine.lines=64", *room), workload)
    assert report.failed == []
    computed = sum(c.count for c in report.checks if c.compared == "each row, feature and depth computed once")
    assert computed == workload.macs - sum(layer.macs for layer in workload.attention_layers)
