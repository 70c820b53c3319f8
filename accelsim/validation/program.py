"""The program as the scoreboard sees it: for every instruction what must have happened before; and for every buffer,
whether its bytes are given back only when their last reader is done."""

from bisect import bisect_left
from dataclasses import dataclass, field

import numpy as np

from accelsim.isa import instructions as isa
from accelsim.validation.evidence import Evidence
from accelsim.validation.report import Report

LOADED = {"weight": isa.WEIGHT_LOADED, "act": isa.ACT_LOADED, "index": isa.INDEX_LOADED}
GRANTS = {isa.GRANT_WEIGHT: "weight", isa.GRANT_ACT: "act", isa.GRANT_INDEX: "index"}
# What each unit's instructions count up when they are done.
DONE = {
    isa.ARRAY: isa.ARRAY_DONE,
    isa.VECTOR: isa.VECTOR_DONE,
    isa.DECODE: isa.DECODER_DONE,
    isa.DENSER: isa.DENSER_DONE,
    isa.SPARSER: isa.SPARSER_DONE,
}


@dataclass(frozen=True)
class Step:
    """An instruction. at: its place in the program. layer: the layer it belongs to. nth: how many of its kind precede
    it. known: for every counter, what it has reached at least when the instruction is dispatched (instructions are
    dispatched in order, so all waits before count too). waits: what it waits for itself."""

    at: int
    op: int
    arguments: tuple[int, ...]
    layer: int
    nth: int
    known: tuple[int, ...]
    waits: dict[int, int]


def walk(evidence: Evidence) -> list[Step]:
    """The program, instruction by instruction."""
    known, layer, seen, steps = [0] * len(isa.COUNTERS), 0, {}, []
    frozen = tuple(known)
    for at, row in enumerate(evidence.tables["program"].tolist()):
        waits = {c: n for c, n in (row[-4:-2], row[-2:]) if c != isa.NOTHING}
        for counter, count in waits.items():
            if count > known[counter]:
                known[counter] = count
                frozen = tuple(known)
        nth = seen.get(row[0], 0)
        seen[row[0]] = nth + 1
        steps.append(Step(at, row[0], row[1:-4], layer, nth, frozen, waits))
        layer += row[0] == isa.MARK
    return steps


@dataclass
class Ledger:
    """The loads of one buffer: who reads each, and when bytes are given back."""

    buffer: str
    sizes: list[int]
    needs: dict[int, dict[int, int]] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)
    freed: list[tuple[int, int, np.ndarray]] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    reads: int = 0

    def read(self, load: int, step: Step, what: str, counter: int = 0, count: int = 0) -> None:
        """A load is read by an instruction; done when `counter` has reached `count`."""
        counter, count = (counter, count) if counter else (DONE[step.op], step.nth + 1)
        self.reads += 1
        if step.known[LOADED[self.buffer]] <= load:
            self.absent.append(f"{what}: load {load} of the {self.buffer} buffer need not have arrived")
        needs = self.needs.setdefault(load, {})
        needs[counter] = max(needs.get(counter, 0), count)
        self.last[load] = max(self.last.get(load, 0), step.at)

    def free(self, step: Step, size: int, counter: int = 0, count: int = 0) -> None:
        """Bytes are given back by an instruction, or by a unit when `counter` reaches `count`."""
        # what was known when earlier bytes were given back is still known
        known = np.maximum(step.known, self.freed[-1][2]) if self.freed else np.array(step.known)
        if counter:
            known[counter] = max(known[counter], count)
        self.freed.append((step.at, size, known))

    def check(self, report: Report) -> None:
        """Loads arrive before they are read; no byte is given back before its last reader is done; all are, once."""
        name = f"{self.buffer} buffer"
        report.add("operands", name, "a load has arrived before an instruction reads it", self.reads, self.absent)
        idle = [n for n in range(len(self.sizes)) if n not in self.needs]
        report.add("loads", name, "each load is read by some instruction", len(self.sizes),
                   [f"load {n} ({self.sizes[n]} bytes) is read by nobody" for n in idle])  # fmt: skip
        dead = np.zeros(len(self.freed) + 1, np.int64)
        for load, needs in self.needs.items():
            # what is known only grows, so that the first event after which a load is dead can be looked up
            event = bisect_left(self.freed, True, key=lambda e, n=load, x=needs: e[0] >= self.last[n]
                                and all(e[2][counter] >= count for counter, count in x.items()))  # fmt: skip
            dead[event] += self.sizes[load]
        given, dead = np.cumsum([size for _, size, _ in self.freed]), np.cumsum(dead)
        report.compare("buffers", name, "bytes are given back when their last reader is done", given <= dead[:-1],
                       lambda n: f"instruction {self.freed[n][0]} gives back {given[n] - dead[n]} bytes that may "
                                 f"still be read")  # fmt: skip
        report.equal("buffers", name, "all bytes loaded are given back", int(given[-1]) if len(given) else 0,
                     sum(self.sizes))  # fmt: skip


def check_fences(evidence: Evidence, steps: list[Step], stores: list[int], sources: dict[str, list], report: Report):
    """What a layer wrote is in DRAM before a later layer's load reads DRAM, and before the layer's end is marked.

    stores: for every layer, the stores of it and all before. sources: for every buffer, for every load, the layer it is
    for, or None for constants (weights, index).
    """
    for op, buffer in GRANTS.items():
        lifted = [0]
        for step in steps:
            if step.op == op:
                lifted += [step.known[isa.STORED]] * step.arguments[1]
        fences = evidence.tables[buffer]["fence"]
        wanted = np.array([stores[layer - 1] if layer else 0 for layer in sources[buffer]], np.int64)
        known = np.array(lifted)[np.minimum(fences, len(lifted) - 1)]
        report.compare("order", f"{buffer} buffer", "activations are read after the layers before have been written",
                       known >= wanted,
                       lambda n, k=known, w=wanted: f"load {n} waits for {k[n]} stores of {w[n]}")  # fmt: skip
    marks = [step for step in steps if step.op == isa.MARK]
    report.compare("order", "layers", "a layer ends when all it writes is in DRAM",
                   np.array([m.known[isa.STORED] >= stores[m.layer] for m in marks], bool),
                   lambda n: f"the end of layer {n} does not wait for its last store")  # fmt: skip
