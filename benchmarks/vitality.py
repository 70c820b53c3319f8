"""Linear attention beside softmax attention: attention alone and end to end, cycles and energy, DeiT and LeViT.

    python benchmarks/vitality.py [NETWORK ...]     the tables of docs/machines/vitality.md
    python benchmarks/vitality.py --options         what each option of the machine is worth
    python benchmarks/vitality.py --speed           how fast it is simulated, beside ViTCoD in the same process

Machines as shipped, 512 MACs, the exact DRAM. ViTCoD's masks are the shipped synthetic ones at 90 %; linear rules are
sizes alone. Energy is the chip's and that of DRAM's traffic. None of these networks was trained: accuracies are
unknown.
"""

import sys
import time

NETWORKS = ("deit_tiny", "deit_small", "deit_base", "levit_128", "levit_192", "levit_256")
MACHINES = (  # row, machine, what it runs, settings
    ("systolic, dense, unfused", "systolic", "", ()),
    ("systolic, dense, FLAT", "systolic", "", ("attention=fused", "softmax.score_bytes=48 KiB")),
    ("ViTCoD, 90 % pruned", "vitcod", "", ()),
    ("vitality, Taylor", "vitality", "taylor", ()),
    ("vitality, Taylor, diag off", "vitality", "taylor", ("diag=off",)),
    ("vitality, Taylor, 64 x 64", "vitality_64x64", "taylor", ()),
    ("vitality, SimA", "vitality", "l1", ()),
    ("vitality, EcoFormer, 16 bits", "vitality", "hash", ()),
)
OPTIONS = (
    (), ("diag=off",), ("centre=after",), ("centre=after", "diag=off"), ("g_resident=true",), ("pipeline=none",),
    ("add.lanes=8", "divide.lanes=8"), ("accumulate.lanes=8",), ("array.columns=32", "g_buffer.port_bytes=32"),
)  # fmt: skip


def work(network: str, rule: str):
    """The network with masks, or with a rule in place of softmax."""
    from accelsim.codesign.synthetic import exchange_attention
    from accelsim.config.shipped import find
    from accelsim.workload import load

    return exchange_attention(network, rule) if rule else load(find("workloads", f"{network}_s90"))


def measured(machine: str, workload, settings) -> tuple[int, float, int, float]:
    """Cycles and microjoules of attention (with the layers that make codes), cycles and millijoules of all."""
    from accelsim.accelerators import schema
    from accelsim.accelerators.run import run
    from accelsim.config import load_arch
    from accelsim.report import metrics

    summary = metrics.summarize(run(load_arch(machine, schema, settings), workload))
    rows, cycles, uj = {row.name: row for row in summary.layers}, 0, 0.0
    for layer in workload.layers:
        if "attention" in layer.kind or layer.name.endswith((".anchors", ".codes")):
            cycles += rows[layer.name].cycles
            uj += (rows[layer.name].energy.pj - rows[layer.name].energy.background_pj) / 1e6
    whole = summary.total.energy
    return cycles, uj, summary.total.cycles, (whole.pj - whole.background_pj) / 1e9


def compare(networks: tuple[str, ...]) -> None:
    """Every network on every machine."""
    for network in networks:
        print(f"\n| {network} | attention, cycles | uJ | end to end, cycles | mJ |\n|---|---:|---:|---:|---:|")
        for title, machine, rule, settings in MACHINES:
            cycles, uj, whole, mj = measured(machine, work(network, rule), settings)
            print(f"| {title} | {cycles:,} | {uj:,.0f} | {whole:,} | {mj:,.2f} |", flush=True)


def options() -> None:
    """Attention of DeiT-Base and LeViT-128 with one option after the other."""
    for network in ("deit_base", "levit_128"):
        workload = work(network, "taylor").only("linear_attention")
        print(f"\n| {network}, attention only | cycles | uJ |\n|---|---:|---:|")
        for settings in OPTIONS:
            cycles, uj, _, _ = measured("vitality", workload, settings)
            print(f"| {', '.join(settings) or 'as shipped'} | {cycles:,} | {uj:,.0f} |", flush=True)


def speed() -> None:
    """Seconds to build and to run DeiT-Base, in turns; the fastest of three."""
    from accelsim.accelerators import machine, schema
    from accelsim.config import load_arch

    took: dict[str, float] = {}
    for _ in range(3):
        for name, rule in (("vitcod", ""), ("vitality", "taylor")):
            began = time.perf_counter()
            sim, _ = machine(name).build(load_arch(name, schema), work("deit_base", rule))
            sim.run()
            took[name] = min(took.get(name, 1e9), time.perf_counter() - began)
    for name, seconds in took.items():
        print(f"{name:10} {seconds:6.2f} s {seconds / took['vitcod']:6.2f}")


def main(arguments: list[str]) -> None:
    if "--options" in arguments:
        options()
    elif "--speed" in arguments:
        speed()
    else:
        compare(tuple(arguments) or NETWORKS)


if __name__ == "__main__":
    main(sys.argv[1:])
