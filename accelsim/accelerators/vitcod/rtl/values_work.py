"""A network's values: what DRAM holds when time begins, where each value is found, and what DRAM must hold in the
end."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from accelsim.accelerators.vitcod.machine import resources
from accelsim.accelerators.vitcod.rtl.dense_layers import network_of
from accelsim.accelerators.vitcod.rtl.values_attention import Attended, loaded, rows_for, sizes_for
from accelsim.accelerators.vitcod.rtl.values_chain import output_name, output_of
from accelsim.accelerators.vitcod.rtl.values_core import (
    ACT,
    LATER,
    ROW,
    SOON,
    STORE,
    WEIGHT,
    ValuesDatapath,
    ValuesSizes,
    up,
)
from accelsim.accelerators.vitcod.rtl.values_places import Loads
from accelsim.accelerators.vitcod.rtl.values_reads import ReadingProgram
from accelsim.config.arch import Arch
from accelsim.core.errors import InputError
from accelsim.dataflows.program import Program
from accelsim.rtl.datapath import Comparison
from accelsim.rtl.vsim import Bench
from accelsim.workload.workload import Workload


class TooSoonError(InputError):
    """A memory gives back what was written before the data path, which is behind the control, has it."""


UNITS = ("engine", "vector", "decoder", "denser", "sparser")


class Laid:
    """A workload on a configuration as it lies in DRAM and goes through the buffers: its program, its values by the
    functional twin (`network`), and what crossed the channels in a run, int64[items, 1 + fields] by channel (cycle and
    payload). `rows` are what the data path is loaded with, by name."""

    def __init__(
        self, arch: Arch, workload: Workload, program: ReadingProgram, moved: Mapping[str, np.ndarray]
    ) -> None:
        self.arch, self.workload, self.places = arch, workload, program.places
        self.network, self.have = network_of(arch, workload), resources(arch)
        self.tables = tables = program.finish()
        asked = {name: moved[f"{name}_request"][:, 0].tolist() for name in (ACT, WEIGHT)}
        self.read, parts = program.read, [one.parts for one in program.read.asked]
        self.loads = {
            ACT: Loads(ACT, self.read.asked, asked[ACT], parts),
            WEIGHT: Loads(WEIGHT, tables[WEIGHT], asked[WEIGHT]),
        }
        self.told = {unit: moved[f"sequencer_command_{unit}"][:, 1:] for unit in UNITS}
        self.done = {unit: moved[f"{unit}_done"][:, 0].tolist() for unit in UNITS}
        self.until = {
            unit: [
                {name: self.loads[name].whole(count) for name, count in one.items() if name in self.loads}
                for one in waits(program, tables, unit)
            ]
            for unit in UNITS
        }
        self.items = moved["encoder_out"][:, 1].tolist()  # elements of each that the vector unit takes of the array
        rng = np.random.default_rng(program.memory)
        self.memory = rng.integers(-128, 128, program.memory).astype(np.int8)  # what nobody has written is anything
        self.wanted = np.full(program.memory, -1, np.int16)  # bytes that are to be there in the end; -1: any
        self.stores, self.ring = tables[STORE], np.full(program.memory, -1, np.int32)
        gathered = 0
        for one in self.stores:  # of each byte that is stored: its number among all of them
            at = bytes_of(one)
            self.ring[at] = gathered + np.arange(len(at))
            gathered += len(at)
        self.rows: dict[str, list[Sequence[int] | np.ndarray]] = {}
        self.attended: list[Attended] = []
        self.codes: dict[str, dict[str, np.ndarray]] = {}  # by attention layer, of Q and K
        self.later: list[Callable[[], None]] = []  # what needs to know where loads lie

    def check_memory(self, bursts: np.ndarray, replies: np.ndarray) -> None:
        """bursts, replies: what crossed the channels to DRAM and back, int64[items, 1 + fields]. Raises TooSoonError
        where it gives back bytes before the data path has them."""
        asked: dict[int, list[list[int]]] = {}
        for burst in bursts[:, :5].tolist():
            asked.setdefault(burst[4], []).append(burst)
        order = {stream: iter(some) for stream, some in asked.items()}
        names = [(output_name(layer), layer) for layer in self.workload.attention_layers]
        merged = [(self.places[name], self.places[name] + output_of(layer).bytes) for name, layer in names]
        there = np.zeros(len(self.memory), np.int64)
        for at, _, stream in replies[:, :3].tolist():
            _, address, size, write, _ = next(order[stream])
            if write:
                soon = any(first <= address < end for first, end in merged)
                there[address : address + size] = at + 1 + (SOON if soon else LATER)
            elif (late := int(there[address : address + size].max())) > at:
                raise TooSoonError(
                    f"{self.workload.name}: in cycle {at} its memory gives back what the data path has {late - at} "
                    "cycles later"
                )

    def add(self, name: str, row: Sequence[int] | np.ndarray) -> int:
        """Append a row of what is loaded; its number."""
        some = self.rows.setdefault(name, [])
        some.append(row)
        return len(some) - 1

    def put(self, address: int, values: np.ndarray) -> None:
        """Bytes that DRAM holds when time begins."""
        raw = np.ascontiguousarray(values).reshape(-1).view(np.int8)
        self.memory[address : address + len(raw)] = raw

    def want(self, address: np.ndarray, values: np.ndarray) -> None:
        """Bytes that it is to hold in the end."""
        self.wanted[address] = np.ascontiguousarray(values, np.int8).view(np.uint8).reshape(address.shape)

    def result(self, address: np.ndarray, most: int = 0) -> list[tuple[int, int]]:
        """Where results with these addresses, in the order in which they leave, go in the output buffer: runs of
        (place, bytes). Raises InputError if nobody stores them, or they are more runs than `most`."""
        at = self.ring[address.ravel()]
        first = np.flatnonzero(np.diff(at, prepend=-2) != 1)
        if at.min() < 0 or len(first) > (most or len(first)):
            raise InputError(f"{self.workload.name}: results for {address.min()} are not stored as they leave")
        return [*zip(at[first].tolist(), np.diff(first, append=len(at)).tolist(), strict=True)]

    def values(self) -> "Values":
        """What the data path is loaded with, once all layers are laid out; loads get their places."""
        room = {name: up(2 * self.arch.parts[name]["capacity_bytes"]) for name in self.loads}
        extents = {name: loads.place(room[name]) for name, loads in self.loads.items()}
        for then in self.later:
            then()
        left = len(self.rows.get("items", ()))
        if left != len(self.items):
            raise InputError(f"{self.workload.name}: {left} items of the array are laid out, {len(self.items)} come")
        return Values(self, extents)


def bytes_of(one: np.void) -> np.ndarray:
    """The addresses of the bytes of a descriptor, in order."""
    starts = int(one["address"]) + int(one["pitch"]) * np.arange(int(one["segments"]))
    return (starts[:, None] + np.arange(int(one["bytes"]))).ravel()


def waits(program: Program, tables: Mapping[str, np.ndarray], unit: str) -> Iterator[dict[str, int]]:
    """Of each instruction of a unit how many loads of each buffer it waits for."""
    names = {number: name for name, number in program.counters.items()}
    for one in tables["program"]:
        if one["unit"] == program.units[unit][0]:
            both = (one["wait"], one["count"]), (one["wait2"], one["count2"])
            yield {names[int(counter)]: int(count) for counter, count in both if counter}


@dataclass
class Values:
    """What the data path computes on. extents: of each load buffer the bytes its loads take, as they are placed."""

    laid: Laid
    extents: Mapping[str, int]
    compared: Comparison = field(default_factory=lambda: Comparison(""))

    def sizes(self) -> ValuesSizes:
        """Rooms for all of it: at least those there are without, so that networks share a build."""
        rows = {name: len(some) for name, some in self.laid.rows.items()}
        least, told = ValuesSizes(), self.laid.told["engine"]
        steps = max((-(-c[0] // c[3]) * -(-c[1] // c[4]) for c in told.tolist()), default=1)
        need = {
            "dram": len(self.laid.memory), "loads": max(len(one.rows()) for one in self.laid.loads.values()),
            "tiles": len(told), "items": len(self.laid.items), "runs": rows.get("runs", 0),
            "commands": len(self.laid.told["vector"]), "norms": rows.get("norms", 0),
            "tables": rows.get("entries", 0), "sets": rows.get("coding", 0),
            "steps": steps,
        }  # fmt: skip
        coded = np.array([weights.shape for weights, _ in self.laid.rows.get("coding", ())] or [(0, 0)])
        found = {name: max(getattr(least, name), up(size)) for name, size in need.items()}
        return ValuesSizes(
            **found,
            heads=max(least.heads, *coded[:, 1].tolist()),
            encoded=max(least.encoded, *coded[:, 0].tolist()),
            attention=sizes_for(self.laid.tables, self.laid.attended, least.attention),
            rows=rows_for(self.laid.tables, least.rows),
        )

    def loads(self, data: ValuesDatapath, tables: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
        """Name and uint32[rows, words] of everything the data path is loaded with."""
        memory = np.pad(self.laid.memory, (0, -len(self.laid.memory) % ROW))
        yield "image", memory.reshape(-1, ROW).view(np.uint32)
        for name, buffer in (("act_places", ACT), ("weight_places", WEIGHT)):
            yield name, self.laid.loads[buffer].rows()
        words = data.loads()
        yield from loaded(self.laid.tables, self.laid.attended, data.attention)
        for name, some in self.laid.rows.items():
            if name == "coding":
                yield "encode", self.coding(data)
            elif name == "entries":
                yield name, np.stack(some).view(np.uint32).reshape(len(some), words[name])
            else:
                yield name, np.array(some, np.int64).astype(np.uint32).reshape(len(some), words[name])

    def said(self) -> str:
        """What of the machine has values, and what room they take in the load buffers."""
        parts = self.laid.arch.parts
        rooms = ", ".join(
            f"{size:,} bytes of {name}'s {parts[name]['capacity_bytes']:,} "
            f"(at most {self.laid.loads[name].held():,} in use at once)"
            for name, size in self.extents.items()
        )
        return f"with values, whose loads lie in {rooms}"

    def coding(self, data: ValuesDatapath) -> np.ndarray:
        """uint32[sets x compressed heads, words]: the encoder's weights and scales."""
        size, some = data.sizes, self.laid.rows["coding"]
        found = np.zeros((len(some), size.encoded, data.loads()["encode"]), np.uint32)
        for rows, (weights, scale) in zip(found, some):
            encoded, heads = weights.shape
            rows[:, :2] = scale
            rows[:encoded, 2:].view(np.int8)[:, :heads] = weights
        return found.reshape(-1, found.shape[2])

    def finish(self, name: str, bench: Bench) -> Comparison:
        """Every byte that is to be in DRAM in the end, of a bench that has ended."""
        done, wanted = Comparison(name), self.laid.wanted
        if late := int(bench.ports["slipped"][0]):
            done.note(f"the transposing stage was late in {late} steps", late)
        rows = np.flatnonzero(np.pad(wanted >= 0, (0, -len(wanted) % ROW)).reshape(-1, ROW).any(axis=1))
        found = np.zeros(len(wanted) + ROW, np.uint8)
        for row in rows.tolist():
            bench.ports["peek_address"][0] = row
            bench.eval()
            found[ROW * row : ROW * (row + 1)] = bench.ports["peek_data"].view(np.uint8)[:ROW]
        firsts = sorted((at, tensor) for tensor, at in self.laid.places.items() if tensor.partition(".output")[1])
        for n, (first, tensor) in enumerate(firsts):
            end = firsts[n + 1][0] if n + 1 < len(firsts) else len(wanted)
            at = first + np.flatnonzero(wanted[first:end] >= 0)
            sides = (side[at].astype(np.uint8).view(np.int8) for side in (found, wanted))
            done.equal(tensor, *sides, byte=at - first)
        return done
