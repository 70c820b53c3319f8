"""A line for every mistake in a configuration, all of them at once; nothing but InputError for any input."""

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.config import Part, load_arch
from accelsim.core import Component, InputError, Param

from .machine import Engine, Pipe, problems, schemas, toy


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file(write):
    path = write("""\
machine: toy
clock: {core: 1 GHz}
clocks: {core: 500, drum: 1 GHz, dram: [1, 2]}
options: {heads: sereal, auto_encoder: maybe, deep: 2, depth: 0}
engine: {lines: 3}
heads: serial
parts:
  engine: {line: 3, lines: 4097, macs: many, drain: -1, operand_bits: 33, lines: 5}
  dram: {model: pype, banks: 3}
  buffer: {model: Pipe, capacity_bytes: 53 Kib, width: 76.8 GB/s, latency: }
  bufer: {}
  dma: 3
energy: {tabel: x, table: 3, override: 4}
name: [a]
""")
    assert problems(path, "engine.line=3", "depth=", "lines=3", "sereal=1", "engine=3", "engine", "clocks.core.x=1",
                    "machine=x", "denser.lines=3", "engine.lines.x=3", "=3") == [
        "x.yaml:2: there is no section 'clock' (did you mean 'clocks'?)",
        "x.yaml:3: clocks.core: a frequency needs a unit, such as '500 MHz', not '500'",
        "x.yaml:3: clocks.drum: there is no clock 'drum' (did you mean 'dram'?)",
        "x.yaml:3: clocks.dram: expected a single value, not a list or mapping",
        "x.yaml:4: options.heads: expected one of parallel, serial, not 'sereal' (how heads share the lines)"
        " (did you mean 'serial'?)",
        "x.yaml:4: options.auto_encoder: expected one of false, true, not 'maybe' (whether Q and K are compressed)",
        "x.yaml:4: options.deep: there is no option 'deep' (did you mean 'depth'?)",
        "x.yaml:4: options.depth: must be >= 1 count, not 0 (items a channel holds)",
        "x.yaml:5: there is no section 'engine'; it belongs under 'parts:'",
        "x.yaml:6: there is no section 'heads'; it belongs under 'options:'",
        "x.yaml:8: 'lines' is given twice (first on line 8); remove one",
        "x.yaml:8: engine.line: no such parameter (did you mean 'lines'?)",
        "x.yaml:8: engine.lines: must be >= 1 and <= 4096 count, not 4097 (MAC lines)",
        "x.yaml:8: engine.macs: expected a number such as 64, 76.8 or 4000/3, with or without a unit, not 'many'",
        "x.yaml:8: engine.drain: must be >= 0 cycles, not -1 (from the last operand to the last result)",
        "x.yaml:8: engine.operand_bits: must be >= 1 and <= 32 bits, not 33 (width of an operand)",
        "x.yaml:9: dram.model: expected one of pipe, banked, not 'pype' (did you mean 'pipe'?)",
        "x.yaml:9: dram.banks: the model 'pipe' has no such parameter, but 'banked' has",
        "x.yaml:10: buffer.model: there is only one model of this part; leave it out",
        "x.yaml:10: buffer.capacity_bytes: expected a number of bytes such as 54272 or '53 KiB', not '53 Kib': "
        "there is no unit 'Kib' for it (did you mean 'KiB'?)",
        "x.yaml:10: buffer.width: '76.8 GB/s' is 153.6 bytes/cycle of clock core (500 MHz), but only a whole number "
        "can be built; write 153 or 154",
        "x.yaml:10: buffer.latency: a value is missing",
        "x.yaml:11: bufer: there is no part 'bufer' (did you mean 'buffer'?)",
        "x.yaml:12: dma: there is no part 'dma'",
        "x.yaml:13: energy.tabel: there is no such entry (did you mean 'table'?)",
        "x.yaml:13: energy.table: expected a table's name or file, not 3",
        "x.yaml:13: energy.override: expected a mapping from actions to prices, not 4",
        "x.yaml:14: name must be a name",
        "--set lines=3: there is no option 'lines' (did you mean 'engine.lines'?)",
        "--set sereal=1: there is no option 'sereal'",
        "--set engine=3: engine is a part; name one of its parameters, such as engine.lines",
        "--set engine: an override has the form NAME=VALUE, such as engine.lines=32",
        "--set machine=x: machine can only be said in the file",
        "--set =3: an override has the form NAME=VALUE, such as engine.lines=32",
        "--set clocks.core.x=1: clocks.core.x: expected a single value, not a list or mapping",
        "--set depth=: options.depth: a value is missing",
        "--set engine.line=3: engine.line: no such parameter (did you mean 'lines'?)",
        "--set denser.lines=3: denser.lines: there is no part 'denser'",
        "--set engine.lines.x=3: engine.lines.x: expected a single value, not a list or mapping",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ["x.yaml:1: a machine is described by a mapping that says at least 'machine: NAME'"]),
        ("# nothing\n", ["x.yaml:1: a machine is described by a mapping that says at least 'machine: NAME'"]),
        ("- toy\n", ["x.yaml:1: a machine is described by a mapping that says at least 'machine: NAME'"]),
        ("machin: toy\n",
         ["x.yaml:1: 'machine' is missing; say which machine this configures (did you mean 'machin'?)"]),
        ("\nmachine: [toy]\n", ["x.yaml:2: machine must be a name, such as 'machine: vitcod'"]),
        ("machine:\n", ["x.yaml:1: machine must be a name, such as 'machine: vitcod'"]),
        ("machine: tay\n", ["x.yaml:1: machine: there is no machine 'tay'; there is toy (did you mean 'toy'?)"]),
        ("machine: toy\nparts: {engine: 3}\n",
         ["x.yaml:2: engine must be a mapping, as in 'engine: {PARAMETER: VALUE}'"]),
        ("machine: toy\nparts: 3\n", ["x.yaml:2: parts must be a mapping, such as 'parts: {NAME: VALUE}'"]),
        ("machine: toy\nclocks: [1]\n", ["x.yaml:2: clocks must be a mapping, such as 'clocks: {NAME: VALUE}'"]),
        ("machine: toy\nenergy: x\n", ["x.yaml:2: energy must be a mapping with 'table' and 'override'"]),
        ("machine: toy\nmachine: toy\n", ["x.yaml:2: 'machine' is given twice (first on line 1); remove one"]),
        ("machine: toy\nparts:\n  dram: {model: [pipe]}\n",
         ["x.yaml:3: dram.model: expected one of pipe, banked, not a nested value"]),
        ("machine: toy\noptions: {auto_encoder: yes}\n",
         ["x.yaml:2: options.auto_encoder: expected one of false, true, not 'yes' (whether Q and K are compressed)"]),
        ("machine: toy\nparts: {engine: {lines: 010}}\n",
         ["x.yaml:2: engine.lines: expected a number such as 64, 76.8 or 4000/3, with or without a unit, not '010'"]),
        ("machine: toy\nclocks: {dram: 1333333333 Hz}\n",
         ["x.yaml: clocks: core 500 MHz, dram 1333.333333 MHz have no common time base short enough to count long runs"
          " in; write rounder frequencies, or the ratio that is meant, such as '4000/3 MHz'"]),
        ("machine: toy\noptions: {heads: parallel}\nparts: {engine: {lines: 3}}\n",
         ["x.yaml: heads: parallel needs at least 4 lines, but engine.lines is 3"]),
    ],
)  # fmt: skip
def test_one_mistake(write, text, lines):
    assert problems(write(text)) == lines


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("machine: toy\n  x: 3\n", "x.yaml:2: not valid YAML: "),
        ("machine: {toy\n", "x.yaml:2: not valid YAML: "),
        ("machine: toy\n\tx: 3\n", "x.yaml:2: not valid YAML: "),
        ("machine: \x00\n", "x.yaml: not valid YAML: "),
        ("a: &x 3\nb: *x\n", "x.yaml:1: anchors and aliases (& and *) are not supported; write the values out"),
        (
            "a: !!python/name:os.system x\n",
            "x.yaml:1: the tag tag:yaml.org,2002:python/name:os.system is not supported; write a plain value",
        ),
        ("a: !x 3\n", "x.yaml:1: the tag !x is not supported; write a plain value"),
        ("a: 1\n---\nb: 2\n", "x.yaml:2: a second YAML document begins here; remove it"),
        ("? [a]\n: b\n", "x.yaml:1: a key must be a plain word"),
        ("a: " + "[" * 5000, "x.yaml:1: nested more than 12 levels deep, which no such file needs"),
    ],
)
def test_files_that_are_no_plain_yaml(write, text, start):
    (line,) = problems(write(text))
    assert line.startswith(start)


def test_files_that_cannot_be_read(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(b"machine: \xff\n")
    assert problems(path)[0].startswith("x.yaml:1: cannot be read: it is not UTF-8 text")
    with pytest.raises(InputError, match="there is no such file and no machine configuration of this name"):
        load_arch(tmp_path / "none.yaml", schemas)


def test_a_default_that_does_not_come_out_whole_at_this_clock(write):
    parts = {"dram": Part("The memory.", "dram", Engine, {"drain": "3 ns", "macs": 4})}
    machine = toy(parts=parts | {"engine": Part("", "core", Engine)})
    assert load_arch(write("machine: toy\n"), lambda _: machine).parts["dram"]["drain"] == 4
    machine = toy(parts={"engine": Part("", "core", Engine), "dram": Part("", "dram", Pipe, {"width": "76.8 GB/s"})})
    assert problems(write("machine: toy\nclocks: {dram: 1 GHz}\n"), known=lambda _: machine) == [
        "x.yaml: dram.width: '76.8 GB/s' is 76.8 bytes/cycle of clock dram (1 GHz), but only a whole number can be "
        "built; write 76 or 77 (this is the default; give a value)"
    ]


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (
            {"options": Part("", "core", Engine)},
            "toy: a part cannot be called 'options', which is a section of the file",
        ),
        ({"a": Part("", "cor", Engine)}, "toy.a: there is no clock 'cor', only core, dram"),
        (
            {"a": Part("", "core", Engine, {"line": 3})},
            "toy.a: a default is given for 'line', which is no parameter of it",
        ),
    ],
)
def test_a_schema_is_checked_when_it_is_declared(parts, sentence):
    with pytest.raises(TypeError) as error:
        toy(parts=parts)
    assert str(error.value) == sentence


def test_a_parameter_cannot_be_called_model():
    class Odd(Component):
        """Odd."""

        model = Param(1, "count", "a clash")

    with pytest.raises(TypeError, match="toy.a: a parameter cannot be called 'model', which names the component"):
        toy(parts={"a": Part("", "core", Odd)})


class Reader(Component):
    """Reads a memory of banks."""

    lines = Param(1, "count", "lines that read", high=8)
    banks = Param(1, "count", "banks it reads")
    port_bytes = Param(1, "bytes/cycle", "width of a bank's port")


def test_a_value_that_another_parameter_decides_is_refused_by_that_parameters_name(write):
    parts = {
        "engine": Part("The array.", "core", Engine),
        "reader": Part("Reads.", "core", Reader, derived={"lines": "engine", "banks": "engine.macs"}),
    }
    machine = toy(parts=parts, rules=())
    assert problems(write("machine: toy"), "engine.lines=16", known=lambda _: machine) == [
        "x.yaml: reader.lines: must be >= 1 and <= 8 count, not 16 (lines that read); it is what engine.lines says"
    ]
    assert problems(write("machine: toy"), "engine.lines=4", "engine.macs=65537", known=lambda _: machine) == [
        "--set engine.macs=65537: engine.macs: must be >= 1 and <= 65536 count, not 65537 (MACs of one line)"
    ]


def test_all_ports_of_a_memory_together_have_an_upper_bound(write):
    machine = toy(parts={"reader": Part("Reads.", "core", Reader)}, rules=())
    load_arch(write("machine: toy"), lambda _: machine, ["reader.banks=4", "reader.port_bytes=4194304"])
    assert problems(write("machine: toy"), "reader.banks=4", "reader.port_bytes=4194305", known=lambda _: machine) == [
        "x.yaml: reader.banks x reader.port_bytes is 16777220; make it at most 16777216 bytes a cycle"
    ]


WORDS = st.sampled_from(["machine", "toy", "parts", "engine", "lines", "3", "60 ns", "model", "pipe", "dram", "clocks"])
TREES = st.recursive(
    WORDS | st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150)
@given(st.dictionaries(WORDS, TREES, max_size=5), st.lists(st.text(max_size=12), max_size=2))
def test_any_tree_is_an_arch_or_a_full_list_of_mistakes(tmp_path_factory, tree, overrides):
    path = tmp_path_factory.getbasetemp() / "tree.yaml"
    path.write_text(yaml.safe_dump({"machine": "toy"} | tree, allow_unicode=True), encoding="utf-8")
    try:
        arch = load_arch(path, schemas, overrides)
    except InputError as error:
        assert str(error)
    else:
        assert json.loads(json.dumps(arch.as_dict())) == arch.as_dict()


@settings(max_examples=100)
@given(st.text(max_size=30))
def test_any_text_is_an_arch_or_a_mistake(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "text.yaml"
    path.write_bytes(text.encode("utf-8", "replace"))
    try:
        assert isinstance(load_arch(path, schemas).as_dict(), dict)
    except InputError as error:
        assert str(path) in str(error)
