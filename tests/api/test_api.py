"""The names of `import accelsim`: found lazily, never hidden by a room, short to look at, the same as the rooms'."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import accelsim as acs
from accelsim.core.errors import InputError

PACKAGE = Path(acs.__file__).parent


@pytest.fixture(scope="module")
def work():
    mask = np.eye(64, dtype=bool)
    mask[:, :3] = True
    return acs.Workload.from_masks(np.stack([mask, ~np.eye(64, dtype=bool)]), name="two_heads")


@pytest.fixture(scope="module")
def run(work):
    return acs.run("vitcod", work)


def test_no_name_of_the_interface_is_a_room_or_module_of_the_package():
    beside = {p.stem for p in PACKAGE.glob("*.py")} | {p.name for p in PACKAGE.iterdir() if p.is_dir()}
    assert not beside & set(acs.PUBLIC)
    assert not {p.stem for p in (PACKAGE / "api").glob("*.py")} & set(acs.PUBLIC)


def test_the_stub_for_type_checkers_has_the_same_names():
    tree = ast.parse((PACKAGE / "__init__.pyi").read_text())
    said = {a.name: n.module for n in tree.body if isinstance(n, ast.ImportFrom) for a in n.names}
    assert said == acs.PUBLIC and set(acs.PUBLIC) <= set(dir(acs)) and (PACKAGE / "py.typed").is_file()


def test_after_every_module_is_imported_the_interface_is_still_there():
    code = (
        "import importlib, pathlib, accelsim as acs\n"
        "root = pathlib.Path(acs.__file__).parent\n"
        "for p in sorted(root.rglob('*.py')):\n"
        "    parts = p.relative_to(root).with_suffix('').parts\n"
        "    if '_template' in parts or '__main__' in parts: continue\n"
        "    importlib.import_module('.'.join(['accelsim', *(n for n in parts if n != '__init__')]))\n"
        "assert all(callable(getattr(acs, name)) for name in acs.PUBLIC), 'a module hides a name'\n"
        "print(acs.load_machine('vitcod', {'engine.lines': 32}), acs.load_workload('deit_tiny_s90'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Arch('vitcod', machine vitcod, ") and "Workload('deit_tiny_s90'" in done.stdout


def test_importing_it_imports_nothing_else():
    code = "import sys, accelsim; print([m for m in sys.modules if m.startswith('accelsim')], 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "['accelsim'] False\n"


def test_a_run_says_what_its_record_does(run):
    assert run.cycles == run.record.result.cycles() == run.summary["cycles"] == sum(run.layers["cycles"])
    assert run.layers["name"] == ["attention"] and run.layers.height == 1
    busy = dict(zip(run.components["component"], run.components["busy_cycles"]))
    assert busy["sparser"] == run.record.result.total.status["sparser"]["busy"]
    assert sum(run.charges["pj"]) == pytest.approx(run.energy_pj)
    assert run.phases["phase"][0] == "attention"
    with pytest.raises(InputError, match=r"no figure 'cycle' \(did you mean 'cycles'\?\)"):
        run.summary["cycle"]
    with pytest.raises(InputError, match=r"no column 'nam' \(did you mean 'name'\?\)"):
        run.layers["nam"]


def test_tables_are_ready_for_pandas(run):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(run.layers)
    assert frame.equals(run.layers.to_pandas()) and frame.loc[0, "cycles"] == run.layers["cycles"][0]


def test_what_is_looked_at_is_short(run):
    for thing in (run, run.layers, run.plot, run.plot.timeline(), run.record, run.figures, acs.load_machine("vitcod")):
        assert len(repr(thing)) < 300, type(thing)
    for thing in (run, run.layers, run.summary):
        assert "<table" in thing._repr_html_()
    assert f"{run.cycles:,} core cycles" in repr(run)


def test_pictures(run, tmp_path):
    made = run.plot.timeline(components=["denser", "sparser"], window="attention", size=(3.5, 2))
    assert made._repr_png_().startswith(b"\x89PNG") and made.save(tmp_path / "a.svg").read_bytes().startswith(b"<?xml")
    assert [round(float(x), 3) for x in made.figure.get_size_inches()] == [3.5, 2]
    with pytest.raises(InputError, match="there is no component 'denses'"):
        run.plot.stalls(components=["denses"])


def test_a_saved_run_is_the_same_run(run, tmp_path):
    found = acs.load_run(run.save(tmp_path / "r"))
    assert found.summary == run.summary and found.layers == run.layers
    assert {row["ratio"] for row in run.versus(found).rows() if row["this"]} == {1.0}


def test_settings_are_texts_or_values():
    wanted = acs.load_machine("vitcod", {"engine.lines": 32, "forward": False})
    assert wanted == acs.load_machine("vitcod", ["engine.lines=32", "forward=false"])
    assert wanted.parts["engine"]["lines"] == 32 and acs.load_machine(wanted) is wanted
    with pytest.raises(InputError, match="no such parameter"):
        acs.load_machine("vitcod", {"engine.line": 32})
    with pytest.raises(InputError, match="settings belong to a machine's name or file"):
        acs.load_machine(wanted, {"heads": "serial"})
    with pytest.raises(InputError, match="settings are 'heads=serial' but must be a mapping"):
        acs.load_machine("vitcod", "heads=serial")


def test_masks_onto_a_model_and_a_workload():
    keep = np.tri(197, dtype=np.uint8)
    onto_model = acs.Workload.from_masks(keep, "deit_tiny")
    onto_work = acs.Workload.from_masks(keep, "deit_tiny_s90", name="mine")
    for made in (onto_model, onto_work):
        assert len(made.masks) == 12 and all((m.keep == keep.astype(bool)).all() for m in made.masks.values())
        assert not made.synthetic and isinstance(made, acs.Workload)
    assert onto_work.name == "mine" and onto_work.layers == acs.load_workload("deit_tiny_s90").layers


def test_sweeps_and_comparisons(tmp_path):
    acs.Workload.from_masks(np.tri(32, dtype=bool)).save(tmp_path / "w.yaml")
    plan = {"machines": ["vitcod"], "workloads": [str(tmp_path / "w.yaml")], "axes": {"engine.lines": [32, 64, 0]}}
    found = acs.run_sweep(plan, tmp_path / "s.db", processes=0)
    assert found["status"] == ["done", "done", "failed"] and found.height == 3
    assert acs.load_results(tmp_path / "s.db")["cycles"] == found["cycles"][:2]
    rows = acs.compare(["vitcod", "systolic"], [str(tmp_path / "w.yaml")], processes=0)
    assert rows["machine"] == ["vitcod", "systolic"] and rows["speed_up"][0] == 1.0
    assert rows["speed_up"][1] == pytest.approx(rows["seconds"][0] / rows["seconds"][1])
    with pytest.raises(InputError, match="machines and workloads are lists"):
        acs.compare("vitcod", "systolic")


def test_an_estimate_says_what_its_mapping_does(work, run, tmp_path):
    found = acs.estimate("vitcod", work)
    assert found.cycles == pytest.approx(sum(found.layers["cycles"])) and sum(found.phases["share"]) == pytest.approx(1)
    assert found.seconds == pytest.approx(found.cycles / 500e6) and found.cycles == pytest.approx(run.cycles, rel=0.1)
    assert found.layers["name"] == ["attention"] and found.mapping["attention"] == found.layers["cut"][0]
    assert acs.estimate("vitcod", work, {"engine.lines": 8}).cycles > 2 * found.cycles
    assert f"{found.cycles:,.0f} core cycles" in repr(found) and len(repr(found)) < 100
    assert "<table" in found._repr_html_() and found.error[0] in found._repr_html_()
    assert "attention:" in found.save(tmp_path / "cuts.yaml").read_text()


def test_an_estimate_of_a_machine_that_has_none_is_refused():
    with pytest.raises(InputError, match=r"sanger says nothing of how it cuts .* estimates are of .*vitcod"):
        acs.estimate("sanger", "deit_tiny_s90")
    with pytest.raises(InputError, match="a model's, which `run` gives at once"):
        acs.estimate("cpu", "deit_tiny_s90")
