"""Entries: compiled once for all netlists, found again by what they are made of."""

import numpy as np
import pytest

from accelsim.core import BUSY, IDLE, Component, InputError, Lanes, Mem, Param, Reg, Simulator, elaborate, keep, tick
from tests.core.toys import build


class Painter(Component):
    """Adds its number to a picture, a row a cycle."""

    colour = Param(1, "count", "what is added")
    picture = Mem("rows and columns", lambda c: np.zeros((4, 6), np.int16))
    row = Reg("next row")

    @tick
    def tick(now, r, picture):
        if r.row == picture.shape[0]:
            return IDLE
        for column in range(picture.shape[1]):
            picture[r.row, column] += r.colour + column
        r.row += 1
        return BUSY


def test_memories_of_any_shape_and_type():
    sim = Simulator()
    painters = [sim.add(Painter(name, colour=colour)) for name, colour in (("one", 1), ("two", 2))]
    sim.run()
    for painter, colour in zip(painters, (1, 2), strict=True):
        assert painter.storage["picture"].tolist() == [[colour + c for c in range(6)]] * 4


def test_a_memory_in_pieces_is_refused():
    class Torn(Painter):
        picture = Mem("every second column", lambda c: np.zeros((4, 6), np.int16)[:, ::2])

    sim = Simulator()
    sim.add(Torn("torn"))
    try:
        sim.run()
    except TypeError as error:
        assert "one piece" in str(error)
    else:
        raise AssertionError("it ran")


def test_netlists_share_the_entries_of_their_components(monkeypatch):
    asked = []
    kept_together = keep.kept_together
    monkeypatch.setattr(
        "accelsim.core.simulator.kept_together",
        lambda modules: (asked.append(sorted(m.name for m in modules)), kept_together(modules))[1],
    )
    build(np.arange(1, 5)).run()
    build(np.arange(1, 9), sink={"gap": 3}, order=(2, 0, 1), clocks={"core": 5, "dram": 7}, served_by="dram").run()
    assert asked[0] == asked[1]


def test_a_name_changes_with_what_it_is_made_of(monkeypatch):
    values = {"r": Painter("one").r[0], "picture": np.zeros((4, 6), np.int16)}
    name = elaborate.entry_module(Painter, values).name
    assert elaborate.entry_module(Painter, values).name == name
    assert elaborate.entry_module(Painter, values | {"picture": np.zeros((4, 6), np.int32)}).name != name
    monkeypatch.setattr(keep, "source_of", lambda kind: (b"edited", 6))
    assert elaborate.entry_module(Painter, values).name != name


class Ring(Component):
    """Holds places that no memory has."""

    width = Param(3, "bytes", "of a place")
    places = Param(8, "count", "places", high=1 << 60)
    slot = Lanes("places", "the places", bytes="what is there")


def test_sizes_that_no_memory_has_are_named_the_largest_first():
    with pytest.raises(InputError, match=r"^r.places = 72057594037927936, r.width = 3: there is not the memory"):
        Ring("r", "core", places=1 << 56)
