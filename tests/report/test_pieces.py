"""Reports take the changes of status piece by piece: however they are cut, what is said is the same."""

import numpy as np
import pytest

from accelsim.core import result as results
from accelsim.report.archive import pack
from accelsim.report.losses import losses
from accelsim.report.work import Doing, spent
from tests.report.records import record


@pytest.mark.parametrize("piece", [1, 2, 7, 64])
def test_pieces_of_any_length_say_the_same(monkeypatch, piece):
    whole = record(3, traced=True)
    wanted = losses(whole), [one.tolist() for one in whole.result.by_part()], pack(whole, {})
    monkeypatch.setattr(results, "PIECE", piece)
    cut = record(3, traced=True)
    events = cut.result.events
    cut.result.noted = [events[at : at + 11] for at in range(0, len(events), 11)]
    assert len(list(cut.result.pieces())) > len(events) / 11
    assert (losses(cut), [one.tolist() for one in cut.result.by_part()], pack(cut, {})) == wanted
    assert (cut.result.events == events).all() and len(cut.result.noted) == 1


@pytest.mark.parametrize("start, end", [(0, 3), (2, 12), (3, 40), (10, 20), (13, 13), (0, 99)])
def test_what_was_done_between_two_instants_is_counted_unit_by_unit(start, end):
    at, status = np.array([3, 12, 30, 33]), np.array([1, 2, 1, 3], np.uint8)
    doing = np.zeros(99, int)
    for first, word in zip(at, status):
        doing[first:] = word
    found = spent(Doing(at, status, 1), start, end)
    assert list(found.values()) == np.bincount(doing[start:end], minlength=4).tolist()
