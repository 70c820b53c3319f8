"""MAC array: output-stationary steps, partial sums, what a tile frees."""

from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.accelerators.vitcod.components.mac_array import MacArray
from accelsim.accelerators.vitcod.tables import FREES
from tests.components.harness import exercise, table


def array(*frees):
    memory = table(FREES, frees or [(0, 0, 0, 0)] * 20)
    return lambda: MacArray("engine", frees=memory)


def tile(at, tokens, features, depth, last=1, heads=0, encoded=0, passes=1, step=(2, 3), token=0, met=0):
    return (at, tokens, features, depth, *step, last, heads, encoded, passes, token, met)


def test_a_step_takes_the_depth_and_tiles_follow_without_a_gap():
    # 5 x 7 outputs in steps of 2 x 3: 3 x 3 steps of 10 cycles, columns first; the second tile is one step of 4
    seen = exercise(
        array((11, 12, 13, 14), (21, 22, 23, 24)), {"command": [tile(9, 5, 7, 10), tile(9, 1, 2, 4, 1, 3, 2, 2)]}
    )
    sizes = [(rows, columns) for rows in (2, 2, 1) for columns in (3, 3, 1)]
    assert seen.pushes["out"] == [
        *((10 + 10 * (n + 1), *size, 0, 0, 1, n // 3 * 2, 0) for n, size in enumerate(sizes)),
        (10 + 90 + 4, 1, 2, 3, 2, 2, 0, 0),
    ]
    assert seen.pushes["done"] == [(100, 1), (104, 1)]
    assert seen.pushes["release_weight"] == [(100, 11, 12), (104, 21, 22)]
    assert seen.pushes["release_act"] == [(100, 13, 14), (104, 23, 24)]
    assert seen.counts == {
        "mac_ops": 350 + 8,
        "accumulator_bytes": 4 * 358,
        "psum_read_bytes": 0,
        "psum_write_bytes": 0,
    }
    assert seen.status["busy"] == 94


def test_a_step_says_which_tokens_it_is_of_and_how_far_into_a_feature_it_begins():
    # 3 tokens from the 40th on, 5 columns from the second of 3 heads on, in steps of 2 x 3
    seen = exercise(array(), {"command": [tile(0, 3, 5, 1, heads=3, encoded=2, token=40, met=1)]})
    steps = [(out[1], out[2], *out[6:]) for out in seen.pushes["out"]]
    assert steps == [(2, 3, 40, 1), (2, 2, 40, 1), (1, 3, 42, 1), (1, 2, 42, 1)]
    seen = exercise(array(), {"command": [tile(0, 1, 5, 1, heads=4, encoded=2, step=(1, 3), met=3)]})
    assert [out[7] for out in seen.pushes["out"]] == [3, (3 + 3) % 4]


def test_a_cut_accumulation_keeps_its_outputs_and_moves_partial_sums():
    # three parts of one tile of 4 x 3 outputs: two steps each; outputs leave with the last part only
    parts = [tile(0, 4, 3, 10, 0), tile(0, 4, 3, 10, 0), tile(0, 4, 3, 5, 1), tile(0, 4, 3, 5, 1)]
    seen = exercise(array(), {"command": parts})
    assert seen.cycles("done") == [21, 41, 51, 61]
    assert seen.cycles("out") == [46, 51, 56, 61]
    assert seen.counts["psum_write_bytes"] == seen.counts["psum_read_bytes"] == 2 * 4 * 12


def test_ragged_columns_of_a_cut_accumulation_take_a_step_of_their_own():
    # 3 x 4 outputs in steps of 2 x 3: two by two steps of each part
    seen = exercise(array(), {"command": [tile(0, 3, 4, 10, 0), tile(0, 3, 4, 5, 1)]})
    assert seen.cycles("done") == [1 + 4 * 10, 1 + 4 * 10 + 4 * 5]


def test_a_step_waits_for_room_and_the_next_begins_when_it_has_left():
    # the sink takes from 100 on: the step of 11 is there, that of 21 leaves in 101, the third 10 cycles later
    seen = exercise(array(), {"command": [tile(0, 6, 3, 10)]}, accept={"out": (100, 0)}, depth={"out": 1})
    assert seen.cycles("out") == [11, 101, 111]
    assert seen.status["blocked"] == 80


def test_a_tile_ends_only_when_all_its_notices_have_room():
    feed = {"command": [tile(0, 2, 3, 10), tile(0, 2, 3, 10)]}
    for port in ("done", "release_weight", "release_act"):
        seen = exercise(array(), feed, accept={port: (50, 0)}, depth={port: 1})
        assert seen.cycles("out") == [11, 51]


@settings(max_examples=12, deadline=None)
@given(
    shapes=st.lists(st.tuples(*[st.integers(1, 9)] * 3, *[st.integers(1, 5)] * 2), min_size=1, max_size=5),
    gap=st.integers(0, 9),
    depth=st.integers(1, 2),
)
def test_nothing_is_lost_under_back_pressure(shapes, gap, depth):
    feed = [tile(0, t, f, d, step=(a, b)) for t, f, d, a, b in shapes]
    seen = exercise(array(), {"command": feed}, accept={"out": (0, gap)}, depth={"out": depth})
    steps = [-(-t // a) * -(-f // b) for t, f, _, a, b in shapes]
    assert sum(out[1] * out[2] for out in seen.pushes["out"]) == sum(t * f for t, f, *_ in shapes)
    assert len(seen.pushes["out"]) == sum(steps) and len(seen.pushes["done"]) == len(shapes)
    assert seen.counts["mac_ops"] == sum(t * f * d for t, f, d, *_ in shapes)
    if gap == 0:
        assert seen.status["busy"] == sum(n * d for n, (_, _, d, *_) in zip(steps, shapes))
