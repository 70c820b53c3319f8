"""A whole machine in hardware: its modules run a program by themselves, from reset to its end, beside the simulator.

Every transfer and every status are compared, piece by piece, so that a run of any length needs little memory. Nothing
comes from outside but a clock and what memories hold when time begins; if a component has no module, it answers through
the harness: what the simulator's gave, when it gave it. Since all that it was asked is compared as well, the modules
make it the same answers as long as nothing differs.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from accelsim.core import Simulator
from accelsim.core.channel import WATCHED
from accelsim.rtl.cosim import AFTER, Case, Outcome, compare, library, open_bench, ordered
from accelsim.rtl.netlist import Netlist
from accelsim.rtl.vsim import Port

PIECE = 1 << 14  # cycles between two comparisons


def run_whole(runs: Iterable[tuple[Case, Simulator]], optimise: str = "-O1") -> Outcome:
    """Both run each program; they stop where they first differ. A simulator has the channels of its case's netlist, all
    monitored, and its units.

    Raises InputError without Verilator or g++.
    """
    outcome = Outcome("")
    for case, sim in runs:
        outcome.name = case.netlist.top
        outcome.cases += 1
        run_one(case, sim, outcome, library(case.netlist, optimise=optimise))
    return outcome


def run_one(case: Case, sim: Simulator, outcome: Outcome, built: Path) -> None:
    """Run one program, and add to what was compared."""
    net = case.netlist
    period = next(sim.periods[c.clock] for c in sim.components if c.name == net.units[0].name)
    far = FarEnds(net, period)
    sim.wires = [replace(w, monitored=WATCHED) if n.outside else w for w, n in zip(sim.wires, net.wires, strict=True)]
    bench, ports, alive = open_bench(case, built)
    width, first, ended, count = 2 + max(p.words for p in ports), 0, False, 0
    try:
        while not ended and not count:
            ended = sim.run(PIECE * period)
            reached = -(-sim.at // period) + AFTER * ended
            model = ordered(net, sim, period)
            alive += far.play(sim, ports, first, reached)
            sim.transfers.clear()
            sim.events.clear()
            module = bench.run(first, reached - first, ports, width)
            count, text = compare(case, model, module)
            outcome.differences += count
            outcome.first = outcome.first or text
            outcome.transfers += int((model[:, 1] < len(net.wires)).sum())
            outcome.statuses += (reached - first) * len(net.units)
            outcome.cycles += reached - first
            first = reached
            alive.clear()
    finally:
        bench.close()


def said(case: Case, sim: Simulator, outcome: Outcome) -> str:
    """A sentence about a run without a difference."""
    units = {unit.name for unit in case.netlist.units}
    outside = ", ".join(c.name for c in sim.components if c.name not in units)
    return (
        f"{case.name} ran in {outcome.cycles - AFTER:,} cycles, from reset to its end, by the modules alone: "
        f"{len(units)} units, in control, and {len(sim.wires)} channels"
        + f"; {outside} answered through the harness"
        * bool(outside)
    )


@dataclass
class FarEnds:
    """Of the channels to and from what has no module: what comes, and how much room there is, as in the simulator. Its
    clock may be another: what it pushes within a cycle can be seen from the next one on, and so can room that it
    makes."""

    net: Netlist
    period: int
    held: dict[str, int] = field(default_factory=dict)  # items in channels that lie outside

    def play(self, sim: Simulator, ports: list[Port], first: int, reached: int) -> list[np.ndarray]:
        """Let the ports play what was logged of the cycles from `first` to `reached`; arrays that must live as long."""
        log = np.concatenate(sim.transfers) if sim.transfers else np.zeros((0, 3), np.int64)
        alive = []
        for i, (wire, port) in enumerate(zip(self.net.wires, ports)):
            mine = log[log[:, 1] == i]
            at = mine[:, 0] // self.period
            if wire.producer is None:
                items = np.ascontiguousarray(mine[:, 2 : 2 + port.words].astype(np.uint32))
                alive += [at, items]
                port.at, port.items, port.count, port.sent = at.ctypes.data, items.ctypes.data, len(at), 0
            elif wire.outside:
                taken = log[log[:, 1] == ~i]
                more = np.bincount(at - first, minlength=reached - first)
                np.subtract.at(more, taken[:, 0] // self.period - first, taken[:, 2])
                held = self.held.get(wire.name, 0) + np.concatenate([[0], np.cumsum(more)])
                room = (wire.depth - held[:-1]).astype(np.uint8)
                alive.append(room)
                port.open, port.sent, self.held[wire.name] = room.ctypes.data, first, int(held[-1])
        return alive
