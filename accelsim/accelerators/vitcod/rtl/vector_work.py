"""Values through the vector unit: what its data path is loaded with, and what must leave it, and when."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from accelsim.accelerators.vitcod.rtl.vector import JOB, VectorDatapath, VectorSizes
from accelsim.accelerators.vitcod.rtl.vector_image import Image
from accelsim.accelerators.vitcod.rtl.vector_jobs import Job, slots
from accelsim.rtl.datapath import Comparison, Parameters

LAG = 10  # cycles from the one in which the control begins something to the values of its first slot


class Begun(NamedTuple):
    """Something that the control begins: in which cycle, whether it is a command, and its number among these or among
    the items."""

    at: int
    tiled: bool
    number: int


@dataclass(frozen=True)
class VectorWork:
    """What the vector unit computes: of each item of the array and of each command what it is, and what crosses the
    ports `outputs` and `command`, as in scripts."""

    items: Sequence[Job]
    commands: Sequence[Job]
    outputs: np.ndarray
    told: np.ndarray

    def needed(self, data: VectorDatapath) -> VectorSizes:
        """Rooms for all of it."""
        rows = {name: len(words) for name, words in self.loads(data, {})}
        constants = rows["gains"] * data.word
        return VectorSizes(rows["items"], rows["commands"], rows["acts"], rows["sums"], constants, rows["tables"])

    def loads(self, data: VectorDatapath, tables: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
        """Name and uint32[rows, words] of everything the data path is loaded with."""
        image = Image(data)
        rows = {name: [image.job(job) for job in jobs] for name, jobs in self.both()}
        yield from image.words()
        for name, some in rows.items():
            yield name, np.array(some or [[0] * JOB], np.int64).astype(np.uint32)

    def both(self) -> tuple[tuple[str, Sequence[Job]], ...]:
        """Items and commands."""
        return ("items", self.items), ("commands", self.commands)

    def begun(self, moved: Mapping[str, np.ndarray]) -> Iterator[Begun]:
        """What the control begins, in order, by its transfers: what is there when the one before has left, of the array
        first; a command that reads at another rate when there is room to say so."""
        came = [moved[name][:, 0] + 1 for name in ("outputs", "command")]
        rates = self.told[:, -1].tolist()
        port = next((name for name in moved if name.startswith("reading")), None)
        told = moved[port][:, :2] if port else np.zeros((0, 2), np.int64)
        more = (told[:, 1] + (1 << 31)) % (1 << 32) - (1 << 31)  # words below zero stand there as they are in 32 bits
        said, rate = told[:, 0].tolist(), np.concatenate([[0], np.cumsum(more)]).tolist()
        number, free = [0, 0], 0
        for left in moved["tile"][:, 0].tolist():
            at = [int(some[n]) if n < len(some) else None for some, n in zip(came, number)]
            cycle = max(free, min(one for one in at if one is not None))
            tiled = at[0] is None or at[0] > cycle
            if tiled and port:
                before = int(np.searchsorted(said, cycle))
                if rate[before] != rates[number[1]]:
                    cycle = said[before]
                    if at[0] is not None and at[0] <= cycle:
                        cycle, tiled = at[0], False
            yield Begun(cycle, tiled, number[tiled])
            number[tiled] += 1
            free = left

    def expected(
        self, data: VectorDatapath, moved: Mapping[str, np.ndarray]
    ) -> Iterator[tuple[Begun, np.ndarray, np.ndarray]]:
        """Of everything that is begun the cycles in which its windows are there, and its values int8[elements]."""
        for one in self.begun(moved):
            job = (self.commands if one.tiled else self.items)[one.number]
            values = job.wanted()
            slot = slots(job, len(values), data.lanes)
            first = int(self.told[one.number, -2]) - 1 - slot[-1] if one.tiled and len(slot) else 0
            yield one, one.at + LAG + first + slot, values

    def compare(
        self,
        name: str,
        data: VectorDatapath,
        tables: Mapping[str, np.ndarray],
        moved: Mapping[str, np.ndarray],
        seen: Mapping[str, np.ndarray],
        parameters: Parameters,
    ) -> Comparison:
        """Every value, and the cycle in which it is there."""
        done, every = Comparison(name), list(self.expected(data, moved))
        cycles = [at for _, at, _ in every] or [np.zeros(0, np.int64)]
        if done.times("values", seen["values"][:, 0], np.concatenate(cycles)):
            lanes = np.ascontiguousarray(seen["values"][:, 1:], np.uint32).view(np.int8)[:, : data.lanes]
            first = 0
            for one, at, values in every:
                found = lanes[first : first + len(at)].ravel()
                first += len(at)
                what = "command" if one.tiled else "item"
                element = np.arange(len(found))
                wanted = np.zeros(len(found), np.int8)
                wanted[: len(values)] = values
                done.equal(what, found, wanted, number=np.broadcast_to(one.number, len(found)), element=element)
                done.values -= len(found) - len(values)  # lanes without an element are 0
        return done

    def results(
        self, data: VectorDatapath, tables: Mapping[str, np.ndarray], moved: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        """int64[windows, 1 + words]: the cycle and the values of every window."""
        words, rows = data.observed()["values"][1], [np.zeros((0, 1 + data.observed()["values"][1]), np.int64)]
        for _, at, values in self.expected(data, moved):
            lanes = np.zeros((len(at), data.lanes), np.int8)
            lanes.ravel()[: len(values)] = values
            wide = np.zeros((len(at), 4 * words), np.int8)
            wide[:, : data.lanes] = lanes
            rows.append(np.column_stack([at, wide.view(np.uint32)]))
        return np.concatenate(rows)
