"""Machines at equal accuracy: who is compared with what, and what noise leaves undecided."""

import math
from dataclasses import replace

import pytest

from accelsim.reproduce import accuracy_tables, equal_accuracy
from accelsim.reproduce.accuracy_tables import NOISE, at_most, between, least
from accelsim.reproduce.paper import load
from accelsim.reproduce.runs import Done, base

STUDY = load("vitcod").study


@pytest.fixture(scope="module")
def part(tmp_path_factory):
    return equal_accuracy.part(STUDY, "macs", STUDY.accuracy, tmp_path_factory.mktemp("works"))


@pytest.fixture(scope="module")
def done(part):
    """Cycles that follow the scores kept, a hundred thousand of all; dense machines take 60,000."""
    found = Done()
    for case in (*part.cases, *part.equal_sparsity):
        for run in case.runs("attention") + case.runs("all"):
            found.figures[run] = {"cycles": 60_000 if case.machine == "dense" else 100_000 * (case.kept or 0.1)}
    return found


def test_of_strengths_that_lose_more_for_more_none_stands():
    line = [(0.2, 100.0), (0.6, 80.0), (1.4, 40.0), (3.0, 20.0)]
    assert at_most(line, 1.0) == pytest.approx(60)
    assert at_most(line, 0.6) == pytest.approx(80)
    assert at_most([(1.25, 80.0), (0.85, 60.0)], 1.25) == 60  # the other one is beaten in both
    assert at_most(line, 0.1) is None and at_most(line, 3.5) == 20
    assert at_most([(0.2, 9.0), (1.5, 5.0), (0.9, 4.0), (1.6, 1.0)], 1.0) == pytest.approx(4 - 3 / 7)


def test_noise_is_to_the_worse_side_of_both():
    def mine(most: float) -> float | None:
        return at_most([(1.0, 100.0), (2.0, 50.0)], most)

    low, high = between(lambda _: 60.0, mine, 1.25)
    assert low == 0 and high == pytest.approx(60 / (100 - 50 * (0.25 + NOISE)))
    low, high = between(lambda most: at_most([(1.5, 60.0)], most), mine, 1.75)
    assert low == pytest.approx(60 / 87.5) and high == math.inf


def test_the_shipped_study_is_whole(part):
    """Every machine of every case is a configuration; who is compared, at how many strengths."""
    counts = {}
    for case in part.cases:
        base(case.configuration).with_settings([tuple(s.split("=", 1)) for s in case.settings])
        counts.setdefault(case.machine, set()).add(case.strength)
    assert {name: len(found) for name, found in counts.items()} == {"ViTCoD": 4, "dense": 1, "Sanger": 4, "SpAtten": 4}
    assert {case.machine for case in part.equal_sparsity} == set(counts)


def test_tables(part, done):
    every, at, sparse = accuracy_tables.grids(part, done)
    assert least(part) == 2 and at.title == "at most 2 points lost"
    assert "2 is the least, in steps of 0.25, at which every method has a strength" in at.notes[0]
    cells = {row[:2]: row for row in at.rows}
    sanger = cells["Sanger", "unit, global"]
    assert sanger[2] == "31.45 %" and sanger[3] == f"{100_000 * 0.3145262668:,.0f}"
    mine = 20_000 + 0.15 / 2.25 * (10_000 - 20_000)  # between 80 and 90 %: 60 % loses more for more
    fused = cells["dense", "output-stationary, FLAT"]
    best = 20_000 + 0.65 / 2.25 * (10_000 - 20_000)
    assert fused[5] == f"{60_000 / mine:.2f}x [0, {60_000 / best:.2f}] not resolved"
    assert "4 of ViTCoD's mask, 4 of Sanger's threshold, 4 of SpAtten's cascade" in every.notes[0]
    assert "A row of which the threshold keeps nothing is computed in full" in every.notes[1]
    assert sparse.rows[1][4] == "6.00x"


def test_who_is_left_out_of_a_study_is_left_out_here(tmp_path):
    some = STUDY.only((), ("dense",))
    found = equal_accuracy.part(some, "macs", STUDY.accuracy, tmp_path)
    assert {case.machine for case in found.cases} == {"ViTCoD", "dense"}
    none = replace(some, opponents=())
    assert {c.machine for c in equal_accuracy.part(none, "macs", STUDY.accuracy, tmp_path).cases} == {"ViTCoD"}
