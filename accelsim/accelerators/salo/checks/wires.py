"""What crossed the wires between array and merge: tiles and rows in order, and none before its work is done."""

from typing import TYPE_CHECKING

import numpy as np

from accelsim.accelerators.salo.tables import PARTIAL
from accelsim.validation import Report

if TYPE_CHECKING:
    from accelsim.accelerators.salo.checks.judge import SaloJudge


def check_wires(judge: "SaloJudge", report: Report) -> None:
    """All of it."""
    evidence = judge.evidence
    said, log = evidence.commands(judge.window), evidence.log[f"{judge.window}.out"]
    report.equal("wires", "window.out", "each tile leaves once", len(log), len(said))
    if len(log) == len(said):
        good = np.all([log[name] == said[name] for name in PARTIAL], axis=0)
        report.compare("wires", "window.out", "tiles leave in order, as their commands say", good,
                       lambda n: f"tile {n} on the wires is not that of its command")  # fmt: skip
    rows, part = evidence.log[f"{judge.merge}.row"], evidence.arch.parts[judge.merge]
    wanted, least = [], []
    for one in log:
        local = int(one["rows"] * one["last"] * one["values"])
        whole = int(one["global_rows"] * one["ends"] * one["values"])
        work = -(-(local + whole) * int(one["passes"]) // part["lanes"])
        ready = int(one["at"]) + 1 + part["merge_cycles"] + max(0, work - int(one["values"]))
        for size, late in ((local, 0), (whole, bool(local))):
            if size:
                wanted.append(size)
                least.append(ready + late)
    report.equal("wires", "merge.row", "as many blocks of rows leave as are finished", len(rows), len(wanted))
    if len(rows) == len(wanted):
        good = (rows["bytes"] == np.array(wanted, np.int64)) & (rows["at"] >= np.array(least, np.int64))
        report.compare("wires", "merge.row", "rows leave in order, behind their last tile and the work on it", good,
                       lambda n: f"block {n} of {rows['bytes'][n]} bytes leaves in cycle {rows['at'][n]}, not "
                       f"{wanted[n]} bytes from {least[n]} on")  # fmt: skip
