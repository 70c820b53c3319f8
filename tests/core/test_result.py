"""Status changes component by component are those of the events."""

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.core.result import Part, Result, Span
from accelsim.core.trace import EVENT


def result(parts: int, changes: list[tuple[int, int]]) -> Result:
    """A run with a change of status (component, status) in every other instant."""
    events = np.array([(2 * n, part, status) for n, (part, status) in enumerate(changes)], EVENT)
    named = {f"part{n}": Part("Part", "core", {}) for n in range(parts)}
    return Result(
        Fraction(1), {"core": 1}, 2 * len(changes), named, {}, Span(-1, 0, 0, {}, {}, {}), [], {}, [events], {}
    )


SOME = st.sampled_from([1, 3, 255, 256, 300]).flatmap(
    lambda parts: st.tuples(
        st.just(parts), st.lists(st.tuples(st.integers(0, parts - 1), st.integers(0, 3)), max_size=40)
    )
)


@settings(deadline=None)
@given(SOME)
def test_changes_are_those_of_the_events_in_the_order_of_time(drawn):
    parts, changes = drawn
    made = result(parts, changes)
    assert len(made.by_part().first) == parts + 1
    for part in range(parts):
        at, status = made.changes(part)
        wanted = [(2 * n, said) for n, (one, said) in enumerate(changes) if one == part]
        assert list(zip(at.tolist(), status.tolist())) == wanted


def test_other_events_are_sorted_anew():
    made = result(2, [(0, 1), (1, 1)])
    assert made.changes(1)[0].tolist() == [2]
    made.events = np.array([(7, 1, 2)], EVENT)
    assert [one.tolist() for one in made.changes(1)] == [[7], [2]]


def test_of_a_run_without_changes_no_machine_code_is_looked_for(monkeypatch):
    monkeypatch.setattr("accelsim.core.changes.kept_together", None)
    every = result(3, []).by_part()
    assert [one.tolist() for one in every] == [[0, 0, 0, 0], [], []] and every.steps.dtype == np.uint8
