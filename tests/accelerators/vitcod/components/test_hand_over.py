"""The way between the activation buffers: a register, and nothing is lost where the other side is full."""

from accelsim.accelerators.vitcod.components.hand_over import HandOver
from tests.components.harness import exercise


def test_what_comes_goes_on_a_cycle_later():
    seen = exercise(lambda: HandOver("way"), {"keep": [(5, 64, 3), (6, 10, 1)]})
    assert seen.pushes["out"] == [(6, 64, 3), (7, 10, 1)]
    assert seen.counts == {"moved_bytes": 202}


def test_it_waits_for_room():
    feed = {"keep": [(0, 1, 1), (1, 2, 1), (2, 3, 1)]}
    seen = exercise(lambda: HandOver("way"), feed, accept={"out": (40, 0)}, depth={"out": 1})
    assert seen.pushes["out"] == [(1, 1, 1), (41, 2, 1), (43, 3, 1)]  # a place is refilled in the cycle behind
    assert seen.status["blocked"] > 30
