"""The JSON Schema of sweep files: it accepts what the reader accepts, and refuses what is wrong by itself."""

import re

import pytest

from accelsim import accelerators
from accelsim.config import shipped
from accelsim.core import InputError, document
from accelsim.sweep.json_schema import sweep_document
from accelsim.sweep.plan import read
from accelsim.sweep.points import expand
from tests.conftest import ROOT
from tests.json_checker import all_complaints

FILES = sorted((shipped.folder("arch_configs") / "sweeps").glob("*.yaml"))
SOME = "machines: [vitcod]\nworkloads: [deit_tiny_s90]\n"


@pytest.fixture(scope="module")
def schema():
    return sweep_document(accelerators.schema(name) for name in accelerators.shipped())


def content(path):
    return document.plain(document.read(path)[0])


def test_shipped_files_and_those_of_the_docs_are_valid(schema, tmp_path):
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8"), re.DOTALL)
    paths = [tmp_path / f"{n}.yaml" for n in range(len(blocks))]
    for path, block in zip(paths, blocks):
        path.write_text(block, encoding="utf-8")
    found = [path for path in (*FILES, *paths) if "machines" in content(path)]
    assert len(found) >= len(FILES) + 2
    for path in found:
        assert read(path)
        assert all_complaints(schema, content(path)) == [], path


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (SOME + "axes: {engine.line: [32]}", ".axes: additionalProperties"),
        (SOME + "axes: {engine.lines: [32, 65537]}", ".axes.engine.lines: anyOf"),
        (SOME + "axes: {engine.lines: 0}", ".axes.engine.lines: anyOf"),
        (SOME + "axes: {engine.lines: {from: 65537, to: 65540, step: 2}}", ".axes.engine.lines: anyOf"),
        (SOME + "axes: {engine.lines: {from: 16, to: 32, step: 4, factor: 2}}", ".axes.engine.lines: anyOf"),
        (SOME + "axes: {engine.lines: {from: 16, step: 4}}", ".axes.engine.lines: anyOf"),
        (SOME + "axes: {engine.lines: {from: 16, until: 32}}", ".axes.engine.lines: anyOf"),
        (SOME + "axes: {engine.lines: []}", ".axes.engine.lines: anyOf"),
        (SOME + "axes: {engine.lines: [32, 32]}", ".axes.engine.lines: anyOf"),
        (SOME + "axes: {heads: [parallel, sereal]}", ".axes.heads: anyOf"),
        (SOME + "axes: {dram.model: [exact, pip]}", ".axes.dram.model: anyOf"),
        (SOME + "axes: {clocks.core: [500]}", ".axes.clocks.core: anyOf"),
        (SOME + "axes: {sparsity: [0.5, 1]}", ".axes.sparsity: anyOf"),
        (SOME + "axes: {batch: [0]}", ".axes.batch: anyOf"),
        (SOME + "method: gird", ".method: enum"),
        (SOME + "method: random", ": required"),
        (SOME + "points: 5", ".points: false"),
        (SOME + "objectives: [cycle]", ".objectives: anyOf"),
        (SOME + "axis: {}", ": additionalProperties"),
        ("machines: [vitcod]", ": anyOf"),
        ("workloads: [deit_tiny_s90]", ": required"),
        ("machines: [{machine: vitcod, sets: {}}]\nworkloads: [deit_tiny_s90]", ".machines: anyOf"),
        ("machines: [{machine: vitcod, set: {engine.line: 3}}]\nworkloads: [deit_tiny_s90]", ".machines: anyOf"),
        ("machines: [vitcod]\nworkloads: [{workload: deit_tiny_s90, only: atention}]", ".workloads: anyOf"),
    ],
)  # fmt: skip
def test_what_cannot_be_swept_is_not_valid(text, where, schema, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    assert where in all_complaints(schema, content(path))
    try:
        refused = [point.error for point in expand(read(path)) if point.error]
    except InputError:
        return
    assert refused


@pytest.mark.parametrize(
    "text",
    [
        "machines: vitcod\naxes: {model: [deit_tiny], sparsity: {from: 0.5, to: 0.9, step: 0.1}, seed: [0, 1]}",
        SOME + "axes: {options.heads: [serial], parts.engine.lines: 32, heads: serial, dram.latency: [60 ns, 72]}",
        SOME + "axes: {clocks.core: {from: 400 MHz, to: 1 GHz, step: 100}, energy.override.mac.pj: [0.2]}",
        SOME + "axes: {engine.lines: {from: 16, to: 65537, multiple: 8}}\nmethod: random\npoints: 4\nseed: 0",
        "machines: [{machine: vitcod, set: {prune: false}, axes: {engine.lines: 8}}]\nworkloads: deit_tiny_s90",
    ],
)
def test_what_can_be_swept_is_valid(text, schema, tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    assert all_complaints(schema, content(path)) == []
