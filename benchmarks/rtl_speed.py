"""Simulated cycles per second of the model beside its Verilated modules, on the same work in one run.

    python benchmarks/rtl_speed.py [WORKLOAD] [MACHINE]

attention: every pass of the workload through `attention_core`, as soon as there is room, nothing outside it.
whole workload: the model runs the whole machine, dense layers and DRAM included; the modules, which have the attention
units alone, run every pass and are clocked for the cycles in between.
CPU time of the runs alone, without builds, compilation, tables and scripts; one thread each, Verilator and g++ -O3.
Each is run three times in turn and the fastest counts.
"""

import sys
import time

from accelsim.accelerators import machine, schema
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.core import Simulator
from accelsim.rtl.core import values_of, workload_cases
from accelsim.rtl.cosim import library, open_bench, run_model
from accelsim.workload import load

ROUNDS = 3


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


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "deit_tiny_s90"
    arch = load_arch(sys.argv[2] if len(sys.argv) > 2 else "vitcod", schema)
    work, build = load(find("workloads", name)), machine(arch.machine).build
    sim, program = build(arch, work)
    cases = list(workload_cases(program.finish(), values_of(sim), name))
    built = library(cases[0].netlist, optimise="-O3")
    run_model(cases[0])
    sim.run()
    whole = -(-sim.at // sim.periods["core"])
    best = dict.fromkeys(("model", "module", "machine", "clocked"), float("inf"))
    for _ in range(ROUNDS):
        runs = [run_model(case, simulator=Timed)[1] for case in cases]
        cycles = sum(run.at for run in runs)
        seconds = [module_seconds(case, built, run.at) for case, run in zip(cases, runs)]
        other, _ = build(arch, work)
        other.elaborate()
        began = time.process_time()
        other.run()
        took = {
            "model": sum(run.seconds for run in runs),
            "module": sum(seconds),
            "machine": time.process_time() - began,
            "clocked": sum(seconds) + module_seconds(cases[-1], built, whole - cycles),
        }
        best = {what: min(best[what], took[what]) for what in best}
    sys.stdout.write(f"{name} on {arch.machine}, {len(cases)} passes\n")
    sys.stdout.write(line("attention", cycles, best["model"], best["module"]))
    sys.stdout.write(line("whole workload", whole, best["machine"], best["clocked"]))


if __name__ == "__main__":
    main()
