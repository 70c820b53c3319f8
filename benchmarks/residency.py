"""Activations through DRAM or kept on chip: cycles, DRAM's bytes and energy, on the exact DRAM.

    python benchmarks/residency.py [NETWORK ...]     the table of docs/mapping.md
    python benchmarks/residency.py --random N SEED   N random machines on a block: never slower than through DRAM?

Energy is the chip's and that of DRAM's traffic, without what DRAM takes while it stands still.
"""

import random
import sys
from dataclasses import replace

from accelsim.accelerators import machine, schema
from accelsim.accelerators.run import run
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.core.errors import InputError
from accelsim.report import metrics
from accelsim.workload import load

NETWORKS = ("deit_tiny_s90", "deit_small_s90", "deit_base_s90", "levit_128_s90")
SIZES = ("148 KiB", "512 KiB", "2 MiB")


def compare(networks: tuple[str, ...]) -> None:
    """Every network with activation buffers of several sizes."""
    print("| network | act_gb0 | residency | outputs kept | cycles | DRAM read, MB | written, MB | mJ |")
    print("|---|---|---|---:|---:|---:|---:|---:|")
    for network in networks:
        workload = load(find("workloads", network))
        for size in SIZES:
            for how in ("dram", "keep"):
                arch = load_arch("vitcod", schema, [f"residency={how}", f"act_gb0.capacity_bytes={size}"])
                kept = sum(bool(one.stay.output) for one in machine("vitcod").mapping(arch, workload))
                total = metrics.summarize(run(arch, workload)).total
                mj = (total.energy.pj - total.energy.background_pj) / 1e9
                moved = f"{total.dram_read_bytes / 1e6:.1f} | {total.dram_write_bytes / 1e6:.1f}"
                row = f"{network} | {size} | {how} | {kept} | {total.cycles:,} | {moved} | {mj:.2f}"
                print(f"| {row} |", flush=True)


def drawn(rng: random.Random) -> list[str]:
    """Buffers, ports and lines of a random machine."""
    choices = {
        "act_gb0.capacity_bytes": ("48 KiB", "80 KiB", "148 KiB", "256 KiB", "1 MiB"),
        "act_gb1.capacity_bytes": ("4 KiB", "18 KiB", "64 KiB"),
        "weight_gb.capacity_bytes": ("32 KiB", "128 KiB"),
        "act_gb0.banks": (4, 8), "act_gb1.port_bytes": (16, 64), "engine.lines": (16, 64, 256),
        "vector.lanes": (16, 64, 256), "dram.channels": (1, 4),
    }  # fmt: skip
    return [f"{name}={rng.choice(some)}" for name, some in choices.items()]


def compare_random(count: int, seed: int) -> None:
    """A block of DeiT-Tiny on random machines both ways."""
    whole, rng = load(find("workloads", "deit_tiny_s90")), random.Random(seed)
    layers = tuple(layer for layer in whole.layers if layer.block in ("block4", "block5"))
    masks = {layer.name: whole.masks[layer.name] for layer in layers if layer.name in whole.masks}
    block = replace(whole, layers=layers, masks=masks, reads={})
    for _ in range(count):
        over = ["dram.model=pipe", *drawn(rng)]
        try:
            cycles = [
                run(load_arch("vitcod", schema, [*over, f"residency={how}"]), block).result.cycles()
                for how in ("dram", "keep")
            ]
        except InputError as error:
            print(f"refused: {error}")
            continue
        print(f"{cycles[1] / cycles[0] - 1:+.2%}  {' '.join(over)}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--random"]:
        compare_random(int(sys.argv[2]), int(sys.argv[3]))
    else:
        compare(tuple(sys.argv[1:]) or NETWORKS)
