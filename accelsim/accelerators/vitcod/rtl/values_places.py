"""Where loads lie in a buffer's memory. The program says how many bytes come and go, and no addresses; each load is
given the first place that is free when it is asked for, until its last reader is done."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accelsim.core.errors import InputError
from accelsim.dataflows.tiling import ceil


@dataclass
class Load:
    """A load of a buffer, int64 fields of its descriptor; how it lies: rows of so many bytes, so many apart, from an
    address (-1: nobody reads it); the cycle in which it is asked for, and in which its last reader is done."""

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

    @property
    def size(self) -> int:
        """Bytes that are loaded."""
        return self.bytes * self.segments

    @property
    def takes(self) -> int:
        """Bytes that it takes, with what lies between its rows."""
        return ceil(self.size, self.row) * self.apart

    def read(self, row: int, apart: int, align: int, done: int) -> "Load":
        """Note a reader. Raises InputError if it finds other rows than another one."""
        if self.row and (row, apart) != (self.row, self.apart):
            raise InputError(f"a load at {self.address} is read in rows of {self.row} and of {row} bytes")
        self.row, self.apart, self.align, self.done = row, apart, max(align, self.align), max(done, self.done)
        return self

    def holds(self, address: int) -> bool:
        """Whether a byte of DRAM is in it."""
        at = address - self.address
        segment = at // self.pitch if self.segments > 1 else 0
        return 0 <= segment < self.segments and 0 <= at - segment * self.pitch < self.bytes


class Loads:
    """Those of a buffer. table: its descriptors; asked: the cycle in which each is asked for."""

    def __init__(self, name: str, table: np.ndarray, asked: Sequence[int]) -> None:
        fields = ("address", "bytes", "segments", "pitch")
        self.name = name
        self.every = [Load(*(int(one[n]) for n in fields), at) for one, at in zip(table, asked, strict=True)]

    def last(self, address: int, until: int) -> Load:
        """The last one of the first `until` loads with a byte of DRAM in it. Raises InputError if there is none."""
        for load in reversed(self.every[:until]):
            if load.holds(address):
                return load
        raise InputError(f"{self.name}: nothing has been loaded of {address}")

    def place(self, room: int) -> int:
        """Give each load its place; what nobody reads lies behind `room`. The bytes from the first to the last that are
        used. Raises InputError if they are more than `room`."""
        live: list[Load] = []
        most = 0
        for load in self.every:
            if not load.row:
                load.row = load.apart = load.size
                load.place = room
                continue
            live = sorted((one for one in live if one.done >= load.asked), key=lambda one: one.place)
            at = 0
            for one in live:
                if ceil(at, load.align) * load.align + load.takes <= one.place:
                    break
                at = max(at, one.place + one.takes)
            load.place = ceil(at, load.align) * load.align
            live.append(load)
            most = max(most, load.place + load.takes)
        if most > room:
            raise InputError(f"{self.name}: its loads take {most} bytes, more than {room}")
        return most

    def rows(self) -> np.ndarray:
        """uint32[loads, 4]: place, bytes of a row, bytes from a row to the next, all bytes."""
        return np.array([(one.place, one.row, one.apart, one.size) for one in self.every], np.int64).astype(np.uint32)
