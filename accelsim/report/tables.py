"""Tables for the terminal, readable at 100 columns."""

from typing import TYPE_CHECKING

from accelsim.energy import Charge
from accelsim.report.figures import Stretch, Summary
from accelsim.report.metrics import energy_by
from accelsim.report.quantities import joules, number, percent, scaled
from accelsim.report.record import RunRecord

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

MODEL = "An analytic model: formulas over layers, no simulation; every figure below is the model's."
CAVEAT = "Energy, power and area: scaled pre-silicon figures, about +-2x in absolute terms; compare within one table."


def table(title: str, *columns: str) -> "Table":
    """A table whose first column is words and whose others are numbers."""
    from rich import box
    from rich.table import Table

    made = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    made.collapse_padding = True
    for i, column in enumerate(columns):
        made.add_column(column, justify="right" if i else "left", overflow="fold" if i == 0 else "ellipsis")
    return made


def heading(record: RunRecord) -> list[str]:
    """What ran: machine, workload, what is synthetic, which models."""
    work = record.workload
    lines, name = [MODEL] if record.analytic else [], record.arch.get("name", record.machine)
    called = record.machine if name == record.machine else f"{name} ({record.machine})"
    lines += [f"{called} running {work['name']} ({work['model']}), batch {work.get('batch', 1)}"]
    if work.get("synthetic"):
        lines.append("The workload is synthetic: its masks were generated, not taken from a trained model.")
    made = work.get("provenance")
    if made := made.get("made_by") if isinstance(made, dict) else made:
        lines.append(f"Workload made by {made}")
    return lines + [f"{key.replace('_', ' ')}: {value}" for key, value in record.notes.items()]


def overview(record: RunRecord, summary: Summary) -> "Table":
    """The run in some twenty lines."""
    total, point = summary.total, summary.total.roofline
    made = table("Run", "", "")
    made.show_header, made.columns[1].justify = False, "left"
    energy, (area, low, high) = total.energy, summary.area_mm2
    saved = total.macs / total.dense_macs if total.dense_macs else None
    rows = [
        ("time", f"{total.cycles:,} core cycles, {scaled(total.seconds, 's', 4)} at {scaled(record.clock_hz, 'Hz')}"),
        ("useful MACs", f"{total.macs:,} ({percent(saved)} of the dense {total.dense_macs:,})"),
        ("MACs done by the PE array", f"{total.mac_ops:,}"),
        ("MAC utilization", percent(total.mac_utilization)),
        *((f"  {name}", percent(value)) for name, value in summary.engine_utilization.items()),
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


def stretches(title: str, rows: list[Stretch], total: Stretch) -> "Table":
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


def components(summary: Summary) -> "Table":
    """What every component was doing, in shares of its own clock's cycles."""
    made = table("Components", "", "class", "clock", "busy", "starved", "blocked", "idle", "energy")
    energy = energy_by((c for c in summary.charges if not c.background), "component")
    for a in summary.total.activity.values():
        shares = [percent(a.share(word)) for word in ("busy", "starved", "blocked", "idle")]
        made.add_row(a.name, a.kind, a.clock, *shares, joules(energy.get(a.name, 0.0)))
    if background := summary.total.energy.background_pj:
        made.add_row("DRAM standby and refresh", "", "", "", "", "", "", joules(background))
    return made


def memories(summary: Summary) -> "Table":
    made = table("Memories", "", "read", "written", "capacity", "held on average")
    for m in summary.memories:
        capacity = "-" if m.capacity_bytes is None else f"{m.capacity_bytes / 1024:g} KiB"
        made.add_row(m.name, scaled(m.read_bytes, "B"), scaled(m.write_bytes, "B"), capacity, percent(m.occupancy))
    return made


def energy(summary: Summary) -> "Table":
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
        for action, pj in energy_by(mine, "action").items():
            charges = [c for c in mine if c.action == action]
            payers = list(dict.fromkeys(c.component for c in charges if c.pj))
            if pj:
                names = ", ".join(payers[:3]) + (f" and {len(payers) - 3} more" if len(payers) > 3 else "")
                made.add_row(f"  {action}", joules(pj), percent(pj / whole), *sums(charges), names)
    return made


def sums(charges: list[Charge]) -> list[str]:
    """The low and the high bound of some charges."""
    return [joules(sum(getattr(c, bound) for c in charges)) for bound in ("low_pj", "high_pj")]


def report(record: RunRecord, summary: Summary, *, layers: bool = False) -> "Group":
    """Everything for the terminal, as a rich renderable; `layers` adds a line for every layer."""
    from rich.console import Group
    from rich.text import Text

    shown = [
        Text("\n".join(heading(record))),
        overview(record, summary),
        stretches("Phases", summary.phases, summary.total),
        components(summary),
        memories(summary),
        energy(summary),
    ]
    if layers:
        shown.append(stretches("Layers", summary.layers, summary.total))
    return Group(*shown, Text(MODEL if record.analytic else CAVEAT))
