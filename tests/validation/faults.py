"""What plants a fault in a run, and what finds it."""

import copy
import dataclasses

import numpy as np

from accelsim.validation import examine
from accelsim.validation.evidence import Evidence


def planted(evidence: Evidence) -> Evidence:
    """A copy to plant a fault in."""
    return dataclasses.replace(
        evidence,
        tables={n: t.copy() for n, t in evidence.tables.items()},
        log={n: t.copy() for n, t in evidence.log.items()},
        held=dict(evidence.held), peak=dict(evidence.peak), places=dict(evidence.places),
        result=dataclasses.replace(evidence.result, total=copy.deepcopy(evidence.result.total)),
    )  # fmt: skip


def faults(evidence: Evidence) -> dict[tuple[str, str], tuple[str, ...]]:
    """(name, scope) of every failed check, with its sentences."""
    return {(c.name, c.scope): c.differences for c in examine(evidence).failed}


def drop(evidence: Evidence, channel: str, n: int) -> None:
    evidence.log[channel] = np.delete(evidence.log[channel], n).view(np.recarray)


def repeat(evidence: Evidence, channel: str, n: int) -> None:
    log = evidence.log[channel]
    evidence.log[channel] = np.insert(log, n, log[n]).view(np.recarray)
