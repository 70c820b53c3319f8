"""The multiplexer before the vector unit: one item a cycle, the dividers' first, with their passes."""

from accelsim.accelerators.vitality.components.join import Join
from tests.components.harness import exercise


def test_one_item_a_cycle_those_of_the_dividers_first():
    feed = {"divided": [(0, 2, 3, 4), (0, 1, 1, 5)], "array": [(0, 7, 3)]}
    seen = exercise(lambda: Join("join"), feed)
    assert seen.pushes["out"] == [(1, 12, 2), (2, 5, 1), (3, 7, 3)] and seen.counts == {"items": 3}
    held = exercise(lambda: Join("join"), feed, accept={"out": (30, 0)}, depth={"out": 1})
    assert held.counts == {"items": 3} and held.status["blocked"] > 20
