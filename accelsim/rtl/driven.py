"""A unit driven as the whole machine drives it: what happens at its ports in a run of the simulator, which is then the
stimulus of its component and its module alone."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from accelsim.core import IDLE, Param, Simulator
from accelsim.core.channel import WATCHED
from accelsim.core.trace import EVENT
from accelsim.rtl.cosim import AFTER, EVENTS


@dataclass(frozen=True)
class Recorded:
    """A run of a machine: its cycles, its tables, and a unit's parameters; of each port of the unit (of an array
    `PORT.ELEMENT`) the depth of its channel, what crosses it, int64[items, 1 + fields], cycle and payload, and in which
    cycles items are taken; and of each unit the status changes, int64[changes, 2], cycle and status."""

    cycles: int
    values: Mapping[str, int]
    tables: Mapping[str, np.ndarray]
    depths: Mapping[str, int]
    moved: Mapping[str, np.ndarray]
    taken: Mapping[str, np.ndarray]
    statuses: Mapping[str, np.ndarray]


def recorded(machine: Any, arch: Any, workload: Any, unit: str) -> Recorded:
    """What happens at a unit's ports while a machine (accelerators.machine.Machine) runs a workload on an Arch."""
    sim, program = machine.build(arch, workload, trace=EVENTS)
    parts = {c.name: c for c in sim.components}
    ends = {}
    for i, wire in enumerate(sim.wires):
        for name, port in ((wire.producer.name, wire.out), (wire.consumer.name, wire.into)):
            if name == unit:
                ends[port] = i
                sim.wires[i] = replace(wire, monitored=WATCHED)
    sim.run()
    machine.finish(arch, sim, True)
    period = sim.periods[parts[unit].clock]
    log = np.concatenate(sim.transfers)
    log[:, 0] //= period
    fields = {n: len(sim.wires[i].payload) for n, i in ends.items()}
    moved = {n: log[log[:, 1] == i][:, [0, *range(2, 2 + fields[n])]] for n, i in ends.items()}
    taken = {n: log[log[:, 1] == ~i][:, [0, 2]] for n, i in ends.items()}
    for name in ends:
        if (taken[name][:, 1] > 1).any():
            raise ValueError(f"{unit}.{name}: several items are taken in a cycle, which a bench's far end does not do")
    values = {n: parts[unit].value(n) for n in parts[unit].declared(Param)}
    depths = {n: sim.wires[i].depth for n, i in ends.items()}
    return Recorded(
        sim.result().cycles(), values, program.finish(), depths, moved,
        {n: times[:, 0] for n, times in taken.items()}, statuses_of(sim),
    )  # fmt: skip


def opened(run: Recorded, ports: Collection[str]) -> dict[str, np.ndarray]:
    """The patterns in which far ends take items in the cycles in which they are taken in a run, by the wires' names."""
    opens = {}
    for name in ports:
        pattern = np.zeros(run.cycles + AFTER + 1, np.uint8)
        pattern[run.taken[name]] = 1
        opens[name.replace(".", "_")] = pattern
    return opens


def statuses_of(sim: Simulator) -> dict[str, np.ndarray]:
    """The status changes of each component, in cycles of its clock."""
    events = np.concatenate(sim.events) if sim.events else np.zeros(0, EVENT)
    found = {}
    for i, component in enumerate(sim.components):
        mine = events[events["component"] == i]
        found[component.name] = np.stack([mine["at"] // sim.periods[component.clock], mine["status"]], axis=1)
    return found


def at_work(run: Recorded, units: Collection[str]) -> int:
    """Cycles of a run in which at least one of these units is not idle."""
    change = np.zeros(run.cycles + 1, np.int64)
    for name in units:
        at, status = run.statuses[name].T
        working = (status != IDLE).astype(np.int64)
        np.add.at(change, np.minimum(at, run.cycles), np.diff(working, prepend=0))
    return int((np.cumsum(change)[:-1] > 0).sum())


def shares(run: Recorded, units: Mapping[str, Sequence[str]], workload: str) -> Iterator[str]:
    """Of each module, and of all together if there are several, the cycles of a run in which its units are at work."""
    every = {"all of these": [unit for some in units.values() for unit in some]} if len(units) > 1 else {}
    for name, some in {**units, **every}.items():
        cycles = at_work(run, some)
        share = 100 * cycles / run.cycles
        yield f"{name}: at work in {cycles:,} of {run.cycles:,} cycles of {workload} ({share:.1f} %)"
