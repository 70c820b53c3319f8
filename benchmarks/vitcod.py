"""How fast ViTCoD is simulated: rates of the kernel, start-up, memory, and events a cycle.

    python benchmarks/vitcod.py [NAME=VALUE ...]

Each workload runs in this process once to compile or load the kernel, then `REPEATS` times; the best is reported. The
first run of all, compilation included, is timed in a fresh process with an empty cache.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time

WORKLOADS = [("deit_tiny_s95", "attention"), ("deit_tiny_s95", None), ("deit_small_s90", None), ("deit_base_s90", None)]
REPEATS = 3
START = "import sys; from accelsim.cli import main; sys.argv = ['accelsim'] + sys.argv[1:]; main()"


def command(*arguments: str, cache: str | None = None) -> float:
    """Seconds a command takes in a fresh process."""
    environment = dict(os.environ) | ({"ACCELSIM_CACHE": cache} if cache else {})
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", START, *arguments], check=True, capture_output=True, env=environment)
    return time.perf_counter() - began


def main(overrides: list[str]) -> None:
    from accelsim.accelerators import machine, schema
    from accelsim.config import load_arch
    from accelsim.config.shipped import find
    from accelsim.workload import load

    with tempfile.TemporaryDirectory() as folder:
        options = [word for o in overrides for word in ("--set", o)]
        run = ("run", "vitcod", "deit_tiny_s95", "--no-plots", "-o", f"{folder}/out", *options)
        print(f"accelsim --help                        {command('--help'):8.2f} s")
        print(f"first run, compilation included        {command(*run, cache=f'{folder}/cache'):8.2f} s")
        print(f"the same again                         {command(*run, cache=f'{folder}/cache'):8.2f} s")
    arch = load_arch("vitcod", schema, overrides)
    titles = f"{'workload':28} {'cycles':>12} {'compile + load':>14} {'build':>8} {'run':>8}"
    print(f"{titles} {'Mcycles/s':>10} {'ticks/cycle':>11}")
    for name, kind in WORKLOADS:
        work = load(find("workloads", name))
        work = work.only(kind) if kind else work
        first, best, build = None, None, None
        for _ in range(1 + REPEATS):
            began = time.perf_counter()
            sim, _program = machine("vitcod").build(arch, work)
            sim.elaborate()
            middle = time.perf_counter()
            sim.run()
            seconds = time.perf_counter() - middle
            if first is None:
                first = seconds
            elif best is None or seconds < best:
                best, build = seconds, middle - began
        cycles = sim.result().cycles()
        ticks = int(sim.state["ticks"].sum()) / cycles
        label = f"{name}{' ' + kind if kind else ''}"
        times = f"{first:12.2f} s {build:6.2f} s {best:6.3f} s"
        print(f"{label:28} {cycles:12,} {times} {cycles / best / 1e6:10.1f} {ticks:11.3f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process {peak:.0f} MiB")


if __name__ == "__main__":
    main(sys.argv[1:])
