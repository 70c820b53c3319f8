"""What an exact DRAM and the layout of Q, K and V change: ViTCoD with the pipe and with DDR4-2400, four channels.

    python benchmarks/dram_effect.py [WORKLOAD | pipe | exact | NAME=VALUE ...]

Prints one row for every workload, memory and layout. Of a run of the attention layers alone: cycles, also relative to
the pipe with the same layout; shares of the time in which the sparser engine and the memory have something to do; bytes
moved, bytes a read burst, and what is reached of 76.8 GB/s while the memory has something to do; the share of all bytes
that the busiest channel moves (25 % is even), columns that find their row open, the share of refresh, percentiles of
the read latency in DRAM clocks; energy of the memory, and its part for I/O and termination. Of a run of all layers:
cycles, mean bandwidth, energy of the memory.
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
COLUMNS = (
    *(("", 14), ("", 5), ("", 11), ("cycles", 8), ("to pipe", 7), ("engine", 6), ("memory", 6), ("MB", 5)),
    *(("burst", 5), ("GB/s", 5), ("most", 5), ("hits", 5), ("refr", 5), ("p50", 4), ("p99", 4), ("uJ", 6), ("I/O", 4)),
    *(("| cycles", 11), ("GB/s", 5), ("mJ", 6)),
)


def line(cells) -> str:
    return " ".join(
        f"{text:{'>' if i > 2 else '<'}{width}}" for i, (text, (_, width)) in enumerate(zip(cells, COLUMNS))
    )


def energy_uj(record) -> tuple[float, float]:
    """(all of the memory, its I/O and termination)."""
    charges = [c for c in bill(record.result, load_table(prices=record.prices)) if c.component == "dram"]
    io = sum(c.pj for c in charges if c.action.startswith("dram_io"))
    return sum(c.pj for c in charges) / 1e6, io / 1e6


def details(record) -> list[str]:
    """What only the exact memory knows, from its counters and notes: busiest channel, row hits, refresh, p50, p99."""
    notes, counts = record.notes, record.result.total.counts["dram"]
    lines = [int(part.replace(",", "")) for part in notes["dram_channels"].removesuffix(" bytes").split(" : ")]
    latency = dict(part.split() for part in notes["dram_read_latency"].split(" (")[0].split(", ")[1:])
    hits = counts["row_hits"] / (counts["row_hits"] + counts["activates"])
    share, refresh = max(lines) / sum(lines), notes["dram_refresh"].split()[0]
    return [f"{share:.1%}", f"{hits:.1%}", refresh, latency["p50"], latency["p99"]]


def busy(record, name: str) -> float:
    """Share of the time in which a component has something to do."""
    status = record.result.total.status[name]
    return (status["busy"] + status["blocked"]) / sum(status.values())


def moved_bytes(record) -> int:
    counts = record.result.total.counts["dram"]
    return counts["read_bytes"] + counts["write_bytes"]


def gb_per_s(record) -> float:
    return moved_bytes(record) / (record.result.end / float(record.result.time_base_hz)) / 1e9


def main(words: list[str]) -> None:
    changes = [word for word in words if "=" in word]
    memories = [word for word in words if word in MEMORIES] or MEMORIES
    print(line(title for title, _ in COLUMNS))
    for name in [word for word in words if "=" not in word and word not in MEMORIES] or WORKLOADS:
        work = load(find("workloads", name))
        pipe = {}
        for memory in memories:
            for layout in LAYOUTS:
                arch = load_arch("vitcod", schema, [f"dram.model={memory}", f"layout={layout}", *changes])
                whole, record = run(arch, work), run(arch, work.only("attention"))
                cycles = record.result.cycles()
                pipe.setdefault(layout, cycles)
                known = details(record) if memory == "exact" else ["-"] * 5
                counts, (energy, io) = record.result.total.counts, energy_uj(record)
                burst = counts["dram"]["read_bytes"] / counts["dma"]["read_bursts"]
                attention = [f"{cycles:,}", f"{cycles / pipe[layout]:.3f}", f"{busy(record, 'sparser'):.0%}"]
                attention += [f"{busy(record, 'dram'):.0%}", f"{moved_bytes(record) / 1e6:.2f}", f"{burst:.0f}"]
                attention += [f"{gb_per_s(record) / busy(record, 'dram'):.1f}", *known, f"{energy:,.0f}", f"{io:,.0f}"]
                network = [f"{whole.result.cycles():,}", f"{gb_per_s(whole):.1f}"]
                network += [f"{energy_uj(whole)[0] / 1000:.1f}"]
                print(line([name, memory, layout, *attention, *network]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
