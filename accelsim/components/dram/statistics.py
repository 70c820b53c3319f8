"""What a replay did, in the numbers that memory simulators print."""

import numpy as np

from accelsim.components.dram.constraints import COMMANDS
from accelsim.components.dram.energy import bill
from accelsim.components.dram.standard import LINE_BYTES, Standard


def statistics(s, standard: Standard, where, trace, accept, done, end: int, *, io: bool) -> dict:
    """Numbers of a finished replay; every name carries its unit, cycles are DRAM clocks.

    `row_hits` are column commands that found their row already used, `row_misses` activations of a bank that was closed
    (by a refresh, by auto-precharge, or never open), `row_conflicts` activations after a precharge for another row.
    Energy is there for standards with currents.
    """
    issued = {name: int(count) for name, count in zip(COMMANDS, s.commands.sum(axis=0))}
    finished = done >= 0
    served = int(finished.sum()) * LINE_BYTES
    time_ns = end * standard.tck_ns
    shift, mask = where.fields()["channel"]
    of_channel = (trace.address >> 6 >> shift) & mask
    peak = where.channels * standard.peak_bytes_per_clock / standard.tck_ns
    found = {
        "standard": standard.name,
        "requests": len(accept),
        "reads": int((~trace.is_write).sum()),
        "writes": int(trace.is_write.sum()),
        "unfinished": int((~finished).sum()),
        "forwarded": int(s.channel.forwarded.sum()),
        "merged": int(s.channel.merged.sum()),
        "cycles": end,
        "time_ns": time_ns,
        "row_hits": int(s.chip.row_hits[0]),
        "row_misses": int(s.chip.row_misses[0]),
        "row_conflicts": int(s.chip.row_conflicts[0]),
        **issued,
        "bandwidth_gb_per_s": served / time_ns if time_ns else 0.0,
        "peak_gb_per_s": peak,
        "bytes_per_channel": [int((finished & (of_channel == c)).sum()) * LINE_BYTES for c in range(where.channels)],
        "refresh_share": issued["REF"] * standard.timing["tRFC"] / max(1, end * where.channels * standard.ranks),
    }
    found["bandwidth_share"] = found["bandwidth_gb_per_s"] / peak
    found |= latencies(accept, done, trace, ~trace.is_write & finished)
    active = int(s.chip.active_cycles[0] + (end - s.rank.opened_at)[s.rank.open_banks > 0].sum())
    found["active_standby_cycles"] = active
    found["precharged_standby_cycles"] = end * where.channels * standard.ranks - active
    if standard.power:
        counts = {
            "ACT": issued["ACT"],
            "RD": issued["RD"] + issued["RDA"],
            "WR": issued["WR"] + issued["WRA"],
            "REF": issued["REF"],
            "active_cycles": active,
            "precharged_cycles": found["precharged_standby_cycles"],
        }
        entries = bill(standard, counts, io=io)
        moved = (counts["RD"] + counts["WR"]) * LINE_BYTES * 8
        found["energy_pj"] = {entry.event: entry.total_pj for entry in entries}
        found["total_energy_pj"] = sum(entry.total_pj for entry in entries)
        found["energy_pj_per_bit"] = found["total_energy_pj"] / max(1, moved)
    return found


def latencies(accept, done, trace, reads) -> dict:
    """Cycles from acceptance to the end of the data of the finished reads, and from arrival."""
    if not reads.any():
        return {}
    waited = (done - accept)[reads]
    p50, p95, p99 = (float(q) for q in np.percentile(waited, (50, 95, 99)))
    return {
        "read_latency_mean_cycles": float(waited.mean()),
        "read_latency_p50_cycles": p50,
        "read_latency_p95_cycles": p95,
        "read_latency_p99_cycles": p99,
        "read_latency_max_cycles": int(waited.max()),
        "read_latency_from_arrival_mean_cycles": float((done - trace.arrival)[reads].mean()),
    }


def figure(value) -> str:
    """A number, a list or a mapping as a person reads it."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {figure(v)}" for name, v in value.items())
    if isinstance(value, list):
        return " ".join(map(figure, value))
    return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
