"""What a run leaves to be judged: the program and its tables, and everything that crossed the monitored channels."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np

from accelsim.config.arch import Arch
from accelsim.core import Simulator
from accelsim.core.result import Result
from accelsim.dataflows.program import Names, Program
from accelsim.isa.instructions import MARK, record
from accelsim.isa.tables import KEPT, TO_DRAM
from accelsim.workload.workload import Workload

DMA, MEMORY = "dma", "dram"  # what these parts are called in every machine
NEVER = np.int64(1) << 60  # a cycle that does not come


class Model(Protocol):
    """A machine, as far as a run of it needs one."""

    def build(self, arch: Arch, workload: Workload, *, monitored: bool = False) -> tuple[Simulator, Program]:
        """The netlist with a workload's program loaded, and that program."""

    def finish(self, arch: Arch, sim: Simulator) -> None:
        """Let the memory write what it holds back when the program has ended."""


@dataclass
class Evidence:
    """One run.

    names: the units, counters, buffers, stores and tables of the machine's programs. tables: the program and its
    tables, by name. places: tensor -> its first byte in DRAM. log: "component.port" of a channel's producer -> records
    of `at` (the core cycle an item was pushed in) and its payload. held, peak: bytes a buffer holds at the end, and the
    most it ever held.
    """

    arch: Arch
    workload: Workload
    result: Result
    names: Names
    tables: dict[str, np.ndarray]
    places: dict[str, int]
    log: dict[str, np.ndarray] = field(repr=False)
    held: dict[str, int]
    peak: dict[str, int]

    def on(self, option: str) -> bool:
        """Whether an option of the machine is switched on."""
        return self.arch.options[option] == "true"

    def part(self, part: str, parameter: str) -> int:
        """A parameter of the machine."""
        return self.arch.parts[part][parameter]

    def count(self, component: str, counter: str) -> int:
        """An action counter of the whole run."""
        return self.result.total.counts[component][counter]

    @cached_property
    def sender(self) -> dict[str, str]:
        """The port that each port is sent to from; `component.port.element` for an element of a port array."""
        return {link.consumer: link.producer for link in self.result.links.values()}

    def into(self, port: str) -> np.ndarray:
        """Everything that came into a port."""
        return self.log[self.sender[port]]

    def elements(self, ports: str) -> dict[str, np.ndarray]:
        """Everything that came into the elements of a port array, in the order of their numbers."""
        return {
            into.removeprefix(f"{ports}."): self.log[out]
            for into, out in self.sender.items()
            if into.startswith(f"{ports}.")
        }

    def moved(self, part: str) -> np.recarray:
        """What a stream of the DMA engine moves: a buffer's descriptors, or what a unit asked for of itself."""
        if part in (*self.names.buffers, *self.names.stores):
            return self.tables[part]
        return self.log[f"{part}.request"].view(np.recarray)

    def to_memory(self, part: str) -> np.recarray:
        """The same without what a store buffer only hands on to another buffer."""
        moved = self.moved(part)
        return moved[moved["fence"] != KEPT] if part in self.names.stores else moved

    def instructions(self, unit: str) -> np.ndarray:
        """Where the program has instructions for a unit."""
        return np.flatnonzero(self.tables["program"]["unit"] == list(self.names.units).index(unit))

    def commands(self, unit: str) -> np.recarray:
        """The operands of a unit's instructions, by the names of its command's fields."""
        first = self.tables["program"]["first"][self.instructions(unit)]
        fields = self.names.units[unit]
        words = self.tables["operands"][first[:, None] + np.arange(len(fields))]
        return np.ascontiguousarray(words).view(record(*fields)).reshape(-1).view(np.recarray)

    @cached_property
    def turns(self) -> list[int]:
        """The layer of each mark, in order: each layer once, but for fused ones, which take turns."""
        program = self.tables["program"]
        return self.tables["operands"][program["first"][program["unit"] == MARK]].tolist()

    def turn_of_instruction(self) -> np.ndarray:
        """The number of the mark that each instruction is before, or is; as many as there are behind the last."""
        marks = self.tables["program"]["unit"] == MARK
        return np.cumsum(marks) - marks

    def layer_of_instruction(self) -> np.ndarray:
        """The number of the layer that each instruction belongs to; a mark belongs to the layer it ends; as many as
        there are layers behind the last mark."""
        return np.array([*self.turns, len(self.workload.layers)])[self.turn_of_instruction()]


def handed_on(stores: np.recarray) -> int:
    """Bytes of stores that another buffer is given."""
    return int(sizes(stores[stores["fence"] != TO_DRAM]).sum())


def sizes(descriptors: np.recarray) -> np.ndarray:
    """Bytes of each descriptor."""
    return descriptors["bytes"] * descriptors["segments"]


def spread(descriptors: np.recarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Descriptors as single runs: which descriptor, first byte, bytes."""
    many = descriptors["segments"]
    which = np.repeat(np.arange(len(descriptors)), many)
    nth = np.arange(len(which)) - np.repeat(np.cumsum(many) - many, many)
    return which, descriptors["address"][which] + nth * descriptors["pitch"][which], descriptors["bytes"][which]


def in_order(logs: list[np.ndarray]) -> np.ndarray:
    """Several logs of bytes as one, by time."""
    joined = np.concatenate([np.array(log[["at", "bytes"]]) for log in logs])
    return joined[np.argsort(joined["at"], kind="stable")]


def there(evidence: Evidence, name: str, came: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """The cycle before the first in which so many bytes can have been written, of what came into a buffer: the bytes of
    an item are written a port's width a cycle, from the cycle after it was sent on."""
    ends = np.cumsum(came["bytes"])
    nth = np.searchsorted(ends, whole)
    known = nth < len(came)
    mine = np.where(known, nth, 0)
    part = evidence.arch.parts[name]
    width = part["banks"] * part["port_bytes"] if {"banks", "port_bytes"} <= part.keys() else NEVER
    if not len(came):
        return np.full(len(whole), NEVER)
    needed = whole - (ends[mine] - came["bytes"][mine])
    return np.where(known, came["at"][mine] - 1 - -needed // width, NEVER)


def gather(model: Model, arch: Arch, workload: Workload) -> Evidence:
    """Run a workload on a machine with its channels monitored.

    Raises InputError when the workload does not fit the machine, DeadlockError when it does not run to its end.
    """
    sim, program = model.build(arch, workload, monitored=True)
    sim.run()
    model.finish(arch, sim)
    result = sim.result()
    period = result.periods["core"]
    log = {}
    for name, records in result.transfers.items():
        log[result.links[name].producer] = records
        records["at"] //= period
    buffers = {c.name: c for c in sim.components if "peak_bytes" in c.fields}
    return Evidence(
        arch,
        workload,
        result,
        program.names,
        program.finish(),
        dict(program.places),
        log,
        {n: c.value("held") for n, c in buffers.items()},
        {n: c.value("peak_bytes") for n, c in buffers.items()},
    )
