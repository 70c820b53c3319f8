"""Run with `pytest`: the machine keeps the contract, and its unit its closed form."""

from pathlib import Path

import numpy as np
import pytest

from accelsim.accelerators import schema
from accelsim.accelerators.contract import check_contract, failed
from accelsim.accelerators.plugins import name_plugin
from accelsim.config import load_arch
from accelsim.core import BUSY, IDLE, Component, In, Mem, Out, Reg, Simulator, can_pop, can_push, pop, push, tick
from accelsim.isa.instructions import record
from accelsim.isa.tables import ELEMENTS, RELEASE

DotArray = name_plugin(Path(__file__).parent).machine.schema.parts["dot"].models
TILES = ((3, 5, 7, 1, 10), (1, 1, 1, 2, 20), (4, 16, 64, 3, 30))  # rows, columns, depth, passes, frees


class Source(Component):
    """Pushes the rows of a table as fast as they are taken."""

    table = Mem("what to push")
    item = Out("tiles", **DotArray.fields["command"].fields)
    sent = Reg("how many have left")

    @tick
    def tick(now, r, table, item):
        if r.sent == table.shape[0]:
            return IDLE
        if can_push(item):
            tile, row = push(item), table[r.sent]
            tile.rows, tile.columns, tile.depth = row.rows, row.columns, row.depth
            tile.passes, tile.frees = row.passes, row.frees
            r.sent += 1
        return BUSY


class Sink(Component):
    """Takes whatever comes."""

    outputs = In("tiles", **ELEMENTS)
    release = In("space", **RELEASE)

    @tick
    def tick(now, outputs, release):
        while can_pop(outputs):
            pop(outputs)
        while can_pop(release):
            pop(release)
        return IDLE


def test_the_machine_keeps_the_contract():
    rules = check_contract(load_arch(Path(__file__).with_name("my_machine.yaml"), schema), cases=2)
    assert [rule.broken for rule in failed(rules)] == []


@pytest.mark.parametrize("multipliers", [1, 8, 64])
def test_a_tile_takes_its_products_divided_by_the_multipliers(multipliers):
    table = np.array(list(TILES), record("rows", "columns", "depth", "passes", "frees")).view(np.recarray)
    sim = Simulator()
    source, dot, sink = Source("source", table=table), DotArray("dot", multipliers=multipliers), Sink("sink")
    for component in (source, dot, sink):
        sim.add(component)
    sim.connect(source, "item", dot, "command")
    for port in ("outputs", "release"):
        sim.connect(dot, port, sink, port, monitored=True)
    sim.run()
    result, at, expected = sim.result(), 1, []  # the first is pushed in cycle 0 and taken in 1
    for rows, columns, depth, passes, _ in TILES:
        at += -(-rows * columns * depth // multipliers)
        expected.append((at, rows * columns, passes))
    assert [tuple(map(int, item)) for item in result.transfers["dot.outputs -> sink.outputs"]] == expected
    freed = result.transfers["dot.release -> sink.release"]
    assert [(int(n), int(read)) for _, n, read in freed] == [(f, 2 * r * c * d) for r, c, d, _, f in TILES]
