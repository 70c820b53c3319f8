"""What an exact DRAM and the layout of Q, K and V change: ViTCoD with the pipe and with DDR4-2400, four channels.

    python benchmarks/dram_effect.py [WORKLOAD | NAME=VALUE ...]

Prints one row for every workload, memory and layout. Of a run of the attention layers alone: cycles, also relative to
the pipe with the same layout, the share of all bytes that the busiest channel moves (25 % is even), columns that find
their row open, what is reached of 76.8 GB/s while the memory has something to do, percentiles of the read latency in
DRAM clocks, and the energy of the memory with its part for I/O and termination. Of a run of all layers: cycles, energy.
"""

import sys

from accelsim.accelerators import schema
from accelsim.accelerators.run import run
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.energy.bill import bill
from accelsim.energy.table import load_table
from accelsim.workload import load

WORKLOADS = ("deit_tiny_s95", "deit_tiny_s90", "deit_small_s90", "deit_base_s90")
LAYOUTS = ("packed", "token_major", "fused_qkv")
MEMORIES = ("pipe", "exact")
TITLE = (
    "                                    attention layers alone                                                     "
    "          network\n"
    "workload       memory layout           cycles  to pipe  busiest   row  reached  read latency     DRAM     "
    "I/O      cycles     DRAM\n"
    "                                                        channel  hits     GB/s    p50    p99       uJ      "
    "uJ                  mJ"
)


def energy_uj(record, table) -> tuple[float, float]:
    """(all of the memory, its I/O and termination)."""
    charges = [c for c in bill(record.result, table) if c.component == "dram"]
    io = sum(c.pj for c in charges if c.action.startswith("dram_io"))
    return sum(c.pj for c in charges) / 1e6, io / 1e6


def details(record) -> str:
    """What only the exact memory knows: from its counters and notes."""
    notes, counts = record.notes, record.result.total.counts["dram"]
    lines = [int(part.replace(",", "")) for part in notes["dram_channels"].removesuffix(" bytes").split(" : ")]
    latency = dict(part.split() for part in notes["dram_read_latency"].split(" (")[0].split(", ")[1:])
    opened = counts["row_hits"] + counts["activates"]
    share, hits = max(lines) / sum(lines), counts["row_hits"] / opened
    return f"{share:7.1%} {hits:6.1%}", f"{latency['p50']:>6} {latency['p99']:>6}"


def reached_gb_per_s(record) -> float:
    """Bytes over the time in which the memory has something to do."""
    total, parts = record.result.total, record.result.parts
    busy = total.status["dram"]["busy"] + total.status["dram"]["blocked"]
    period_s = record.result.periods[parts["dram"].clock] / float(record.result.time_base_hz)
    moved = total.counts["dram"]["read_bytes"] + total.counts["dram"]["write_bytes"]
    return moved / (busy * period_s) / 1e9


def main(words: list[str]) -> None:
    table, changes = load_table(), [word for word in words if "=" in word]
    print(TITLE)
    for name in [word for word in words if "=" not in word] or WORKLOADS:
        work = load(find("workloads", name))
        pipe = {}
        for memory in MEMORIES:
            for layout in LAYOUTS:
                arch = load_arch("vitcod", schema, [f"dram.model={memory}", f"layout={layout}", *changes])
                whole, record = run(arch, work), run(arch, work.only("attention"))
                cycles = record.result.cycles()
                pipe.setdefault(layout, cycles)
                spread, latency = details(record) if memory == "exact" else (f"{'-':>7} {'-':>6}", f"{'-':>6} {'-':>6}")
                energy, io = energy_uj(record, table)
                print(
                    f"{name:14} {memory:6} {layout:12} {cycles:10,} {cycles / pipe[layout]:8.3f} {spread}"
                    f" {reached_gb_per_s(record):7.1f} {latency} {energy:8,.0f} {io:7,.0f}"
                    f" {whole.result.cycles():11,} {energy_uj(whole, table)[0] / 1000:8.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main(sys.argv[1:])
