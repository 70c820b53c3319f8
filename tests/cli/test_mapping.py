"""What `map` and `estimate` print and write: cuts in words, the same whenever it is asked."""

import re
from io import StringIO

import pytest
import yaml
from rich.console import Console

from accelsim.accelerators import machine, schema, shipped
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.report.mappings import cuts
from accelsim.workload import load

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
    written = yaml.safe_load(path.read_text())["layers"]
    seen = 0
    for layer, parts in written.items():
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


@pytest.mark.parametrize("name, workload", [("vitcod", "levit_128_s90"), ("systolic", "deit_tiny_s90")])
def test_a_cut_stands_beside_its_cycles_at_100_columns(name, workload):
    """Folded, for what is longer than the room that is left."""
    found = machine(name).mapping(load_arch(name, schema), load(find("workloads", workload)))
    console = Console(width=100, file=StringIO())
    console.print(cuts(found, False))
    lines = console.file.getvalue().splitlines()
    heads = [line.split() for line in lines if line.split()[:1] == ["layer"]]
    assert heads == [["layer", "times", "cycles", "DRAM", "binds", "cut"]] and max(map(len, lines)) <= 100
