"""Simulated cycles per second of the model beside its Verilated modules, on the same work in one run.

    python benchmarks/rtl_speed.py [WORKLOAD] [MACHINE]

attention, control: every layer of the workload through `attention_core` without its data path, as soon as there is
room.
attention: the same layers with the data path. The model knows when everything moves, and computes no values either way.
whole workload: the model runs the whole machine, dense layers and DRAM included; the modules, which have the
attention units alone, run every pass and are clocked for the cycles in between.
CPU time of the runs alone, without builds, compilation, tables and scripts; one thread each. Verilator -O3; g++ -O3
without the data path and -O1 with it, which with -O3 takes longer than ten minutes to compile. Each is run three times
in turn and the fastest counts.
"""

import sys
import time
from collections.abc import Sequence

from accelsim.accelerators import machine, schema
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.core import Simulator
from accelsim.rtl.core import values_of, workload_cases
from accelsim.rtl.cosim import library, open_bench, run_model
from accelsim.rtl.operands import workload_operands
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


def modules_seconds(cases, built, cycles: Sequence[int]) -> float:
    """CPU seconds of so many cycles of each case."""
    return sum(module_seconds(case, built, n) for case, n in zip(cases, cycles, strict=True))


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "deit_tiny_s90"
    arch = load_arch(sys.argv[2] if len(sys.argv) > 2 else "vitcod", schema)
    work, build = load(find("workloads", name)), machine(arch.machine).build
    sim, program = build(arch, work)
    tables, units = program.finish(), values_of(sim)
    on = {n: arch.options[n] == "true" for n in ("prune", "auto_encoder")}
    layers = list(workload_operands(work, units["softmax"]["mode"] == 0, **on))
    control = list(workload_cases(tables, units, name, layers, data=False))
    cases = list(workload_cases(tables, units, name, layers))
    built_control, built = library(control[0].netlist, optimise="-O3"), library(cases[0].netlist)
    run_model(cases[0])
    sim.run()
    whole = -(-sim.at // sim.periods["core"])
    best = dict.fromkeys(("model", "control", "module", "machine", "idle"), float("inf"))
    for _ in range(ROUNDS):
        runs = [run_model(case, simulator=Timed)[1] for case in cases]
        cycles = [run.at for run in runs]
        other, _ = build(arch, work)
        other.elaborate()
        began = time.process_time()
        other.run()
        took = {
            "machine": time.process_time() - began,
            "model": sum(run.seconds for run in runs),
            "control": modules_seconds(control, built_control, cycles),
            "module": modules_seconds(cases, built, cycles),
            "idle": module_seconds(cases[-1], built, whole - sum(cycles)),
        }
        best = {what: min(best[what], took[what]) for what in best}
    sys.stdout.write(f"{name} on {arch.machine}, {len(cases)} layers\n")
    sys.stdout.write(line("attention, control", sum(cycles), best["model"], best["control"]))
    sys.stdout.write(line("attention", sum(cycles), best["model"], best["module"]))
    sys.stdout.write(line("whole workload", whole, best["machine"], best["module"] + best["idle"]))


if __name__ == "__main__":
    main()
