"""The whole program, layer by layer: each layer's follower sees its instructions, each buffer's ledger what is read and
given back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from accelsim.validation.evidence import Evidence, sizes
from accelsim.validation.fetch import program_tensor, read_chunks
from accelsim.validation.kept import check_kept, check_turns, heads, reserved
from accelsim.validation.memory import Arrivals, Tensor, check_memory, turns_of
from accelsim.validation.program import Ledger, Step, check_fences, walk
from accelsim.validation.report import Report
from accelsim.validation.results import check_room
from accelsim.workload.layers import Layer

if TYPE_CHECKING:
    from accelsim.validation.judge import Judge


@dataclass(frozen=True)
class Course:
    """One layer, as its follower is given it.

    loads: for every buffer the loads of the layer's tensors, constants included. stores: for every output buffer its
    stores. ledgers: of every buffer; a follower enters what its instructions read. found: where its input is in the
    activation buffer already, the number in the ledger and the bytes of each part that has been handed on so far; None
    where it is loaded.
    """

    judge: "Judge"
    number: int
    layer: Layer
    loads: Mapping[str, Sequence[int]]
    stores: Mapping[str, Sequence[int]]
    ledgers: Mapping[str, Ledger]
    found: Sequence[tuple[int, int]] | None = None

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
        there = {f"{self.layer.name}.input": self.found} if self.found is not None else {}
        return Arrivals(self.evidence, buffer, self.loads[buffer], named, there)


class Follower:
    """Follows the instructions of a layer; this one asks nothing of them."""

    def step(self, step: Step) -> None:
        """One instruction of the layer, in order; all but those of the buffers."""

    def turn(self, stores: Mapping[str, Sequence[int]]) -> None:
        """A turn of the layer has ended, of which these are the stores; a layer that is not fused has one."""

    def close(self, report: Report) -> None:
        """The layer has ended."""


def grouped(of: Sequence[int], groups: int) -> list[list[int]]:
    """The numbers of those that are of each group."""
    found: list[list[int]] = [[] for _ in range(groups)]
    for n, group in enumerate(of):
        found[group].append(n)
    return found


def check_program(judge: "Judge", tensors: Sequence[Tensor], report: Report) -> None:
    """All that the program itself tells: addresses, order, space, tiles."""
    evidence, names = judge.evidence, judge.evidence.names
    owners = check_memory(evidence, [*tensors, *program_tensor(evidence)], report)
    if owners is None:
        return
    layers, steps = evidence.workload.layers, walk(evidence)
    many = {s: np.bincount([t.layer for t in owners[s]], minlength=len(layers)) for s in names.stores}
    ends = {s: np.cumsum(some).tolist() for s, some in many.items()}
    of_turn = {s: turns_of([t.layer for t in owners[s]], evidence.turns) for s in names.stores}
    check_fences(evidence, steps, owners, ends, heads(evidence.turns, len(layers)), report)
    ledgers = {b: Ledger(b, sizes(evidence.tables[b]).tolist()) for b in names.buffers}
    if names.memory:
        read_chunks(evidence, steps, ledgers[names.memory])
    loads = {b: grouped([t.layer for t in owners[b]], len(layers)) for b in names.buffers}
    written = {s: grouped([t.layer for t in owners[s]], len(layers)) for s in names.stores}
    stores = {s: grouped(of, len(evidence.turns)) for s, of in of_turn.items()}
    check_kept(judge, steps, stores.get(judge.store, ()), report)
    check_turns(judge, report)
    check_room(judge, steps, stores.get(judge.store, ()), report)
    parts = reserved(steps, judge.act)  # of every layer, the bytes of each room for its output
    found: list[list[tuple[int, int]]] = [[] for _ in (*layers, None)]
    last = {layer: turn for turn, layer in enumerate(evidence.turns)}
    followers: dict[int, Follower] = {}
    for step in steps:
        number = step.layer
        if number == len(layers):
            if step.unit in ledgers:  # the program's end, behind its last layer
                ledgers[step.unit].free(step, step.operands["bytes"])
            continue
        if number not in followers:
            mine = {b: some[number] for b, some in loads.items()}
            of_layer = {s: some[number] for s, some in written.items()}
            here = found[number] if number in judge.found_on_chip else None
            followers[number] = judge.follower(Course(judge, number, layers[number], mine, of_layer, ledgers, here))
        follower = followers[number]
        if step.unit in ledgers:
            if (size := -step.operands["bytes"]) > 0:
                until = step.turn if len(parts[number]) > 1 else last[number]  # when all of it has been handed on
                count = 1 + max(stores[judge.store][until], default=-1)
                found[number + 1].append((ledgers[step.unit].reserve(size, judge.store, count), size))
            elif size:
                ledgers[step.unit].free(step, -size)
        elif step.unit:
            follower.step(step)
            for buffer, size in judge.frees(step).items():
                ledgers[buffer].free(step, size, step.unit, step.nth + 1)
        else:
            follower.turn({s: some[step.turn] for s, some in stores.items()})
            if step.turn == last[number]:
                followers.pop(number).close(report)
    for ledger in ledgers.values():
        ledger.check(report)
