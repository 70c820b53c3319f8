"""The equality table: every stored run of DRAMsim3 and Ramulator 2.1 against the same replay here, request by request.

    python -m tests.components.dram.table [CONTROLLER ...]

A row is a trace, a column a configuration. `=` says that all acceptance and completion cycles are equal (by the
checksum over all requests, and by every stored array), a number how many requests differ where arrays are stored, `?`
that only the checksum differs, `-` that there is no reference. Writes that DRAMsim3 leaves in its buffer at the end
count as equal if they are unfinished here too; that they finish with flushing is checked as well.
"""

import os
import sys
from pathlib import Path

import numpy as np

from accelsim.components.dram.replay import replay
from tests.components.dram.test_reference import (
    CONTROLLERS,
    HARMONISED,
    OTHERS,
    checksum,
    configuration,
    stored,
    summary,
    trace_of,
)

ROOT = Path(__file__).resolve().parents[3]


def compared(folder: Path, trace: str, config: str) -> tuple[str, int, int]:
    """(cell, requests compared, requests that differ; -1 if that is not known)."""
    requests, given = trace_of(folder, trace), configuration(config)
    found = replay(requests, flush=False, **given)
    differ = 0
    if arrays := stored(folder, trace, config):
        n = len(arrays[0])
        differ = int(((found.accept[:n] != arrays[0]) | (found.done[:n] != arrays[1])).sum())
    if found.statistics["unfinished"]:
        flushed, finished = replay(requests, **given), found.done >= 0
        differ += int((flushed.done < 0).sum() + (flushed.done[finished] != found.done[finished]).sum())
    whole = checksum(found.accept, found.done) == summary(folder)[trace, config]["done_sha"]
    if differ:
        return str(differ), len(requests.arrival), differ
    return ("=", len(requests.arrival), 0) if whole else ("?", len(requests.arrival), -1)


def main(controllers: list[str]) -> None:
    folder = Path(os.environ.get("ACCELSIM_REFERENCE", ROOT.parent / "shared" / "reference"))
    known = summary(folder)
    kinds = [kind for kind, name in CONTROLLERS.items() if not controllers or name in controllers]
    configs = [c for c in HARMONISED + OTHERS if c.split("_")[0].removesuffix("stock").removesuffix("cp") in kinds]
    traces = sorted({trace for trace, _ in known})
    print(f"{'trace':24}" + "".join(f"{c:>13}" for c in configs))
    totals = np.zeros((len(configs), 4), np.int64)
    for trace in traces:
        cells = []
        for i, config in enumerate(configs):
            if (trace, config) not in known:
                cells.append("-")
                continue
            cell, requests, differ = compared(folder, trace, config)
            totals[i] += (1, cell == "=", requests, max(differ, 0))
            cells.append(cell)
        print(f"{trace:24}" + "".join(f"{c:>13}" for c in cells), flush=True)
    for label, column in (("runs", 0), ("equal", 1), ("requests compared", 2), ("that differ", 3)):
        print(f"{label:24}" + "".join(f"{n:>13,}" for n in totals[:, column]))
    runs, equal, requests, differ = totals.sum(axis=0)
    print(f"{equal:,} of {runs:,} runs are equal: {requests:,} requests compared, {differ:,} differ")


if __name__ == "__main__":
    main(sys.argv[1:])
