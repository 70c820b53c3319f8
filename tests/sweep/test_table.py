"""Tables and pictures of stored results."""

import math

import pytest

from accelsim.core.errors import InputError
from accelsim.sweep import plots
from accelsim.sweep.measure import Outcome
from accelsim.sweep.plan import read
from accelsim.sweep.plots.axes import varied
from accelsim.sweep.plots.bars import effects
from accelsim.sweep.points import expand
from accelsim.sweep.store import Store
from accelsim.sweep.table import load_results, write_csv, write_parquet

GRID = "axes: {engine.lines: [8, 16, 32], engine.macs: [2, 4], heads: [serial, parallel]}"


def figures(settings: dict) -> dict:
    """Twice as many lines: twice as fast; twice as many MACs: half as many again; the heads do not matter."""
    cycles = 9600 // settings["engine.lines"] * (3 if settings["engine.macs"] == 2 else 2)
    area = settings["engine.lines"] * settings["engine.macs"] / 10
    return {"cycles": cycles, "energy_pj": 5.0 * area, "area_mm2": area, "mac_utilization": None, "part.x.busy": 0.5}


@pytest.fixture
def store(plan_file, tmp_path):
    path = tmp_path / "s.sqlite"
    points = list(expand(read(plan_file(GRID))))
    with Store(path) as made:
        for place, point in enumerate(points):
            settings = {n: int(v) if v.isdigit() else v for n, v in point.settings}
            if place == 11:
                made.add(point, settings, Outcome(point.key, None, "too small, they say", 0.0))
            else:
                made.add(point, settings, Outcome(point.key, figures(settings), None, 0.0))
            made.enlist("design", [(place, point.key)])
    return path


def test_a_table_has_a_column_for_everything(store):
    table = load_results(store)
    assert list(table)[:8] == ["machine", "workload", "sparsity", "status", "error", *list(GRID_NAMES)]
    assert {len(column) for column in table.values()} == {11}
    assert table["engine.lines"][:5] == [8, 8, 8, 8, 16]
    assert varied(table) == list(GRID_NAMES)
    failed = load_results(store, failed=True)
    assert (failed["error"][-1], failed["cycles"][-1]) == ("too small, they say", None)
    assert load_results(store, whole=True)["softmax.lanes"] == [8] * 11


GRID_NAMES = ("engine.lines", "engine.macs", "heads")


def test_csv_and_parquet_hold_the_same(store, tmp_path):
    table = load_results(store, failed=True)
    lines = write_csv(table, tmp_path / "t.csv").read_text().splitlines()
    assert lines[0].split(",")[:8] == list(table)[:8]
    assert lines[1].startswith("vitcod,tiny,") and len(lines) == 13
    assert ",,,," in lines[12]
    pandas = pytest.importorskip("pandas", reason="pandas is an extra: pip install 'accelsim[data]'")
    pytest.importorskip("pyarrow", reason="pyarrow is an extra: pip install 'accelsim[data]'")
    path = write_parquet(table, tmp_path / "t.parquet")
    assert path.read_bytes() == write_parquet(table, tmp_path / "u.parquet").read_bytes()
    from_file, from_table = pandas.read_parquet(path), pandas.DataFrame(table)
    assert list(from_file["heads"]) == table["heads"]
    assert from_file["cycles"].equals(from_table["cycles"])
    assert pandas.read_csv(tmp_path / "t.csv")["engine.lines"].tolist() == table["engine.lines"]
    with pytest.raises(InputError, match=r"none/t.csv: cannot be written \(No such file or directory\)"):
        write_csv(table, tmp_path / "none" / "t.csv")


def test_the_effect_of_a_parameter_is_its_worst_over_its_best_value(store):
    table = load_results(store, where=["engine.lines < 32"])
    assert [name for name, *_ in effects(table, "cycles")] == ["engine.lines", "engine.macs", "heads"]
    sizes = {name: (round(ratio, 6), best, worst) for name, ratio, best, worst in effects(table, "cycles")}
    assert sizes["engine.lines"] == (2.0, 16, 8)
    assert sizes["engine.macs"] == (1.5, 4, 2)
    assert math.isclose(sizes["heads"][0], 1.0)


@pytest.mark.parametrize("kind", plots.KINDS)
def test_a_picture_has_the_same_bytes_each_time(store, tmp_path, kind):
    table = load_results(store)
    first = plots.draw(kind, table, tmp_path / "a.png").read_bytes()
    assert first[:8] == b"\x89PNG\r\n\x1a\n" and len(first) > 5000
    assert plots.draw(kind, table, tmp_path / "b.png").read_bytes() == first
    fewer = load_results(store, where=["engine.lines < 32"])
    assert plots.draw(kind, fewer, tmp_path / "c.png").read_bytes() != first


def test_pictures_that_cannot_be_drawn(store, tmp_path):
    table = load_results(store)
    for kind, options, sentence in (
        ("parteo", {}, r"there is no picture 'parteo' \(did you mean 'pareto'\?\)"),
        ("metric", {"metric": "cycle"}, r"there is no column 'cycle' \(did you mean 'cycles'\?\)"),
        ("metric", {"metric": "machine"}, r"^--metric: 'machine' is no figure, since its column has words such as"),
        ("pareto", {"axes": ["heads"]}, r"^--metric: 'heads' is no figure, since its column has words such as"),
        ("heatmap", {"axes": ["engine.line"]}, r"there is no column 'engine.line' \(did you mean 'engine.lines'\?\)"),
    ):
        with pytest.raises(InputError, match=sentence):
            plots.draw(kind, table, tmp_path / "x.png", **options)
    one = load_results(store, where=["engine.lines == 8", "engine.macs == 2", "heads == 'serial'"])
    for kind in ("heatmap", "sensitivity"):
        with pytest.raises(InputError, match="var"):
            plots.draw(kind, one, tmp_path / "x.png")
    with pytest.raises(InputError, match="there is no point to draw"):
        plots.draw("metric", load_results(store, where=["cycles < 0"]), tmp_path / "x.png")
    assert list(tmp_path.glob("*.png")) == []
