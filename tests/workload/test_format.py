import errno
import os
import zipfile

import numpy as np
import pytest

from accelsim.core.errors import InputError
from accelsim.workload import Norm, load, save
from tests.workload.small import LAYERS, small


@pytest.fixture
def saved(tmp_path):
    return save(small(), tmp_path / "small.yaml")


@pytest.mark.parametrize("norm", ["layernorm", "rmsnorm", "batchnorm"])
def test_a_norm_keeps_its_name_and_its_function(tmp_path, norm):
    workload = small(layers=(*LAYERS, Norm("last", "head", 1, 15, norm)))
    again = load(save(workload, tmp_path / "norms.yaml"))
    assert again.layers == workload.layers and again.hash == workload.hash


def test_what_is_saved_is_loaded(saved):
    workload, original = load(saved), small()
    assert workload.hash == original.hash and workload.layers == original.layers
    for name in ("name", "model", "batch", "synthetic", "bits", "scales", "provenance"):
        assert getattr(workload, name) == getattr(original, name), name
    assert np.array_equal(workload.masks["b0.attention"].order, original.masks["b0.attention"].order)


def test_without_arrays_there_is_one_file(tmp_path):
    path = save(small(masks={}, tensors={}), tmp_path / "dense.yaml")
    assert os.listdir(tmp_path) == ["dense.yaml"] and load(path).sparsity == 0


def test_same_workload_same_bytes_and_no_leftovers(saved):
    before = {p.name: p.read_bytes() for p in saved.parent.iterdir()}
    save(load(saved), saved)
    assert {p.name: p.read_bytes() for p in saved.parent.iterdir()} == before
    assert sorted(before) == ["small.npz", "small.yaml"]


def test_neither_the_clock_nor_the_order_of_tensors_reaches_the_bytes(tmp_path):
    shapes = {"q": (2, 6, 4), "k": (2, 6, 4), "v": (2, 6, 3)}
    tensors = {f"b0.attention.{name}": np.ones(shape, np.int8) for name, shape in shapes.items()}
    forward = save(small(tensors=tensors), tmp_path / "w.yaml").with_suffix(".npz").read_bytes()
    backward = save(small(tensors=dict(reversed(tensors.items()))), tmp_path / "w.yaml").with_suffix(".npz")
    assert backward.read_bytes() == forward
    with zipfile.ZipFile(backward) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_failed_write_leaves_the_old_file(saved, monkeypatch):
    before = {p.name: p.read_bytes() for p in saved.parent.iterdir()}

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        save(small(seed=1), saved)
    assert {p.name: p.read_bytes() for p in saved.parent.iterdir()} == before


def test_one_readable_line_per_layer(saved):
    lines = saved.read_text().split("layers:\n")[1].splitlines()
    assert lines[1] == "  - {norm: b0.norm, block: b0, tokens: 6, features: 8}" and len(lines) == len(small().layers)


@pytest.mark.parametrize(
    "old, new, text",
    [
        ("batch: 2", "batch: 2\nbatch: 3", r":7: 'batch' is given twice \(first on line 6\); remove one$"),
        ("batch: 2", "bacth: 2", r":6: a workload file has no entry 'bacth' \(did you mean 'batch'\?\)\.$"),
        ("batch: 2", "batch: two", r":6: batch is 'two' but must be a whole number\.$"),
        ("batch: 2", "batch: true", r":6: batch is True but must be a whole number\.$"),
        ("batch: 2\n", "", r":1: the entry 'batch' is missing\.$"),
        (
            "version: 1",
            "version: 5",
            r":2: version is 5 but this accelsim reads versions 1, 2, 3 and 4; update accelsim\.$",
        ),
        (
            "version: 1",
            "version: 0",
            r":2: version is 0 but this accelsim reads versions 1, 2, 3 and 4; no such version exists\.$",
        ),
        (
            "format: accelsim-workload",
            "format: x",
            r":1: format is 'x' but a workload file begins with 'format: accelsim-workload'\.$",
        ),
        ("synthetic: false", "synthetic: no thanks", r":5: synthetic is 'no thanks' but must be true or false\.$"),
        (
            "tokens: 6, features: 8",
            "tokens: 6, featurs: 8",
            r":\d+: a layer of kind norm has no entry 'featurs' \(did you mean 'features'",
        ),
        ("tokens: 6, features: 8", "tokens: 6", r":\d+: norm layer 'b0.norm' lacks 'features'\.$"),
        (
            "tokens: 6, features: 8",
            "tokens: 6, features: -8",
            r":\d+: norm layer 'b0.norm': features is -8 but must be a whole number",
        ),
        ("{norm: b0", "{nrom: b0", r":\d+: a layer begins with its kind .*, not 'nrom' \(did you mean 'norm'\?\)\.$"),
        (
            "  - {norm: b0.norm, ",
            "  - b0.norm\n  - {norm: b1, ",
            r"every entry of layers must be a mapping .* one is 'b0.norm'",
        ),
        ("weight: 4", "weight: 4, weights: 8", r"bits has no entry 'weights' \(did you mean 'weight'\?\)"),
        ("name: small", "name: &a small\nmodel: *a", r":3: anchors and aliases"),
        (
            "bits: {activation: 8, weight: 4}",
            "bits: &b {activation: 8, weight: 4}\nscales: *b",
            r":7: anchors and aliases",
        ),
        (
            "name: small",
            "name: !!python/name:os.system x",
            r":3: the tag tag:yaml.org,2002:python/name:os.system is not supported",
        ),
        ("name: small", "name: [small", r"small.yaml:\d+: not valid YAML"),
        ("name: small", "3: small", r":3: a workload file has no entry '3'\.$"),
        ("  seed: 0", "  seed: [0]", r":\d+: provenance entry 'seed' must be a text, a number or true/false\.$"),
        (
            "file: small.npz",
            "file: ../small.npz",
            r"file is '\.\./small.npz' but must be the name of a file beside this one",
        ),
        ("file: small.npz", f"file: {'a' * 300}.npz", r":\d+: file is 'aaa.*File name too long"),
        (
            "file: small.npz",
            "file: other.npz",
            r"small.yaml:\d+: file is 'other.npz', but there is none; keep the .npz beside its .yaml\.$",
        ),
        (", mask: true", "", r"small.npz: the array 'b0.attention.global_tokens' is not named by small.yaml"),
        (", mask: true", ", mask: 1", r"mask is 1 but must be true or false\.$"),
        ("- b0.attention.q\n", "- b0.attention.k\n", r"the array 'b0.attention.k' is missing but small.yaml needs it"),
        (
            "- b0.attention.q\n",
            "- b0.attention.q\n- b0.attention.q\n",
            r"tensors must list different texts, but has 'b0.attention.q'",
        ),
        ("b0.attention.q: 0.03125", "b0.attention.q: .nan", r":\d+: '.nan' cannot be counted with: a number is finite"),
        ("b0.attention.q: 0.03125", "b0.attention.q: x", r"b0.attention.q is 'x' but must be a number\.$"),
    ],
)
def test_a_bad_manifest_is_refused_with_its_line(saved, old, new, text):
    body = saved.read_text()
    assert old in body
    saved.write_text(body.replace(old, new, 1))
    with pytest.raises(InputError, match=text) as caught:
        load(saved)
    assert str(caught.value).startswith(str(saved.parent)) and "\n" not in str(caught.value)


def test_a_manifest_that_is_no_mapping_or_no_text(saved):
    for body in (b"", b"- 1\n", b"42"):
        saved.write_bytes(body)
        with pytest.raises(InputError, match=r"small.yaml:1: a workload file must be a YAML mapping"):
            load(saved)
    saved.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(InputError, match=r"small.yaml:1: the workload file cannot be read: it is not UTF-8"):
        load(saved)
    saved.write_bytes(b"a: " + b"[" * 20000)
    with pytest.raises(InputError, match=r"small.yaml"):
        load(saved)


def test_a_wrong_path_is_refused(saved):
    with pytest.raises(InputError, match=r"smal.yaml: no such workload file \(did you mean 'small.yaml'\?\)\.$"):
        load(saved.with_name("smal.yaml"))
    with pytest.raises(
        InputError, match=r"small.npz: a workload is named by its .yaml file \(did you mean 'small.yaml'\?\)\.$"
    ):
        load(saved.with_suffix(".npz"))
    with pytest.raises(InputError, match=r"the folder .*nowhere does not exist; create it first\.$"):
        save(small(), saved.parent / "nowhere" / "small.yaml")
    with pytest.raises(InputError, match=r"provenance entry 'x' must be a text, a number or true/false\.$"):
        save(small(provenance={"x": [1]}), saved)
