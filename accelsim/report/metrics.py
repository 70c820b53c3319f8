"""The formulas: everything a table, file or picture shows, from the record of a run.

Shares are of 1, not of 100; a share of nothing is None. Within one table of energy prices, comparisons are what the
joules support; in absolute terms they are 0.9 to 2.8 times those of five published chips.
"""

from collections.abc import Iterable

from accelsim.core.result import Result, Span
from accelsim.core.status import STATUS_NAMES
from accelsim.energy import (
    Charge,
    EnergyTable,
    bill,
    bills,
    floor_plan,
    load_table,
    on_chip_bytes,
    readers,
    stored_table,
)
from accelsim.report.figures import Activity, Energy, MemoryUse, Point, Stretch, Summary, share
from accelsim.report.record import RunRecord


def summarize(record: RunRecord, *, layers: bool = True) -> Summary:
    """Every figure of a run; without `layers` none of the single layers.

    Raises InputError when the energy table does not price the machine, and ValueError when the record contradicts
    itself (more work or traffic than the machine's peak allows): no figure is better than a wrong one.
    """
    table, result = table_of(record), record.result
    rows: dict[object, list[int]] = {}  # a layer's spans; outside every layer, a span by itself
    phases: dict[str, list[int]] = {}
    operands = {n: layer["operands"]["kind"] for n, layer in enumerate(record.layers) if layer.get("operands")}
    each = bills(result, table, operands)
    for i, span in enumerate(result.spans):
        rows.setdefault(span.label if span.label >= 0 else (i,), []).append(i)
        phases.setdefault(record.phase(span.label), []).append(i)
    charges = each.added() if operands else bill(result, table)
    total = stretch(record, ("total", "", ""), [result.total], Energy.of(charges), range(len(record.layers)))

    def some(titles: tuple[str, str, str], mine: list[int]) -> Stretch:
        spans = [result.spans[i] for i in mine]
        return stretch(record, titles, spans, Energy.over(each, mine), {s.label for s in spans if s.label >= 0})

    counts = result.total.counts
    hits, misses = (sum(c.get(f"q_forward_{n}", 0) for c in counts.values()) for n in ("hits", "misses"))
    peak = peak_ops_per_s(record)
    summary = Summary(
        total=total,
        layers=[some(title(record, result.spans[mine[0]]), mine) for mine in rows.values()] if layers else [],
        phases=[some((name, "", name), mine) for name, mine in phases.items()],
        engine_utilization={
            name: share(counts[name]["mac_ops"], record.peak_macs * total.cycles) for name in record.engines
        },
        memories=memories(record, table),
        q_forward_hit_rate=share(hits, hits + misses),
        peak_ops_per_s=peak,
        dram_peak_bytes_per_s=record.dram_peak_bytes_per_s,
        ridge_ops_per_byte=peak / record.dram_peak_bytes_per_s,
        energy_table=table.name,
        prices=table,
        charges=charges,
        pieces=floor_plan(result.parts, table),
        on_chip_bytes=None if record.analytic else on_chip_bytes(result.parts, table),
    )
    check(record, summary)
    return summary


def table_of(record: RunRecord) -> EnergyTable:
    """The energy table that a run is billed with."""
    return stored_table(record.table) if record.table else load_table(record.arch.get("energy"), record.prices)


def check(record: RunRecord, summary: Summary) -> None:
    """Raise ValueError when the record claims the impossible."""
    claims = {
        f"the PE array's mac_ops over {record.peak_macs} a cycle": summary.total.mac_utilization,
        f"DRAM traffic over {record.dram_peak_bytes_per_s:.6g} bytes/s": summary.total.bandwidth_utilization,
        **{f"the bytes held by {m.name} over its {m.capacity_bytes}": m.occupancy for m in summary.memories},
    }
    for what, claim in claims.items():
        if claim is not None and claim > 1 + 1e-9:
            raise ValueError(f"the record of {record.machine} contradicts itself: {what} is {claim:.4f}, more than 1")


def title(record: RunRecord, span: Span) -> tuple[str, str, str]:
    """Name, block and phase of a span."""
    if span.label >= 0:
        layer = record.layers[span.label]
        return layer["name"], str(layer["block"]), layer["phase"]
    first = span.start == record.result.spans[0].start
    return "before the first layer" if first else "after the last layer", "", record.phase(-1)


def cycles_of(result: Result, span: Span, clock: str = "core") -> int:
    """Cycles of a clock domain within a span; those of consecutive spans add up to the run's."""
    return result.cycles(clock, span.end) - result.cycles(clock, span.start)


def peak_ops_per_s(record: RunRecord) -> float:
    return 2 * record.peak_macs * record.clock_hz


def stretch(
    record: RunRecord, titles: tuple[str, str, str], spans: list[Span], energy: Energy, layers: Iterable[int]
) -> Stretch:
    """The figures of some spans taken together, with what they cost; `layers` are those whose useful work they do."""
    result = record.result
    cycles = sum(cycles_of(result, s) for s in spans)
    seconds = sum(s.end - s.start for s in spans) / float(result.time_base_hz)
    work = [record.layers[n] for n in layers]
    mac_ops = sum(s.counts[n]["mac_ops"] for s in spans for n in record.engines)
    read, write = (sum(s.counts[n][f"{way}_bytes"] for s in spans for n in record.dram) for way in ("read", "write"))
    return Stretch(
        name=titles[0],
        block=titles[1],
        phase=titles[2],
        cycles=cycles,
        seconds=seconds,
        cycle_share=share(cycles, result.cycles()),
        macs=sum(layer["macs"] for layer in work),
        dense_macs=sum(layer["dense_macs"] for layer in work),
        mac_ops=mac_ops,
        mac_utilization=share(mac_ops, record.peak_macs * cycles),
        dram_read_bytes=read,
        dram_write_bytes=write,
        bandwidth_utilization=share(read + write, record.dram_peak_bytes_per_s * seconds),
        energy=energy,
        power_w=share(energy.pj * 1e-12, seconds),
        chip_power_w=share(energy.chip_pj * 1e-12, seconds),
        roofline=point(record, 2 * mac_ops, read + write, seconds),
        activity={n: activity(record, n, spans) for n in acting(record)},
        counters={name: counted(name, spans) for name in record.layer_counters},
    )


def acting(record: RunRecord) -> list[str]:
    """The parts that say what they were doing; those of an analytic machine that have no time of their own do not."""
    idle = STATUS_NAMES[0]
    spent = record.result.total.status
    return [n for n in record.result.parts if not record.analytic or any(c for s, c in spent[n].items() if s != idle)]


def counted(name: str, spans: list[Span]) -> int:
    """A counter, `PART.COUNTER`, over some spans."""
    part, counter = name.split(".")
    return sum(span.counts[part][counter] for span in spans)


def point(record: RunRecord, ops: int, dram_bytes: int, seconds: float) -> Point:
    intensity = share(ops, dram_bytes)
    peak = peak_ops_per_s(record)
    roof = peak if intensity is None else min(peak, intensity * record.dram_peak_bytes_per_s)
    return Point(ops, dram_bytes, intensity, share(ops, seconds), roof)


def activity(record: RunRecord, name: str, spans: list[Span]) -> Activity:
    part = record.result.parts[name]
    status = {word: sum(s.status[name][word] for s in spans) for word in STATUS_NAMES}
    mac_ops = sum(s.counts[name]["mac_ops"] for s in spans) if "mac_ops" in record.result.total.counts[name] else None
    return Activity(name, part.kind, part.clock, sum(status.values()), status, mac_ops)


def memories(record: RunRecord, table: EnergyTable) -> list[MemoryUse]:
    """Every component that counts bytes read and written, DRAM first; what others read of it, each in a counter of its
    own that the table prices as a read of its memory, is added to what it counts itself.
    """
    result, found = record.result, []
    others = readers(result.parts, table)
    for name, counts in result.total.counts.items():
        if "read_bytes" in counts and "write_bytes" in counts:
            capacity = result.parts[name].parameters.get("capacity_bytes")
            held = counts.get("byte_cycles")
            cycles = result.cycles(result.parts[name].clock)
            occupancy = share(held, capacity * cycles) if held is not None and capacity else None
            beside = sum(result.total.counts[n][c] * each for n, c, each in others.get(name, ()))
            read = counts["read_bytes"] + round(beside)
            found.append(MemoryUse(name, name in record.dram, read, counts["write_bytes"], capacity, occupancy))
    return sorted(found, key=lambda m: not m.off_chip)


def energy_by(charges: Iterable[Charge], field: str, what: str = "pj") -> dict[str, float]:
    """pJ by `component` or by `action`, most first; `what`: nominal, or a bound (`low_pj`, `high_pj`)."""
    sums: dict[str, float] = {}
    for c in charges:
        sums[getattr(c, field)] = sums.get(getattr(c, field), 0.0) + getattr(c, what)
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))
