"""The equality table: every stored run of DRAMsim3 and Ramulator 2.1 against the same replay here, request by request.

    python -m tests.components.dram.table [CONTROLLER ...]

A row is a trace, a column a controller; a cell has the runs that are equal of those that are stored (1 and 4 channels,
maps m1 and m2, and the simulators' own timings), the requests compared in them, and how many of those differ in their
acceptance or completion cycle. All requests of a run are compared, by arrays where these are stored and by a checksum
everywhere. Writes that DRAMsim3 never finishes must be unfinished here too, and finish when flushed.
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


def compared(folder: Path, trace: str, config: str) -> tuple[int, int, int, int]:
    """(1 if equal, 1, requests compared, requests that differ) of a run."""
    requests, given = trace_of(folder, trace), configuration(config)
    found = replay(requests, flush=False, **given)
    n, differ = len(requests.arrival), 0
    if arrays := stored(folder, trace, config):
        known = len(arrays[0])
        differ = int(((found.accept[:known] != arrays[0]) | (found.done[:known] != arrays[1])).sum())
    if found.statistics["unfinished"]:
        flushed, finished = replay(requests, **given), found.done >= 0
        differ += int((flushed.done < 0).sum() + (flushed.done[finished] != found.done[finished]).sum())
    if not differ and checksum(found.accept, found.done) != summary(folder)[trace, config]["done_sha"]:
        differ = n  # somewhere behind the stored prefix
    return int(not differ), 1, n, differ


def main(controllers: list[str]) -> None:
    folder = Path(os.environ.get("ACCELSIM_REFERENCE", ROOT.parent / "shared" / "reference"))
    known = summary(folder)
    columns = controllers or list(CONTROLLERS.values())
    of = {name: [c for c in HARMONISED + OTHERS if configuration(c)["controller"] == name] for name in columns}
    print(f"{'trace':22}" + "".join(f"{name:>30}" for name in columns))
    total = np.zeros((len(columns), 4), np.int64)
    for trace in sorted({trace for trace, _ in known}):
        cells = []
        for i, name in enumerate(columns):
            mine = np.zeros(4, np.int64)
            for config in of[name]:
                if (trace, config) in known:
                    mine += compared(folder, trace, config)
            total[i] += mine
            cells.append(cell(mine))
        print(f"{trace:22}" + "".join(f"{text:>30}" for text in cells), flush=True)
    print(f"{'all':22}" + "".join(f"{cell(mine):>30}" for mine in total))
    print(f"{'everything':22}{cell(total.sum(axis=0)):>30}")


def cell(numbers: np.ndarray) -> str:
    equal, runs, requests, differ = numbers.tolist()
    return f"{equal}/{runs} {requests:>11,} {differ:>7,}" if runs else "-"


if __name__ == "__main__":
    main(sys.argv[1:])
