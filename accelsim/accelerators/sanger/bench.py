"""A test bench for a unit alone: what it is told from its first cycle on, and when something leaves it."""

from collections.abc import Mapping, Sequence

import numpy as np

from accelsim.core import Component, In, Out, Simulator
from accelsim.validation.bench import Feeder, Sink

ROOM = 4  # items that a channel holds


def times(unit: Component, given: Mapping[str, Sequence[int]], watched: str) -> list[int]:
    """How many cycles after `unit` is first told something every item leaves its port `watched`. `given`: input port ->
    the words of what is told there, item after item."""
    sim, sink = Simulator(), Sink("sink")
    sim.add(unit)
    sim.add(sink)
    for name, port in unit.declared(In).items():  # one that is told nothing stays silent
        words = np.array(given.get(name, ()), np.int64)
        feeder = sim.add(Feeder(f"to_{name}", width=len(port.fields), words=words))
        sim.connect(feeder, "command", unit, name, depth=ROOM)
    for name in unit.declared(Out):
        sim.connect(unit, name, sink, f"item.{name}", depth=ROOM, monitored=name == watched)
    sim.run()
    (log,) = sim.result().transfers.values()
    return (log["at"] - 1).tolist()  # what is told in cycle 0 is seen in cycle 1
