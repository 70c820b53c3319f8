"""Dense, pruned, windowed and linear attention on machines of some 512 multipliers: one table, one picture.

    python benchmarks/attentions.py [NETWORK ...] [-o PICTURE]     of docs/machines/attentions.md

The exact DRAM of 76.8 GB/s and 500 MHz for all. Masks at 90 % are the shipped synthetic ones; of windows and linear
rules only the sizes matter. Energy is the chip's and that of DRAM's traffic. Nothing was trained: accuracies are
unknown, and each attention is another network.
"""

import argparse

from salo import work as masked
from vitality import measured
from vitality import work as linear

NETWORKS = ("deit_tiny", "deit_small", "deit_base", "levit_128", "levit_192", "levit_256")
MACHINES = (  # row, machine, masks or rule, settings
    ("systolic, dense", "systolic", "dense", ()),
    ("systolic, dense, FLAT", "systolic", "dense", ("attention=fused", "softmax.score_bytes=48 KiB")),
    ("ViTCoD, 90 % pruned", "vitcod", "s90", ()),
    ("Sanger, column tiles, wavefront", "sanger_32x16", "s90", ()),
    ("Sanger, as its RTL", "sanger_32x16", "s90", ("pack=unit", "control=global")),
    ("SpAtten, all scores", "spatten_equal", "s90", ()),
    ("SpAtten, as many scores", "spatten_equal", "s90", ("prune=flat", "keep=315")),
    ("SALO, window of 17", "salo", "window:17{globals}", ("window.rows=16",)),
    ("ViTALiTy, Taylor", "vitality", "taylor", ()),
    ("ViTALiTy, SimA", "vitality", "l1", ()),
    ("ViTALiTy, EcoFormer", "vitality", "hash", ()),
)
RULES = ("taylor", "l1", "hash")


def multipliers(machine_name: str, settings) -> int:
    """All that a machine has, encoders and decoders included."""
    from accelsim.accelerators import machine, schema
    from accelsim.config import load_arch

    arch = load_arch(machine_name, schema, settings)
    return machine(arch.machine).multipliers(arch)


def figures(network: str) -> dict[str, tuple[int, float, int, float]]:
    """Of each row: cycles and microjoules of attention, cycles and millijoules of the whole network."""
    from salo import unmasked

    found = {}
    for title, machine, what, settings in MACHINES:
        workload = linear(network, what) if what in RULES else unmasked(masked(network, what), what)
        found[title] = measured(machine, workload, settings)
    return found


def few(energy: float) -> str:
    """Three digits."""
    return f"{energy:,.0f}" if energy >= 100 else f"{energy:#.3g}"


def draw(found: dict[str, dict[str, tuple]], path: str) -> None:
    """Speed-ups over the dense array, of attention and of whole networks."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7), layout="constrained")
    for axes, column, title in zip(figure.subplots(2, 1, sharex=True), (0, 2), ("attention", "whole network")):
        width = 0.85 / len(MACHINES)
        for n, (name, *_) in enumerate(MACHINES):
            bars = [rows[MACHINES[0][0]][column] / rows[name][column] for rows in found.values()]
            axes.bar([x + n * width for x in range(len(found))], bars, width, label=name, color=f"C{n % 10}",
                     hatch="//" * (n >= 10))  # fmt: skip
        axes.axhline(1, color="black", linewidth=0.8)
        axes.set_yscale("log")
        axes.set_ylabel("times as fast")
        axes.set_title(f"{title}, over the dense systolic array", loc="left")
        axes.set_yticks([t for t in (1, 1.5, 2, 3, 5, 10) if t <= axes.get_ylim()[1]])
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("")
        axes.spines[["top", "right"]].set_visible(False)
    axes.set_xticks([x + 0.4 for x in range(len(found))], list(found))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    figure.savefig(path, dpi=150)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("network", nargs="*", default=NETWORKS)
    asked.add_argument("-o", "--output", metavar="PICTURE")
    given = asked.parse_args()
    found = {network: figures(network) for network in given.network}
    for column, what in ((0, "attention, cycles (uJ)"), (2, "whole network, cycles (mJ)")):
        print(f"\n| {what} | multipliers | {' | '.join(found)} |")
        print(f"|---|---:|{'---:|' * len(found)}")
        for title, machine, _, settings in MACHINES:
            cells = [f"{rows[title][column]:,} ({few(rows[title][column + 1])})" for rows in found.values()]
            print(f"| {title} | {multipliers(machine, settings):,} | {' | '.join(cells)} |", flush=True)
    if given.output:
        draw(found, given.output)


if __name__ == "__main__":
    main()
