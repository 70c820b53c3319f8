"""How far closed-form estimates are from the simulation: `python benchmarks/estimate.py [MACHINE...] [--write]`.

Prints a row a run; `--write` stores them beside each machine, where `accelsim estimate` reads them.
"""

import csv
import sys
import time

from accelsim.accelerators import machine, schema
from accelsim.accelerators.run import run
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.report.mappings import COLUMNS
from accelsim.workload import load

WORKLOADS = (
    "deit_tiny_s60", "deit_tiny_s90", "deit_tiny_s95", "deit_small_s90", "deit_base_s90", "levit_128_s90",
    "levit_192_s90", "levit_256_s90", "fmnist_vit_s90",
)  # fmt: skip
CASES = {
    "vitcod": [
        *((name, "") for name in WORKLOADS),
        ("deit_tiny_s90", "prune=false"),
        ("deit_tiny_s90", "auto_encoder=false"),
        ("deit_tiny_s90", "reorder=false"),
        ("deit_tiny_s90", "two_engines=false"),
        ("deit_tiny_s90", "dram.model=pipe dram.channels=1"),
        ("deit_tiny_s90", "engine.lines=32 engine.macs=16"),
        ("deit_tiny_s90", "engine.lines=16 act_gb0.capacity_bytes=64KiB"),
        ("deit_tiny_s90", "weight_gb.capacity_bytes=128KiB act_gb0.capacity_bytes=512KiB"),
    ],
    "systolic": [
        *((name, "") for name in WORKLOADS),
        ("deit_tiny_s90", "attention=fused"),
        ("deit_tiny_s90", "array.dataflow=ws"),
        ("deit_tiny_s90", "array.dataflow=is"),
        ("deit_tiny_s90", "act_buffer.capacity_bytes=64KiB weight_buffer.capacity_bytes=32KiB"),
    ],
    "salo": [
        *((name, "") for name in ("deit_tiny_s90", "levit_128_s90", "levit_256_s90", "fmnist_vit_s90")),
        ("deit_tiny_s90", "window.rows=16 window.columns=16"),
        ("deit_tiny_s90", "weight_buffer.capacity_bytes=30KiB"),
        ("deit_tiny_s90", "dram.model=pipe dram.channels=1"),
    ],
}


def measured(name: str, workload: str, settings: str) -> dict[str, object]:
    """A run beside its estimate."""
    arch, work = load_arch(name, schema, settings.split()), load(find("workloads", workload))
    begun = time.perf_counter()
    found = machine(name).mapping(arch, work)
    taken = time.perf_counter() - begun
    result = run(arch, work).result
    ends = [result.cycles(end=span.end) for span in result.spans[: len(found)]]
    cycles = [end - before for before, end in zip([0, *ends], ends)]
    errors = [one.estimate.cycles / c - 1 for one, c in zip(found, cycles)]
    worst = max(range(len(errors)), key=lambda n: abs(errors[n]))
    estimated = sum(one.estimate.cycles for one in found)
    sys.stderr.write(f"{name} {workload} {settings}: estimated in {1e3 * taken:.0f} ms\n")
    return dict(
        zip(
            COLUMNS,
            (
                workload,
                settings,
                result.cycles(),
                round(estimated),
                f"{estimated / result.cycles() - 1:.4f}",
                f"{sum(map(abs, errors)) / len(errors):.4f}",
                f"{errors[worst]:.4f}",
                found[worst].layer,
            ),
        )
    )


def main() -> None:
    names = [a for a in sys.argv[1:] if not a.startswith("-")] or list(CASES)
    for name in names:
        rows = []
        lines = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        lines.writeheader()
        for workload, settings in CASES[name]:
            rows.append(measured(name, workload, settings))
            lines.writerow(rows[-1])
            sys.stdout.flush()
        if "--write" in sys.argv:
            with machine(name).calibration.open("w", newline="", encoding="utf-8") as file:
                stored = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                stored.writeheader()
                stored.writerows(rows)


if __name__ == "__main__":
    main()
