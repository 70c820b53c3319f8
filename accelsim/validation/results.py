"""Whether what the vector unit computes has room where it goes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from accelsim.validation.evidence import sizes
from accelsim.validation.program import Step
from accelsim.validation.report import Report
from accelsim.workload.layers import Elementwise, Norm

if TYPE_CHECKING:
    from accelsim.validation.judge import Judge


def check_room(judge: "Judge", steps: Sequence[Step], turns: Sequence[Sequence[int]], report: Report) -> None:
    """What a command computes leaves while it is at work, and has no other place than the buffer of results: there is
    room for it there before the command begins, beside all that is stored before. turns: the stores of every turn."""
    if not judge.store:
        return
    evidence, wrong, commands = judge.evidence, [], 0
    size, capacity = sizes(evidence.tables[judge.store]), evidence.part(judge.store, "capacity_bytes")
    gone = np.append(0, size.cumsum())  # with so many stores done
    leaves = np.append(0, np.cumsum([size[np.asarray(some, np.int64)].sum() for some in turns]))
    mine: dict[int, int] = {}  # bytes that leave in a turn
    for step in steps:
        alone = step.layer < len(evidence.workload.layers) and isinstance(
            evidence.workload.layers[step.layer], Norm | Elementwise
        )
        if alone and step.unit == judge.vector and step.operands["bytes"]:
            commands += 1
            mine[step.turn] = mine.get(step.turn, 0) + step.operands["bytes"]
            held = int(leaves[step.turn] + mine[step.turn] - gone[min(step.known[judge.store], len(size))])
            if held > capacity:
                wrong.append(
                    f"command {step.nth}: {held} bytes may be in {judge.store} with it, which holds {capacity}"
                )
    report.add("vector", "vector unit", "there is room for what leaves before a command begins", commands, wrong)
