"""Configuration files and overrides: resolved values, and a line for every mistake."""

import json
import pickle
from fractions import Fraction

import pytest
import yaml

from accelsim.config import load_arch
from accelsim.core import InputError, Param

from .machine import problems, schemas, toy

GOOD = """\
machine: toy
clocks: {core: 1 GHz, dram: 4000/3 MHz}
options: {heads: serial, auto_encoder: false}
parts:
  engine: {lines: 16, operand_bits: 8 bits, order: columns}
  dram:
    model: pipe
    latency: 60 ns
  buffer: {capacity_bytes: 20 KiB, width: 76 GB/s}
energy:
  table: generic_28nm
  override:
    mac: {pj: 0.25, um2: 300, source: measured, exact: false, kept: true, note: "12"}
"""


def test_everything_given_is_resolved(write):
    path = write(GOOD)
    arch = load_arch(path, schemas)
    assert (arch.name, arch.machine, arch.source) == ("x", "toy", str(path))
    assert arch.clocks == {"core": Fraction(10**9), "dram": Fraction(4 * 10**9, 3)}
    assert arch.options == {"heads": "serial", "auto_encoder": "false", "depth": 2}
    assert arch.parts == {
        "engine": {"lines": 16, "macs": 8, "operand_bits": 8, "order": "columns", "drain": 0},
        "dram": {"latency": 80, "width": 64, "capacity_bytes": 1024},
        "buffer": {"latency": 30, "width": 76, "capacity_bytes": 20480},
    }
    assert arch.models == {"dram": "pipe"}
    mac = {"pj": 0.25, "um2": 300, "source": "measured", "exact": False, "kept": True, "note": "12"}
    assert arch.energy == {"table": "generic_28nm", "override": {"mac": mac}}


def test_what_is_absent_has_its_default(write):
    arch = load_arch(write("machine: toy\nparts:\n  engine:\noptions:\n"), schemas)
    assert arch.clocks == {"core": 5 * 10**8, "dram": 12 * 10**8}
    assert arch.options == {"heads": "parallel", "auto_encoder": "true", "depth": 2}
    assert arch.parts["engine"]["lines"] == 32  # the machine's default, not the component's 64
    assert arch.parts["dram"]["latency"] == 72  # 60 ns of its own clock
    assert arch.parts["buffer"]["capacity_bytes"] == 53 * 1024
    assert arch.energy == {}


def test_a_default_in_seconds_follows_the_clock(write):
    assert load_arch(write("machine: toy\nclocks: {dram: 1 GHz}\n"), schemas).parts["dram"]["latency"] == 60


def test_components_are_created_from_an_arch(write):
    arch = load_arch(write(GOOD), schemas)
    engine = toy().create(arch, "engine", program=None)
    assert (engine.name, engine.clock, engine.parameters()) == ("engine", "core", arch.parts["engine"])
    memory = toy().create(arch, "dram", "far")
    assert (memory.name, memory.clock, memory.parameters()) == ("far", "dram", arch.parts["dram"])
    other = load_arch(write(GOOD), schemas, ["dram.model=banked", "dram.banks=3"])
    assert toy().create(other, "dram").parameters() == {"banks": 3, "capacity_bytes": 2048}
    with pytest.raises(InputError, match=r"toy has no part 'engin' \(did you mean 'engine'\?\)"):
        toy().create(arch, "engin")


def test_what_is_stored_gives_the_same_arch(write):
    arch = load_arch(write(GOOD), schemas, ["dram.model=banked", "dram.banks=4"])
    stored = json.loads(json.dumps(arch.as_dict()))
    again = load_arch(write(yaml.safe_dump(stored), "again.yaml"), schemas)
    assert again.as_dict() == arch.as_dict()
    assert again.name == "x"
    assert again.hash == arch.hash
    assert pickle.loads(pickle.dumps(arch)) == arch


def test_the_hash_is_of_what_decides_a_result(write):
    path = write("machine: toy\nname: a\n")
    same = load_arch(write("machine: toy\nparts: {engine: {lines: 32}}\n", "y.yaml"), schemas)
    assert load_arch(path, schemas).hash == same.hash
    changes = ["engine.lines=31", "heads=serial", "clocks.core=1 GHz", "dram.model=banked", "energy.table=t"]
    assert len({load_arch(path, schemas, [c]).hash for c in changes} | {same.hash}) == 6


@pytest.mark.parametrize("text", ["true", "True", "TRUE", '"true"'])
def test_a_switch_takes_yaml_booleans(write, text):
    assert (
        load_arch(write(f"machine: toy\noptions: {{auto_encoder: {text}}}\n"), schemas).options["auto_encoder"]
        == "true"
    )


@pytest.mark.parametrize("choices", [(False, True), ("false", "true")])
def test_a_switch_may_be_declared_either_way(write, choices):
    machine = toy(options={"on": Param(choices[1], "choice", "a switch", choices=choices)}, rules=())
    arch = load_arch(write("machine: toy\noptions: {on: false}\n"), lambda _: machine)
    assert arch.options["on"] is choices[0]
    stored = write(yaml.safe_dump(arch.as_dict()), "y.yaml")
    assert load_arch(stored, lambda _: machine).options["on"] is choices[0]


def test_a_choice_may_be_a_number(write):
    machine = toy(options={"ways": Param(2, "choice", "ways", choices=(1, 2, 4))}, rules=())
    assert load_arch(write("machine: toy\noptions: {ways: 4}\n"), lambda _: machine).options["ways"] == 4


def test_overrides_win_and_the_later_one_wins(write):
    arch = load_arch(
        write(GOOD),
        schemas,
        ["engine.lines=8", "engine.lines=9", "heads=parallel", "options.depth=3", "clocks.core=500 MHz",
         "parts.buffer.width=32 GB/s", "energy.override.mac.pj=0.5", "energy.table=other", "auto_encoder=True"],
    )  # fmt: skip
    assert arch.parts["engine"]["lines"] == 9
    assert arch.options == {"heads": "parallel", "auto_encoder": "true", "depth": 3}
    assert arch.clocks["core"] == 5 * 10**8
    assert arch.parts["buffer"]["width"] == 64  # of the overridden clock
    assert arch.energy["table"] == "other"
    assert arch.energy["override"]["mac"]["pj"] == 0.5
    assert arch.energy["override"]["mac"]["um2"] == 300


def test_choosing_another_model_leaves_the_file_s_values_of_the_first_behind(write):
    arch = load_arch(write(GOOD), schemas, ["dram.model=banked"])
    assert arch.models == {"dram": "banked"}
    assert arch.parts["dram"] == {"banks": 16, "capacity_bytes": 2048}
    assert problems(write(GOOD), "dram.model=banked", "dram.latency=3") == [
        "--set dram.latency=3: dram.latency: the model 'banked' has no such parameter, but 'pipe' has"
    ]
