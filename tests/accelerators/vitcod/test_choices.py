"""Layers are cut as they were: how cuts are enumerated and estimated is one thing, which is taken another."""

import json

import pytest

from tests.accelerators.vitcod.choices import CASES, FILE, choice

STORED = json.loads(FILE.read_text())


@pytest.mark.parametrize("case", CASES)
def test_the_same_cuts_are_chosen(case):
    assert {objective: choice(case, objective) for objective in ("rule", "cycles")} == STORED[case]
