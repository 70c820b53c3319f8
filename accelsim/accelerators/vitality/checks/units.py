"""Accumulators, dividers and adders: what each sweep was of, and that none was done sooner than its lanes can."""

import numpy as np

from accelsim.components.lane_unit import SWEEP
from accelsim.validation import Report
from accelsim.validation.evidence import Evidence


def check_sweeps(evidence: Evidence, unit: str, report: Report) -> None:
    """One sweep after the other, each no shorter than its groups of lanes and their latency."""
    said, parameters = evidence.commands(unit), evidence.result.parts[unit].parameters
    mine = said["kind"] == SWEEP
    some, done = said[mine], evidence.log[f"{unit}.done"]["at"]
    rule = "a sweep takes the cycles of its lanes"
    if len(done) != len(some):
        report.add("lines", unit, rule, len(some), [f"{len(done)} of {len(some)} sweeps were finished"])
        return
    sent = evidence.into(f"{unit}.command")["at"][mine]
    least = some["rows"] * -(-some["columns"] // parameters["lanes"]) * parameters["interval"] + parameters["latency"]
    begun = np.maximum(sent + 1, np.append(0, done[:-1])[: len(done)])
    report.compare(
        "lines",
        unit,
        rule,
        done >= begun + least,
        lambda n: f"sweep {n} of {unit} begins in cycle {begun[n]} and ends in {done[n]}, not in {least[n]} cycles",
    )
