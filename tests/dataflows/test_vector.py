"""Layers of the vector unit: where their results have room."""

import pytest

from accelsim.accelerators import machine, schema
from accelsim.accelerators.vitcod.machine import resources
from accelsim.config import load_arch
from accelsim.dataflows.vector import room_for
from accelsim.validation import validate
from accelsim.workload import Workload
from accelsim.workload.layers import Norm


def network(tokens: int, features: int) -> Workload:
    return Workload("norms", "norms", tuple(Norm(f"norm{n}", "block", tokens, features) for n in range(2)))


@pytest.mark.parametrize(("size", "stores"), [(10, 0), (40, 0), (41, 1), (60, 1), (61, 2), (90, 2), (91, 3), (100, 3)])
def test_a_command_waits_for_the_stores_whose_room_it_needs(size, stores):
    model, arch = machine("vitcod"), load_arch("vitcod", schema, ["act_gb1.capacity_bytes=100"])
    p, have = model.program(arch), resources(arch)
    for bytes_, segments in ((20, 1), (10, 3), (10, 1)):
        p.store(have.store, 0, bytes_, segments)
    counter, count = room_for(p, have, size)
    assert (counter, count) == ((p.counters[have.store], stores) if stores else (0, 0))


@pytest.mark.parametrize("capacity", [48, 96, 200, 960])
def test_results_of_a_norm_always_have_room(capacity):
    """On one slow channel, where commands are ahead of the stores."""
    slow = ["dram.channels=1", f"act_gb1.capacity_bytes={capacity}", "dma.outstanding=1"]
    report = validate(machine("vitcod"), load_arch("vitcod", schema, slow), network(40, 48))
    assert not report.failed and any(c.compared.startswith("there is room for what leaves") for c in report.checks)
