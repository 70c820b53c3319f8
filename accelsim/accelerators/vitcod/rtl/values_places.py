"""Where loads lie in a buffer's memory. The program says how many bytes come and go, and no addresses; each load is
given the first place that is free when it is asked for, until its last reader is done."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np

from accelsim.core.errors import InputError
from accelsim.dataflows.tiling import ceil


@dataclass
class Load:
    """A load of a buffer, as the layer has it that asks for it; how it lies: rows of so many bytes, so many apart, from
    an address (-1: nobody reads it); after `many` rows (0: of all) the next ones begin `block` bytes behind these; the
    cycle in which it is asked for, and in which its last reader is done. parts: bytes of each of the loads that it is.
    beside: others, from which it lies as far as in DRAM. lead: the load that it lies `behind`, in room that is taken
    with that one."""

    address: int
    bytes: int
    segments: int
    pitch: int
    asked: int
    row: int = 0
    apart: int = 0
    align: int = 1
    done: int = -1
    place: int = -1
    parts: tuple[int, ...] = ()
    beside: "Block | None" = None
    many: int = 0
    block: int = 0
    lead: "Load | None" = None
    behind: int = 0
    room: int = 0

    @property
    def size(self) -> int:
        """Bytes that are loaded."""
        return self.bytes * self.segments

    @property
    def takes(self) -> int:
        """Bytes that it takes, with what lies between its rows, and what lies behind it."""
        return max(self.room, (self.many or ceil(self.size, self.row)) * self.apart)

    def read(self, row: int, apart: int, align: int, done: int) -> "Load":
        """Note a reader. Raises InputError if it finds other rows than another one."""
        if self.row and (row, apart) != (self.row, self.apart):
            raise InputError(f"a load at {self.address} is read in rows of {self.row} and of {row} bytes")
        self.row, self.apart, self.align, self.done = row, apart, max(align, self.align), max(done, self.done)
        return self

    def follow(self, lead: "Load", behind: int) -> None:
        """Have it lie so many bytes behind another load. Raises InputError if it lies elsewhere already."""
        if self is lead or self.lead is lead:
            lead.done = max(lead.done, self.done)
            return
        if self.lead or self.room or lead.lead or behind < 0:
            raise InputError(f"a load at {self.address} is read together with loads that lie elsewhere")
        self.lead, self.behind = lead, behind
        lead.room, lead.done = max(lead.takes, behind + self.takes), max(lead.done, self.done)

    def holds(self, address: int) -> bool:
        """Whether a byte of DRAM is in it."""
        at = address - self.address
        segment = at // self.pitch if self.segments > 1 else 0
        return 0 <= segment < self.segments and 0 <= at - segment * self.pitch < self.bytes


@dataclass
class Block:
    """Loads that lie side by side, from an address on: of a picture, whose windows go from one to the next. tiles: in
    order, the first byte that each has, and when it is done."""

    begin: int
    align: int
    loads: list[Load] = field(default_factory=list)
    tiles: list[tuple[int, int]] = field(default_factory=list)
    place: int = -1

    @property
    def takes(self) -> int:
        """Bytes that it takes."""
        return max(one.address + one.size for one in self.loads) - self.begin

    @property
    def done(self) -> int:
        """When the last reader of any of it is done."""
        return max(one.done for one in self.loads)

    def left(self) -> Iterator[tuple[int, int]]:
        """(cycle, bytes) of what no later tile has, whenever one is done."""
        gone = self.begin
        for n, (_, done) in enumerate(self.tiles):
            until = min((first for first, _ in self.tiles[n + 1 :]), default=self.begin + self.takes)
            yield done + 1, until - gone
            gone = until


class Loads:
    """Those of a buffer. wanted: of each (address, bytes, segments, pitch), as layers ask for them; parts: the bytes of
    each of the loads that it is (empty: it is one); asked: the cycle in which each of these is asked for."""

    def __init__(
        self, name: str, wanted: Iterable[Sequence[int]], asked: Sequence[int], parts: Sequence[tuple[int, ...]] = ()
    ) -> None:
        every = [tuple(int(n) for n in [*one][:4]) for one in wanted]
        parts = parts or [(one[1] * one[2],) for one in every]
        self.name, self.ends = name, np.cumsum([len(some) for some in parts])
        if len(every) and self.ends[-1] != len(asked):
            raise ValueError(f"{name}: {len(asked)} loads were asked for, and {self.ends[-1]} are listed")
        self.every = [
            Load(*one, asked[end - len(some)], parts=some)
            for one, some, end in zip(every, parts, self.ends.tolist(), strict=True)
        ]

    def whole(self, count: int) -> int:
        """How many there are once so many of the loads that they are have come."""
        return int(np.searchsorted(self.ends, count, "right"))

    def last(self, address: int, until: int) -> Load:
        """The last one of the first `until` loads with a byte of DRAM in it. Raises InputError if there is none."""
        for load in reversed(self.every[:until]):
            if load.holds(address):
                return load
        raise InputError(f"{self.name}: nothing has been loaded of {address}")

    def place(self, room: int) -> int:
        """Give each load its place; what nobody reads lies behind `room`. The bytes from the first to the last that are
        used. Raises InputError if they are more than `room`."""
        live: list[Load | Block] = []
        most, placed = 0, set[int]()
        for load in self.every:
            if not load.row:
                load.row = load.apart = load.size
                load.place = room
                continue
            if load.lead:
                load.place = load.lead.place + load.behind
                continue
            one = load.beside or load
            if id(one) not in placed:
                placed.add(id(one))
                live = sorted((other for other in live if other.done >= load.asked), key=lambda other: other.place)
                at = 0
                for other in live:
                    if ceil(at, one.align) * one.align + one.takes <= other.place:
                        break
                    at = max(at, other.place + other.takes)
                one.place = ceil(at, one.align) * one.align
                live.append(one)
                most = max(most, one.place + one.takes)
            if load.beside:
                load.place = one.place + load.address - one.begin
        if most > room:
            raise InputError(f"{self.name}: its loads take {most} bytes, more than {room}")
        return most

    def held(self) -> int:
        """The most bytes that are in use at once."""
        used = [one for one in self.every if one.done >= 0 and not one.lead]
        moved = [(one.asked, one.takes) for one in used]
        moved += [(one.done + 1, -one.takes) for one in used if not one.beside]
        for block in {id(one.beside): one.beside for one in used if one.beside}.values():
            moved += [(at, -size) for at, size in block.left()]
        return max(accumulate(size for _, size in sorted(moved)), default=0)

    def rows(self) -> np.ndarray:
        """uint32[loads, 6]: place, bytes of a row, bytes from a row to the next, all bytes, how many rows lie so, bytes
        from these to the next as many. Raises InputError for a load that begins within a row and ends in another."""
        found = []
        for one in self.every:
            at = 0
            for size in one.parts:
                row, first = divmod(at, one.row)
                if first and first + size > one.row and one.apart != one.row:
                    raise InputError(f"{self.name}: a load of {one.address} begins within a row and ends in another")
                many = one.many or ceil(one.size, one.row)
                found.append((one.place + row * one.apart + first, one.row, one.apart, size, many, one.block))
                at += size
        return np.array(found, np.int64).astype(np.uint32).reshape(-1, 6)
