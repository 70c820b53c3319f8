"""A piece that is written again says what it would if it were emitted again, wherever the program's chunks are full."""

import numpy as np
import pytest

from accelsim import accelerators
from accelsim.api.loading import load_machine, load_workload
from accelsim.dataflows.sections import Sections, write

STATE = (
    "about", "tiles_about", "layer_tiles", "places", "planned", "fences", "later", "loaded", "sizes", "chunks", "filled"
)  # fmt: skip


def compiled(*settings: str):
    """Everything that a program of a network is made of."""
    arch, work = load_machine("vitcod", list(settings)), load_workload("deit_tiny_s90")
    machine = accelerators.machine(arch.machine)
    p = machine.program(arch)
    machine.compile(p, arch, work)
    return p.finish(), {name: getattr(p, name) for name in STATE}


@pytest.mark.parametrize(
    "settings",
    [(), ("program_gb.capacity_bytes=300",), ("double_buffer=false",), ("residency=keep", "engine.lines=16")],
)
def test_a_network_is_the_same_program_as_layer_by_layer(settings, monkeypatch):
    written = []
    monkeypatch.setattr("accelsim.dataflows.reuse.Programs.fill", lambda self, p, workload, of, make: make())
    monkeypatch.setattr("accelsim.dataflows.sections.write", lambda *what: (written.append(what[2]), write(*what)))
    tables, state = compiled(*settings)
    assert len(written) > 2 * len({id(piece) for piece in written})  # most came again
    monkeypatch.setattr(Sections, "emit", lambda self, p, layer, of, make: make(p))
    wanted, then = compiled(*settings)
    assert state == then
    assert tables.keys() == wanted.keys()
    for name, rows in wanted.items():
        assert np.array_equal(tables[name], rows), name
