"""Simulated cycles per second of the model beside its Verilated modules, on the attention of a workload.

    python benchmarks/rtl_speed.py [WORKLOAD] [MACHINE]

Both run every pass once to warm up, then once on the clock; the time is that of the runs alone, without tables, builds
and scripts. One thread each, Verilator and g++ with -O3.
"""

import sys
import time

from accelsim.accelerators import machine, schema
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.core import Simulator
from accelsim.rtl.core import values_of, workload_cases
from accelsim.rtl.cosim import library, open_bench, run_model
from accelsim.rtl.vsim import Bench
from accelsim.workload import load


def clocked(kind: type, seconds: list[float]):
    """Have the runs of a class timed."""
    run = kind.run

    def timed(self, *arguments, **options):
        began = time.perf_counter()
        done = run(self, *arguments, **options)
        seconds.append(time.perf_counter() - began)
        return done

    kind.run = timed


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "deit_tiny_s90"
    arch = load_arch(sys.argv[2] if len(sys.argv) > 2 else "vitcod", schema)
    sim, program = machine(arch.machine).build(arch, load(find("workloads", name)))
    cases = list(workload_cases(program.finish(), values_of(sim), name))
    built = library(cases[0].netlist, optimise="-O3")
    model, module, cycles = [], [], 0
    run_model(cases[0])
    clocked(Simulator, model)
    clocked(Bench, module)
    for case in cases:
        _, done = run_model(case)
        bench, ports, alive = open_bench(case, built)
        bench.run(0, done.at, ports, 2 + max(p.words for p in ports))
        bench.close()
        del alive
        cycles += done.at
    rates = [cycles / sum(seconds) for seconds in (model, module)]
    sys.stdout.write(
        f"{name}: {len(cases)} passes, {cycles:,} cycles; model {rates[0]:,.0f} cycles/s, "
        f"Verilator {rates[1]:,.0f} cycles/s, ratio {rates[0] / rates[1]:.2f}\n"
    )


if __name__ == "__main__":
    main()
