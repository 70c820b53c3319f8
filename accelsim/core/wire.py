"""A channel before time starts, and what was logged of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from accelsim.core.component import Component, Port, PortArray
from accelsim.core.result import End

WORD_BITS = 20  # of a field of an item in hardware
TOGETHER = 1 << 12  # logged transfers that are unpacked at once, at least
WIDE = {"address": 32}  # bits of fields that are longer than the others: an address in DRAM


@dataclass(frozen=True)
class Wire:
    """A channel before time starts; an end at a port array is `PORT.ELEMENT`."""

    producer: Component
    out: str
    consumer: Component
    into: str
    depth: int
    monitored: bool

    @property
    def name(self) -> str:
        return f"{self.producer.name}.{self.out} -> {self.consumer.name}.{self.into}"

    @property
    def ends(self) -> tuple[str, str]:
        return f"{self.producer.name}.{self.out}", f"{self.consumer.name}.{self.into}"

    @property
    def payload(self) -> dict[str, str]:
        """The fields of an item, each with a sentence: those of the end that names them."""
        ends = port_of(self.producer, self.out), port_of(self.consumer, self.into)
        return next((end.fields for end in ends if end.fields), {})

    @property
    def bits(self) -> int:
        """Bits of an item in hardware."""
        return sum(WIDE.get(name, WORD_BITS) for name in self.payload)


def ends_of(wires: Iterable[Wire]) -> dict[str, list[End]]:
    """The channels at each component, by its name."""
    ends: dict[str, list[End]] = {}
    for w in wires:
        ends.setdefault(w.producer.name, []).append(End(w.name, w.out, w.consumer.name, True, w.depth, w.bits))
        ends.setdefault(w.consumer.name, []).append(End(w.name, w.into, w.producer.name, False, w.depth, w.bits))
    return ends


def port_of(component: Component, name: str) -> Port | None:
    """The port that an end of a wire means: `PORT`, or `PORT.ELEMENT` of a port array. None if there is none."""
    port, dot, element = name.partition(".")
    found = component.fields.get(port)
    return found if isinstance(found, Port) and bool(dot and element) == isinstance(found, PortArray) else None


def unpack(pieces: Sequence[np.ndarray], wires: Sequence[Wire]) -> dict[str, np.ndarray]:
    """Of each monitored channel its logged transfers, which come in pieces, as records of `at` and its payload."""
    columns = {i: [0, *range(2, 2 + len(wire.payload))] for i, wire in enumerate(wires) if wire.monitored}
    found = {i: [np.zeros((0, len(some)), np.int64)] for i, some in columns.items()}
    for logged in some_together(pieces):
        channel = logged[:, 1]
        order = np.argsort(channel.astype(np.min_scalar_type(-1 - len(wires))), kind="stable")  # by digits, if short
        first = np.searchsorted(channel[order], np.arange(len(wires) + 1)).tolist()
        for i, some in columns.items():
            if first[i] < first[i + 1]:
                found[i].append(logged[order[first[i] : first[i + 1], None], some])
    made = {}
    for i, rows in found.items():
        names = [(n, "i8") for n in ("at", *wires[i].payload)]
        made[wires[i].name] = np.concatenate(rows).view(names).reshape(-1).view(np.recarray)
    return made


def some_together(pieces: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """Pieces, so many at a time that their memory is used again and again: that of all would be fresh."""
    held, rows = [], 0
    for piece in pieces:
        held.append(piece)
        rows += len(piece)
        if rows >= TOGETHER:
            yield np.concatenate(held)
            held, rows = [], 0
    if held:
        yield np.concatenate(held)
