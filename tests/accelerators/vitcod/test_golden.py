"""Golden cycle counts (tests/accelerators/vitcod/golden.json)."""

import json

import pytest

from tests.accelerators.vitcod.golden import CASES, FILE, measure


@pytest.mark.parametrize("case", CASES)
def test_cycles_change_only_on_purpose(case):
    assert measure(case) == json.loads(FILE.read_text())[case]
