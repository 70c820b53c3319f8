"""The program as the scoreboard sees it: for every instruction what must have happened before; and for every buffer,
whether its bytes are given back only when their last reader is done."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from accelsim.isa.instructions import MARK, NOTHING
from accelsim.validation.evidence import Evidence, spread
from accelsim.validation.memory import Tensor
from accelsim.validation.report import Report


@dataclass(frozen=True)
class Step:
    """An instruction.

    at: its place in the program. unit: who is to do it; empty where a layer ends. operands: by name. layer: the layer
    it belongs to, in the turn before mark number `turn`. nth: how many of its unit precede it. known: for every
    counter, what it has reached at least when the instruction is dispatched (instructions are dispatched in order, so
    all waits before count too). waits: what it waits for itself.
    """

    at: int
    unit: str
    operands: Mapping[str, int]
    layer: int
    turn: int
    nth: int
    known: Mapping[str, int]
    waits: Mapping[str, int]


def walk(evidence: Evidence) -> list[Step]:
    """The program, instruction by instruction."""
    units, counters = list(evidence.names.units.items()), list(evidence.names.counters)
    words, known = evidence.tables["operands"].tolist(), dict.fromkeys(counters, 0)
    seen, steps = {}, []
    layers, turns = evidence.layer_of_instruction().tolist(), evidence.turn_of_instruction().tolist()
    for at, (number, first, *pairs) in enumerate(evidence.tables["program"].tolist()):
        waits = {counters[c - 1]: n for c, n in (pairs[:2], pairs[2:]) if c != NOTHING}
        if any(count > known[counter] for counter, count in waits.items()):
            known = known | {counter: max(count, known[counter]) for counter, count in waits.items()}
        unit, fields = ("", ()) if number == MARK else units[number]
        nth = seen.get(unit, 0)
        seen[unit] = nth + 1
        operands = dict(zip(fields, words[first : first + len(fields)]))
        steps.append(Step(at, unit, operands, layers[at], turns[at], nth, known, waits))
    return steps


@dataclass
class Ledger:
    """The loads of one buffer: who reads each, and when bytes are given back. kept: of those that are no loads, but
    room for what a store buffer hands on, the counter that says when all of it is there, and its count."""

    buffer: str
    sizes: list[int]
    needs: dict[int, dict[str, int]] = field(default_factory=dict)
    kept: dict[int, tuple[str, int]] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)
    freed: list[tuple[int, int, Mapping[str, int]]] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    reads: int = 0

    def read(self, load: int, step: Step, what: str, counter: str = "", count: int = 0) -> None:
        """A load is read by an instruction, until `counter` has reached `count` or else until its unit is done."""
        counter, count = (counter, count) if counter else (step.unit, step.nth + 1)
        self.reads += 1
        comes, many = self.kept.get(load, (self.buffer, load + 1))
        if step.known[comes] < many:
            named = f"load {load}" if comes == self.buffer else f"what {comes} hands on"
            self.absent.append(f"{what}: {named} of {self.buffer} need not have arrived")
        needs = self.needs.setdefault(load, {})
        needs[counter] = max(needs.get(counter, 0), count)
        self.last[load] = max(self.last.get(load, 0), step.at)

    def reserve(self, size: int, store: str, count: int) -> int:
        """Room for what a store buffer hands on, which is all there with so many of its stores: the number by which it
        is read, behind those of the loads."""
        self.sizes.append(size)
        self.kept[len(self.sizes) - 1] = store, count
        return len(self.sizes) - 1

    def free(self, step: Step, size: int, counter: str = "", count: int = 0) -> None:
        """Bytes are given back by an instruction, or by a unit when `counter` reaches `count`."""
        # what was known when earlier bytes were given back is still known
        known = {c: max(n, self.freed[-1][2][c]) for c, n in step.known.items()} if self.freed else dict(step.known)
        if counter:
            known[counter] = max(known[counter], count)
        self.freed.append((step.at, size, known))

    def check(self, report: Report) -> None:
        """Loads arrive before they are read; no byte is given back before its last reader is done; all are, once."""
        name = self.buffer
        report.add("operands", name, "a load has arrived before an instruction reads it", self.reads, self.absent)
        idle = [
            f"load {n} ({self.sizes[n]} bytes) is read by nobody" for n in range(len(self.sizes)) if n not in self.needs
        ]
        report.add("loads", name, "each load is read by some instruction", len(self.sizes), idle)
        dead = np.zeros(len(self.freed) + 1, np.int64)
        for load, needs in self.needs.items():

            def is_dead(event: tuple[int, int, Mapping[str, int]], last=self.last[load], needs=needs) -> bool:
                at, _, known = event
                return at >= last and all(known[counter] >= count for counter, count in needs.items())

            # what is known only grows, so that the first event after which a load is dead can be looked up
            dead[bisect_left(self.freed, True, key=is_dead)] += self.sizes[load]
        given, dead = np.cumsum([size for _, size, _ in self.freed]), np.cumsum(dead)
        report.compare(
            "buffers",
            name,
            "bytes are given back when their last reader is done",
            given <= dead[:-1],
            lambda n: f"instruction {self.freed[n][0]} gives back {given[n] - dead[n]} bytes that may still be read",
        )
        whole = int(given[-1]) if len(given) else 0
        report.equal("buffers", name, "all bytes loaded are given back", whole, sum(self.sizes))


def check_fences(
    evidence: Evidence,
    steps: Sequence[Step],
    owners: Mapping[str, Sequence[Tensor]],
    stores: Mapping[str, Sequence[int]],
    heads: Sequence[int],
    report: Report,
) -> None:
    """What a layer wrote is in DRAM before a later layer's load reads DRAM, and before the layer's end is marked.

    owners: the tensor of each load of each buffer. stores: for every output buffer and layer, the stores of it and all
    before. heads: of every layer the first of those that it takes turns with, or itself: of what they write, these
    layers load nothing (`kept.check_turns`).
    """
    for buffer in evidence.names.buffers:
        lifted = [dict.fromkeys(evidence.names.counters, 0)]
        for step in steps:
            if step.unit == buffer:
                lifted += [step.known] * step.operands["fences"]
        fences = np.minimum(evidence.tables[buffer]["fence"], len(lifted) - 1)
        layers = np.array([0 if t.constant else heads[t.layer] for t in owners[buffer]], np.int64)
        wanted = {s: np.append(0, many)[layers] for s, many in stores.items()}
        known = {s: np.array([k[s] for k in lifted])[fences] for s in stores}
        report.compare(
            "order",
            buffer,
            "activations are read after the layers before have been written",
            np.all([known[s] >= wanted[s] for s in stores], axis=0),
            lambda n, known=known, wanted=wanted: (
                f"load {n} waits for " + ", ".join(f"{known[s][n]} stores of {wanted[s][n]} of {s}" for s in stores)
            ),
        )
        check_read_back(evidence, buffer, [lifted[n] for n in fences], owners, report)
    marks = list({step.layer: step for step in steps if not step.unit}.values())  # the last one of each
    report.compare(
        "order",
        "layers",
        "a layer ends when all it writes is in DRAM",
        np.array([all(m.known[s] >= many[m.layer] for s, many in stores.items()) for m in marks], bool),
        lambda n: f"the end of layer {n} does not wait for its last store",
    )


def check_read_back(
    evidence: Evidence,
    buffer: str,
    known: Sequence[Mapping[str, int]],
    owners: Mapping[str, Sequence[Tensor]],
    report: Report,
) -> None:
    """What a layer writes and reads back itself is in DRAM before it is read, byte by byte.

    known: what every counter has reached when each load of the buffer is asked for.
    """
    mine = {t.name: t for t in owners[buffer] if t.reader == buffer}
    if not mine:
        return
    wanted = np.zeros((len(evidence.names.stores), len(owners[buffer])), np.int64)
    for n, store in enumerate(evidence.names.stores):
        after = {name: np.zeros(tensor.size, np.int32) for name, tensor in mine.items()}
        for which, name, at, size in runs_of(evidence, store, owners[store], mine):
            after[name][at : at + size] = which + 1
        for which, name, at, size in runs_of(evidence, buffer, owners[buffer], mine):
            wanted[n, which] = max(wanted[n, which], after[name][at : at + size].max())
    reached = np.array([[now[store] for now in known] for store in evidence.names.stores])
    read = np.array([t.name in mine for t in owners[buffer]], bool)
    which = np.flatnonzero(read)
    report.compare(
        "order",
        buffer,
        "what a layer reads back is in DRAM",
        (reached >= wanted).all(axis=0)[read],
        lambda n: (
            f"load {which[n]} of {owners[buffer][which[n]].name} waits for "
            + ", ".join(
                f"{reached[s, which[n]]} stores of {wanted[s, which[n]]} of {store}"
                for s, store in enumerate(evidence.names.stores)
            )
        ),
    )


def runs_of(
    evidence: Evidence, part: str, owners: Sequence[Tensor], tensors: Mapping[str, Tensor]
) -> Iterator[tuple[int, str, int, int]]:
    """(descriptor, tensor, first byte in it, bytes) of every run of a buffer's descriptors in some tensors."""
    which, address, size = spread(evidence.tables[part])
    for n, at, many in zip(which.tolist(), address.tolist(), size.tolist(), strict=True):
        name = owners[n].name
        if name in tensors:
            yield n, name, at - evidence.places[name], many
