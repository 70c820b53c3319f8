"""Simulated cycles per second of the model beside its Verilated modules, on the same work in one run.

    python benchmarks/rtl_speed.py [WORKLOAD [MACHINE [NAME=VALUE]...]]

attention: every layer of the workload through `attention_core`, with its data path, as soon as there is room.
attention, control: the same without the data path. The model knows when everything moves, and computes no values either
way.
whole machine: all modules, from reset to the end of the program, with the data paths of array, encoder and vector unit,
and memories that hold bytes (`vitcod_values`; a network that is not run with values is left out); control: without
them (`vitcod_core`). The memory is a pipe on both sides, in the modules one of them.
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
from accelsim.core.errors import InputError
from accelsim.rtl.cosim import library, open_bench, run_model
from accelsim.workload import load

ROUNDS = 3
ATTENTION = ("attention", "attention, control")
WHOLE = {"whole machine": "vitcod_values", "whole machine, control": "vitcod"}
PIPE = "dram.model=pipe"


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


def machine_seconds(sim: Simulator) -> tuple[float, int]:
    """CPU seconds and cycles of a run of the whole machine."""
    sim.elaborate()
    began = time.process_time()
    sim.run()
    return time.process_time() - began, -(-sim.at // sim.periods["core"])


def line(what: str, cycles: int, model: float, module: float) -> str:
    return (
        f"{what}: {cycles:,} cycles; model {model:.3f} s, {cycles / model:,.0f} cycles/s; "
        f"Verilator {module:.3f} s, {cycles / module:,.0f} cycles/s; ratio {module / model:.1f}\n"
    )


def attention(twins, arch, work) -> None:
    """Both sides on every layer's attention."""
    cases = {what: list(twins.workload_cases(arch, work, data=what == ATTENTION[0])) for what in ATTENTION}
    built = {what: library(mine[0].netlist, optimise="-O3") for what, mine in cases.items()}
    run_model(cases[ATTENTION[0]][0])
    best = defaultdict(lambda: float("inf"))
    for _ in range(ROUNDS):
        runs = [run_model(case, simulator=Timed)[1] for case in cases[ATTENTION[0]]]
        best["model"] = min(best["model"], sum(run.seconds for run in runs))
        for what, mine in cases.items():
            best[what] = min(best[what], sum(module_seconds(c, built[what], r.at) for c, r in zip(mine, runs)))
    for what in cases:
        sys.stdout.write(line(what, sum(run.at for run in runs), best["model"], best[what]))
        sys.stdout.flush()


def whole(twins, arch, work) -> None:
    """Both sides on the whole network."""
    for what, name in WHOLE.items():
        try:
            case, _ = twins.whole[name].workload(arch, work)
        except InputError as why:
            sys.stdout.write(f"{what}: {why}\n")
            continue
        built = library(case.netlist, optimise="-O3")
        machine_seconds(machine(arch.machine).build(arch, work)[0])
        model, module = [], []
        for _ in range(ROUNDS):
            seconds, cycles = machine_seconds(machine(arch.machine).build(arch, work)[0])
            model.append(seconds)
            module.append(module_seconds(case, built, cycles))
        sys.stdout.write(line(what, cycles, min(model), min(module)))
        sys.stdout.flush()


def main() -> None:
    name, of, *overrides = [*sys.argv[1:], *("deit_tiny_s90", "vitcod")[len(sys.argv) - 1 :]]
    arch = load_arch(of, schema, [PIPE, *overrides])
    work, twins = load(find("workloads", name)), machine(arch.machine).twins()
    sys.stdout.write(f"{name} on {arch.machine}\n")
    attention(twins, arch, work)
    whole(twins, arch, work)


if __name__ == "__main__":
    main()
