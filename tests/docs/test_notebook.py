"""The notebook: kept without outputs, and it runs to its end with the figures that its text speaks of."""

import json
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "docs" / "walkthrough.ipynb"


def test_it_is_kept_without_outputs():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) > 8 and not any(cell["outputs"] or cell["execution_count"] for cell in code)


def test_it_runs(tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient", reason="needs the extra accelsim[notebook]")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    pytest.importorskip("pandas")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep))
    made = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(
        made, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    outputs = [output for cell in made.cells if cell.cell_type == "code" for output in cell.outputs]
    said = "\n".join(o.get("text", "") + o.get("data", {}).get("text/plain", "") for o in outputs)
    kept = said.split(" scores a head are kept")[0].rsplit("\n", 1)[-1]
    assert len(set(kept.split(" and "))) == 1, "both masks keep as many scores"
    assert sum("image/png" in o.get("data", {}) for o in outputs) == 2 and said.rstrip().endswith("True")
    first = int(said.split("core cycles instead of ")[1].split()[0].replace(",", ""))
    assert int(said.split(" core cycles instead of ")[0].rsplit("\n", 1)[-1].replace(",", "")) <= first
    assert (tmp_path / "attention.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "results" / "near" / "run.npz").is_file()
