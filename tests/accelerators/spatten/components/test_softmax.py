"""The softmax unit alone: a row's sum comes after its last score, then its lines pass the divider, one a cycle."""

import pytest

from accelsim.accelerators.spatten.components.softmax import Softmax
from accelsim.accelerators.spatten.tables import HEADS
from tests.components.harness import exercise, table


def softmax(**values):
    heads = table(HEADS, [{"keys": 20}])
    return lambda: Softmax("softmax", lanes=8, heads=heads, **values)


@pytest.mark.parametrize(("exp", "divide"), [(5, 7), (0, 7), (5, 0), (51, 36)])
def test_a_row_leaves_after_its_sum_its_lines_and_the_divider(exp, divide):
    rows = [(0, 0, n, n == 0, n == 2, 0) for n in range(3)]
    seen = exercise(softmax(exp_cycles=exp, divide_cycles=divide), {"scores": rows})
    # 20 scores are three lines; the rows, taken in cycles 1, 2 and 3, follow each other through the divider's lanes
    assert seen.cycles("probabilities") == [1 + exp + 3 * n + divide for n in (1, 2, 3)]
    assert seen.counts["divide_ops"] == seen.counts["exp_ops"] == 3 * 20


def test_the_stub_has_no_depth():
    seen = exercise(softmax(timing="stub"), {"scores": [(0, 0, 0, 1, 1, 0)]})
    assert seen.cycles("probabilities") == [1]
