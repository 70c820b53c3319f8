"""What is computed first: requantised lane by lane, there when its last value is in place."""

from accelsim.accelerators.vitality.components.g_buffer import GBuffer
from tests.components.harness import exercise


def test_a_product_is_there_behind_its_last_block():
    feed = {"command": [(0, 40, 99), (0, 8, 7)], "values": [(0, 0, 4, 5), (20, 0, 4, 5), (20, 0, 2, 4)]}
    seen = exercise(lambda: GBuffer("g", lanes=8, latency=2), feed)
    # 20 values take 3 cycles: cycles 21 to 24, and two more; then the second product's are taken
    assert seen.pushes["done"] == [(21 + 3 + 2, 1), (26 + 1 + 2, 1)]
    assert seen.counts == {"requant_ops": 48, "write_bytes": 48, "read_bytes": 106}


def test_values_wait_for_their_command():
    seen = exercise(lambda: GBuffer("g", lanes=8), {"command": [(50, 8, 0)], "values": [(0, 0, 2, 4)]})
    assert seen.cycles("done") == [51 + 1 + 2]
