"""What `map` and `estimate` print and write: cuts in words, the same whenever it is asked."""

import re

import pytest
import yaml

from accelsim.accelerators import machine, shipped

ADDRESS = " object at 0x"
MAPPERS = [name for name in shipped() if machine(name).maps]
WORKLOAD = "fmnist_vit_s90"


@pytest.mark.parametrize("name", MAPPERS)
def test_no_cut_is_printed_as_an_object(call, name, tmp_path):
    """Neither in a table nor in a file, chosen or pinned."""
    path = tmp_path / "cuts.yaml"
    printed = []
    for command in ("map", "estimate"):
        for more in ((), ("--json",), ("--every",) if command == "map" else ("--layers",)):
            printed.append(call(command, name, WORKLOAD, *more))
    printed.append(call("map", name, WORKLOAD, "-o", path))
    if name == "vitcod":  # the others' cuts cannot be pinned
        printed.append(call("map", name, WORKLOAD, "--mapping", path))
        assert "(pinned)" in printed[-1].stdout
    for done in printed:
        assert done.exit_code == 0 and done.stdout, done.stderr
        assert ADDRESS not in done.stdout
    assert ADDRESS not in path.read_text()


def test_an_attention_layers_cut_says_what_its_passes_are_like(call, tmp_path):
    path = tmp_path / "cuts.yaml"
    table = call("map", "vitcod", WORKLOAD, "--every", "-o", path).stdout
    cuts = yaml.safe_load(path.read_text())["layers"]
    seen = 0
    for layer, parts in cuts.items():
        if "passes" not in parts:
            continue
        cut = parts["passes"]
        rows, heads = (set(each) for each in zip(*((p["rows"], len(p["heads"])) for p in cut["passes"])))
        said = " ".join(
            f"{name}={min(n)}" if len(n) == 1 else f"{name}={min(n)}..{max(n)}"
            for name, n in (("heads", heads), ("rows", rows))
        )
        (line,) = (line for line in table.splitlines() if line.strip().startswith(f"{layer} "))
        found = re.search(r"passes=(\d+) x \((heads=\S+) row0=\S+ (rows=\S+) .*\) halves=(\w+) stays=(\w+)", line)
        assert found and int(found[1]) == len(cut["passes"]) and f"{found[2]} {found[3]}" == said
        assert (found[4], found[5]) == (str(cut["halves"]).lower(), str(cut["stays"]).lower())
        seen += 1
    assert seen


def test_other_cuts_are_explained_where_there_are_any(call):
    assert "or: the next best cuts" in call("map", "vitcod", WORKLOAD).stdout
    assert "or:" not in call("map", "systolic", WORKLOAD).stdout


def test_layers_that_take_different_time_stand_apart(call):
    """Attention of the same shape, cut the same way, has masks of its own."""
    rows = call("map", "vitcod", WORKLOAD).stdout.splitlines()
    every = call("map", "vitcod", WORKLOAD, "--every").stdout.splitlines()
    cycles = {row.split()[2] for row in every if ".attn " in row}
    assert {row.split()[2] for row in rows if ".attn " in row} == cycles and len(cycles) > 1
