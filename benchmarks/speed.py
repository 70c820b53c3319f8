"""How fast accelsim is: a row for each kind of work, with a calibration loop's time beside it, so that machines and
hours can be compared.

    python benchmarks/speed.py [--repeats N] [--points N] [--no-history] [ROW ...]
    python benchmarks/speed.py --slopes

Prints medians: seconds by the clock, seconds of processor (of all processes of the work), what a second or a unit of
work comes to, and the seconds that a loop of Python took just before. Each row is appended to benchmarks/history.csv.
`--slopes` prints how the time in the process grows with tokens, layers, MAC lines and memory channels.
"""

import argparse
import csv
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

import accelsim
from accelsim import accelerators
from accelsim.api.loading import load_machine, load_workload
from accelsim.codesign.masks import bare
from accelsim.workload.workload import Workload

HISTORY = Path(__file__).with_name("history.csv")
COLUMNS = ("date", "version", "commit", "processor", "cores", "row", "clock_s", "cpu_s", "rate", "unit", "loop_s")
RUN = ("-m", "accelsim", "run", "vitcod")
TOKENS, HEADS, WINDOW = 4097, 12, 205
"""A long sequence: each token keeps those within the window, 10 % of the scores."""


BY_THE_CLOCK = ("MiB", "points/s")
"""What is work a second of the clock: a sweep's workers are no children of this process, which does not see theirs."""


class Time(NamedTuple):
    """What one try took: by the clock, of processors, and how much work that was, in a unit."""

    clock: float
    cpu: float
    work: float = 0.0
    unit: str = ""


def loop() -> float:
    """Seconds of processor of a fixed piece of Python, which says how fast this machine is just now."""
    begun, x = time.process_time(), 0
    for n in range(1_000_000):
        x = (x * 3 + n) & 0xFFFF
    return time.process_time() - begun


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """(seconds by the clock, seconds of this process's processor) of a call."""
    clock, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - cpu


def process(*arguments: str, **environment: str) -> Time:
    """What a Python process takes from start to end, its own children included."""
    before, clock = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    made = {"PYTHONPATH": str(Path(accelsim.__file__).parents[1])}
    subprocess.run(
        [sys.executable, *arguments], check=True, env=os.environ | made | environment, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Time(time.perf_counter() - clock, cpu)


def simulated(work: Workload, *settings: str, machine: str = "vitcod") -> Time:
    """The simulation alone, in this process: the program is compiled and machine code is there."""
    arch = load_machine(machine, settings)
    sim, _ = accelerators.machine(arch.machine).build(arch, work)
    sim.elaborate()
    clock, cpu = timed(sim.run)
    return Time(clock, cpu, sim.at / sim.periods["core"], "core cycles/s")


def nonzeros(work: Workload) -> int:
    """Kept scores of all attention layers."""
    return sum(mask.kept for mask in work.masks.values())


def attention(name: str) -> Workload:
    return load_workload(name).only("attention")


def cold() -> Time:
    with tempfile.TemporaryDirectory() as folder:
        return process(*RUN, "deit_tiny_s90", "--no-plots", "-o", f"{folder}/run", ACCELSIM_CACHE=f"{folder}/cache")


def warm(workload: str, *options: str) -> Time:
    with tempfile.TemporaryDirectory() as folder:
        return process(*RUN, workload, "-o", folder, *options)


def sparse() -> Time:
    """Attention alone: microseconds of simulation for a kept score."""
    work = attention("deit_base_s90")
    took = simulated(work)
    return took._replace(work=nonzeros(work), unit="nonzeros/s")


def long_sequence() -> Time:
    """In a process of its own, for its memory: prints to nobody, and its peak is that of the children."""
    took = process(__file__, "--long")
    return took._replace(work=took.clock * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, unit="MiB")


def long_run() -> None:
    """What `long_sequence` measures: masks made, compiled and simulated."""
    at = np.arange(TOKENS, dtype=np.int16)
    near = np.abs(np.subtract.outer(at, at)) <= WINDOW
    work = bare(np.broadcast_to(near, (1, HEADS, TOKENS, TOKENS)), 64, 64, name="long")
    del near
    simulated(work)


def stream(controller: str, traffic: str) -> Time:
    import dram  # beside this file

    trace, best = dram.made()[traffic], float("inf")
    dram.REPEATS = 1
    begun = time.perf_counter()
    for _ in range(3):
        best = min(best, dram.best(trace, controller, 1, "m1")[0])
    return Time(time.perf_counter() - begun, best, dram.COUNT, "requests/s")


def sweep(points: int) -> Time:
    """A store filled with points of the shipped sweep `vitcod_deit_tiny`, evenly spread over its thousand."""
    from accelsim.sweep.campaign import executor, run
    from accelsim.sweep.plan import read
    from accelsim.sweep.points import expand
    from accelsim.sweep.store import Store

    every = list(expand(read("vitcod_deit_tiny")))
    chosen = every[:: max(1, len(every) // points)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "speed.sqlite") as store:
        clock, cpu = timed(lambda: run("speed", chosen, store, executor()))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu += after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Time(clock, cpu, len(chosen), "points/s")


ROWS: dict[str, Callable[[], Time]] = {
    "import accelsim": lambda: process("-c", "import accelsim"),
    "accelsim --help": lambda: process("-m", "accelsim", "--help"),
    "DeiT-Base in the process": lambda: simulated(load_workload("deit_base_s90")),
    "DeiT-Base in the process, memory as a pipe": lambda: simulated(load_workload("deit_base_s90"), "dram.model=pipe"),
    "DeiT-Tiny in the process": lambda: simulated(load_workload("deit_tiny_s90")),
    "DeiT-Base by the clock, warm": lambda: warm("deit_base_s90", "--no-plots"),
    "DeiT-Tiny by the clock, warm": lambda: warm("deit_tiny_s90", "--no-plots"),
    "DeiT-Tiny by the clock, warm, pictures drawn": lambda: warm("deit_tiny_s90"),
    "DeiT-Tiny, nothing cached": cold,
    "sparse attention of DeiT-Base": sparse,
    "4,097 tokens, 12 heads, 90 %": long_sequence,
    "DRAM, sequential reads, dramsim3": lambda: stream("dramsim3", "sequential reads"),
    "DRAM, sequential reads, frfcfs": lambda: stream("frfcfs", "sequential reads"),
    "DRAM, random reads, dramsim3": lambda: stream("dramsim3", "random reads"),
    "DRAM, random reads, frfcfs": lambda: stream("frfcfs", "random reads"),
}
SLOW = {"DeiT-Tiny, nothing cached", "4,097 tokens, 12 heads, 90 %"}  # tried once unless they are named


def commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=Path(__file__).parent
    )
    return found.stdout.strip()


def processor() -> str:
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def measure(name: str, work: Callable[[], Time], repeats: int, keep: bool) -> None:
    """Try a row some times; print its medians and append them to the history."""
    loops, tries = [], []
    for _ in range(repeats):
        loops.append(loop())
        tries.append(work())
    clock, cpu = (statistics.median(each) for each in zip(*(t[:2] for t in tries)))
    unit = tries[-1].unit
    rates = [t.work / (t.clock if unit in BY_THE_CLOCK else t.cpu) for t in tries]
    rate, beside = statistics.median(rates) if unit else 0.0, statistics.median(loops)
    said = f"{rate:14,.0f} {unit}" if unit else ""
    print(
        f"{name:46s} {clock:8.2f} s {cpu:8.2f} CPU s {cpu / beside:8.1f} loops {said:34s} loop {beside:.3f} s",
        flush=True,
    )
    if keep:
        fresh = not HISTORY.exists()
        with HISTORY.open("a", newline="") as file:
            write = csv.writer(file).writerow
            if fresh:
                write(COLUMNS)
            figures = (f"{clock:.3f}", f"{cpu:.3f}", f"{rate:.0f}", unit, f"{beside:.4f}")
            when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M")
            write((when, accelsim.__version__, commit(), processor(), os.cpu_count(), name, *figures))


def slope(what: str, sizes: list[int], took: Callable[[int], Time]) -> None:
    """Print the loops that each size takes, and the exponent of the power law through the first and the last."""
    cost = [took(size).cpu / loop() for size in sizes]
    power = np.log(cost[-1] / cost[0]) / np.log(sizes[-1] / sizes[0])
    print(
        f"{what:12s} "
        + "  ".join(f"{n}: {c:.2f}" for n, c in zip(sizes, cost))
        + f"   grows with the power {power:.2f}"
    )


def slopes() -> None:
    """How the time of a simulation grows, in calibration loops."""
    rng, base = np.random.default_rng(1), load_workload("deit_tiny_s90")

    def tokens(n: int) -> Time:
        return simulated(bare(rng.random((1, 3, n, n)) < 0.1, 64, 64, name="attention"))

    blocks = [name.removesuffix(".attention") for name in base.masks]

    def layers(n: int) -> Time:
        kept = [layer for layer in base.layers if layer.block in blocks[:n]]
        masks = {a.name: base.masks[a.name] for a in kept if a.name in base.masks}
        return simulated(Workload(base.name, base.model, kept, masks))

    simulated(base)
    slope("tokens", [197, 394, 788], tokens)
    slope("blocks", [1, 3, 6, 12], layers)
    slope("MAC lines", [16, 32, 64, 128], lambda n: simulated(base, f"engine.lines={n}"))
    slope("channels", [1, 2, 4, 8], lambda n: simulated(base, f"dram.channels={n}"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="only rows whose names hold one of these words")
    parser.add_argument("--repeats", type=int, default=5, help="tries of a row")
    parser.add_argument("--points", type=int, default=50, help="of the sweep, which has a thousand")
    parser.add_argument("--no-history", action="store_true", help="append nothing to history.csv")
    parser.add_argument("--slopes", action="store_true", help="how the time grows, instead")
    parser.add_argument("--long", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.long or chosen.slopes:
        return long_run() if chosen.long else slopes()
    rows = ROWS | {"sweep vitcod_deit_tiny, its points": lambda: sweep(chosen.points)}
    for name, work in rows.items():
        named = any(word in name for word in chosen.rows)
        if named or not chosen.rows:
            once = name in SLOW or name.startswith("sweep")
            measure(name, work, 1 if once and not named else chosen.repeats, not chosen.no_history)


if __name__ == "__main__":
    main()
