"""How fast the exact DRAM is simulated: requests a second by traffic and controller, and what idle time costs.

    python benchmarks/dram.py [TRACE ...]

Without files the traffic is made here, from a fixed seed. Times are of this process's processor, compilation left out;
the best of `REPEATS` counts. Columns: one channel under the maps m1 and m2, four channels under m2; how many times the
slower of the first two is as fast as the C++ DRAMsim3, which makes 35,000 to 145,000 requests/s on busy traces of one
channel (one core of a 2.5 GHz server); and what a request costs on four channels, relative to one.
"""

import sys
import time

import numpy as np

from accelsim.components.dram.handle import handle
from accelsim.components.dram.loop import compiled
from accelsim.components.dram.mapping import LINE_BITS, address_map
from accelsim.components.dram.replay import CONTROLLERS, check_addresses
from accelsim.components.dram.standard import load_standard
from accelsim.components.dram.state import build
from accelsim.components.dram.traces import Trace, read_trace

REPEATS = 15
COUNT = 50_000
STANDARD = load_standard("ddr4_2400_reference")
DRAMSIM3 = (35e3, 145e3)  # requests/s of its slowest and fastest busy trace
RATIOS = " DRAMsim3 x: 35k 145k  4 ch : 1"
SETTINGS = ((1, "m1"), (1, "m2"), (4, "m2"))


def made(seed: int = 1) -> dict[str, Trace]:
    """Saturated streams, random and conflicting traffic, and the same with long pauses."""
    random = np.random.default_rng(seed)
    at_once, order = np.zeros(COUNT, np.int64), np.arange(COUNT, dtype=np.int64)
    anywhere = random.integers(0, 1 << 27, COUNT) * 64
    reads, mixed = np.zeros(COUNT, bool), random.random(COUNT) < 1 / 3
    return {
        "sequential reads": Trace(at_once, order * 64, reads),
        "random reads": Trace(at_once, anywhere, reads),
        "random, a third writes": Trace(at_once, anywhere, mixed),
        "one bank, new row each": Trace(at_once, order % 65536 * (1 << 17), reads),
        "random, 10 % load": Trace(np.cumsum(random.poisson(40, COUNT)), anywhere, mixed),
        "random, 20,000 clocks apart": Trace(order * 20_000, anywhere, mixed),
    }


def best(trace: Trace, controller: str, channels: int, mapping: str) -> tuple[float, int]:
    """(seconds, clocks) of a replay."""
    where, run = address_map(mapping, STANDARD, channels), compiled(controller)
    check_addresses(trace, where, STANDARD)
    line, is_write = trace.address >> LINE_BITS, trace.is_write.astype(np.int64)
    seconds, end = [], 0
    for _ in range(REPEATS):
        s = build(STANDARD, where, controller)
        accept, done = np.full(len(line), -1, np.int64), np.full(len(line), -1, np.int64)
        began = time.process_time()
        end = int(run(handle(s), 0, trace.arrival, line, is_write, accept, done, True))
        seconds.append(time.process_time() - began)
    return min(seconds), end


def main(files: list[str]) -> None:
    began = time.perf_counter()
    traces = {file: read_trace(file) for file in files} or made()
    for controller in CONTROLLERS:
        best(Trace(*(part[:10] for part in next(iter(traces.values())))), controller, 1, "m1")
    print(f"start, with compilation unless it was kept: {time.perf_counter() - began:.1f} s")
    print(f"{'million requests/s (million clocks/s)':52s}" + "".join(f"{c} ch {m:12s}" for c, m in SETTINGS) + RATIOS)
    for name, trace in traces.items():
        for controller in CONTROLLERS:
            rates, cells = [], []
            for channels, mapping in SETTINGS:
                seconds, end = best(trace, controller, channels, mapping)
                rates.append(len(trace.arrival) / seconds)
                cells.append(f"{rates[-1] / 1e6:6.2f} ({end / seconds / 1e6:6.1f})")
            theirs = "  ".join(f"{min(rates[:2]) / rate:5.0f}" for rate in DRAMSIM3)
            more = f"{rates[1] / rates[2]:6.2f}"
            print(f"{name[-37:]:37s} {controller:14s}" + "  ".join(cells) + f" {theirs} {more}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
