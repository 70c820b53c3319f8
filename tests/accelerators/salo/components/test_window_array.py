"""The diagonal array: closed forms of its tiles, and when it waits."""

import pytest

from accelsim.accelerators.salo.components.window_array import WindowArray
from accelsim.accelerators.salo.tables import TILE
from tests.components.harness import exercise


def tile(at: int = 0, **said: int) -> tuple[int, ...]:
    given = {"rows": 32, "depth": 64, "values": 64, "scores": 1000, "keys": 63, "step": 1, "first": 1, "last": 1}
    given |= {"passes": 1} | said
    return (at, *(given.get(name, 0) for name in TILE))


@pytest.mark.parametrize(("d", "columns", "globals_"), [(64, 32, 1), (10, 3, 1), (1, 1, 1), (16, 32, 2), (64, 8, 0)])
@pytest.mark.parametrize("tiles", [1, 2, 5])
def test_tiles_back_to_back(d, columns, globals_, tiles):
    """T (2 d + 4 + C) - 1 + C + g - 1 for one global column (SALO's model); each more waits a cycle longer."""
    feed = {"command": [tile(depth=d, values=d, keys=1) for _ in range(tiles)]}
    seen = exercise(lambda: WindowArray("w", columns=columns, globals=globals_), feed, depth={"command": 8})
    period = 2 * d + 4 + columns + (globals_ - 1)
    tail = columns + globals_ - 1
    assert seen.cycles("done") == [1 + n * period - 1 + tail for n in range(1, tiles + 1)]
    assert seen.cycles("out") == seen.cycles("done")
    assert seen.counts["tile_cycles"] == tiles * period


def test_what_it_takes_of_the_ports():
    feed = {"command": [tile(keys=65, global_rows=1)]}
    seen = exercise(lambda: WindowArray("w"), feed)
    # scores from cycle 1 to 65; values 3 + 32 cycles later
    assert seen.pushes["q_reading"] == [(1, 33), (65, -33)]
    assert seen.pushes["kv_reading"] == [(1, 65), (65, -65), (65 + 3 + 32, 65), (65 + 3 + 32 + 64, -65)]
    assert seen.counts["q_read_bytes"] == 33 * 64 and seen.counts["kv_read_bytes"] == 65 * 128


def test_a_mask_takes_what_the_ports_have_left():
    feed = {"command": [tile(keys=63, mask_bytes=132)]}
    wide, narrow = (
        exercise(lambda p=port: WindowArray("w", kv_port_bytes=p), feed).cycles("done")[0] for port in (128, 63)
    )
    assert narrow - wide == 3  # 132 bytes of 63 a cycle
    assert exercise(lambda: WindowArray("w"), feed).counts["mask_bits"] == 8 * 132


def test_scores_that_count_are_multiplied():
    feed = {"command": [tile(rows=3, scores=10, across=5, global_rows=1, depth=4, values=6, keys=7)]}
    counts = exercise(lambda: WindowArray("w", columns=5, globals=1), feed).counts
    assert counts["mac_ops"] == 15 * 10 and counts["exp_ops"] == counts["scale_ops"] == 15
    assert counts["inverse_ops"] == 4
    assert counts["q_shifts"] == (3 * 5 + 5) * 4 and counts["kv_shifts"] == (3 * 5 + 5) * 10


def test_it_waits_until_its_last_tile_is_taken():
    feed = {"command": [tile(depth=4, values=4, keys=1) for _ in range(3)]}
    freely = exercise(lambda: WindowArray("w", columns=2), feed)
    late = exercise(lambda: WindowArray("w", columns=2), feed, depth={"out": 1}, accept={"out": (200, 0)})
    assert freely.counts == late.counts and late.cycles("out")[1] > 200 and late.status["blocked"] > 0
