"""What the axes model, sparsity, seed and batch make of the workloads of a sweep."""

import pytest

from accelsim.accelerators import machine
from accelsim.codesign import synthetic
from accelsim.core.errors import InputError
from accelsim.sweep import workloads
from accelsim.sweep.plan import Work, read
from accelsim.sweep.points import expand
from accelsim.sweep.workloads import parted, varied, workload_file


def test_a_shipped_synthetic_workload_is_what_its_recipe_makes(tmp_path, monkeypatch):
    monkeypatch.setenv("ACCELSIM_CACHE", str(tmp_path))
    file = workload_file(Work("deit_tiny_s90"))
    same = varied(file, (("sparsity", "0.9"), ("seed", "1")))
    assert (same.hash, same.name, same.made) == (file.hash, "deit_tiny_s90", True)
    other = varied(file, (("seed", "2"), ("batch", "3")))
    assert other.hash != file.hash and other.load().batch == 3
    workloads.made.cache_clear()
    workloads._loaded.cache_clear()
    monkeypatch.setattr(synthetic, "synthesize", lambda *_: pytest.fail("its masks are kept"))
    assert other.load().hash == other.hash
    assert list(other.load().masks) == list(file.load().masks), "in the order of the layers"


def test_points_differ_in_their_workloads_and_constraints_may_name_them(tmp_path):
    path = tmp_path / "design.yaml"
    path.write_text(
        "machines: [vitcod]\nworkloads: [{workload: deit_tiny_s90, only: attention}]\n"
        "axes: {engine.lines: [32, 64], batch: [1, 2, 4]}\nconstraints: [batch * lines <= 128]\n"
    )
    points = list(expand(read(path)))
    settings = [tuple(text for _, text in point.settings) for point in points]
    assert settings == [("32", "1"), ("32", "2"), ("32", "4"), ("64", "1"), ("64", "2")]
    assert len({point.key for point in points}) == 5
    assert {point.workload.name for point in points} == {"deit_tiny_s90.attention"}
    assert [point.workload.load().batch for point in points] == [1, 2, 4, 1, 2]


def test_what_cannot_be_varied_fails_its_points_in_a_sentence(plan_file):
    failed = next(iter(expand(read(plan_file("axes: {sparsity: [0.9], batch: [1]}")))))
    assert failed.arch is None
    assert "sparsity cannot be varied, since its masks are not synthetic" in failed.error
    file = workload_file(Work("deit_tiny_s90"))
    for name, text, rule in (
        ("batch", "0", "batch is '0' but must be a whole number of at least 1"),
        ("batch", "5000", "batch is 5000 but must be at most 4096"),
        ("seed", "1.5", "seed is '1.5' but must be a whole number of at least 0"),
        ("sparsity", "1", "sparsity is '1' but must be at least 0 and below 1"),
        ("model", "deit_tony", r"'deit_tony' is no known model.*did you mean 'deit_tiny'"),
    ):
        with pytest.raises(InputError, match=rule):
            varied(file, ((name, text),))


def test_a_sweep_over_models_needs_no_workloads_and_a_machine_s_own_option_is_its_own(tmp_path):
    path = tmp_path / "design.yaml"
    path.write_text("machines: [vitcod]\naxes: {model: [levit_128]}\n")
    (point,) = expand(read(path))
    assert point.workload.name == "levit_128_s90"
    path.write_text("machines: [vitcod]\naxes: {seed: [1]}\n")
    with pytest.raises(InputError, match="'workloads' is missing"):
        read(path)
    settings = (("batch", "2"), ("engine.lines", "4"))
    assert parted(settings, machine("vitcod").schema.options) == (settings[1:], settings[:1])
    assert parted(settings, {"batch": None}) == (settings, ())
