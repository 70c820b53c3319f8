"""What stays on chip between two layers: only what may, in room that was reserved for it, handed on byte by byte."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from accelsim.isa.tables import KEPT, TO_DRAM
from accelsim.validation.evidence import Evidence, handed_on, in_order, sizes, there
from accelsim.validation.program import Step
from accelsim.validation.report import Report
from accelsim.workload.layers import Attention
from accelsim.workload.wiring import wiring

if TYPE_CHECKING:
    from accelsim.validation.judge import Judge


def sent(evidence: Evidence, store: str) -> dict[int, set[int]]:
    """Layer -> where its stores go, by the places of the outputs that they are of."""
    if not store:
        return {}
    names = sorted(evidence.places, key=evidence.places.__getitem__)
    firsts = np.array([evidence.places[name] for name in names], np.int64)
    numbers = {layer.name: n for n, layer in enumerate(evidence.workload.layers)}
    table, found = evidence.tables[store], {}
    owners = np.searchsorted(firsts, table["address"], side="right") - 1
    for owner, goes in {*zip(owners.tolist(), table["fence"].tolist())}:
        layer = numbers.get(names[owner].rpartition(".output")[0])
        if layer is not None:
            found.setdefault(layer, set()).add(goes)
    return found


def heads(turns: Sequence[int], layers: int) -> list[int]:
    """Of every layer the first of those that it takes turns with, or itself."""
    first = {layer: n for n, layer in reversed([*enumerate(turns)])}
    last = {layer: n for n, layer in enumerate(turns)}
    found: list[int] = []
    for layer in range(layers):
        joins = layer and layer in first and last.get(layer - 1, -1) > first[layer]
        found.append(found[-1] if joins else layer)
    return found


def reserved(steps: Sequence[Step], act: str) -> dict[int, list[int]]:
    """Layer -> bytes of each room that is reserved for its output, in order."""
    found: dict[int, list[int]] = {}
    for step in steps:
        if step.unit == act and step.operands["bytes"] < 0:
            found.setdefault(step.layer, []).append(-step.operands["bytes"])
    return found


def check_turns(judge: "Judge", report: Report) -> None:
    """Layers that take turns do so one after the other, and what one leaves in its turn the next one reads, which stays
    on chip; what else they read is of the layers before all of them."""
    evidence = judge.evidence
    layers, turns = evidence.workload.layers, evidence.turns
    first, reads, wrong = heads(turns, len(layers)), wiring(evidence.workload), []
    goes, number = sent(evidence, judge.store), {layer.name: n for n, layer in enumerate(layers)}
    fused = sorted({head for n, head in enumerate(first) if head != n})
    for head in fused:
        chain = [n for n, one in enumerate(first) if one == head]
        mine = [n for n in turns if n in chain]
        often = len(mine) // len(chain)
        if mine != chain * often or turns[turns.index(head) :][: len(mine)] != mine:
            wrong.append(f"layers {layers[head].name} to {layers[chain[-1]].name} do not take turns: {mine[:9]} ...")
        for n in chain[:-1]:
            if goes.get(n) != {KEPT}:
                wrong.append(f"layer {layers[n].name}: its output does not stay on chip, but layers take turns")
        for n in chain[1:]:
            one = reads[layers[n].name]
            others = [*one.inputs[1:], *([one.residual] if one.residual else ())]
            if one.inputs[:1] != (layers[n - 1].name,) or any(number[name] >= head for name in others):
                wrong.append(f"layer {layers[n].name}: it reads what is of layers that it takes turns with")
    alone = [n for n, head in enumerate(first) if head not in fused and turns.count(n) != 1]
    wrong += [f"layer {layers[n].name} has {turns.count(n)} turns" for n in alone]
    report.add("kept", "layers", "fused layers take turns", len(fused), wrong)


def check_kept(judge: "Judge", steps: Sequence[Step], turns: Sequence[Sequence[int]], report: Report) -> None:
    """What a layer hands on is the whole input of the next one, has room of its own, and is in DRAM too wherever
    another layer reads it. turns: the stores of every turn."""
    if not judge.store:
        return
    evidence, layers = judge.evidence, judge.evidence.workload.layers
    kept = {n: goes for n, goes in sent(evidence, judge.store).items() if goes != {TO_DRAM}}
    rooms = reserved(steps, judge.act)
    reads, wrong = wiring(evidence.workload), []
    table, of = evidence.tables[judge.store], {layer.name: n for n, layer in enumerate(layers)}
    for n in sorted({*kept, *rooms}):
        name, goes = layers[n].name, kept.get(n, {TO_DRAM})
        readers = {of[m] for m, one in reads.items() if name in (*one.inputs, one.residual)}
        after = reads[layers[n + 1].name] if n + 1 < len(layers) else None
        if len(goes) > 1 or goes == {TO_DRAM}:
            wrong.append(f"layer {name}: its stores go {sorted(goes)}, not all the same way on")
        elif after is None or after.inputs != (name,) or isinstance(layers[n + 1], Attention):
            wrong.append(f"layer {name}: the next layer does not read just its output")
        elif goes == {KEPT} and (readers != {n + 1} or after.residual == name):
            wrong.append(f"layer {name}: its output is not in DRAM, but layers {sorted(readers)} read it")
        size = [int(sizes(table[some]).sum()) for some, m in zip(turns, evidence.turns) if m == n]
        if rooms.get(n) not in ([sum(size)], size):
            wrong.append(f"layer {name}: {rooms.get(n, [])} bytes are reserved for its output of {size}")
    report.add("kept", judge.act, "what stays on chip may, and has room", len(kept), wrong)


def check_handed_on(evidence: Evidence, buffer: str, report: Report) -> None:
    """A buffer is given all that a store buffer keeps, in order, not before it was there, in reserved room; and says so
    when it can have been written."""
    for store, log in evidence.elements(f"{buffer}.keep").items():
        table = evidence.tables[store]
        mine = table[table["fence"] != TO_DRAM]
        size = sizes(mine)
        back = evidence.elements(f"{store}.kept")[buffer]
        told = evidence.log[f"{store}.done"]["at"]
        report.equal("kept", buffer, "bytes handed on", int(sizes(log.view(np.recarray)).sum()), handed_on(table))
        if not len(log) == len(back) == len(mine) or len(told) != len(table):
            report.add("kept", buffer, "stores handed on", len(mine), [f"{len(log)} and {len(back)} of {len(mine)}"])
            continue
        asked = evidence.log[f"{store}.keep.{buffer}"]["at"]
        came = there(
            evidence, store, in_order(list(evidence.elements(f"{store}.results").values())), sizes(table).cumsum()
        )
        grants = evidence.into(f"{buffer}.command")
        taken = np.cumsum(np.maximum(0, -grants["bytes"]))
        room = np.append(0, taken)[np.searchsorted(grants["at"], back["at"])]
        words = mine["segments"] * -(-mine["bytes"] // evidence.part(buffer, "port_bytes"))
        least = -(-words // evidence.part(buffer, "banks"))
        begun = np.maximum(log["at"] + 1, np.append(-1, back["at"][:-1]) + 1)
        for rule, good in (
            ("in order, as they are stored", (log["bytes"] == mine["bytes"]) & (log["segments"] == mine["segments"])),
            ("when all their bytes have come", came[table["fence"] != TO_DRAM] + 1 <= asked),
            ("room was reserved before", np.cumsum(size) <= room),
            ("written a port's word at a time", back["at"] - begun + 1 >= least),
            ("a store is told when it is there", back["at"] < told[table["fence"] != TO_DRAM]),
        ):
            report.compare("kept", buffer, rule, good, lambda n: f"store {n} of those handed on")
