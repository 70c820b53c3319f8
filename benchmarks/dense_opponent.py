"""Does a sparse machine beat a dense one? ViTCoD at 90 % sparsity against dense machines of as many multipliers and of
as much area, on the same memory at the same clock; attention layers, and whole networks.

    python benchmarks/dense_opponent.py [--write] [WORKLOAD ...]

Without workloads: DeiT-Tiny, Small, Base and LeViT-128, 192, 256, synthetic masks. With --write the tables replace
those between the markers of docs/machines/platforms.md. 120 runs, of up to 10 seconds each.

ViTCoD's multipliers are all of them: 512 in its engines, 64 in its encoder, 256 in its decoder. Areas are by one table.
"""

import math
import sys
from pathlib import Path

WORKLOADS = tuple(f"{name}_s90" for name in
                  ("deit_tiny", "deit_small", "deit_base", "levit_128", "levit_192", "levit_256"))  # fmt: skip
FIRST = "vitcod"
MACHINES = {
    "vitcod": "ViTCoD, 90 % pruned",
    "vitcod_dense": "ViTCoD dense, 104 lines",
    "systolic_832": "systolic, 832 PEs",
    "systolic_832 array.dataflow=ws": "systolic, 832 PEs, ws",
    "systolic_832_flat": "systolic + FLAT, 832 PEs",
    "systolic_832_flat array.dataflow=ws": "systolic + FLAT, 832 PEs, ws",
    "systolic": "systolic, 512 PEs (SpAtten's two arrays of 256)",
    "systolic_1536": "systolic, 1,536 PEs (Sanger's, with its 4-bit array)",
    "systolic_area": "systolic of ViTCoD's area, 3,456 PEs",
    "systolic_area_flat": "systolic + FLAT of ViTCoD's area, 3,456 PEs",
}
PAGE = Path(__file__).parents[1] / "docs" / "machines" / "platforms.md"
SCOPES = {"attention": "attention layers", "all": "whole networks"}


def main(arguments: list[str]) -> None:
    """Run, print, and write where that is asked for."""
    works = [a for a in arguments if a != "--write"] or list(WORKLOADS)
    found = {scope: measured(works, scope) for scope in SCOPES}
    lines = [verdict(found), ""]
    for scope, title in SCOPES.items():
        lines += [*table(found[scope], works, title), ""]
    print("\n".join(lines))
    if "--write" in arguments:
        page = PAGE.read_text(encoding="utf-8")
        before, rest = page.split("<!-- dense opponent -->\n", 1)
        after = rest.split("<!-- end of dense opponent -->\n", 1)[1]
        made = f"{before}<!-- dense opponent -->\n{chr(10).join(lines)}\n<!-- end of dense opponent -->\n{after}"
        PAGE.write_text(made, encoding="utf-8")


def measured(works: list[str], scope: str) -> dict[str, list[dict]]:
    """Machine -> figures of each workload, as `accelsim compare` has them."""
    from accelsim.sweep.compare import compare, subject
    from accelsim.sweep.plan import Work

    found = compare([subject(m) for m in MACHINES], [Work(w, scope) for w in works], processes=0)
    return dict(zip(MACHINES, found.figures))


def gain(found: dict[str, list[dict]], machine: str, figure: str = "cycles") -> list[float]:
    """How many times less of a figure a machine takes than ViTCoD, on each workload."""
    return [a[figure] / b[figure] for a, b in zip(found[FIRST], found[machine])]


def mean(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def verdict(found: dict) -> str:
    """Who wins, first of all."""
    said = []
    for scope, title in (("all", "On whole networks"), ("attention", "On attention layers alone")):
        gains = {m: mean(gain(found[scope], m)) for m in MACHINES if m != FIRST}
        equal = {m: g for m, g in gains.items() if "832" in m or m == "vitcod_dense"}
        area = {m: g for m, g in gains.items() if "area" in m}
        for what, mine in (("as many multipliers", equal), ("as much area", area)):
            best = max(mine, key=mine.get)
            wins = f"**the dense machine wins**: {mine[best]:.2f} times as fast as ViTCoD at 90 %"
            loses = f"ViTCoD at 90 % wins, {1 / mine[best]:.2f} times as fast as"
            name = MACHINES[best]
            said.append(f"{title}, with {what}, " + (f"{wins} ({name})" if mine[best] > 1 else f"{loses} {name}"))
    return ". ".join(said) + ". (Geometric means.)"


def table(found: dict[str, list[dict]], works: list[str], title: str) -> list[str]:
    """Cycles, and how many times as fast as ViTCoD; energy and area."""
    heads = [w.removesuffix("_s90") for w in works]
    lines = [
        f"| {title} | area | {' | '.join(heads)} | mean | energy, mean |",
        f"|---|---|{'---|' * len(works)}---|---|",
    ]
    for machine, called in MACHINES.items():
        rows, gains = found[machine], gain(found, machine)
        cells = [f"{row['cycles']:,} ({g:.2f}x)" for row, g in zip(rows, gains)]
        energy = mean(gain(found, machine, "energy_pj"))
        lines.append(
            f"| {called} | {rows[0]['area_mm2']:.2f} mm2 | {' | '.join(cells)} | {mean(gains):.2f}x | {energy:.2f}x |"
        )
    return lines


if __name__ == "__main__":
    main(sys.argv[1:])
