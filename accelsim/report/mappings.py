"""How layers are cut, and what that is estimated to take, as tables; how far estimates were from the simulation.

`found` is what a machine's `mapping` gives: a LayerMapping for each layer (dataflows/mapping.py).
"""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
            if n == 0 and one.input:
                title = f"input={one.input} {title}"
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
        key = one.layer if every else (one.phase, one.shape, one.input, one.stay, *cut)
        alike.setdefault(key, []).append(one)
    for same in alike.values():
        yield same[0], len(same)


def estimates(found: Sequence, clock_hz: float, every: bool) -> "Wide":
    """Cycles of every layer, or of every phase, and of all of them."""
    made = table("Estimate, in closed form; nothing was simulated", "layers", "times", "cycles", "share", "binds")
    made.texts = frozenset({4})
    for row in layer_rows(found) if every else phase_rows(found):
        name, times = (row["name"], 1) if every else (row["phase"], row["layers"])
        made.add_row(name, str(times), f"{row['cycles']:,.0f}", percent(row["share"]), row["binds"])
    total = sum(one.estimate.cycles for one in found)
    made.add_row("all", str(len(found)), f"{total:,.0f}", scaled(total / clock_hz, "s", 4), "")
    return made


def layer_rows(found: Sequence) -> list[dict[str, Any]]:
    """A mapping for every layer, in order: estimated cycles, their share of all, what binds, DRAM's bytes, the cut."""
    total = sum(one.estimate.cycles for one in found) or 1.0
    return [
        {
            "name": one.layer,
            "phase": one.phase,
            "shape": one.shape,
            "cycles": one.estimate.cycles,
            "share": one.estimate.cycles / total,
            "binds": one.estimate.binds,
            "dram_bytes": one.estimate.dram_bytes,
            "cut": one.as_data(),
        }
        for one in found
    ]


def phase_rows(found: Sequence) -> list[dict[str, Any]]:
    """A mapping for every phase: its layers, their cycles, and what binds for the most of these cycles."""
    phases: dict[str, list[dict[str, Any]]] = {}
    for row in layer_rows(found):
        phases.setdefault(row["phase"], []).append(row)
    made = []
    for name, rows in phases.items():
        bound: Counter[str] = Counter()
        for row in rows:
            bound[row["binds"]] += row["cycles"]
        sums = {key: sum(row[key] for row in rows) for key in ("cycles", "share")}
        moved = sum(row["dram_bytes"] for row in rows)
        made.append(
            {"phase": name, "layers": len(rows), **sums, "binds": max(bound, key=bound.get), "dram_bytes": moved}
        )
    return made


def calibration_rows(path: Path | None) -> list[dict[str, Any]]:
    """What is stored of a machine's estimates: a mapping for every measured run; none where nothing was measured."""
    if path is None or not path.is_file():
        return []
    texts = ("workload", "settings", "worst_layer")
    with path.open(newline="", encoding="utf-8") as file:
        return [{k: v if k in texts else float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def calibration(path: Path | None, workload: str) -> list[str]:
    """How far this machine's estimates were from the simulation: of this workload, and mean and worst of all measured
    ones."""
    rows = calibration_rows(path)
    if not rows:
        return ["How far estimates of this machine are from its simulation has not been measured."]
    worst = max(rows, key=lambda row: abs(row["error"]))
    mean = sum(abs(row["error"]) for row in rows) / len(rows)
    place = f"{worst['workload']} {worst['settings']}".strip()
    said = [
        f"Error against the simulation on {len(rows)} runs: mean {mean:.1%}, worst {worst['error']:+.1%} ({place})."
    ]
    for row in rows:
        if row["workload"] == workload and not row["settings"]:
            said.append(
                f"On {workload}: {row['error']:+.1%}; of a layer {row['layer_mean']:.1%} in the mean,"
                f" {row['layer_worst']:+.1%} at worst ({row['worst_layer']})."
            )
    return said


def cut_rows(found: Sequence) -> list[dict[str, Any]]:
    """A mapping for every layer, in order: its estimate, and of each part the cut, what it takes, and the next best."""

    def choice(one: Any) -> dict[str, Any]:
        said = one.estimate
        return {"cut": dict(one.cut), "cycles": said.cycles, "binds": said.binds, "dram_bytes": said.dram_bytes}

    made = []
    for row, one in zip(layer_rows(found), found):
        parts = [
            {"name": p.name, "pinned": p.pinned, **choice(p.chosen), "others": [choice(other) for other in p.others]}
            for p in one.parts
        ]
        said = {k: v for k, v in row.items() if k != "cut"} | ({"input": one.input} if one.input else {})
        made.append({**said, "times": one.times, "parts": parts})
    return made
