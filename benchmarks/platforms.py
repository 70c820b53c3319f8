"""Is the form of the platform model right? Measured rows of an H100 and of its host: fitted on one half, each row of
the other predicted. Then CPU, edge GPU and GPU of ViTCoD's paper, from data sheets, beside ViTCoD, attention at 90 %.

    python benchmarks/platforms.py [FILE.csv]

Without a file: platforms/h100_xeon.csv of the reference data (ACCELSIM_REFERENCE).
"""

import math
import os
import sys
from pathlib import Path

PEAKS = {"H100": {"float32": 51.7e12, "float16": 702e12, "memory": 3004e9}, "Xeon": {}}  # measured beside the rows
MODELS = ("deit_tiny", "deit_small", "deit_base", "levit_128", "levit_192", "levit_256")
PAPER = {"cpu": 235.3, "edge_gpu": 142.9, "gpu": 86.0}  # ViTCoD over them, attention at 90 %, mean of the six
READINGS = {  # of a platform: what its options and launches may have been
    "eager": (), "graph": ("launch=graph",), "fused": ("attention=fused",), "sparse": ("attention=sparse",),
    "eager, launches of 10 us": ("host.launch=10 us",),
}  # fmt: skip


def main(arguments: list[str]) -> None:
    folder = Path(os.environ.get("ACCELSIM_REFERENCE", Path(__file__).resolve().parents[2] / "shared" / "reference"))
    file = Path(arguments[0]) if arguments else folder / "platforms" / "h100_xeon.csv"
    errors(file)
    beside_vitcod()


def errors(file: Path) -> None:
    """Predicted over measured, row by row."""
    from accelsim.accelerators import machine

    for device, peaks in PEAKS.items():
        found = machine("platform").fitted(file, device, peaks)
        print(f"\n{device}: {found.verdict}\n\n| case | measured | time | energy |\n|---|---|---|---|")
        for title, seconds, time, energy in found.checked:
            print(f"| {title} | {seconds * 1e6:,.1f} us | {time:.2f} | {'-' if energy is None else f'{energy:.2f}'} |")


def beside_vitcod() -> None:
    """How many times faster ViTCoD is, under each reading; geometric mean of the six networks."""
    from accelsim.accelerators import schema
    from accelsim.accelerators.run import run
    from accelsim.config import load_arch
    from accelsim.config.shipped import find
    from accelsim.workload import load

    works = [load(find("workloads", f"{name}_s90")).only("attention") for name in MODELS]

    def seconds(machine: str, over=()) -> list[float]:
        made = [run(load_arch(machine, schema, over), work).result for work in works]
        return [result.end / float(result.time_base_hz) for result in made]

    ours = seconds("vitcod")
    print("\n| ViTCoD over (model) | " + " | ".join(READINGS) + " | the paper |\n|---|" + "---|" * (len(READINGS) + 1))
    for name, claimed in PAPER.items():
        cells = []
        for title, over in READINGS.items():
            if name == "cpu" and title not in ("eager", "fused", "sparse"):
                cells.append("-")
                continue
            ratios = [theirs / mine for theirs, mine in zip(seconds(name, over), ours)]
            cells.append(f"{math.exp(sum(map(math.log, ratios)) / len(ratios)):.1f}x")
        print(f"| {name} | {' | '.join(cells)} | {claimed}x |")


if __name__ == "__main__":
    main(sys.argv[1:])
