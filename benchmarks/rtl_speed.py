"""Simulated cycles per second of the model beside its Verilated modules, on the same work in one run.

    python benchmarks/rtl_speed.py [WORKLOAD] [MACHINE]

attention: every layer of the workload through `attention_core`, with its data path, as soon as there is room.
attention, control: the same without the data path. The model knows when everything moves, and computes no values either
way.
whole workload: the model runs the whole machine, dense layers and DRAM included; the modules, which have the attention
units alone, run every layer and are clocked for the cycles in between.
CPU time of the runs alone, without builds, compilation, tables and scripts; one thread each. Verilator and g++ with -O3
(see docs/rtl.md for what other flags do). Both sides are run in turn, ROUNDS times, and the fastest run of each counts.
"""

import sys
import time
from collections import defaultdict

from accelsim.accelerators import machine, schema
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.core import Simulator
from accelsim.rtl.cosim import library, open_bench, run_model
from accelsim.workload import load

ROUNDS = 5


class Timed(Simulator):
    """A simulator that notes how long its run took, once it is compiled."""

    def run(self, *arguments, **options) -> bool:
        self.elaborate()
        began = time.process_time()
        done = super().run(*arguments, **options)
        self.seconds = time.process_time() - began
        return done


def module_seconds(case, built, cycles: int) -> float:
    """CPU seconds of so many cycles of the modules."""
    bench, ports, alive = open_bench(case, built)
    width = 2 + max(p.words for p in ports)
    began = time.process_time()
    bench.run(0, cycles, ports, width)
    seconds = time.process_time() - began
    bench.close()
    del alive
    return seconds


def line(what: str, cycles: int, model: float, module: float) -> str:
    return (
        f"{what}: {cycles:,} cycles; model {model:.3f} s, {cycles / model:,.0f} cycles/s; "
        f"Verilator {module:.3f} s, {cycles / module:,.0f} cycles/s; ratio {module / model:.1f}\n"
    )


def machine_seconds(sim: Simulator, _: object) -> float:
    """CPU seconds of a run of the whole machine."""
    sim.elaborate()
    began = time.process_time()
    sim.run()
    return time.process_time() - began


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "deit_tiny_s90"
    arch = load_arch(sys.argv[2] if len(sys.argv) > 2 else "vitcod", schema)
    work, build = load(find("workloads", name)), machine(arch.machine).build
    sim, _ = build(arch, work)
    twins = machine(arch.machine).twins()
    cases = {what: list(twins.workload_cases(arch, work, data=what == "data")) for what in ("control", "data")}
    built = {what: library(mine[0].netlist, optimise="-O3") for what, mine in cases.items()}
    run_model(cases["data"][0])
    sim.run()
    whole = -(-sim.at // sim.periods["core"])
    best = defaultdict(lambda: float("inf"))
    for _ in range(ROUNDS):
        runs = [run_model(case, simulator=Timed)[1] for case in cases["data"]]
        cycles = [run.at for run in runs]
        best["attention"] = min(best["attention"], sum(run.seconds for run in runs))
        best["machine"] = min(best["machine"], machine_seconds(*build(arch, work)))
        for what, mine in cases.items():
            best[what] = min(best[what], sum(module_seconds(c, built[what], n) for c, n in zip(mine, cycles)))
            idle = module_seconds(mine[-1], built[what], whole - sum(cycles))
            best[what, "idle"] = min(best[what, "idle"], idle)
    sys.stdout.write(f"{name} on {arch.machine}, {len(runs)} layers\n")
    for what, said in (("data", ""), ("control", ", control")):
        sys.stdout.write(line(f"attention{said}", sum(cycles), best["attention"], best[what]))
    for what, said in (("data", ""), ("control", ", control")):
        sys.stdout.write(line(f"whole workload{said}", whole, best["machine"], best[what] + best[what, "idle"]))


if __name__ == "__main__":
    main()
