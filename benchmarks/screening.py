"""How close a screened search comes to simulating everything: `python benchmarks/screening.py [WORKLOAD] [--budget N]`.

Simulates all 144 designs of a small space, and searches it with an N-th of the simulations, once screened by estimates
of all designs and once proposed by Optuna alone. Prints, of each, how many points were simulated, how many of them are
on the front of all, and the share of the space between the best and the worst that they dominate.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from accelsim.sweep.campaign import sweep
from accelsim.sweep.pareto import front, share
from accelsim.sweep.search import search
from accelsim.sweep.table import load_results

OBJECTIVES = ("cycles", "energy_pj", "area_mm2")
SPACE = """
machines: [vitcod]
workloads: [{workload}]
axes:
  engine.lines: [16, 32, 64, 128]
  engine.macs: [4, 8, 16, 32]
  act_gb0.capacity_bytes: [37 KiB, 74 KiB, 148 KiB]
  dram.channels: [1, 4, 16]
"""


def main() -> None:
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("workload", nargs="?", default="fmnist_vit_s90")
    wanted.add_argument("--budget", type=int, default=24)
    given = wanted.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        space = Path(folder) / "space.yaml"
        space.write_text(SPACE.format(workload=given.workload))
        begun = time.process_time()
        sweep(space, Path(folder) / "all.sqlite", processes=0)
        took = time.process_time() - begun
        found = load_results(Path(folder) / "all.sqlite")
        everything = list(zip(*(found[name] for name in OBJECTIVES)))
        best = {everything[i] for i in front(everything)}
        low, high = ([pick(values) for values in zip(*everything)] for pick in (min, max))

        def say(name: str, scores: list, more: str) -> None:
            on = len(best & set(scores))
            sys.stdout.write(
                f"{name}: {len(set(scores))} designs simulated, {on} of the {len(best)} on the front,"
                f" {share(scores, low, high):.4f} of the space dominated; {more}\n"
            )

        say("everything", everything, f"{took:.0f} s of CPU time")
        for name, screen, sampler in (("screened", 4 * len(everything), "random"), ("Optuna alone", 0, "tpe")):
            begun = time.process_time()
            made = search(
                space, Path(folder) / f"{name}.sqlite", given.budget, screen=screen, sampler=sampler, grid=False,
                processes=0,
            )  # fmt: skip
            off = [abs(error) for error in made.errors]
            more = f", estimates of cycles off by {sum(off) / len(off):.1%}, {max(off):.1%} at worst" if off else ""
            say(name, [c.scores for c in made.searched], f"{time.process_time() - begun:.0f} s of CPU time{more}")


if __name__ == "__main__":
    main()
