"""DRAM: where every tensor lies, that none overlaps another, that all of it is read or written, and no byte beside."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from accelsim.validation.evidence import DMA, NEVER, Evidence, spread
from accelsim.validation.report import Report
from accelsim.workload.layers import Attention, Gemm, LinearAttention, Norm

if TYPE_CHECKING:
    from accelsim.validation.judge import Judge


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """A tensor in DRAM. layer: its number. written: whether the machine writes it (it reads it otherwise). constant:
    whether it is there from the start (weights). whole: bytes that must be touched, a written byte exactly once; all,
    where nothing is said. reader: the buffer that the layer reads it back with, for one that it writes and needs again
    itself. writer: the only store buffer that may write it; any, where nothing is said."""

    name: str
    layer: int
    size: int
    written: bool = False
    constant: bool = False
    whole: int = -1
    reader: str = ""
    writer: str = ""

    def allows(self, part: str, writes: bool) -> bool:
        """Whether a buffer may read or write it."""
        if writes:
            return self.written and self.writer in ("", part)
        return self.reader == part if self.written else True

    @property
    def touched(self) -> int:
        """Bytes of it that must be touched."""
        return self.size if self.whole < 0 else self.whole


def feature_bytes(layer: Gemm) -> int:
    """Bytes of the constants of an output feature: a scale, and a bias if it has one."""
    return 8 if layer.bias else 4


def layer_tensors(judge: "Judge") -> Iterator[Tensor]:
    """The tensors of dense, normalising and element-wise layers as the shared dataflows lay them out."""
    batch = judge.evidence.workload.batch
    for n, layer in enumerate(judge.evidence.workload.layers):
        if isinstance(layer, Attention | LinearAttention):
            continue
        if isinstance(layer, Gemm):
            kept = sum(group.leaves(group.first, group.count) for group in judge.groups(layer))
            yield Tensor(name=f"{layer.name}.weight", layer=n, size=layer.weights, constant=True)
            if judge.constants:
                size = feature_bytes(layer) * layer.repeat * layer.out_features
                yield Tensor(name=f"{layer.name}.bias", layer=n, size=size, constant=True)
            if n not in judge.found_on_chip:
                yield Tensor(name=f"{layer.name}.input", layer=n, size=batch * layer.inputs)
            outputs, whole = batch * layer.outputs, batch * layer.tokens * layer.repeat * kept
            if layer.residual:
                yield Tensor(name=f"{layer.name}.residual", layer=n, size=outputs)
            yield Tensor(name=f"{layer.name}.output", layer=n, size=outputs, written=True, whole=whole)
        else:
            operands = 1 if isinstance(layer, Norm) else layer.operands
            rows = layer.tokens if isinstance(layer, Norm) else layer.out_tokens
            size = batch * layer.features
            if judge.constants and isinstance(layer, Norm):
                constants = (2 if layer.norm == "rmsnorm" else 4) * layer.features
                yield Tensor(name=f"{layer.name}.constants", layer=n, size=constants, constant=True)
            if n not in judge.found_on_chip:
                yield Tensor(name=f"{layer.name}.input", layer=n, size=size * layer.tokens * operands)
            yield Tensor(name=f"{layer.name}.output", layer=n, size=size * rows, written=True)


def check_memory(evidence: Evidence, tensors: Sequence[Tensor], report: Report) -> dict[str, list[Tensor]] | None:
    """All about addresses. The tensor of each descriptor of each buffer; None where some lie in none."""
    places = evidence.places
    known = sorted(tensors, key=lambda t: places.get(t.name, -1))
    lost = [f"{t.name} has no place in DRAM" for t in known if t.name not in places]
    firsts = np.array([places.get(t.name, -1) for t in known], np.int64)
    ends = firsts + np.array([t.size for t in known], np.int64)
    lost += [f"{known[n].name} overlaps {known[n + 1].name}" for n in np.flatnonzero(ends[:-1] > firsts[1:])]
    names = {t.name for t in known}
    lost += [f"{name} belongs to no layer" for name in places if name not in names]
    report.add("memory", "tensors", "tensors do not overlap in DRAM", len(known), lost)
    if lost:
        return None
    reads, writes = ([np.zeros(t.size, np.uint8) for t in known] for _ in range(2))
    owners, before = {}, len(report.failed)
    for part in evidence.elements(f"{DMA}.tile"):
        touched = writes if part in evidence.names.stores else reads
        owners[part] = check_descriptors(evidence, part, known, firsts, touched, report)
    if len(report.failed) > before:
        return None
    for n, tensor in enumerate(known):
        if tensor.written:
            check_touched(tensor, writes[n], "written once", report)
        if tensor.reader or not tensor.written:
            check_touched(tensor, reads[n], "read", report)
    for part in evidence.names.stores:
        layers = [t.layer for t in owners[part]]
        report.compare(
            "memory",
            f"{part} stores",
            "layers are written one after the other",
            np.array([turn >= 0 for turn in turns_of(layers, evidence.turns)], bool),
            lambda n: f"store {n} writes for another layer than the one whose turn it is",
        )
    return owners


def turns_of(layers: Sequence[int], turns: Sequence[int]) -> list[int]:
    """Of stores that are of these layers, in order, the turn (the number of the mark before which it is computed) of
    each: that of the store before it while that is of its layer, else the next that is; -1: there is none."""
    found, turn = [], 0
    for layer in layers:
        while 0 <= turn < len(turns) and turns[turn] != layer:
            turn += 1
        turn = turn if 0 <= turn < len(turns) else -1
        found.append(turn)
    return found


def check_touched(tensor: Tensor, times: np.ndarray, verb: str, report: Report) -> None:
    """As many bytes of a tensor as must be are touched; those that are written, once."""
    sums, most = int(np.count_nonzero(times)), int(times.max(initial=0))
    good = sums == tensor.touched and (most <= 1 or verb == "read")
    wrong = [] if good else [f"{tensor.name}: {sums} bytes of {tensor.touched}, {most} times at most"]
    report.add("memory", tensor.name, f"every byte is {verb}", tensor.touched, wrong)


def check_descriptors(
    evidence: Evidence,
    part: str,
    known: Sequence[Tensor],
    firsts: np.ndarray,
    touched: Sequence[np.ndarray],
    report: Report,
) -> list[Tensor]:
    """Every run of a buffer's descriptors lies inside one tensor; the tensor of each descriptor."""
    descriptors = evidence.moved(part)
    rule, segments = "each lies inside one tensor", descriptors["segments"]
    if (segments < 1).any():
        empty = [f"{part} {n} is of {segments[n]} segments" for n in np.flatnonzero(segments < 1)]
        report.add("memory", f"{part} descriptors", rule, len(segments), empty)
        return []
    which, address, size = spread(descriptors)
    owner = np.searchsorted(firsts, address, side="right") - 1
    ends = firsts + np.array([t.size for t in known], np.int64)
    good = (owner >= 0) & (size > 0) & (address + size <= ends[owner])
    good &= np.array([t.allows(part, part in evidence.names.stores) for t in known], bool)[owner]
    report.compare(
        "memory",
        f"{part} descriptors",
        rule,
        good,
        lambda n: (
            f"{part} {which[n]}: bytes {address[n]} to {address[n] + size[n]} are not all of one tensor, near "
            f"{known[owner[n]].name}"
        ),
    )
    if good.all():
        for n, at, many in zip(owner.tolist(), (address - firsts[owner]).tolist(), size.tolist(), strict=True):
            block = touched[n][at : at + many]
            block += block < 255
    first = np.searchsorted(which, np.arange(len(descriptors)))
    return [known[n] for n in owner[first]]


class Arrivals:
    """Which load of a buffer holds each byte of a tensor, of the loads that have arrived: one of `loads` at a time."""

    def __init__(
        self,
        evidence: Evidence,
        buffer: str,
        loads: Sequence[int],
        tensors: dict[str, int],
        there: dict[str, Sequence[tuple[int, int]]],
    ) -> None:
        """tensors: the bytes of each, by name. there: those that are not loaded, and what stands for their loads: of
        each part that is handed on a number and its bytes, in order; more may come."""
        self.buffer, self.table, self.loads, self.shown = buffer, evidence.tables[buffer], loads, 0
        self.first = {name: NEVER if name in there else evidence.places[name] for name in tensors}
        self.held = {name: np.full(size, -1, np.int32) for name, size in tensors.items()}
        self.there = {name: parts for name, parts in there.items() if name in tensors}
        self.entered = dict.fromkeys(self.there, (0, 0))  # parts, and their bytes

    def until(self, count: int) -> None:
        """Enter what has been handed on, and those of the first `count` loads of the buffer, that are not yet."""
        for name, parts in self.there.items():
            done, at = self.entered[name]
            for number, size in parts[done:]:
                self.held[name][at : at + size] = number
                at += size
            self.entered[name] = len(parts), at
        while self.shown < len(self.loads) and self.loads[self.shown] < count:
            number = self.loads[self.shown]
            load, self.shown = self.table[number], self.shown + 1
            for name, held in self.held.items():
                at = int(load["address"]) - self.first[name]
                if 0 <= at < len(held):
                    for _ in range(int(load["segments"])):
                        held[at : at + int(load["bytes"])] = number
                        at += int(load["pitch"])

    def of(self, block: np.ndarray) -> list[int] | None:
        """The loads that hold a block of a tensor's bytes; None where some have not arrived."""
        if block.size == 0 or block.min() < 0:
            return None
        low, high = int(block.min()), int(block.max())
        return [low] if low == high else (np.flatnonzero(np.bincount(block.ravel() - low)) + low).tolist()
