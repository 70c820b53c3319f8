"""Measuring the computer at hand: every case of the CPU, and the platform that is made of it."""

import csv
import importlib.util

import pytest
from typer.testing import CliRunner

from accelsim import cli

torch = pytest.importorskip("torch", reason="needs the extra accelsim[torch]")
if importlib.util.find_spec("timm") is None:
    pytest.skip("needs the extra accelsim[torch]", allow_module_level=True)

from accelsim.codesign import measure  # noqa: E402
from accelsim.codesign.meter import Meter  # noqa: E402
from accelsim.codesign.models import model  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    """Threads that wait for each other take long on a busy computer."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_the_cpu_is_measured_and_written_as_a_platform(tmp_path, monkeypatch):
    monkeypatch.setitem(measure.PEAK, "cpu", (64, 1 << 16))  # a quick peak is a peak too
    path = tmp_path / "mine.yaml"
    arguments = ["measure", "--device", "cpu", "--model", "deit_tiny", "--batch", "1", "--seconds", "0.01"]
    done = CliRunner().invoke(cli.app, [*arguments, "-o", str(path), "--peak", "float32=1e13", "--peak", "memory=1e12"])
    assert done.exit_code == 0, done.stderr
    with path.with_suffix(".csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(r["mode"], r["scope"]) for r in rows] == [
        ("eager", "peak_product"), ("eager", "peak_copy"), ("eager", "attention_with_reshape"),
        ("eager", "attention_core"), ("fused_sdpa", "attention_core"), ("eager", "attention_core_masked_dense_compute"),
        ("sparse_csr", "attention_core_sparse"), ("eager", "end_to_end"),
    ]  # fmt: skip
    assert all(0 < float(r["p10_s"]) <= float(r["median_s"]) <= float(r["p90_s"]) for r in rows)
    again = CliRunner().invoke(cli.app, ["run", str(path), "fmnist_vit_s90", "--no-plots", "-o", str(tmp_path / "out")])
    assert again.exit_code == 0 and "An analytic model" in again.stdout, again.stderr
    assert CliRunner().invoke(cli.app, ["check-machine", str(path), "--cases", "1"]).exit_code == 0


def test_every_way_computes_the_same_attention():
    layer = model("deit_tiny").attention_layers[0]
    heads = measure.Heads(torch, layer, 1, "cpu", "float32")
    keep = torch.rand(3, 197, 197).numpy() < 0.3
    keep[:, range(197), range(197)] = True
    torch.testing.assert_close(heads.core(), heads.fused(), rtol=1e-4, atol=1e-5)
    masked, sparse = heads.masked(keep)(), torch.stack(heads.sparse(keep)())
    torch.testing.assert_close(masked[0], sparse, rtol=1e-4, atol=1e-5)
    q, k, v = heads.projected.view(heads.shape).permute(2, 0, 3, 1, 4).unbind(0)
    wanted = torch.nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(1, 197, -1)
    torch.testing.assert_close(heads.reshaped(), wanted, rtol=1e-4, atol=1e-5)


def test_a_case_that_does_not_work_is_left_out(monkeypatch):
    said = []

    def broken(self):
        raise RuntimeError("no kernel image\nmore")

    monkeypatch.setattr(measure.Heads, "fused", broken)
    monkeypatch.setitem(measure.PEAK, "cpu", (8, 64))
    monkeypatch.setattr(measure, "network", lambda torch, *rest: lambda: torch.zeros(1))
    rows = list(measure.measure(["deit_tiny"], "cpu", "here", seconds=0.001, step=said.append))
    assert len(rows) == 7
    assert "deit_tiny batch 1 float32 fused_sdpa attention_core: left out (no kernel image)" in said


def test_a_meter_counts_what_it_calls():
    calls = []
    found = Meter("cpu", 0.001).read(lambda: calls.append(1))
    assert len(calls) == 3 + 1 + 2 * found.repeats and found.joules is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--device", "tpu"), "--device tpu: expected auto, cpu or cuda"),
        (("--device", "cpu", "--model", "deit_tin"), "'deit_tin' is no known model"),
        (("--peak", "flops=3"), "--peak flops=3: expected NAME=VALUE with one of float32, float16, memory"),
        (("--machine", "vitcod"), "--machine vitcod: this machine is simulated"),
        (("--rows", "none.csv"), "none.csv: the measured rows cannot be read"),
    ],
)
def test_what_is_refused(arguments, sentence, tmp_path):
    done = CliRunner().invoke(cli.app, ["measure", *arguments, "-o", str(tmp_path / "p.yaml")])
    assert done.exit_code == 2 and sentence in done.stderr, done.stderr
