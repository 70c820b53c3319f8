"""Windows beside other attention: attention alone and end to end, cycles and energy, and what of a mask they hold.

    python benchmarks/salo.py [NETWORK ...]     the tables of docs/machines/salo.md
    python benchmarks/salo.py --held            the share of other machines' masks that windows and global tokens hold
    python benchmarks/salo.py --sizes           attention of DeiT-Base at other sizes of the array
    python benchmarks/salo.py --speed           how fast it is simulated, beside ViTCoD in the same process

Machines as shipped, the exact DRAM. The masks at 90 % are the shipped synthetic ones. Energy is the chip's and that of
DRAM's traffic. None of these networks was trained: accuracies are unknown.
"""

import sys
import time

NETWORKS = ("deit_tiny", "deit_small", "deit_base", "levit_128", "levit_192", "levit_256")
MACHINES = (  # row, machine, its masks, settings
    ("systolic 32 x 32, dense, FLAT", "systolic_32x32", "dense", ("attention=fused", "softmax.score_bytes=48 KiB")),
    ("ViTCoD, 90 % pruned", "vitcod", "s90", ()),
    ("Sanger, 90 % pruned", "sanger", "s90", ()),
    ("salo, dense", "salo", "dense", ()),
    ("salo, 90 % pruned: remainder in tiles", "salo", "s90", ()),
    ("salo, window of 17", "salo", "window:17{globals}", ()),
    ("salo, window of 5 x 5", "salo", "window:5x5{globals}", ()),
)
SIZES = (
    (), ("window.columns=16",), ("window.columns=64", "weight_buffer.port_bytes=32"), ("window.rows=64",),
    ("window.globals=0",), ("weight_buffer.capacity_bytes=30 KiB",), ("merge.lanes=8",),
)  # fmt: skip


def work(network: str, masks: str):
    """The network under masks: none, those at 90 %, or a pattern, with the class token global where there is one."""
    from accelsim.codesign.synthetic import window_masks
    from accelsim.config.shipped import find
    from accelsim.workload import load
    from accelsim.workload.pattern import WindowPattern

    if masks in ("s90", "dense"):
        return load(find("workloads", f"{network}_s90"))
    tokens = ",globals=1" if network.startswith("deit") else ""
    return window_masks(network, WindowPattern.parse(masks.format(globals=tokens)))


def measured(machine: str, workload, settings) -> tuple[int, float, int, float]:
    """Cycles and microjoules of attention, cycles and millijoules of all."""
    from accelsim.accelerators import schema
    from accelsim.accelerators.run import run
    from accelsim.config import load_arch
    from accelsim.report import metrics

    summary = metrics.summarize(run(load_arch(machine, schema, settings), workload))
    rows, cycles, uj = {row.name: row for row in summary.layers}, 0, 0.0
    for layer in workload.attention_layers:
        cycles += rows[layer.name].cycles
        uj += (rows[layer.name].energy.pj - rows[layer.name].energy.background_pj) / 1e6
    whole = summary.total.energy
    return cycles, uj, summary.total.cycles, (whole.pj - whole.background_pj) / 1e9


def unmasked(workload, masks: str):
    """Without its masks where they are not wanted."""
    from dataclasses import replace

    return replace(workload, masks={}) if masks == "dense" else workload


def compare(networks: tuple[str, ...]) -> None:
    """Every network on every machine."""
    for network in networks:
        print(f"\n| {network} | scores kept | attention, cycles | uJ | end to end, cycles | mJ |")
        print("|---|---:|---:|---:|---:|---:|")
        for title, machine, masks, settings in MACHINES:
            workload = unmasked(work(network, masks), masks)
            cycles, uj, whole, mj = measured(machine, workload, settings)
            kept = 1 - workload.sparsity
            print(f"| {title} | {kept:.1%} | {cycles:,} | {uj:,.0f} | {whole:,} | {mj:,.2f} |", flush=True)


def held(networks: tuple[str, ...]) -> None:
    """What windows and global tokens hold of masks at 90 %, head by head."""
    from accelsim.accelerators.salo.masks import plans

    print("| masks at 90 % | all heads | least | median | most | tiles, dense |\n|---|---:|---:|---:|---:|---:|")
    for network in networks:
        workload = work(network, "s90")
        found = [plan for a in workload.attention_layers for plan in plans(workload, a, 32, 32, 1)]
        bare = unmasked(workload, "dense")
        dense = sum(len(plan.tiles) for a in workload.attention_layers for plan in plans(bare, a, 32, 32, 1))
        shares = sorted(plan.held.share for plan in found)
        whole = 1 - sum(plan.held.remainder for plan in found) / sum(plan.held.scores for plan in found)
        some = (whole, shares[0], shares[len(shares) // 2], shares[-1])
        cells = " | ".join(f"{share:.1%}" for share in some)
        print(f"| {network} | {cells} | {sum(len(plan.tiles) for plan in found):,}, {dense:,} |", flush=True)


def sizes() -> None:
    """Attention of DeiT-Base under a window of 31 with one setting after the other."""
    workload = work("deit_base", "window:31{globals}").only("attention")
    print("\n| deit_base, window of 31, attention only | cycles | uJ |\n|---|---:|---:|")
    for settings in SIZES:
        cycles, uj, _, _ = measured("salo", workload, settings)
        print(f"| {', '.join(settings) or 'as shipped'} | {cycles:,} | {uj:,.0f} |", flush=True)


def speed() -> None:
    """Seconds to build and to run DeiT-Base, in turns; the fastest of three."""
    from accelsim.accelerators import machine, schema
    from accelsim.config import load_arch

    took: dict[str, float] = {}
    for _ in range(3):
        for name, masks in (("vitcod", "s90"), ("salo", "window:17{globals}")):
            workload = work("deit_base", masks)
            began = time.perf_counter()
            sim, _ = machine(name).build(load_arch(name, schema), workload)
            sim.run()
            took[name] = min(took.get(name, 1e9), time.perf_counter() - began)
    for name, seconds in took.items():
        print(f"{name:10} {seconds:6.2f} s {seconds / took['vitcod']:6.2f}")


def main(arguments: list[str]) -> None:
    networks = tuple(name for name in arguments if not name.startswith("--")) or NETWORKS
    if "--held" in arguments:
        held(networks)
    elif "--sizes" in arguments:
        sizes()
    elif "--speed" in arguments:
        speed()
    else:
        compare(networks)


if __name__ == "__main__":
    main(sys.argv[1:])
