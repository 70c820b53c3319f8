"""The weighted sums: rows leave behind their last piece, local ones before global ones."""

from accelsim.accelerators.salo.components.weighted_sum import WeightedSum
from accelsim.accelerators.salo.tables import PARTIAL
from tests.components.harness import exercise


def partial(at: int, **said: int) -> tuple[int, ...]:
    given = {"rows": 4, "values": 8, "passes": 1} | said
    return (at, *(given.get(name, 0) for name in PARTIAL))


def test_a_row_of_three_pieces():
    feed = {"partial": [partial(0, first=1), partial(50), partial(100, last=1)]}
    seen = exercise(lambda: WeightedSum("m", lanes=4), feed)
    assert seen.pushes["row"] == [(101 + 2, 32)]  # 4 lanes keep up with a feature of 4 rows a cycle
    assert seen.counts == {
        "merge_ops": 64, "weight_ops": 16, "requant_ops": 32, "buffer_write_bytes": 128, "buffer_read_bytes": 128,
    }  # fmt: skip


def test_fewer_lanes_finish_behind_the_values():
    feed = {"partial": [partial(0, first=1, last=1, passes=2)]}
    for lanes, behind in ((8, 0), (4, 8), (1, 56)):
        assert exercise(lambda n=lanes: WeightedSum("m", lanes=n), feed).cycles("row") == [1 + 2 + behind]


def test_global_rows_leave_behind_the_local_ones():
    feed = {
        "partial": [partial(0, first=1, last=1, fresh=1, global_rows=1), partial(30, last=1, ends=1, global_rows=1)]
    }
    seen = exercise(lambda: WeightedSum("m"), feed)
    assert seen.pushes["row"] == [(3, 32), (33, 32), (34, 8)]
    assert seen.counts["merge_ops"] == 32 + 8


def test_a_tile_of_global_rows_alone():
    feed = {"partial": [partial(0, rows=0, first=1, last=1, fresh=1, ends=1, global_rows=2)]}
    assert exercise(lambda: WeightedSum("m"), feed).pushes["row"] == [(3, 16)]
