"""Activations through DRAM, kept on chip, or layers fused: cycles, DRAM's bytes and energy, on the exact DRAM.

    python benchmarks/residency.py [NETWORK[@BATCH] ...]     the table of docs/mapping.md
    python benchmarks/residency.py --random N SEED           N random machines on two blocks: is what stays ever slower?

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

NETWORKS = (
    "deit_tiny_s90", "deit_small_s90", "deit_base_s90", "levit_128_s90", "fmnist_vit_s90", "deit_tiny_s90@4",
    "deit_tiny_s90@16",
)  # fmt: skip
WAYS = ("dram", "keep", "fused")
SIZES = ("148 KiB", "512 KiB", "2 MiB")


def compare(networks: tuple[str, ...]) -> None:
    """Every network with activation buffers of several sizes."""
    print("| network | act_gb0 | residency | outputs kept | by blocks | cycles | DRAM read, MB | written, MB | mJ |")
    print("|---|---|---|---:|---:|---:|---:|---:|---:|")
    for network in networks:
        name, _, batch = network.partition("@")
        workload = replace(load(find("workloads", name)), batch=int(batch or 1))
        for size in SIZES:
            for how in WAYS:
                arch = load_arch("vitcod", schema, [f"residency={how}", f"act_gb0.capacity_bytes={size}"])
                found = machine("vitcod").mapping(arch, workload)
                fused = sum(one.stay.joined for one in found)
                kept = sum(bool(one.stay.output) for one in found) - fused
                total = metrics.summarize(run(arch, workload)).total
                mj = (total.energy.pj - total.energy.background_pj) / 1e9
                moved = f"{total.dram_read_bytes / 1e6:.1f} | {total.dram_write_bytes / 1e6:.1f}"
                row = f"{network} | {size} | {how} | {kept} | {fused} | {total.cycles:,} | {moved} | {mj:.2f}"
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
    """Two blocks of DeiT-Tiny on random machines, of one to three pictures, in all ways: how much longer than through
    DRAM what is kept takes, and than that what is fused, and how many outputs stay block by block."""
    whole, rng = load(find("workloads", "deit_tiny_s90")), random.Random(seed)
    layers = tuple(layer for layer in whole.layers if layer.block in ("block4", "block5"))
    masks = {layer.name: whole.masks[layer.name] for layer in layers if layer.name in whole.masks}
    block = replace(whole, layers=layers, masks=masks, reads={})
    for _ in range(count):
        over, some = ["dram.model=pipe", *drawn(rng)], replace(block, batch=rng.choice((1, 1, 2, 3)))
        archs = [load_arch("vitcod", schema, [*over, f"residency={how}"]) for how in WAYS]
        try:
            through, kept, fused = (run(arch, some).result.cycles() for arch in archs)
        except InputError as error:
            print(f"refused: {error}")
            continue
        joined = sum(one.stay.joined for one in machine("vitcod").mapping(archs[-1], some))
        more = f"{kept / through - 1:+.2%} {fused / kept - 1:+.2%} {joined}"
        print(f"{more}  batch={some.batch} {' '.join(over)}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--random"]:
        compare_random(int(sys.argv[2]), int(sys.argv[3]))
    else:
        compare(tuple(sys.argv[1:]) or NETWORKS)
