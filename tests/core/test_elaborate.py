"""Entries: compiled once for all netlists, found again by what they are made of."""

import sys

import numpy as np

from accelsim.core import BUSY, IDLE, Component, Mem, Param, Reg, Simulator, elaborate, tick
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
    kept_together = elaborate.kept_together
    monkeypatch.setattr(
        "accelsim.core.simulator.kept_together",
        lambda entries, meanwhile: (asked.append(sorted(e.name for e in entries)), kept_together(entries, meanwhile))[
            1
        ],
    )
    build(np.arange(1, 5)).run()
    build(np.arange(1, 9), sink={"gap": 3}, order=(2, 0, 1), clocks={"core": 5, "dram": 7}, served_by="dram").run()
    assert asked[0] == asked[1]


def test_several_processes_compile_what_is_missing(tmp_path, monkeypatch):
    """The first hand here is another process's: when this one comes to it, its machine code lies there already."""
    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path))
    monkeypatch.setattr(elaborate, "processors", lambda: 2)
    sim = build(np.arange(1, 9))
    for name in [n for n in sys.modules if n.startswith(("Source_", "Server_", "Sink_"))]:
        monkeypatch.delitem(sys.modules, name)
    sim.run()
    compiled_here = [
        name
        for name, module in sys.modules.items()
        if name.startswith(("Source_", "Server_", "Sink_")) and module.entry.cache_hits == 0
    ]
    assert 0 < len(compiled_here) < 3
    assert len(list(tmp_path.glob("__pycache__/*.nbc"))) >= 3


def test_what_a_worker_cannot_import_is_compiled_here(tmp_path, monkeypatch):
    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path))
    monkeypatch.setattr(elaborate, "processors", lambda: 2)
    monkeypatch.setattr(elaborate.sys, "executable", "false")
    for name in [n for n in sys.modules if n.startswith(("Source_", "Server_", "Sink_"))]:
        monkeypatch.delitem(sys.modules, name)
    sim = build(np.arange(1, 9))
    sim.run()
    assert sim.result().end > 0


def test_work_is_dealt_out_evenly(tmp_path):
    weights = {tmp_path / str(n): weight for n, weight in enumerate([9, 5, 4, 3, 1])}
    hands = elaborate.deal(weights, 2)
    assert sorted(sum(weights[p] for p in hand) for hand in hands) == [10, 12]
    assert sorted(p for hand in hands for p in hand) == sorted(weights)


def test_a_name_changes_with_what_it_is_made_of(monkeypatch):
    values = {"r": Painter("one").r[0], "picture": np.zeros((4, 6), np.int16)}
    name = elaborate.entry_module(Painter, values).name
    assert elaborate.entry_module(Painter, values).name == name
    assert elaborate.entry_module(Painter, values | {"picture": np.zeros((4, 6), np.int32)}).name != name
    monkeypatch.setattr(elaborate, "source_of", lambda kind: (b"edited", 6))
    assert elaborate.entry_module(Painter, values).name != name


def test_what_a_component_imports_is_part_of_it():
    found = set()
    elaborate.sources(elaborate.PACKAGE / "components" / "dram" / "memory.py", found)
    assert {"frfcfs.py", "dramsim3.py", "queues.py", "tables.py", "state.py"} <= {file.name for file in found}


def test_what_a_users_component_imports_is_part_of_it_too(tmp_path):
    """A change in a helper's file must not leave an old entry in the cache."""
    package = tmp_path / "mine"
    package.mkdir()
    for name in ("part", "arithmetic", "sizes", "constants"):
        (package / f"{name}.py").write_text("")
    lines = "from .sizes import WIDTH\nfrom mine.arithmetic import add\nfrom mine import (\n    constants,\n)\n"
    (package / "__init__.py").write_text("")
    (package / "part.py").write_text(lines)
    found = set()
    elaborate.sources(package / "part.py", found)
    assert {"part.py", "arithmetic.py", "sizes.py", "constants.py"} <= {file.name for file in found}
