"""Tables for the terminal, readable at 100 columns."""

from typing import TYPE_CHECKING

from accelsim.energy import Charge
from accelsim.report.figures import Stretch, Summary
from accelsim.report.metrics import energy_by
from accelsim.report.quantities import joules, number, percent, scaled
from accelsim.report.record import RunRecord

if TYPE_CHECKING:
    from rich.console import Group

    from accelsim.report.wide import Wide

MODEL = "An analytic model: formulas over layers, no simulation; every figure below is the model's."
CAVEAT = (
    "Energy, power and area: scaled pre-silicon figures, 0.9 to 2.8 times those of published chips; compare within"
    " one table."
)
SYNTHETIC = "The workload is synthetic: its masks were generated, not taken from a trained model."
MORE = "\n-v shows components, memories, the energy bill and how the run was made; --layers every layer."


def table(title: str, *columns: str) -> "Wide":
    """A table whose first column is words and whose others are numbers."""
    from accelsim.report.wide import Wide

    return Wide(title, columns)


def headline(record: RunRecord, summary: Summary) -> str:
    """The run in a sentence."""
    total = summary.total
    if record.analytic:
        return f"model: {scaled(total.seconds, 's', 4)}, {joules(total.energy.pj or None)} of the board"
    said = f"{total.cycles:,} core cycles, {scaled(total.seconds, 's', 4)} at {scaled(record.clock_hz, 'Hz')}"
    said += f"; {percent(total.mac_utilization)} of the MACs at work"
    return f"{said}; {joules(total.energy.chip_pj)} on the chip, {joules(total.energy.dram_pj)} in DRAM"


def heading(record: RunRecord) -> list[str]:
    """What ran: machine, workload, what is synthetic, which models."""
    work = record.workload
    lines = [MODEL] if record.analytic else []
    lines += [of(record)]
    if work.get("synthetic"):
        lines.append(SYNTHETIC)
    made = work.get("provenance")
    if made := made.get("made_by") if isinstance(made, dict) else made:
        lines.append(f"Workload made by {made}")
    return lines + [f"  {key.replace('_', ' ')}: {value}" for key, value in record.notes.items()]


def overview(record: RunRecord, summary: Summary) -> "Wide":
    """The run in some twenty lines."""
    total, point = summary.total, summary.total.roofline
    made = table("Run", "", "")
    made.headed, made.words = False, True
    energy, (area, low, high) = total.energy, summary.area_mm2
    saved = total.macs / total.dense_macs if total.dense_macs else None
    rows = [
        ("time", f"{total.cycles:,} core cycles, {scaled(total.seconds, 's', 4)} at {scaled(record.clock_hz, 'Hz')}"),
        ("useful MACs", f"{total.macs:,} ({percent(saved)} of the dense {total.dense_macs:,})"),
        ("MACs done by the PE array", f"{total.mac_ops:,}"),
        ("MAC utilization", percent(total.mac_utilization)),
        *((f"  of it {name}", percent(value)) for name, value in summary.engine_utilization.items()),
        ("DRAM traffic", f"{scaled(total.dram_read_bytes, 'B')} read, {scaled(total.dram_write_bytes, 'B')} written"),
        ("DRAM bandwidth utilization", percent(total.bandwidth_utilization)),
        ("Q-forward hit rate", percent(summary.q_forward_hit_rate)),
        (
            "intensity (1 MAC = 2 op)",
            f"{number(point.ops_per_byte)} op/byte, ridge {number(summary.ridge_ops_per_byte)}",
        ),
        ("throughput", f"{scaled(point.ops_per_s, 'op/s')} of {scaled(summary.peak_ops_per_s, 'op/s')} peak"),
        (
            "energy of the chip",
            f"{joules(energy.chip_pj)} ({joules(energy.chip_low_pj)} to {joules(energy.chip_high_pj)})",
        ),
        ("energy of DRAM's traffic", joules(energy.traffic_pj)),
        ("DRAM standby and refresh", joules(energy.background_pj)),
        ("energy in all", f"{joules(energy.pj)} ({joules(energy.low_pj)} to {joules(energy.high_pj)})"),
        ("average power of the chip", f"{scaled(total.chip_power_w, 'W')}, with DRAM {scaled(total.power_w, 'W')}"),
        ("area of the chip", f"{number(area)} mm2 ({number(low)} to {number(high)})"),
        ("energy table", summary.energy_table),
    ]
    for row in rows:
        made.add_row(*row)
    return made


def stretches(title: str, rows: list[Stretch], total: Stretch) -> "Wide":
    """Phases or layers, and the total."""
    made = table(title, "", "cycles", "of run", "MAC use", "bus use", "DRAM", "op/byte", "chip", "traffic", "standby")
    for row in [*rows, total]:
        if row is total:
            made.add_section()
        made.add_row(
            f"{row.block} {row.name}".strip() if row.block and row.block not in row.name else row.name,
            f"{row.cycles:,}",
            percent(row.cycle_share),
            percent(row.mac_utilization),
            percent(row.bandwidth_utilization),
            scaled(row.dram_read_bytes + row.dram_write_bytes, "B"),
            number(row.roofline.ops_per_byte),
            joules(row.energy.chip_pj),
            joules(row.energy.traffic_pj),
            joules(row.energy.background_pj),
        )
    return made


def components(summary: Summary) -> "Wide":
    """What every component was doing, in shares of its own clock's cycles."""
    made = table("Components", "", "class", "clock", "busy", "starved", "blocked", "idle", "energy")
    energy = energy_by((c for c in summary.charges if not c.background), "component")
    for a in summary.total.activity.values():
        shares = [percent(a.share(word)) for word in ("busy", "starved", "blocked", "idle")]
        made.add_row(a.name, a.kind, a.clock, *shares, joules(energy.get(a.name, 0.0)))
    if background := summary.total.energy.background_pj:
        made.add_row("DRAM standby and refresh", "", "", "", "", "", "", joules(background))
    return made


def memories(summary: Summary) -> "Wide":
    made = table("Memories", "", "read", "written", "capacity", "held on average")
    for m in summary.memories:
        capacity = "-" if m.capacity_bytes is None else f"{m.capacity_bytes / 1024:g} KiB"
        made.add_row(m.name, scaled(m.read_bytes, "B"), scaled(m.write_bytes, "B"), capacity, percent(m.occupancy))
    return made


def energy(summary: Summary) -> "Wide":
    """The bill by action, with bounds: the chip's, DRAM's for its traffic, and its standby and refresh; shares are of
    each of these."""
    made = table(f"Energy ({summary.energy_table})", "action", "energy", "of part", "low", "high", "charged by")
    parts = {
        "chip": [c for c in summary.charges if not c.off_chip],
        "DRAM traffic": [c for c in summary.charges if c.off_chip and not c.background],
        "DRAM standby and refresh": [c for c in summary.charges if c.off_chip and c.background],
    }
    for part, mine in parts.items():
        whole = sum(c.pj for c in mine)
        made.add_section()
        made.add_row(part, joules(whole), percent(1.0 if whole else None), *sums(mine), "", style="bold")
        for action, pj in energy_by(mine, "action").items():  # by the names that a price document has
            charges = [c for c in mine if c.action == action]
            payers = list(dict.fromkeys(c.component for c in charges if c.pj))
            if pj:
                names = ", ".join(payers[:3]) + (f" and {len(payers) - 3} more" if len(payers) > 3 else "")
                made.add_row(f"  {action}", joules(pj), percent(pj / whole), *sums(charges), names)
    return made


def sums(charges: list[Charge]) -> list[str]:
    """The low and the high bound of some charges."""
    return [joules(sum(getattr(c, bound) for c in charges)) for bound in ("low_pj", "high_pj")]


def of(record: RunRecord) -> str:
    """Machine and workload."""
    work, name = record.workload, record.arch.get("name", record.machine)
    called = record.machine if name == record.machine else f"{name} ({record.machine})"
    return f"{called} running {work['name']} ({work['model']}), batch {work.get('batch', 1)}"


def report(record: RunRecord, summary: Summary, *, layers: bool = False, verbose: bool = False) -> "Group":
    """What is for the terminal, as a rich renderable: the headline, the run and its phases; `verbose` adds components,
    memories, the bill and how the run was made; `layers` a line for every layer."""
    from rich.console import Group
    from rich.text import Text

    first = [headline(record, summary), of(record), *([MODEL] if record.analytic else [])]
    if record.workload.get("synthetic"):
        first.append(SYNTHETIC)
    first += [said for said in map(str, record.notes.values()) if said.startswith("Warning: ")]
    shown = [
        Text("\n".join([*first, ""])),
        overview(record, summary),
        stretches("Phases", summary.phases, summary.total),
    ]
    if verbose:
        shown += [components(summary), memories(summary), energy(summary)]
    if layers:
        shown.append(stretches("Layers", summary.layers, summary.total))
    if verbose:
        shown.append(Text("\n".join(["How it was made", *heading(record), ""])))
    return Group(*shown, Text((MODEL if record.analytic else CAVEAT) + ("" if verbose else MORE)))
