"""Search with Optuna: resumable, deterministic, within the constraints."""

import random

import pytest

from accelsim.core.errors import InputError
from accelsim.sweep import search as search_module
from accelsim.sweep.axes import Axis
from accelsim.sweep.measure import Outcome
from accelsim.sweep.plan import FIGURES, read
from accelsim.sweep.search import Candidate, Found, Goal, coarse, search, spread
from accelsim.sweep.store import Store

pytest.importorskip("optuna", reason="Optuna is an extra: pip install 'accelsim[search]'")
TEXT = (
    "axes: {engine.lines: {from: 8, to: 128, multiple: 8}, engine.macs: [2, 4, 8, 16, 32], heads: [serial, parallel]}\n"
    "constraints: [lines * macs <= 1024, area_mm2 <= 60]\n"
    "objectives: [cycles, area_mm2]\n"
    "seed: 7\nmethod: random\npoints: 5\n"
)


def formula(tasks):
    """Instead of simulating: twice the MACs, half the cycles; serial heads are slower."""
    for task in tasks:
        engine = task.arch.parts["engine"]
        macs = engine["lines"] * engine["macs"]
        slow = 2 if task.arch.options["heads"] == "serial" else 1
        row = dict.fromkeys(FIGURES, 1.0)
        yield Outcome(task.key, row | {"cycles": 1e6 * slow / macs, "area_mm2": macs / 10 + slow}, None, 0.0)


@pytest.fixture
def formulas(monkeypatch):
    monkeypatch.setattr(search_module, "executor", lambda *_: formula)


def fields(found: Found) -> tuple:
    return found.searched, found.gridded, found.wasted


def test_a_search_meets_the_constraints_and_beats_a_grid(plan_file, tmp_path, formulas):
    found = search(plan_file(TEXT), tmp_path / "s.sqlite", 40)
    assert 0 < len(found.searched) <= 40 and 0 < len(found.gridded) <= 40
    for candidate in (*found.searched, *found.gridded):
        values = dict(candidate.settings)
        macs = int(values["engine.lines"]) * int(values["engine.macs"])
        assert macs <= 1024 and macs / 10 + (2 if values["heads"] == "serial" else 1) <= 60
    best = found.front(found.searched)
    assert all(dict(c.settings)["heads"] == "parallel" for c in best)
    searched, gridded = found.shares()
    assert 0.5 < gridded < 1 and searched > gridded - 0.1


def test_an_interrupted_search_ends_where_an_uninterrupted_one_does(plan_file, tmp_path, monkeypatch, formulas):
    path, whole = plan_file(TEXT), search(plan_file(TEXT), tmp_path / "whole.sqlite", 24)
    chance = random.Random(3)

    class Interrupted(BaseException):
        pass

    judge = Goal.judge

    def sometimes(self, designs):
        if chance.random() < 0.5:
            judge(self, designs[: chance.randrange(len(designs))])
            raise Interrupted
        return judge(self, designs)

    monkeypatch.setattr(Goal, "judge", sometimes)
    interruptions = 0
    while True:
        try:
            found = search(path, tmp_path / "s.sqlite", 24)
            break
        except Interrupted:
            interruptions += 1
    assert interruptions > 1
    assert fields(found) == fields(whole)


def test_a_search_that_is_done_simulates_nothing_again(plan_file, tmp_path, monkeypatch, formulas):
    path = plan_file(TEXT)
    first = search(path, tmp_path / "s.sqlite", 16, grid=False)
    monkeypatch.setattr(search_module, "executor", lambda *_: lambda tasks: (1 / 0 for _ in tasks))
    assert fields(search(path, tmp_path / "s.sqlite", 16, grid=False)) == fields(first)
    with pytest.raises(
        InputError, match="the study of 'design' was begun with another plan; name another store or sweep"
    ):
        search(plan_file(TEXT.replace("seed: 7", "seed: 8")), tmp_path / "s.sqlite", 16)
    with pytest.raises(InputError, match="begun with another sampler"):
        search(plan_file(TEXT), tmp_path / "s.sqlite", 16, sampler="nsga2")


@pytest.mark.parametrize("sampler", ["nsga2", "random"])
def test_other_samplers(plan_file, tmp_path, formulas, sampler):
    assert len(search(plan_file(TEXT), tmp_path / "s.sqlite", 9, sampler=sampler, grid=False).searched) > 0


def test_a_search_simulates(plan_file, tmp_path):
    text = "axes: {engine.lines: [8, 16], engine.macs: [4, 0]}\n"
    found = search(plan_file(text), tmp_path / "s.sqlite", 3, processes=0)
    assert {dict(c.settings)["engine.macs"] for c in found.searched} == {"4"}  # 0 is impossible
    with Store(tmp_path / "s.sqlite") as store:
        assert store.sweeps() == ["design search"]
    assert found.objectives == ("cycles", "energy_pj", "area_mm2")


def test_mistakes(plan_file, tmp_path):
    for text, sentence in (
        (
            "axes: {engine.lines: [8]}\nobjectives: [cycle]",
            r"design\.yaml:4: objective 'cycle' is none of cycles, seconds",
        ),
        ("", r"design\.yaml:1: there are no axes to search along"),
    ):
        with pytest.raises(InputError, match=sentence):
            search(plan_file(text), tmp_path / "s.sqlite", 3)
    with pytest.raises(InputError, match="--sampler: expected one of tpe, nsga2, random, not 'tpo'"):
        search(plan_file("axes: {engine.lines: [8]}"), tmp_path / "s.sqlite", 3, sampler="tpo")


def test_the_grid_of_a_budget_is_no_larger_than_it(plan_file, tmp_path):
    with Store(tmp_path / "s.sqlite") as store:
        goal = Goal(read(plan_file(TEXT)), store, formula)
        for budget in (1, 7, 40):
            designs = coarse(goal, budget)
            assert 0 < len(set(designs)) == len(designs) <= budget
    assert len(designs) > 25
    assert spread(Axis("x", (), 1, 9), 3) == ["1", "5", "9"]
    assert spread(Axis("x", ("a", "b", "c")), 2) == ["a", "c"]


def test_the_share_of_the_space_counts_both():
    found = Found(("a", "b"), 2, [Candidate((), (0.0, 0.0), 0.0)], [Candidate((), (2.0, 2.0), 0.0)], 0)
    assert found.shares() == (1.0, 0.0)


def test_a_refusal_leaves_neither_store_nor_study(plan_file, tmp_path):
    with pytest.raises(InputError, match="no Dask scheduler answers there"):
        search(plan_file("axes: {engine.lines: [8, 16]}"), tmp_path / "s.sqlite", 3, scheduler="tcp://127.0.0.1:1")
    assert list(tmp_path.glob("s.sqlite*")) == []
