"""Screening: many designs are estimated, the most promising simulated, and every figure says which it is."""

import pytest

from accelsim.core.errors import InputError
from accelsim.sweep import search as search_module
from accelsim.sweep import table, terminal
from accelsim.sweep.goal import Candidate, area_mm2, promising
from accelsim.sweep.measure import Outcome
from accelsim.sweep.plan import FIGURES, read
from accelsim.sweep.plots import draw
from accelsim.sweep.points import expand
from accelsim.sweep.search import search

pytest.importorskip("optuna", reason="Optuna is an extra: pip install 'accelsim[search]'")
TEXT = (
    "axes: {engine.lines: {from: 8, to: 128, multiple: 8}, engine.macs: [2, 4, 8, 16, 32], heads: [serial, parallel]}\n"
    "constraints: [lines * macs <= 1024, area_mm2 <= 6]\nobjectives: [cycles, energy_pj, area_mm2]\nseed: 7\n"
    "method: random\npoints: 5\n"
)


def areas(tasks):
    """Instead of simulating: as many cycles as 1e6 / MACs, the machine's own area."""
    for task in tasks:
        assert not task.estimated
        engine = task.arch.parts["engine"]
        row = dict.fromkeys(FIGURES, 1.0) | {"area_mm2": area_mm2(task.arch)}
        yield Outcome(task.key, row | {"cycles": 1e6 / (engine["lines"] * engine["macs"])}, None, 0.0)


@pytest.fixture
def unsimulated(monkeypatch):
    monkeypatch.setattr(search_module, "executor", lambda *_: areas)


def test_the_most_promising_are_simulated_and_the_others_stay_marked(plan_file, tmp_path, unsimulated, monkeypatch):
    path, store = plan_file(TEXT), tmp_path / "s.sqlite"
    found = search(path, store, 6, screen=24, sampler="random", grid=False)
    assert (found.screened, found.screening, found.wasted > 0) == (24, ("cycles", "area_mm2"), True)
    assert 0 < len(found.searched) == len(found.errors) <= 6
    assert all(dict(c.settings)["engine.lines"] for c in found.searched)
    rows = table.load_results(store)
    guessed = [i for i, mark in enumerate(rows["estimated"]) if mark]
    assert rows["estimated"].count(0) == len(found.searched) and len(guessed) > 10
    assert all(rows["energy_pj"][i] is None for i in guessed)
    shown = "\n".join(map(str, terminal.screening(found)))
    assert "24 designs were estimated in closed form, by cycles and area_mm2 (energy_pj cannot be estimated)" in shown
    document = terminal.search_document(found, False)
    assert document["front_is_simulated"] and document["screen"]["not_estimated"] == ["energy_pj"]
    monkeypatch.setattr(search_module, "executor", lambda *_: lambda tasks: (1 / 0 for _ in tasks))
    assert search(path, store, 6, screen=24, sampler="random", grid=False) == found, "all of it is stored"
    with pytest.raises(InputError, match=r"estimated in closed form, the others simulated; draw these or those"):
        draw("pareto", rows, tmp_path / "p.png", axes=["area_mm2"])
    assert draw(
        "metric", table.load_results(store, where=["estimated == 1"]), tmp_path / "p.png", axes=["engine.lines"]
    )


def test_the_area_of_a_machine_needs_no_run(plan_file, tmp_path):
    from accelsim.sweep.campaign import sweep

    path, store = plan_file("axes: {engine.lines: [8, 24], act_gb0.capacity_bytes: [64 KiB, 148 KiB]}"), tmp_path / "s"
    sweep(path, store, processes=0)
    assert table.load_results(store)["area_mm2"] == [pytest.approx(area_mm2(p.arch)) for p in expand(read(path))]


def test_the_front_comes_first_and_is_thinned_evenly():
    made = [Candidate((("n", str(n)),), (float(n), 9.0 - n), 0.0) for n in range(10)]
    beaten = [Candidate((("n", f"b{n}"),), (n + 0.5, 9.5 - n), 0.0) for n in range(10)]
    broken = [Candidate((("n", "x"),), (-1.0, -1.0), 1.0)]

    def names(count: int) -> list[str]:
        return [c.settings[0][1] for c in promising([*beaten, *broken, *made, *made], count)]

    assert names(4) == ["0", "3", "6", "9"]
    assert names(12) == [*map(str, range(10)), "b0", "b9"]
    assert len(names(50)) == 20


def test_mistakes(plan_file, tmp_path):
    path = plan_file("axes: {engine.lines: [8, 16]}\nobjectives: [energy_pj]")
    for given, rule in (
        ({"screen": 8}, r"screened by cycles, seconds, area_mm2, and none of them is an objective: energy_pj; add one"),
        ({"screen": 2}, r"--screen 2: fewer than the 3 that are simulated \(--budget\); estimate more"),
    ):
        with pytest.raises(InputError, match=rule):
            search(path, tmp_path / "s.sqlite", 3, **given)
    for old, new in (("vitcod", "sanger"), ("engine.lines", "dram.channels"), ("energy_pj", "cycles")):
        path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match="sanger has no estimates to screen by"):
        search(path, tmp_path / "s.sqlite", 3, screen=8)
    assert list(tmp_path.glob("s.sqlite*")) == []
