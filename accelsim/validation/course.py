"""The whole program, layer by layer: each layer's follower sees its instructions, each buffer's ledger what is read and
given back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from accelsim.validation.evidence import Evidence, sizes
from accelsim.validation.fetch import program_tensor, read_chunks
from accelsim.validation.kept import check_kept
from accelsim.validation.memory import Arrivals, Tensor, check_memory
from accelsim.validation.program import Ledger, Step, check_fences, walk
from accelsim.validation.report import Report
from accelsim.workload.layers import Layer

if TYPE_CHECKING:
    from accelsim.validation.judge import Judge


@dataclass(frozen=True)
class Course:
    """One layer, as its follower is given it.

    loads: for every buffer the loads of the layer's tensors, constants included. stores: for every output buffer its
    stores. ledgers: of every buffer; a follower enters what its instructions read. found: the number in the ledger of
    its input, where that is in the activation buffer already; -1 where it is loaded.
    """

    judge: "Judge"
    number: int
    layer: Layer
    loads: Mapping[str, Sequence[int]]
    stores: Mapping[str, Sequence[int]]
    ledgers: Mapping[str, Ledger]
    found: int = -1

    @property
    def evidence(self) -> Evidence:
        return self.judge.evidence

    @property
    def scope(self) -> str:
        """The layer in a report."""
        return f"layer {self.layer.name}"

    def arrivals(self, buffer: str, **tensors: int) -> Arrivals:
        """Which of the layer's loads hold its tensors; `tensors`: the bytes of each, as in `input=300`."""
        named = {f"{self.layer.name}.{name}": size for name, size in tensors.items()}
        there = {f"{self.layer.name}.input": self.found} if self.found >= 0 else {}
        return Arrivals(self.evidence, buffer, self.loads[buffer], named, there)


class Follower:
    """Follows the instructions of a layer; this one asks nothing of them."""

    def step(self, step: Step) -> None:
        """One instruction of the layer, in order; all but those of the buffers."""

    def close(self, report: Report) -> None:
        """The layer has ended."""


def check_program(judge: "Judge", tensors: Sequence[Tensor], report: Report) -> None:
    """All that the program itself tells: addresses, order, space, tiles."""
    evidence, names = judge.evidence, judge.evidence.names
    owners = check_memory(evidence, [*tensors, *program_tensor(evidence)], report)
    if owners is None:
        return
    layers, steps = evidence.workload.layers, walk(evidence)
    ends = {
        s: np.cumsum(np.bincount([t.layer for t in owners[s]], minlength=len(layers))).tolist() for s in names.stores
    }
    check_fences(evidence, steps, owners, ends, report)
    ledgers = {b: Ledger(b, sizes(evidence.tables[b]).tolist()) for b in names.buffers}
    if names.memory:
        read_chunks(evidence, steps, ledgers[names.memory])
    loads = {b: [[] for _ in layers] for b in names.buffers}
    for buffer, mine in loads.items():
        for load, tensor in enumerate(owners[buffer]):
            mine[tensor.layer].append(load)
    check_kept(judge, steps, report)
    of_layer = [[] for _ in layers]
    found = -1
    for step in steps:
        if step.layer < len(layers):
            of_layer[step.layer].append(step)
    for number, layer in enumerate(layers):
        stores = {s: range(many[number - 1] if number else 0, many[number]) for s, many in ends.items()}
        mine = {b: some[number] for b, some in loads.items()}
        course = Course(judge, number, layer, mine, stores, ledgers, found if number in judge.found_on_chip else -1)
        follower = judge.follower(course)
        for step in of_layer[number]:
            if step.unit in ledgers:
                if step.operands["bytes"] < 0:
                    found = ledgers[step.unit].reserve(-step.operands["bytes"], judge.store, ends[judge.store][number])
                elif step.operands["bytes"]:
                    ledgers[step.unit].free(step, step.operands["bytes"])
            elif step.unit:
                follower.step(step)
                for buffer, size in judge.frees(step).items():
                    ledgers[buffer].free(step, size, step.unit, step.nth + 1)
        follower.close(report)
    for step in steps:
        if step.layer == len(layers) and step.unit in ledgers:  # the program's end, behind its last layer
            ledgers[step.unit].free(step, step.operands["bytes"])
    for ledger in ledgers.values():
        ledger.check(report)
