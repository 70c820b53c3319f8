"""SCALE-Sim's topology files as workloads: what becomes of a row, the command, and any topology there and back."""

import csv
import re
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from accelsim import cli
from accelsim.codesign.import_topology import remarks
from accelsim.codesign.topology_file import LONGEST_NAME
from accelsim.workload import Gemm, load, save
from tests.codesign.topologies import CONVOLUTIONS, GEMMS, convolution, gemm, made
from tests.conftest import ROOT


def call(*arguments: object):
    return CliRunner().invoke(cli.app, [str(a) for a in arguments])


def test_a_row_of_a_gemm_topology(tmp_path):
    workload = made(tmp_path, GEMMS + "qkv, 197, 576, 192,\n")
    assert workload.layers == (gemm("qkv", 197, 192, 576),)
    assert (workload.name, workload.model, workload.synthetic, workload.attention_layers) == ("net", "net", False, ())
    assert (workload.provenance["source"], workload.provenance["kind"]) == ("net.csv", "GEMM")
    assert remarks(workload) == []


def test_a_row_of_a_convolution_topology(tmp_path):
    rows = "Conv1, 224, 224, 7, 7, 3, 64, 2,\nConv2, 27, 31, 5, 3, 96, 256, 1,\nPatch, 224, 224, 16, 16, 3, 192, 16,\n"
    workload = made(tmp_path, CONVOLUTIONS + rows + "Skip, 56, 56, 1, 1, 64, 128, 2,\nFC, 1, 1, 1, 1, 512, 1000, 1,")
    assert workload.layers == (
        convolution("Conv1", 109 * 109, 147, 64, 224 * 224 * 3),
        convolution("Conv2", 23 * 29, 5 * 3 * 96, 256, 27 * 31 * 96),
        convolution("Patch", 196, 768, 192, 224 * 224 * 3),
        convolution("Skip", 28 * 28, 64, 128, 28 * 28 * 64),
        convolution("FC", 1, 512, 1000, 512),
    )
    assert workload.provenance["kind"] == "convolution"
    assert remarks(workload) == [
        "Note: input pixels that a stride leaves over are not read, where SCALE-Sim adds a window: 'Conv1', 'Skip'."
    ]


def test_what_a_header_may_add(tmp_path):
    assert made(tmp_path, "Layer Name, M, N, K, Sparsity,\na, 3, 5, 16, 1:1,\nb, 1, 5, 16, 4:4,\n").layers == (
        gemm("a", 3, 16, 5),
        gemm("b", 1, 16, 5),
    )
    assert made(tmp_path, "Layer,M,N,K,Batch\nqk,197,197,64,3\n").layers == (gemm("qk", 197, 64, 197, 3),)
    strides = CONVOLUTIONS.replace("Strides", "Stride height, Stride width")
    assert made(tmp_path, strides + "c, 9, 9, 3, 3, 2, 4, 3, 2,").layers == (convolution("c", 12, 18, 4, 162),)
    more = CONVOLUTIONS.replace("Strides,", "Strides, Batch Size, Sparsity")
    assert made(tmp_path, more + "c, 9, 9, 3, 3, 2, 4, 3, 1, 1:1").layers == (convolution("c", 9, 18, 4, 162),)


def test_depthwise_convolutions_are_a_product_for_each_channel(tmp_path):
    workload = made(tmp_path, CONVOLUTIONS + "DP1, 112, 112, 3, 3, 32, 1, 1,\n")
    assert workload.layers == (convolution("DP1", 110 * 110, 9, 1, 112 * 112 * 32, 32),)
    assert remarks(workload) == ["Note: depth-wise, for the 'DP' in the name, as in SCALE-Sim: 'DP1'."]
    assert made(tmp_path, GEMMS + "DP1, 4, 5, 6,\n").layers == (gemm("DP1", 4, 6, 5),)


@pytest.mark.parametrize(
    "channels, filters, kernel, stride, groups", [(3, 8, 7, 2, 1), (8, 16, 1, 2, 1), (4, 3, 3, 1, 4)]
)
def test_a_convolution_is_what_the_export_makes_of_it(tmp_path, channels, filters, kernel, stride, groups):
    torch = pytest.importorskip("torch", reason="needs the extra accelsim[torch]")
    from accelsim.codesign.lowering import lower
    from accelsim.codesign.trace import trace

    network = torch.nn.Conv2d(channels, filters * groups, kernel, stride, groups=groups, bias=False).eval()
    (step,) = lower(trace(network, torch.zeros(1, channels, 30, 24)))
    name = "DP" if groups > 1 else "c"
    row = f"{name},30,24,{kernel},{kernel},{channels},{filters},{stride},"
    (layer,) = made(tmp_path, CONVOLUTIONS + row).layers
    sizes = ("tokens", "in_features", "out_features", "repeat", "bias", "inputs", "macs")
    assert {s: getattr(layer, s) for s in sizes} == {s: getattr(step.layer, s) for s in sizes}


def test_the_command_writes_nothing_when_it_refuses(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.csv").write_text(GEMMS + "a,1,2,x,")
    for arguments in (("net.csv", "-o", "out.yaml"), ("net.csv",), ("none.csv",), (".",)):
        done = call("import-topology", *arguments)
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    (tmp_path / "net.csv").write_text(GEMMS + "a,1,2,3,")
    for output in ("out", "no/out.yaml"):
        assert call("import-topology", "net.csv", "-o", output).exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["net.csv"]
    done = call("import-topology", "net.csv")
    assert (done.exit_code, done.stdout) == (0, "net.yaml: 1 layer of a GEMM topology, 6 MACs an image\n")
    assert load(tmp_path / "net.yaml").layers == (gemm("a", 1, 3, 2),)


def test_the_documentation(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "workload-format.md").read_text(encoding="utf-8")
    section = page.split("\n## Layer lists of SCALE-Sim\n")[1].split("\n## ")[0]
    for name, text in re.findall(r"`(\w+\.csv)`:\n\n```csv\n(.*?)```", section, re.DOTALL):
        (tmp_path / name).write_text(text)
    (commands,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    shown = [call(*line.split()[1:]) for line in commands.splitlines()]
    assert [done.exit_code for done in shown] == [0, 0, 0]
    assert shown[1].stdout.splitlines() == [
        "stem.yaml: 3 layers of a convolution topology, 227,893,952 MACs an image",
        "Note: input pixels that a stride leaves over are not read, where SCALE-Sim adds a window: 'Conv1'.",
    ]
    assert "Conv1  conv  11881 x 147 x 64" in shown[2].stdout and 109 * 109 == 11881
    assert load(tmp_path / "block.yaml").layers == (gemm("qkv", 197, 192, 576), gemm("proj", 197, 192, 192))


def test_the_reference_runs_as_topologies(reference, tmp_path):
    file = reference / "systolic" / "gemms.csv"
    if not file.is_file():
        pytest.skip("the reference data has no systolic/gemms.csv")
    groups = defaultdict(dict)
    with file.open(newline="") as stream:
        for row in csv.DictReader(stream):
            sizes = tuple(int(row[column]) for column in "MNK")
            assert groups[row["dataflow"], row["rows"], row["cols"]].setdefault(row["name"], sizes) == sizes
    for group, rows in groups.items():
        text = "".join(f"{name},{m},{n},{k},\n" for name, (m, n, k) in rows.items())
        workload = made(tmp_path, GEMMS + text, f"{'_'.join(group)}.csv")
        assert workload.layers == tuple(gemm(name, m, k, n) for name, (m, n, k) in rows.items())
        assert load(save(workload, tmp_path / "net.yaml")).hash == workload.hash
    assert len(groups) == 9 and sum(map(len, groups.values())) > 300


printable = st.characters(exclude_categories=("C", "Z"), exclude_characters='",', include_characters=" ")
names = st.lists(
    st.text(printable, min_size=1, max_size=LONGEST_NAME).map(str.strip).filter(bool),
    min_size=1,
    max_size=8,
    unique=True,
)
blank = st.text(" \t", max_size=3)
sizes = st.integers(1, 2**20) | st.integers(1, 64)


@st.composite
def topologies(draw) -> tuple[bytes, list[Gemm]]:
    """A file as somebody may have written it, and its layers."""
    header, rows, layers = draw(st.sampled_from((GEMMS, CONVOLUTIONS))).strip().rstrip(","), [], []
    for name in draw(names):
        if header in GEMMS:
            m, n, k = numbers = [draw(sizes) for _ in range(3)]
            layers.append(gemm(name, m, k, n))
        else:
            (r, u), (s, v) = [(draw(st.integers(1, 9)), draw(st.integers(0, 40))) for _ in range(2)]
            c, f, stride = (draw(st.integers(1, 64)) for _ in range(3))
            numbers = [r + u, s + v, r, s, c, f, stride]
            tokens = len(range(0, u + 1, stride)) * len(range(0, v + 1, stride))
            groups = c if "DP" in name else 1
            read = min((r + u) * (s + v) * c, tokens * r * s * c)
            layers.append(convolution(name, tokens, r * s * c // groups, f, read, groups))
        rows.append([name, *map(str, numbers)])
    newline = draw(st.sampled_from(("\n", "\r\n", "\r")))
    text = draw(st.sampled_from(("", "\ufeff"))) + header
    for row in rows:
        text += draw(st.sampled_from(("", ",", ", ,"))) + newline * draw(st.integers(1, 3))
        text += ",".join(f"{draw(blank)}{cell}{draw(blank)}" for cell in row)
    return (text + draw(st.sampled_from(("", ",", newline)))).encode(), layers


@given(topologies())
@settings(max_examples=60, deadline=None)
def test_any_topology_comes_back(tmp_path_factory, topology):
    folder, (text, layers) = tmp_path_factory.mktemp("topology"), topology
    workload = made(folder, text)
    again = load(save(workload, folder / "net.yaml"))
    assert list(workload.layers) == list(again.layers) == layers
    assert (again.hash, again.provenance) == (workload.hash, workload.provenance)
