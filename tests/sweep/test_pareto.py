"""Fronts and the space they dominate, against their definitions."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.sweep.pareto import front, hypervolume, share

POINTS = st.integers(1, 3).flatmap(lambda n: st.lists(st.tuples(*[st.integers(0, 5)] * n), min_size=1, max_size=12))


def beats(a, b) -> bool:
    return all(x <= y for x, y in zip(a, b)) and a != b


@settings(max_examples=100, deadline=None)
@given(POINTS)
def test_the_front_is_what_nothing_beats(points):
    kept = front(points)
    assert {points[i] for i in kept} == {p for p in points if not any(beats(q, p) for q in points)}
    assert len(kept) == len({points[i] for i in kept})
    assert [points[i] for i in kept] == sorted(points[i] for i in kept)


@settings(max_examples=60, deadline=None)
@given(POINTS)
def test_the_hypervolume_is_the_number_of_unit_cells_that_a_point_dominates(points):
    size = len(points[0])
    cells = sum(
        any(all(a <= c for a, c in zip(p, cell)) for p in points) for cell in itertools.product(range(5), repeat=size)
    )
    assert hypervolume(points, (5,) * size) == cells


def test_the_share_of_the_space():
    assert share([(0, 7)], (0, 7), (10, 7)) == 1.0
    assert share([(5, 5)], (0, 0), (10, 10)) == pytest.approx(0.25)
    assert share([(0, 10), (10, 0)], (0, 0), (10, 10)) == 0.0
