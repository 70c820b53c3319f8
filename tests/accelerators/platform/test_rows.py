"""Measured rows: the form of the model on the half it was not fitted to, and the file that is made of them."""

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from accelsim import cli
from accelsim.accelerators import schema
from accelsim.accelerators.contract import check_contract, failed
from accelsim.accelerators.platform.fit import START, fit, seconds, work
from accelsim.accelerators.platform.rows import Row, halves, read_rows
from accelsim.accelerators.platform.write import measured
from accelsim.accelerators.run import run
from accelsim.config import load_arch

PEAKS = {"H100": {"float32": 51.7e12, "float16": 702e12, "memory": 3004e9}, "Xeon": {}}
BOUNDS = {"H100": (1.2, 1.6), "Xeon": (1.3, 2.5)}  # median, and nine of ten: what the rows of the other half are within


@pytest.fixture(scope="module")
def file(reference):
    path = reference / "platforms" / "h100_xeon.csv"
    if not path.is_file():
        pytest.skip("the measured platforms are not in the reference data")
    return path


@pytest.mark.parametrize("device", PEAKS)
def test_the_form_predicts_rows_it_was_not_fitted_to(file, device, tmp_path):
    rows, _ = read_rows(file, device)
    made = measured(rows, PEAKS[device], "the reference")
    assert len(made.checked) == {"H100": 78, "Xeon": 17}[device]
    median, most = BOUNDS[device]
    assert np.median(made.factors) < median and np.quantile(made.factors, 0.9) < most
    energies = [e for _, _, e in made.checked if e]
    if device == "H100":
        assert np.median(np.exp(np.abs(np.log(energies)))) < 1.25
    path = tmp_path / "made.yaml"
    path.write_text(made.text)
    assert failed(check_contract(load_arch(path, schema), cases=1)) == []
    for row in rows[::9]:  # the machine counts in whole cycles what the fit counts in fractions
        arch = load_arch(path, schema, [f"{name}={value}" for name, value in row.options().items()])
        result = run(arch, row.workload()).result
        wanted = seconds(made.fitted.values, made.fitted.cache_bytes, row, work(row))
        assert result.end / float(result.time_base_hz) == pytest.approx(wanted, rel=0.03), row.title


def test_a_fit_finds_what_rows_were_made_of():
    truth = START | {"launch": 3e-5, "start": 4e-6, "memory": 4e11, "float32.rate": 6e12, "float32.fused_rate": 2e12}
    cases = [
        ("deit_tiny", 1, "eager", "end_to_end"), ("deit_base", 1, "eager", "attention_core"),
        ("deit_base", 64, "eager", "attention_core"), ("deit_base", 64, "fused_sdpa", "attention_core"),
        ("deit_base", 8, "graph", "end_to_end"), ("deit_tiny", 1, "graph", "end_to_end"),
        ("deit_tiny", 64, "graph", "attention_with_reshape"),
    ]  # fmt: skip
    blank = [Row("NVIDIA", m, b, "float32", mode, scope, 1.0, None, None, None, None) for m, b, mode, scope in cases]
    rows = [Row(**{**vars(r), "seconds": seconds(truth, 0, r, work(r))}) for r in blank]
    found = fit(rows, {"float32.rate": 3e12, "float32.fused_rate": 1e12})
    assert np.exp(np.abs(np.log(found.errors(rows)))).max() < 1.03
    assert found.values["launch"] == pytest.approx(truth["launch"], rel=0.1)
    assert found.values["float32.fused_rate"] == pytest.approx(truth["float32.fused_rate"], rel=0.1)


def test_halves_have_small_and_large_batches():
    rows = [Row("x", "m", b, "float32", "eager", "attention_core", 1.0, None, None, None, None) for b in (1, 8) * 3]
    first, other = halves(rows)
    assert [r.batch for r in first] == [1, 8, 1] and [r.batch for r in other] == [8, 1, 8]


def line(**values) -> dict[str, str]:
    said = {"device": "d", "model": "deit_tiny", "batch": "1", "dtype": "float32", "mode": "eager"}
    return said | {"scope": "end_to_end", "median_s": "0.1"} | values


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([line(mode="lazy")], "m.csv:2: mode is 'lazy' but must be one of eager, graph, fused_sdpa, sparse_csr"),
        ([line(), line(median_s="nan")], "m.csv:3: median_s is 'nan' but must be a number above 0"),
        ([line(model="resnet")], "m.csv:2: model is 'resnet' but must be one of"),
        ([line(), line(device="e")], "m.csv: the rows of one device are needed, and 2 hold '' in their names"),
        ([line(scope="peak_copy")], "m.csv: there are only peaks of d, and no network or attention"),
    ],
)
def test_rows_that_cannot_be_used(tmp_path, lines, sentence):
    path = tmp_path / "m.csv"
    with path.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, lines[0])
        writer.writeheader()
        writer.writerows(lines)
    done = CliRunner().invoke(cli.app, ["measure", "--rows", str(path), "-o", str(tmp_path / "p.yaml")])
    assert done.exit_code == 2 and sentence in done.stderr and not (tmp_path / "p.yaml").exists()


def test_rows_as_a_document(tmp_path):
    path, made = tmp_path / "m.csv", tmp_path / "p.yaml"
    with path.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, line())
        writer.writeheader()
        writer.writerows(line(batch=str(n), median_s=str(0.1 * n)) for n in range(1, 9))
    done = CliRunner().invoke(cli.app, ["measure", "--rows", str(path), "-o", str(made), "--json"])
    found = json.loads(done.stdout)
    assert (done.exit_code, found["file"]) == (0, str(made)) and load_arch(made, schema).machine == "platform"
    assert {case["measured_seconds"] for case in found["cases"]} <= {0.1 * n for n in range(1, 9)} and found["verdict"]
