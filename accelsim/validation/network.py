"""The whole program, layer by layer: dense layers, vector layers, and the operands of attention."""

from collections import defaultdict

from accelsim.isa import instructions as isa
from accelsim.validation.dense import GemmCheck
from accelsim.validation.evidence import Evidence
from accelsim.validation.memory import Tensor, check_memory
from accelsim.validation.operands import AttentionOperands
from accelsim.validation.outputs import Outputs
from accelsim.validation.program import GRANTS, Ledger, Step, check_fences, walk
from accelsim.validation.report import Report
from accelsim.workload.layers import Gemm


def check_program(
    evidence: Evidence, known: list[Tensor], outputs: Outputs | None, report: Report
) -> list[Step] | None:
    """All that the program itself tells: addresses, order, space, tiles. None when addresses are wrong already."""
    found = check_memory(evidence, known, report)
    if found is None:
        return None
    sources, stores = found
    steps = walk(evidence)
    check_fences(evidence, steps, stores, sources, report)
    ledgers = {b: Ledger(b, (t["bytes"] * t["segments"]).tolist()) for b, t in ledger_tables(evidence).items()}
    loads_of = defaultdict(list)
    for load, layer in enumerate(sources["act"]):
        loads_of[layer].append(load)
    mine = defaultdict(list)
    for step in steps:
        mine[step.layer].append(step)
    operands = AttentionOperands(evidence, outputs, ledgers) if outputs is not None else None
    frees = evidence.tables["frees"]
    for number, layer in enumerate(evidence.workload.layers):
        first = stores[number - 1] if number else 0
        own = list(range(first, stores[number]))
        gemm = GemmCheck(evidence, layer, ledgers, loads_of[number], own) if isinstance(layer, Gemm) else None
        loads = iter(loads_of[number])
        for step in mine[number]:
            if step.op == isa.ARRAY and gemm:
                gemm.array(step)
                done = (isa.ARRAY_DONE, step.nth + 1)
                ledgers["weight"].free(step, int(frees[step.nth].weight), *done)
                ledgers["act"].free(step, int(frees[step.nth].act), *done)
            elif step.op == isa.VECTOR:
                ledgers["act"].read(next(loads, 0), step, f"layer {layer.name}")
            elif step.op in GRANTS and step.arguments[0]:
                ledgers[GRANTS[step.op]].free(step, step.arguments[0])
            elif operands is not None:
                operands.step(step)
        if gemm:
            gemm.close(report)
    if operands is not None:
        operands.close(report)
    for ledger in ledgers.values():
        ledger.check(report)
    return steps


def ledger_tables(evidence: Evidence) -> dict:
    """The tables of loads, by buffer."""
    return {b: evidence.tables[b] for b in ("weight", "act", "index")}
