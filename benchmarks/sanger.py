"""Cycles of the shipped networks at 90 % on Sanger, in every reading of it, attention and end to end.

    python benchmarks/sanger.py [CONFIGURATION] [NAME=VALUE ...]

Three tables, of cycles: whole networks with the prediction charged (attention layers in brackets); the same attention
without prediction, masks from DRAM; and for each reading the passes and the cycles of the sparse array alone.
"""

import sys

NETWORKS = ("deit_tiny_s90", "deit_small_s90", "deit_base_s90", "levit_128_s90", "levit_192_s90", "levit_256_s90")
PACKS = ("column_tile", "block", "unit")
CONTROLS = ("wavefront", "per_stage", "global")


def counted(arch, work) -> tuple[int, int, dict[str, int]]:
    """Cycles of a network, of its attention layers, and what the array counted."""
    from accelsim.accelerators import machine
    from accelsim.workload import Attention

    sim, _ = machine(arch.machine).build(arch, work)
    sim.run()
    machine(arch.machine).finish(arch, sim)
    result = sim.result()
    spans = [s for s in result.spans if s.label >= 0 and isinstance(work.layers[s.label], Attention)]
    attention = sum(result.cycles("core", s.end) - result.cycles("core", s.start) for s in spans)
    return result.cycles(), attention, result.total.counts.get("array", {})


def main(arguments: list[str]) -> None:
    from accelsim.accelerators import schema
    from accelsim.config import load_arch
    from accelsim.config.shipped import find
    from accelsim.workload import load

    named = [a for a in arguments if "=" not in a]
    name, overrides = (named or ["sanger"])[0], [a for a in arguments if "=" in a]
    works = {n: load(find("workloads", n)) for n in NETWORKS}
    print(f"{name} {' '.join(overrides)}")
    print(f"{'pack':12} {'control':10} " + " ".join(f"{n.removesuffix('_s90'):>22}" for n in NETWORKS))
    alone, arrays = [], []
    for pack in PACKS:
        for control in CONTROLS:
            reading = [*overrides, f"pack={pack}", f"control={control}"]
            line, bare, array = [], [], []
            for work in works.values():
                whole, attention, _ = counted(load_arch(name, schema, reading), work)
                line.append(f"{whole:,} ({attention:,})")
                # on its own, so that no layer before is in the way
                arch = load_arch(name, schema, [*reading, "predict=false"])
                _, attention, counts = counted(arch, work.only("attention"))
                bare.append(f"{attention:,}")
                array.append(f"{counts['passes']:,}: {counts['pass_cycles']:,}")
            for rows, found in ((None, line), (alone, bare), (arrays, array)):
                text = f"{pack:12} {control:10} " + " ".join(f"{cell:>22}" for cell in found)
                if rows is None:
                    print(text, flush=True)
                else:
                    rows.append(text)
    print("attention without prediction", *alone, "passes: cycles of the array", *arrays, sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
