"""The harness can fail: every seeded bug is caught."""

import pytest

from accelsim.rtl.cases import cases
from accelsim.rtl.mutations import MUTATIONS, caught

QUICK = ("index_walker",)


def attempts(mutation):
    return cases(mutation.component, 40, 13)


def test_there_are_enough_seeded_bugs_and_in_every_module():
    assert len(MUTATIONS) >= 20
    assert len({m.module for m in MUTATIONS}) == 8


@pytest.mark.parametrize("mutation", [m for m in MUTATIONS if m.component in QUICK], ids=lambda m: m.bug)
def test_a_seeded_bug_is_caught(mutation):
    count, text = caught(mutation, attempts(mutation))
    assert count > 0 and text


@pytest.mark.slow
@pytest.mark.parametrize("mutation", [m for m in MUTATIONS if m.component not in QUICK], ids=lambda m: m.bug)
def test_a_seeded_bug_is_caught_in_the_larger_modules(mutation):
    count, text = caught(mutation, attempts(mutation))
    assert count > 0 and text
