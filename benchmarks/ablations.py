"""ViTCoD's ideas one after the other: attention of DeiT-Tiny, Small and Base at 60 to 90 % sparsity, synthetic masks.

    python benchmarks/ablations.py [NAME=VALUE ...]

First table: each step's speed-up over the one before, cumulative from a machine without any of them. Second table: what
moving data takes, without and with the auto-encoder. `serial` is the share it would have if nothing overlapped: cycles
to move the bytes at peak bandwidth, over these plus the cycles of the same machine with a hundred times the bandwidth.
`exposed` is the share of the run that a hundred times the bandwidth saves.
"""

import itertools
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

MODELS = ("deit_tiny", "deit_small", "deit_base")
SPARSITIES = (0.6, 0.7, 0.8, 0.9)
STEPS = ("prune", "reorder+two_engines", "forward", "auto_encoder")


def main(overrides: list[str]) -> None:
    from accelsim.accelerators import schema
    from accelsim.accelerators.main_memory import peak_bytes_per_s
    from accelsim.codesign.synthetic import synthesize
    from accelsim.config import load_arch
    from accelsim.sweep.compare import ablate, compare, geometric_mean
    from accelsim.sweep.plan import Work
    from accelsim.workload import save

    overrides = ["dram.model=pipe", *overrides]  # the exact memory has no other bandwidth to compare with
    arch = load_arch("vitcod", schema, overrides)
    bytes_per_cycle = peak_bytes_per_s(arch) / float(arch.clocks["core"])
    with tempfile.TemporaryDirectory() as folder:
        works = []
        for model in MODELS:
            for sparsity in SPARSITIES:
                path = Path(folder) / f"{model}_s{sparsity * 100:.0f}.yaml"
                save(synthesize(model, sparsity), path)
                works.append(Work(str(path), "attention"))
        found = ablate("vitcod", works, steps=STEPS, overrides=overrides, processes=0)
        wide = [*overrides, f"dram.bytes_per_cycle={100 * int(arch.parts['dram']['bytes_per_cycle'])}"]
        free = {
            on: compare(["vitcod"], works, overrides=[*wide, f"auto_encoder={on}"], processes=0).figures[0]
            for on in ("false", "true")
        }
        ours = {
            on: compare(["vitcod"], works, overrides=[*overrides, f"auto_encoder={on}"], processes=0).figures[0]
            for on in ("false", "true")
        }
    console = Console(width=160)
    table = Table("workload", "cycles without any", *found.variants[1:], "all", title="speed-up of each step")
    cycles = [[row[i]["cycles"] for row in found.figures] for i in range(len(works))]
    gains = [[a / b for a, b in itertools.pairwise(c)] + [c[0] / c[-1]] for c in cycles]
    for work, c, gain in zip(works, cycles, gains):
        table.add_row(Path(work.file).stem, f"{c[0]:,}", *(f"{g:.2f}x" for g in gain))
    for n, sparsity in enumerate(SPARSITIES):
        mean = [geometric_mean(column) for column in zip(*gains[n :: len(SPARSITIES)])]
        table.add_row(f"mean at {sparsity:.0%}", "", *(f"{g:.2f}x" for g in mean))
    table.add_row("mean", "", *(f"{geometric_mean(column):.2f}x" for column in zip(*gains)))
    console.print(table)

    table = Table("workload", title="data movement, without and with the auto-encoder")
    for title in ("MB moved", "serial", "exposed"):
        table.add_column(title)
        table.add_column("with it")
    shares = []
    for i, work in enumerate(works):
        row, mine = [], []
        for on in ("false", "true"):
            one, fast = ours[on][i], free[on][i]
            moved = one["dram_read_bytes"] + one["dram_write_bytes"]
            move = moved / bytes_per_cycle
            mine += [moved / 1e6, move / (move + fast["cycles"]), 1 - fast["cycles"] / one["cycles"]]
        shares.append(mine)
        for a, b in zip(mine[:3], mine[3:]):
            row += [f"{a:.2f}", f"{b:.2f}"] if a is mine[0] else [f"{a:.0%}", f"{b:.0%}"]
        table.add_row(Path(work.file).stem, *row)
    mean = [sum(column) / len(works) for column in zip(*shares)]
    table.add_row("mean", "", "", *(f"{mean[n]:.0%}" for n in (1, 4, 2, 5)))
    console.print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
