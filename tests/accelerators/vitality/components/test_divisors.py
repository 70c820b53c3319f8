"""Divisors are there a cycle after they leave SA-Diag."""

from accelsim.accelerators.vitality.components.divisors import Divisors
from tests.components.harness import exercise


def test_a_block_of_divisors_is_told():
    feed = {"values": [(5, 9, 0), (5, 4, 0)], "act": [(3, 0, 70)], "weight": [(4, 0, 30)]}
    seen = exercise(lambda: Divisors("divisors"), feed)
    assert seen.pushes["done"] == [(6, 1), (7, 1)]
    assert seen.counts == {"write_bytes": 52, "weight_read_bytes": 30, "act_read_bytes": 70}


def test_it_waits_for_whoever_is_told():
    seen = exercise(
        lambda: Divisors("divisors"), {"values": [(0, 1, 0)] * 6}, accept={"done": (40, 0)}, depth={"done": 1}
    )
    assert len(seen.pushes["done"]) == 6 and seen.counts["write_bytes"] == 24 and seen.status["blocked"] > 30
