"""Reports take the changes of status piece by piece: however they are cut, what is said is the same."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from accelsim.core import changes
from accelsim.core.result import EVENT, Part, Result, Span
from accelsim.core.status import BUSY
from accelsim.report.archive import pack
from accelsim.report.losses import losses
from accelsim.report.work import Doing, spent
from tests.report.records import record


def said(made) -> tuple:
    every = made.result.by_part()
    return losses(made), [one.tolist() for one in every], pack(made, {})


@pytest.mark.parametrize("piece", [1, 2, 7, 64])
def test_pieces_of_any_length_say_the_same(piece):
    whole, cut = record(3, traced=True), record(3, traced=True)
    events = cut.result.events
    cut.result.noted = [events[at : at + piece] for at in range(0, len(events), piece)]
    assert said(cut) == said(whole)
    assert (cut.result.events == events).all() and len(cut.result.noted) == 1


@pytest.mark.parametrize("longest, kind", [(200, "u1"), (300, "u2"), (1 << 20, "u4"), (1 << 40, "u8")])
def test_steps_have_the_smallest_type_that_holds_all(longest, kind):
    made = record(1, traced=True)
    last = longest + 7
    made.result.events = np.array([(7, 3, 1), (7, 2, 1), (60, 3, 2), (last, 2, 0), (last, 3, 0)], EVENT)
    assert made.result.by_part().steps.dtype == kind
    assert made.result.changes(2)[0].tolist() == [7, last] and made.result.changes(3)[0].tolist() == [7, 60, last]


@pytest.mark.parametrize("piece", [3, 1000])
def test_who_is_busy_together_is_who_is_busy_in_each_instant(piece, monkeypatch):
    """A table with few places is emptied often; spans without an instant, and instants with many changes, too."""
    monkeypatch.setattr(changes, "PLACES", 8)
    rng = np.random.default_rng(4)
    events = np.zeros(600, EVENT)
    events["at"] = np.sort(rng.integers(0, 150, 600))
    events["component"], events["status"] = rng.integers(0, 5, 600), rng.integers(0, 4, 600)
    spans = [(0, 20), (20, 21), (21, 100), (100, 100), (100, 190)]
    of = [Span(-1, start, end, {}, {}, {}) for start, end in spans]
    parts = {f"part{n}": Part("Part", "core", {}) for n in range(5)}
    noted = [events[at : at + piece] for at in range(0, 600, piece)]
    found = Result(Fraction(1), {"core": 1}, 190, parts, {}, of[0], of, {}, noted, {}).busy_together()
    busy, instants = np.zeros(5, int), []
    for instant in range(190):
        for _, part, status in events[events["at"] == instant].tolist():
            busy[part] = status == BUSY
        instants.append(int(busy @ (1 << np.arange(5))))
    for (start, end), mine in zip(spans, found):
        lasting = {mask: time for mask, time in mine.items() if time}
        assert lasting == dict(Counter(instants[start:end]))


@pytest.mark.parametrize("start, end", [(0, 3), (2, 12), (3, 40), (10, 20), (13, 13), (0, 99)])
def test_what_was_done_between_two_instants_is_counted_unit_by_unit(start, end):
    at, status = np.array([3, 12, 30, 33]), np.array([1, 2, 1, 3], np.uint8)
    doing = np.zeros(99, int)
    for first, word in zip(at, status):
        doing[first:] = word
    found = spent(Doing(at, status, 1), start, end)
    assert list(found.values()) == np.bincount(doing[start:end], minlength=4).tolist()
