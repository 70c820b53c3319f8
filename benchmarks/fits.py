"""Which points of a sweep their machine refuses, and why: every point is compiled, none is simulated.

    python benchmarks/fits.py [SWEEP] [--every N]

SWEEP is a shipped sweep's name or a file; with --every N only each Nth point is compiled. Prints how many are refused,
the reasons with their numbers left out, each with how often it was given and one sentence in full, and the time of a
point.
"""

import argparse
import re
import time
from collections import Counter
from itertools import islice

from accelsim.accelerators import machine
from accelsim.core.errors import InputError
from accelsim.sweep.plan import read
from accelsim.sweep.points import Point, expand


def refusal(point: Point) -> str:
    """Why a point cannot be compiled; empty if it can."""
    if point.arch is None:
        return point.error or ""
    model = machine(point.arch.machine)
    program = model.program(point.arch)
    try:
        model.compile(program, point.arch, point.workload.load())
    except InputError as error:
        return str(error)
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sweep", nargs="?", default="vitcod_deit_tiny", help="a shipped sweep's name or a file")
    parser.add_argument("--every", type=int, default=1, help="compile only each Nth point")
    chosen = parser.parse_args()
    reasons: Counter[str] = Counter()
    shown: dict[str, str] = {}
    points, begun = 0, time.process_time()
    for point in islice(expand(read(chosen.sweep)), 0, None, chosen.every):
        points += 1
        if sentence := refusal(point):
            reason = re.sub(r"\d[\d,]*", "N", re.sub(r"layer \S+:", "layer:", sentence))
            reasons[reason] += 1
            of = " ".join(f"{name}={value}" for name, value in point.settings)
            shown.setdefault(reason, f"{point.workload.name} {of}: {sentence}")
    each = (time.process_time() - begun) / max(points, 1)
    print("points", points, "refused", sum(reasons.values()), "CPU milliseconds a point", round(1e3 * each, 1))
    for reason, count in reasons.most_common():
        print(count, reason)
        print("    as", shown[reason])


if __name__ == "__main__":
    main()
