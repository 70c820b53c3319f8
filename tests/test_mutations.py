"""The seeded bugs still apply, and a few of them are caught; `python -m tests.mutations` seeds them all."""

import pytest

from tests.conftest import ROOT
from tests.mutations.bugs import BUGS
from tests.mutations.seed import outcome, places

HANDFUL = ("requant-half", "metrics-hits", "tiling-pieces")  # whose tests compile nothing


def test_every_bug_applies_and_names_tests_that_exist():
    assert {bug.name: places(bug) for bug in BUGS if places(bug) != 1} == {}
    assert [bug.name for bug in BUGS for one in bug.tests if not (ROOT / "tests" / one).exists()] == []
    assert [bug.name for bug in BUGS if bug.before == bug.after] == []
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 60


@pytest.mark.parametrize("name", HANDFUL)
def test_a_handful_is_caught(name):
    (bug,) = (bug for bug in BUGS if bug.name == name)
    assert outcome(bug).caught
