"""Sweep files: what they say, and every mistake at once."""

from pathlib import Path

import pytest

from accelsim.config import shipped
from accelsim.core.errors import InputError
from accelsim.sweep.plan import Subject, Work, find, read
from accelsim.sweep.points import expand


def test_everything_a_file_can_say(tmp_path):
    path = tmp_path / "all.yaml"
    path.write_text(
        "sweep: mine\n"
        "machines: [vitcod, {machine: big.yaml, set: {heads: serial}, axes: {engine.macs: [4]}}]\n"
        "workloads: [deit_tiny_s90, {workload: deit_tiny_s60, only: attention}]\n"
        "axes: {engine.lines: {from: 1, to: 9}}\n"
        "method: random\npoints: 7\nseed: 0\n"
        "constraints: [lines > 3]\nobjectives: [cycles]\n"
    )
    plan = read(path)
    assert (plan.name, plan.method, plan.points, plan.seed) == ("mine", "random", 7, 0)
    assert plan.machines[0] == Subject("vitcod")
    assert (plan.machines[1].overrides, plan.machines[1].axes[0].name) == (("heads=serial",), "engine.macs")
    assert plan.workloads == (Work("deit_tiny_s90"), Work("deit_tiny_s60", "attention"))
    assert plan.constraints == (("lines > 3", f"{path}:8"),)
    assert plan.objectives == ("cycles",)


def test_every_mistake_has_its_line(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(
        "workloads: [{workload: x, olny: attention}]\n"
        "method: grit\n"
        "axis: {}\n"
        "axes:\n"
        "  engine.lines: {from: 1, to: 8}\n"
        "  engine.macs: [4, 4]\n"
        "seed: x\n"
        "points: 3\n"
    )
    with pytest.raises(InputError) as error:
        read(path)
    entries = "sweep, machines, workloads, axes, method, points, seed, constraints, objectives"
    assert str(error.value).splitlines() == [
        f"{path}:1: 'machines' is missing; a sweep says which machines it runs, as in 'machines: [NAME]'",
        f"{path}:1: a workload has no entry 'olny' (did you mean 'only'?); it has workload, only",
        f"{path}:2: method: expected one of grid, zip, random, latin_hypercube, not 'grit' (did you mean 'grid'?)",
        f"{path}:2: method grid has no 'points'",
        f"{path}:3: there is no entry 'axis' in a sweep (did you mean 'axes'?); it has {entries}",
        f"{path}:6: engine.macs has the value '4' twice; remove one",
        f"{path}:7: the sweep: seed: expected a number such as 64, 76.8 or 4000/3, with or without a unit, not 'x'",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "axes: {engine.lines: {from: 1, to: 8}}",
            "engine.lines is an open range, which a grid cannot walk; add step, factor or steps to it",
        ),
        (
            "method: zip\naxes: {a: [1, 2], b: [1]}",
            "axes that are zipped must have the same number of values, not a 2, b 1",
        ),
        ("method: random", "method random needs 'points: N', how many designs are drawn"),
        ("axes: [1]", "axes must be a mapping, as in 'axes: {engine.lines: [32, 64]}'"),
    ],
)
def test_methods_and_axes_fit_together(plan_file, text, sentence):
    with pytest.raises(InputError) as error:
        read(plan_file(text))
    assert str(error.value).endswith(sentence)


def test_shipped_sweeps_are_found_by_name_and_can_be_expanded():
    names = {path.stem for path in (shipped.folder("arch_configs") / "sweeps").glob("*.yaml")}
    assert "quick" in names
    for name in names:
        assert len(expand(read(name))) > 0
    with pytest.raises(InputError, match=r"'quik': there is no such file and no sweep .* \(did you mean 'quick'\?\)"):
        find("quik")


def test_the_example_of_the_documentation(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "sweeps.md").read_text()
    path = tmp_path / "example.yaml"
    path.write_text(text.split("```yaml\n")[1].split("```")[0].replace("mine.yaml", "vitcod"))
    points = expand(read(path))
    designs = [len(settings) for _, settings in points.designs]
    assert designs[1] == 2 * designs[0]  # the second machine has two values of its own axis
    assert len(points) == 2 * sum(designs)
