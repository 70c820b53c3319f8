"""`python -m tests.fuzz --cases 3000`: cases of every kind, counts per outcome; what fails is kept to be run again."""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from tests.fuzz.kinds import KINDS, shares, trials
from tests.fuzz.sandbox import GOOD, Sandbox, kept


def main() -> int:
    """Run the cases; 1 when one ends in anything but `ok` and `clear`."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=3000)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=tuple(KINDS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"), help="where failing cases go")
    parser.add_argument("--replay", type=Path, nargs="+", help="kept cases to run again")
    asked = parser.parse_args()
    with_torch = not asked.replay and "export" in asked.kinds
    with Sandbox(with_torch) as sandbox:
        if asked.replay:
            return replay(sandbox, asked.replay)
        return explore(sandbox, asked)


def explore(sandbox: Sandbox, asked: argparse.Namespace) -> int:
    counts: Counter[tuple[str, str]] = Counter()
    began, slowest, largest = time.monotonic(), 0.0, 0
    for kind, number in shares(asked.kinds, asked.cases).items():
        for case, outcome in trials(sandbox, kind, number, asked.seed):
            counts[kind, outcome.name] += 1
            if sum(counts.values()) % 100 == 0:
                print(f"{sum(counts.values()):,} cases, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            slowest, largest = max(slowest, outcome.cpu), max(largest, outcome.peak)
            if outcome.name not in GOOD:
                folder = asked.keep / f"{kind}-{outcome.name.replace(' ', '-')}-{sum(counts.values()):05d}"
                case.keep(folder, outcome)
                print(f"{folder}: {outcome}", flush=True)
    names = [*GOOD, *sorted({name for _, name in counts} - set(GOOD))]
    print(f"{'kind':12}" + "".join(f"{name:>16}" for name in names))
    for kind in asked.kinds:
        print(f"{kind:12}" + "".join(f"{counts[kind, name]:16,}" for name in names))
    print(f"{'all':12}" + "".join(f"{sum(counts[kind, name] for kind in asked.kinds):16,}" for name in names))
    faults = sum(n for (_, name), n in counts.items() if name not in GOOD)
    print(
        f"{sum(counts.values()):,} cases in {time.monotonic() - began:.0f} s, {faults} outside ok and clear; at most "
        f"{slowest:.1f} s, {largest >> 10} MiB"
    )
    return int(faults > 0)


def replay(sandbox: Sandbox, folders: list[Path]) -> int:
    bad = 0
    for folder in folders:
        outcome = sandbox.run(kept(folder))
        bad += outcome.name not in GOOD
        print(f"{folder}: {outcome}\n{outcome.stderr.strip()[:2000]}")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
