"""Workload files that would take too much memory, leave their folder, or cannot be stored with a result."""

import io
import os
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.core.errors import InputError
from accelsim.workload import Attention, Workload, load, save
from tests.workload.small import small

KEEP = "b0.attention.keep.npy"


@pytest.fixture
def saved(tmp_path):
    return save(small(), tmp_path / "small.yaml")


def replaced(saved, body):
    """The arrays with another member in the place of a mask."""
    file, out = saved.with_suffix(".npz"), io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, body if name == KEEP else old.read(name))
    file.write_bytes(out.getvalue())


def test_no_more_is_inflated_than_the_layers_need(saved):
    replaced(saved, bytes(1 << 24))
    with pytest.raises(InputError, match=r"small.npz: the array 'b0.attention.keep' has 16,777,216 bytes, but 12 are"):
        load(saved)


def test_a_header_that_announces_more_than_follows_is_refused(saved):
    body = io.BytesIO()
    np.lib.format.write_array_header_1_0(body, {"descr": "|u1", "fortran_order": False, "shape": (1 << 50,)})
    replaced(saved, body.getvalue())
    with pytest.raises(InputError, match=r"small.npz: the arrays cannot be read, .* are announced"):
        load(saved)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("name: small", 'name: "../../x"', r"small.yaml:3: name is '\.\./\.\./x' but must be a plain name"),
        ("name: small", 'name: "a\\nb"', r"small.yaml:3: name is .* but must be a plain name"),
        ("batch: 2", "batch: 1000000000000000000", r":6: batch is 1000000000000000000 but must be at most 4096"),
        ("batch: 2", "batch: " + "9" * 400, r":6: batch is '9+\.\.\.9+' but must be"),
        ("batch: 2", "batch: 1_0", r":6: batch is '1_0' but must be a whole number"),
        ("batch: 2", "batch: ٢", r":6: batch is '٢' but must be a whole number"),
        ("batch: 2", "batch: 0x2", r":6: batch is '0x2' but must be a whole number"),
        ("  seed: 0", "  seed: .inf", r":\d+: '\.inf' cannot be counted with"),
        ("  seed: 0", "  seed: 2024-99-99", None),
        ("tokens: 2, features: 15", "tokens: 3000000000, features: 15", r"tokens is 3000000000 but must be at most"),
    ],
)
def test_values_that_cannot_be_are_refused_with_file_and_line(saved, old, new, sentence):
    text = saved.read_text(encoding="utf-8")
    assert old in text
    saved.write_text(text.replace(old, new, 1), encoding="utf-8")
    if sentence is None:
        assert load(saved).provenance["seed"] == "2024-99-99"
        return
    with pytest.raises(InputError, match=sentence) as caught:
        load(saved)
    assert len(str(caught.value)) < 500


def test_a_layer_says_what_it_would_need():
    with pytest.raises(InputError, match=r"attention layer 'a': .* 10,000,000,000 scores would need 9,536 MiB"):
        Attention("a", "b", heads=1, q_tokens=100_000, kv_tokens=100_000, qk_dim=8, v_dim=8)


def test_work_that_cannot_be_counted_is_refused():
    size = 1_500_000_000
    layer = Attention("a", "b", heads=1, q_tokens=4096, kv_tokens=4096, qk_dim=size, v_dim=size)
    with pytest.raises(InputError, match="multiply-accumulates, but at most"):
        Workload("w", "m", (layer,), batch=4096)


def test_arrays_are_found_through_a_link_and_saved_where_it_points(saved, tmp_path):
    link = tmp_path / "job" / "input.yaml"
    link.parent.mkdir()
    link.symlink_to("../small.yaml")
    assert load(link).hash == load(saved).hash
    other = save(small(seed=1), link)
    assert other == link and link.is_symlink() and os.listdir(link.parent) == ["input.yaml"]
    assert load(saved).hash == small(seed=1).hash


@settings(max_examples=60)
@given(st.binary(max_size=200), st.integers(0, 2000), st.sampled_from([".yaml", ".npz"]))
def test_any_bytes_are_a_workload_or_one_sentence(tmp_path_factory, data, at, suffix):
    path = save(small(), tmp_path_factory.mktemp("any") / "small.yaml")
    file = path.with_suffix(suffix)
    body = file.read_bytes()
    file.write_bytes(body[:at] + data + body[at + len(data) :])
    try:
        load(path)
    except InputError as error:
        assert "\n" not in str(error) and len(str(error)) < 2500
