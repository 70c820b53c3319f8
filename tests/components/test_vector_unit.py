"""Vector unit: latency, priority of the array's outputs, notices."""

from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.components.vector_unit import VectorUnit
from tests.components.harness import exercise

AT, ELEMENTS, PASSES = st.integers(0, 60), st.integers(0, 70), st.integers(1, 3)


def vector(lanes=8):
    return lambda: VectorUnit("vector", lanes=lanes)


def test_an_item_takes_its_passes_divided_by_the_lanes():
    # pushed in 10, taken in 11, 3 passes over 50 elements in 8 lanes: 19 cycles
    seen = exercise(vector(), {"outputs": [(10, 50, 3)]})
    assert seen.pushes["tile"] == [(11 + 19, 50)]
    assert seen.counts == {"element_ops": 150, "read_bytes": 0}
    assert exercise(vector(150), {"outputs": [(10, 50, 3)]}).cycles("tile") == [12]
    assert exercise(vector(149), {"outputs": [(10, 50, 3)]}).cycles("tile") == [13]


def test_a_command_reads_its_tile_and_reports():
    seen = exercise(vector(), {"command": [(0, 64, 3, 16), (0, 64, 1, 0)]})
    assert seen.pushes["tile"] == [(1 + 24, 16), (1 + 24 + 8, 0)]
    assert seen.pushes["done"] == [(1 + 24, 1), (1 + 24 + 8, 1)]
    assert seen.counts == {"element_ops": 256, "read_bytes": 128}


def test_outputs_of_the_array_go_before_commands():
    seen = exercise(vector(), {"command": [(0, 8, 1, 1), (0, 8, 1, 2)], "outputs": [(0, 16, 1), (0, 24, 1)]})
    assert seen.pushes["tile"] == [(3, 16), (6, 24), (7, 1), (8, 2)]


def test_a_command_leaves_when_both_the_tile_and_the_notice_have_room():
    feed = {"command": [(0, 8, 1, 1)] * 2}
    seen = exercise(vector(), feed, accept={"done": (40, 0)}, depth={"done": 1})
    assert seen.cycles("tile") == seen.cycles("done") == [2, 41]
    seen = exercise(vector(), feed, accept={"tile": (40, 0)}, depth={"tile": 1})
    assert seen.cycles("tile") == seen.cycles("done") == [2, 41]
    assert seen.status["blocked"] == 41 - 3


@settings(max_examples=15, deadline=None)
@given(
    outputs=st.lists(st.tuples(AT, ELEMENTS, PASSES), min_size=1, max_size=6).map(sorted),
    commands=st.lists(st.tuples(AT, ELEMENTS, PASSES, st.integers(0, 9)), max_size=6).map(sorted),
    gap=st.integers(0, 20),
)
def test_nothing_is_lost_under_back_pressure(outputs, commands, gap):
    feed = {"outputs": outputs, "command": commands}
    seen = exercise(vector(), feed, accept={"tile": (0, gap)}, depth={"tile": 1, "outputs": 1, "command": 2})
    assert sorted(t[1] for t in seen.pushes["tile"]) == sorted([o[1] for o in outputs] + [c[3] for c in commands])
    assert len(seen.pushes["done"]) == len(commands)
    assert seen.counts["element_ops"] == sum(i[1] * i[2] for i in outputs + commands)
    if gap == 0:
        assert seen.status["busy"] == sum(max(1, -(-i[1] * i[2] // 8)) for i in outputs + commands)
