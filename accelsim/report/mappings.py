"""How layers are cut, and what that is estimated to take, as tables; how far estimates were from the simulation.

`found` is what a machine's `mapping` gives: a LayerMapping for each layer (dataflows/mapping.py).
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from accelsim.report.quantities import percent, scaled
from accelsim.report.tables import table

if TYPE_CHECKING:
    from accelsim.report.wide import Wide

COLUMNS = ("workload", "settings", "cycles", "estimated", "error", "layer_mean", "layer_worst", "worst_layer")


def words(cut: object, most: int = 4) -> str:
    """A cut in a line."""
    if isinstance(cut, dict):
        return " ".join(f"{name}={words(value)}" for name, value in cut.items()) or "-"
    if isinstance(cut, list | tuple):
        shown = ", ".join(words(value) for value in cut[:most])
        return f"[{shown}{f', and {len(cut) - most} more' if len(cut) > most else ''}]"
    return str(cut)


def cuts(found: Sequence, every: bool) -> "Wide":
    """The cut of each layer (of each kind of layer, if not `every`), its estimate, what binds, and the next best."""
    made = table("Mapping (cycles are estimates)", "layer", "times", "cycles", "binds", "cut")
    made.texts = frozenset({4})
    for one, times in kinds(found, every):
        for n, part in enumerate(one.parts):
            name = one.layer if n == 0 else ""
            title = f"{part.name}{' (pinned)' if part.pinned else ''}: " if len(one.parts) > 1 or part.pinned else ""
            estimate = part.chosen.estimate
            cycles = f"{one.times * estimate.cycles:,.0f}"
            made.add_row(name, f"{times}" if n == 0 else "", cycles, estimate.binds, title + words(part.chosen.cut))
            for other in part.others:
                more = other.estimate.cycles / estimate.cycles - 1 if estimate.cycles else 0.0
                made.add_row("", "", f"{more:+.1%}", other.estimate.binds, f"  or {words(other.cut)}")
    return made


def kinds(found: Sequence, every: bool) -> Iterator[tuple[object, int]]:
    """Layers with how many there are that are cut the same way."""
    alike: dict[object, list] = {}
    for one in found:
        cut = [words(part.chosen.cut, 1 << 20) for part in one.parts]
        key = one.layer if every else (one.phase, one.shape, *cut)
        alike.setdefault(key, []).append(one)
    for same in alike.values():
        yield same[0], len(same)


def estimates(found: Sequence, clock_hz: float, every: bool) -> "Wide":
    """Cycles of every layer, or of every phase, and of all of them."""
    made = table("Estimate, in closed form; nothing was simulated", "layers", "times", "cycles", "share", "binds")
    made.texts = frozenset({4})
    total = sum(one.estimate.cycles for one in found) or 1.0
    groups: dict[str, list] = {}
    for one in found:
        groups.setdefault(one.layer if every else one.phase, []).append(one)
    for name, same in groups.items():
        cycles = sum(one.estimate.cycles for one in same)
        bound: dict[str, float] = {}
        for one in same:
            bound[one.estimate.binds] = bound.get(one.estimate.binds, 0.0) + one.estimate.cycles
        made.add_row(name, str(len(same)), f"{cycles:,.0f}", percent(cycles / total), max(bound, key=bound.get))
    seconds = scaled(total / clock_hz, "s", 4)
    made.add_row("all", str(len(found)), f"{total:,.0f}", seconds, "")
    return made


def calibration(path: Path | None, workload: str) -> list[str]:
    """How far this machine's estimates were from the simulation: of this workload, and mean and worst of all measured
    ones."""
    if path is None or not path.is_file():
        return ["How far estimates of this machine are from its simulation has not been measured."]
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    errors = [float(row["error"]) for row in rows]
    worst = rows[max(range(len(rows)), key=lambda n: abs(errors[n]))]
    mean = sum(map(abs, errors)) / len(errors)
    place = f"{worst['workload']} {worst['settings']}".strip()
    said = [
        f"Error against the simulation on {len(rows)} runs: mean {mean:.1%}, worst {float(worst['error']):+.1%}"
        f" ({place})."
    ]
    for row in rows:
        if row["workload"] == workload and not row["settings"]:
            said.append(
                f"On {workload}: {float(row['error']):+.1%}; of a layer {float(row['layer_mean']):.1%} in the mean,"
                f" {float(row['layer_worst']):+.1%} at worst ({row['worst_layer']})."
            )
    return said
