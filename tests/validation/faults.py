"""What plants a fault in a run, and what finds it."""

import copy
import dataclasses

import numpy as np

from accelsim.accelerators import machine
from accelsim.config.arch import Arch
from accelsim.validation import Report, examine, validate
from accelsim.validation.evidence import Evidence
from accelsim.workload import Workload


def planted(evidence: Evidence) -> Evidence:
    """A copy to plant a fault in."""
    return dataclasses.replace(
        evidence,
        tables={n: t.copy() for n, t in evidence.tables.items()},
        log={n: t.copy() for n, t in evidence.log.items()},
        held=dict(evidence.held),
        peak=dict(evidence.peak),
        places=dict(evidence.places),
        result=dataclasses.replace(
            evidence.result, total=copy.deepcopy(evidence.result.total), spans=copy.deepcopy(evidence.result.spans)
        ),
    )


def judged(evidence: Evidence) -> Report:
    """The run as its machine's judge sees it."""
    return examine(machine(evidence.arch.machine).judge()(evidence))


def validated(arch: Arch, workload: Workload) -> Report:
    """A run of its machine, judged."""
    return validate(machine(arch.machine), arch, workload)


def faults(evidence: Evidence) -> dict[tuple[str, str], tuple[str, ...]]:
    """(name, scope) of every failed check, with its sentences."""
    return {(c.name, c.scope): c.differences for c in judged(evidence).failed}


def drop(evidence: Evidence, channel: str, n: int) -> None:
    evidence.log[channel] = np.delete(evidence.log[channel], n).view(np.recarray)


def repeat(evidence: Evidence, channel: str, n: int) -> None:
    log = evidence.log[channel]
    evidence.log[channel] = np.insert(log, n, log[n]).view(np.recarray)


def change(evidence: Evidence, unit: str, nth: int, operand: str, more: int) -> None:
    """Change an operand of the nth instruction of a unit."""
    first = evidence.tables["program"]["first"][evidence.instructions(unit)[nth]]
    evidence.tables["operands"][first + evidence.names.units[unit].index(operand)] += more


def wait_less(evidence: Evidence, unit: str) -> None:
    """Have each instruction of a unit wait for a load less."""
    program, counters = evidence.tables["program"], list(evidence.names.counters)
    # earlier instructions wait for earlier loads only, so that the last wait of each kind is the one that counts
    mine = evidence.instructions(unit)
    for wait, count in (("wait", "count"), ("wait2", "count2")):
        loads = np.isin(program[wait][mine], [1 + counters.index(buffer) for buffer in evidence.names.buffers])
        program[count][mine[loads]] -= 1
