"""The comparison of a model with its module, and that it fails when something differs."""

from dataclasses import replace

import numpy as np
import pytest

from accelsim.core.errors import InputError
from accelsim.rtl.cosim import AFTER, compare, cosimulate, library, run_model, run_module
from accelsim.rtl.mutations import caught
from accelsim.rtl.suite import attempts, bug_line, bugs, case_of, suite, table
from tests.rtl.toy import HARMLESS, MUTATIONS, PACKAGE, TWINS, cases


def test_not_one_transfer_differs():
    (outcome,) = suite(TWINS, [], 8, 1)
    assert (outcome.name, outcome.cases, outcome.differences, outcome.first) == ("scaler", 8, 0, "")
    assert all(outcome.counts.values()) and outcome.statuses == outcome.cycles
    (row,) = zip(*(column.cells for column in table([outcome]).columns))
    assert row[:2] == ("scaler", "8") and row[-1] == "0"


def test_sleeping_does_not_change_what_is_compared():
    for case in cases(4, 3):
        assert np.array_equal(run_model(case)[0], run_model(case, skip=False)[0])


def test_a_status_is_compared_in_its_cycle():
    case = next(cases(1, 3))
    model, sim = run_model(case)
    module = run_module(case, sim.at + AFTER, library(case.netlist))
    mine = np.flatnonzero(model[:, 1] == case.netlist.logged().index("unit_status"))
    assert len(mine) >= 2
    for column in (0, 2):  # a cycle late; another status
        wrong = module.copy()
        wrong[mine[-1], column] += 1
        count, text = compare(case, model, wrong)
        assert count == 1 and "unit_status idle " in text


def test_a_difference_is_shown_with_both_sides_around_it():
    case = next(cases(1, 3))
    model, sim = run_model(case)
    module = run_module(case, sim.at + AFTER, library(case.netlist))
    assert compare(case, model, module) == (0, "")
    late = module.copy()
    late[-1, 0] += 1
    count, text = compare(case, model, late)
    assert count == 1 and text.splitlines()[0] == f"scaler 0: the first difference is in cycle {model[-1, 0]}"
    shown = [line for line in text.splitlines() if line.startswith(">")]
    assert len(shown) == 1
    left, right = shown[0].removeprefix("> model ").split(" module ")
    assert int(right.split()[0]) == int(left.split()[0]) + 1
    assert left.split()[1:] == right.split()[1:]
    count, text = compare(case, model, module[:-1])
    assert count == 1 and text.splitlines()[-1].endswith("module nothing")


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.bug)
def test_a_seeded_bug_is_caught(mutation):
    count, text = caught(mutation, attempts(TWINS, "scaler", 13))
    assert count > 0 and text


def test_a_bug_that_changes_nothing_is_not_caught():
    found = list(bugs(replace(TWINS, mutations=(MUTATIONS[0], HARMLESS)), ["scaler"], 1, 2))
    assert [count > 0 for _, count, _ in found] == [True, False]
    assert bug_line(*found[0][:2]).startswith(f"scaler: {MUTATIONS[0].bug}: ")
    assert bug_line(*found[1][:2]).endswith(": NOT CAUGHT")


def test_a_bug_must_stand_there_once():
    with pytest.raises(ValueError, match="'of no line' stands there 0 times"):
        caught(replace(HARMLESS, before="of no line"), cases(1, 1))


def test_small_cases_stand_in_where_bugs_are_looked_for():
    small = replace(TWINS, small={"scaler": lambda count, seed: iter([count, seed])})
    assert list(attempts(small, "scaler", 7)) == [80, 7]


def test_a_case_is_the_one_of_the_suite():
    for n, case in enumerate(cases(3, 5)):
        assert (case_of(TWINS, "scaler", n, 5).scripts["order"].items == case.scripts["order"].items).all()


def test_wrong_names_and_numbers_are_errors():
    for ask, said in (
        (lambda: TWINS.chosen(["scalar"]), "cosim: there is no module 'scalar', only scaler (did you mean 'scaler'?)"),
        (lambda: case_of(TWINS, "scaler", -1, 5), "cosim: --case is -1 but must be >= 0"),
        (lambda: list(suite(TWINS, [], 0, 1)), "cosim: --cases is 0 but must be >= 1"),
        (lambda: TWINS.workload_cases(None, None), "cosim: none of scaler runs the layers of a workload"),
        (
            lambda: replace(PACKAGE, payloads={"order": ()}).payload("scaler", "product", ("value",)),
            "scaler.product carries value, which no payload does: expected those of order",
        ),
    ):
        with pytest.raises(InputError) as error:
            ask()
        assert str(error.value) == said


def test_what_differs_is_counted_and_the_first_is_kept(monkeypatch):
    run = run_module
    monkeypatch.setattr("accelsim.rtl.cosim.run_module", lambda *arguments: run(*arguments)[:-1])
    outcome = cosimulate("scaler", cases(2, 3))
    assert outcome.differences == 2 and outcome.first.startswith("scaler 0: the first difference is in cycle ")
