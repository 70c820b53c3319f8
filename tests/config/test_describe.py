"""A machine described: every value, what it would be by default, and what each block declares."""

import pytest

from accelsim.config import load_arch
from accelsim.config.describe import CounterRow, ParamRow, PortRow, describe
from accelsim.core import Param

from .machine import schemas, toy


@pytest.fixture
def described(tmp_path):
    def of(*overrides, machine=None):
        path = tmp_path / "mine.yaml"
        path.write_text("machine: toy\n")
        schema = machine or toy()
        return describe(schema, load_arch(path, lambda _: schema, overrides))

    return of


def test_clocks_and_options(described):
    machine = described("clocks.core=1 GHz", "heads=serial")
    assert (machine.name, machine.machine, machine.title) == ("mine", "toy", "A machine to test with.")
    assert machine.clocks == (
        ParamRow("core", "1 GHz", "500 MHz", "frequency", "the clock of engine, buffer", True),
        ParamRow("dram", "1.2 GHz", "1200 MHz", "frequency", "the clock of dram", False),
    )
    assert machine.options[0] == ParamRow(
        "heads", "serial", "parallel", "choice", "how heads share the lines: parallel, serial", True
    )
    assert [row.changed for row in machine.options[1:]] == [False, False]


def test_a_part_shows_its_declarations(described):
    engine = described("engine.order=columns").parts[0]
    assert (engine.name, engine.role, engine.clock) == ("engine", "The array.", "core")
    assert (engine.component, engine.sentence) == ("Engine", "Multiplies, one line a column.")
    assert engine.models == ()
    assert engine.params == (
        ParamRow("lines", "32", "32", "count", "MAC lines", False),
        ParamRow("macs", "8", "8", "count", "MACs of one line", False),
        ParamRow("operand_bits", "8", "8", "bits", "width of an operand", False),
        ParamRow("order", "columns", "rows", "choice", "the order of work: rows, columns", True),
        ParamRow("drain", "0", "0", "cycles", "from the last operand to the last result", False),
    )
    assert engine.ports == (
        PortRow("work", "in", ("number",), "what to do"),
        PortRow("done", "out", ("number",), "what was done"),
    )
    assert engine.counters == (CounterRow("mac_ops", "count", "multiplications and additions"),)


def test_defaults_with_units_are_compared_as_values(described):
    _, memory, buffer = described("dram.latency=72", "buffer.capacity_bytes=54273").parts
    latency = memory.params[0]
    assert (latency.value, latency.default, latency.changed) == ("72", "60 ns", False)
    assert described("dram.latency=73").parts[1].params[0].changed
    capacity = buffer.params[2]
    assert (capacity.value, capacity.default, capacity.changed) == ("54273", "53 KiB", True)
    assert described().parts[2].params[2].value == "54272 (53 KiB)"


def test_the_chosen_model_is_described(described):
    memory = described("dram.model=banked").parts[1]
    assert (memory.model, memory.models, memory.component) == ("banked", ("pipe", "banked"), "Banked")
    assert [row.name for row in memory.params] == ["banks", "capacity_bytes"]


def test_a_switch_is_written_as_in_yaml(described):
    machine = toy(options={"on": Param(False, "choice", "a switch", choices=(False, True))}, rules=())
    row = described("on=true", machine=machine).options[0]
    assert (row.value, row.default, row.changed) == ("true", "false", True)
    assert schemas("toy").options["heads"].name == "heads"
