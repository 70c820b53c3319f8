"""Vector unit: latency, priority of the array's outputs, notices."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.components.vector_unit import VectorUnit
from accelsim.core import Param
from accelsim.dataflows.tiling import VectorRates
from tests.components.harness import exercise

AT, ELEMENTS, PASSES = st.integers(0, 60), st.integers(0, 70), st.integers(1, 3)


def told(at, elements, passes, leaves, sweeps, **sizes):
    """A command, with how long it takes on a unit of these parameters."""
    one = {n: p.default for n, p in VectorUnit.declared(Param).items()} | {"lanes": 8} | sizes
    return (at, elements, passes, leaves, sweeps, *VectorRates.of(one, one).command(elements, sweeps))


def vector(lanes=8):
    return lambda: VectorUnit("vector", lanes=lanes)


def test_an_item_takes_its_elements_divided_by_the_lanes():
    # pushed in 10, taken in 11, 50 elements in 8 lanes: 7 cycles
    seen = exercise(vector(), {"outputs": [(10, 50, 3)]})
    assert seen.pushes["tile"] == [(11 + 7, 50)]
    assert seen.counts == {"element_ops": 150, "read_bytes": 0}
    assert exercise(vector(50), {"outputs": [(10, 50, 3)]}).cycles("tile") == [12]
    assert exercise(vector(49), {"outputs": [(10, 50, 3)]}).cycles("tile") == [13]


@pytest.mark.parametrize("operations, goes", [(0, 1), (1, 1), (3, 1), (4, 2), (6, 2), (7, 3)])
def test_more_than_three_operations_take_another_go(operations, goes):
    # 50 elements in 8 lanes
    seen = exercise(vector(), {"outputs": [(10, 50, operations)]})
    assert seen.pushes["tile"] == [(11 + -(-50 * goes // 8), 50)]


def test_a_command_reads_its_tile_and_reports():
    seen = exercise(vector(), {"command": [told(0, 64, 3, 16, 1), told(0, 64, 1, 0, 1)]})
    assert seen.pushes["tile"] == [(1 + 8, 16), (1 + 8 + 8, 0)]
    assert seen.pushes["done"] == [(1 + 8, 1), (1 + 8 + 8, 1)]
    assert seen.counts == {"element_ops": 256, "read_bytes": 128}


def test_outputs_of_the_array_go_before_commands():
    seen = exercise(
        vector(), {"command": [told(0, 8, 1, 1, 1), told(0, 8, 1, 2, 1)], "outputs": [(0, 16, 1), (0, 24, 1)]}
    )
    assert seen.pushes["tile"] == [(3, 16), (6, 24), (7, 1), (8, 2)]


def test_a_command_leaves_when_both_the_tile_and_the_notice_have_room():
    feed = {"command": [told(0, 8, 1, 1, 1)] * 2}
    seen = exercise(vector(), feed, accept={"done": (40, 0)}, depth={"done": 1})
    assert seen.cycles("tile") == seen.cycles("done") == [2, 41]
    seen = exercise(vector(), feed, accept={"tile": (40, 0)}, depth={"tile": 1})
    assert seen.cycles("tile") == seen.cycles("done") == [2, 41]
    assert seen.status["blocked"] == 41 - 3


@settings(max_examples=15, deadline=None)
@given(
    outputs=st.lists(st.tuples(AT, ELEMENTS, PASSES), min_size=1, max_size=6).map(sorted),
    commands=st.lists(st.tuples(AT, ELEMENTS, PASSES, st.integers(0, 9), st.integers(1, 3)), max_size=6).map(sorted),
    gap=st.integers(0, 20),
)
def test_nothing_is_lost_under_back_pressure(outputs, commands, gap):
    feed = {"outputs": outputs, "command": [told(*one) for one in commands]}
    seen = exercise(vector(), feed, accept={"tile": (0, gap)}, depth={"tile": 1, "outputs": 1, "command": 2})
    assert sorted(t[1] for t in seen.pushes["tile"]) == sorted([o[1] for o in outputs] + [c[3] for c in commands])
    assert len(seen.pushes["done"]) == len(commands)
    assert seen.counts["element_ops"] == sum(i[1] * i[2] for i in outputs + commands)
    assert seen.counts["read_bytes"] == sum(c[1] * c[4] for c in commands)
    if gap == 0:
        extra = sum((c[4] - 1) * 8 + 16 for c in commands if c[4] > 1)
        taken = [max(1, -(-o[1] // 8)) for o in outputs] + [max(1, c[4] * -(-c[1] // 8)) for c in commands]
        assert seen.status["busy"] == extra + sum(taken)


def test_a_normalisation_reads_each_sweep_and_shows_its_reductions_once():
    # 64 elements twice through 8 lanes: 16 cycles; a reduction of 5 and a root of 9 more
    depths = {"reduce_cycles": 5, "rsqrt_cycles": 9}
    make = lambda: VectorUnit("vector", lanes=8, **depths)  # noqa: E731
    seen = exercise(
        make, {"command": [told(0, 64, 3, 64, 2, **depths), told(0, 64, 1, 64, 1)]}, arrays={"reading": {"act": ()}}
    )
    assert seen.pushes["tile"] == [(1 + 16 + 5 + 9, 64), (1 + 30 + 8, 64)]
    assert seen.counts == {"element_ops": 256, "read_bytes": 3 * 64}
    # two words of 64 bytes in 16 cycles, 8 bytes a cycle; one in 8 is as much; then nothing
    assert seen.pushes["reading.act"] == [(1, 8), (1 + 30 + 8, -8)]


@pytest.mark.parametrize("banks, port_bytes, cycles", [(1, 8, 16), (1, 4, 32), (2, 4, 11), (2, 8, 8), (4, 64, 8)])
def test_a_command_is_not_faster_than_the_ports_it_reads_through(banks, port_bytes, cycles):
    # 64 elements through 8 lanes: 8 cycles; in words, of which every other one of a bank is not its own
    ports = {"banks": banks, "port_bytes": port_bytes}
    make = lambda: VectorUnit("vector", lanes=8, **ports)  # noqa: E731
    seen = exercise(make, {"command": [told(0, 64, 1, 64, 1, **ports)]}, arrays={"reading": {"act": ()}})
    assert seen.cycles("tile") == [1 + cycles]
    assert seen.pushes["reading.act"][0] == (1, -(-64 // cycles))


def test_an_output_of_the_array_reads_nothing():
    feed = {"command": [told(0, 64, 1, 64, 1)], "outputs": [(3, 16, 1)]}
    seen = exercise(vector(), feed, arrays={"reading": {"act": ()}})
    assert seen.pushes["reading.act"] == [(1, 8), (9, -8)]
    assert seen.pushes["tile"] == [(9, 64), (11, 16)]
