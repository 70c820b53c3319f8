"""How fast the dense systolic array is simulated, beside ViTCoD on the same network, and beside SCALE-Sim's speed.

    python benchmarks/systolic.py [NAME=VALUE ...]

Both machines are run in turns in this process; the best of `REPEATS` is reported. SCALE-Sim's rates were published by
people who ran it (version 3.0.0, output-stationary, 64 x 8, DeiT-Tiny); they are of another machine than this one.
"""

import sys
import time

NETWORKS = ("deit_tiny_s90", "deit_base_s90")
REPEATS = 5
SHAPE = ("array.rows=64", "array.columns=8", "array.dataflow=os", "array.timing=scalesim")
TOKENS, WIDTH, HEADS, DIM = 197, 192, 3, 64
ATTENTION = [(TOKENS, TOKENS, DIM)] * HEADS + [(TOKENS, DIM, TOKENS)] * HEADS
DENSE = [(TOKENS, 3 * WIDTH, WIDTH), (TOKENS, WIDTH, WIDTH), (TOKENS, 4 * WIDTH, WIDTH), (TOKENS, WIDTH, 4 * WIDTH)]
SCALESIM = {"attention layer": (65_826, 5.6e3), "block": (351_396, 3.3e3)}  # cycles, cycles a CPU second


def best(name: str, arch, work) -> tuple[float, float, int]:
    """Seconds to build and to run, and core cycles: the fastest of some runs."""
    from accelsim.accelerators import machine

    build, run, cycles = float("inf"), float("inf"), 0
    for _ in range(REPEATS):
        began = time.perf_counter()
        sim, _ = machine(name).build(arch, work)
        sim.elaborate()
        middle = time.perf_counter()
        sim.run()
        build, run = min(build, middle - began), min(run, time.perf_counter() - middle)
        cycles = sim.result().cycles()
    return build, run, cycles


def main(overrides: list[str]) -> None:
    from accelsim.accelerators import schema
    from accelsim.config import load_arch
    from accelsim.config.shipped import find
    from accelsim.workload import Gemm, Workload, load

    print(f"{'network':16} {'memory':7} {'machine':10} {'cycles':>12} {'build':>8} {'run':>8} {'ratio':>6}")
    for network in NETWORKS:
        work = load(find("workloads", network))
        for memory in ("exact", "pipe"):
            took = {}
            for name in ("vitcod", "systolic"):
                mine = overrides if name == "systolic" else []
                arch = load_arch(name, schema, [f"dram.model={memory}", *mine])
                build, run, cycles = best(name, arch, work)
                took[name] = build + run
                ratio = f"{took[name] / took['vitcod']:6.2f}"
                print(f"{network:16} {memory:7} {name:10} {cycles:12,} {build:6.2f} s {run:6.3f} s {ratio}")
    print()
    print(f"{'DeiT-Tiny':16} {'cycles':>10} {'SCALE-Sim':>10} {'cycles/s':>12} {'SCALE-Sim':>10} {'ratio':>8}")
    arch = load_arch("systolic", schema, [*SHAPE, "dram.model=pipe"])
    for title, sizes in (("attention layer", ATTENTION), ("block", [*DENSE, *ATTENTION])):
        layers = tuple(Gemm(f"g{n}", "b", "other", m, k, f) for n, (m, f, k) in enumerate(sizes))
        _, seconds, _ = best("systolic", arch, work := Workload(title, "deit_tiny", layers))
        from accelsim.accelerators.run import run

        folds = run(arch, work).result.total.counts["array"]["fold_cycles"]
        theirs, rate = SCALESIM[title]
        print(
            f"{title:16} {folds:10,} {theirs:10,} {folds / seconds:12,.0f} {rate:10,.0f} {folds / seconds / rate:8,.0f}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
