import csv
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim import __version__
from accelsim.core.errors import InputError
from accelsim.report import files, summarize, write
from accelsim.report.plots import PICTURES

from .records import record


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_a_result_says_what_came_out_and_how_it_was_made(tmp_path):
    made = record(2)
    folder = write(made, tmp_path / "results" / "run", pictures=False)
    assert names(folder) == ["layers.csv", "result.json", "run.npz"]
    found, summary = json.loads((folder / "result.json").read_text()), summarize(made)
    assert found["version"] == __version__
    assert found["total_cycles"] == summary.total.cycles == made.result.cycles()
    assert found["seconds_at_clock"] == pytest.approx(found["total_cycles"] / 500e6)
    assert found["energy_pj"] == pytest.approx(sum(found["energy"]["by_component_pj"].values()))
    assert found["mac_utilization"] == summary.total.mac_utilization
    assert sum(p["cycles"] for p in found["phases"].values()) == found["total_cycles"]
    assert sum(p["energy_pj"] for p in found["phases"].values()) == pytest.approx(found["energy_pj"])
    assert (found["workload"], found["architecture"], found["notes"]) == (made.workload, made.arch, made.notes)
    assert found["counters"] == made.result.total.counts
    assert found["area_mm2"] == pytest.approx(sum(found["area_um2"].values()) / 1e6)


def test_a_line_for_every_layer(tmp_path):
    made = record(2)
    with (write(made, tmp_path / "run", pictures=False) / "layers.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["name"] for r in rows] == [layer["name"] for layer in made.layers]
    assert sum(int(r["cycles"]) for r in rows) == made.result.cycles()
    assert sum(int(r["gemm.busy_cycles"]) for r in rows) == made.result.total.status["gemm"]["busy"]
    norm = rows[0]
    assert (norm["phase"], norm["mac_ops"], norm["ops_per_byte"]) == ("norm", "0", "0.0")


def test_the_same_run_is_the_same_bytes(tmp_path):
    one, two = (write(record(1, traced=True), tmp_path / name) for name in ("one", "two"))
    assert names(one) == sorted(["layers.csv", "result.json", "run.npz", *(f"{p}.png" for p in PICTURES)])
    for file in names(one):
        assert (one / file).read_bytes() == (two / file).read_bytes(), file


def test_an_earlier_result_is_replaced_as_a_whole(tmp_path):
    write(record(2), tmp_path / "run", pictures=False)
    (tmp_path / "run" / "notes.txt").write_text("an old note")
    write(record(1), tmp_path / "run", pictures=False)
    assert names(tmp_path / "run") == ["layers.csv", "result.json", "run.npz"]
    assert json.loads((tmp_path / "run" / "result.json").read_text())["total_cycles"] == record(1).result.cycles()
    assert names(tmp_path) == ["run"]


def test_anything_else_is_left_alone(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").write_text("")
    with pytest.raises(
        InputError, match=r"photos: this is no result folder, and a run replaces all that a folder holds"
    ):
        write(record(1), tmp_path / "photos", pictures=False)
    (tmp_path / "photos" / "result.json").write_text('{"format": "something else"}')
    with pytest.raises(InputError, match="this is no result folder"):
        write(record(1), tmp_path / "photos", pictures=False)
    assert names(tmp_path / "photos") == ["cat.png", "result.json"]
    (tmp_path / "empty").mkdir()
    assert names(write(record(1), tmp_path / "empty", pictures=False)) == ["layers.csv", "result.json", "run.npz"]


def test_where_nothing_can_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/run: cannot be written \(.*\); name another folder"):
        write(record(1), tmp_path / "file" / "run", pictures=False)


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("out of ink")

    write(record(2), tmp_path / "run", pictures=False)
    monkeypatch.setattr("accelsim.report.plots.draw", fail)
    with pytest.raises(RuntimeError, match="out of ink"):
        write(record(1), tmp_path / "run")
    assert names(tmp_path) == ["run"]
    assert json.loads((tmp_path / "run" / "result.json").read_text())["total_cycles"] == record(2).result.cycles()


def test_a_result_goes_where_a_link_points_and_the_link_stays(tmp_path):
    (tmp_path / "disk").mkdir()
    link = tmp_path / "run"
    link.symlink_to("disk")
    assert write(record(1), link, pictures=False) == link
    write(record(2), link, pictures=False)
    assert link.is_symlink() and names(tmp_path / "disk") == ["layers.csv", "result.json", "run.npz"]
    assert names(tmp_path) == ["disk", "run"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_the_text_is_that_of_json(value):
    assert files.indented(value) == json.dumps(value, indent=1, allow_nan=False)


def test_what_json_has_no_word_for_is_not_written():
    for value in ([1.0, float("nan")], {"a": {"b": float("inf")}}, [[], float("nan")]):
        with pytest.raises(ValueError, match="not JSON compliant"):
            files.indented(value)


def test_what_fails_beside_is_raised_where_it_is_wanted():
    done = files.Beside(lambda: b"made")
    assert done.result() == b"made"
    with pytest.raises(ZeroDivisionError):
        files.Beside(lambda: 1 // 0).result()
