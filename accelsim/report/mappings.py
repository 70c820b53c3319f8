"""How layers are cut, and what that is estimated to take, as tables; how far estimates were from the simulation.

`found` is what a machine's `mapping` gives: a LayerMapping for each layer (dataflows/mapping.py).
"""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accelsim.report.quantities import percent, scaled
from accelsim.report.tables import table

if TYPE_CHECKING:
    from accelsim.report.wide import Wide

COLUMNS = ("workload", "settings", "cycles", "estimated", "error", "layer_mean", "layer_worst", "worst_layer")
OTHERS = (
    "or: the next best cuts, and how much longer each is estimated to take. What is less than the chosen one by a few"
    " per cent is closer than estimates can tell: there the cut that moves less through DRAM, or the usual one, stands."
)


def words(cut: object, most: int = 4) -> str:
    """A cut in a line. Of the passes of a layer, and the like, it says how many there are and what they are like."""
    if isinstance(cut, Mapping):
        return " ".join(f"{name}={words(value)}" for name, value in cut.items()) or "-"
    if isinstance(cut, list | tuple):
        if len(cut) and all(isinstance(value, Mapping) for value in cut):
            return f"{len(cut)} x ({' '.join(f'{name}={spread([value[name] for value in cut])}' for name in cut[0])})"
        shown = ", ".join(words(value) for value in cut[:most])
        return f"[{shown}{f', and {len(cut) - most} more' if len(cut) > most else ''}]"
    return str(cut).lower() if isinstance(cut, bool) else str(cut)


def spread(values: Sequence[object]) -> str:
    """Values of one name in a line: the value if all have it, else the least and the largest; of lists how long they
    are."""
    sizes = sorted({len(value) if isinstance(value, list | tuple) else value for value in values})
    return words(sizes[0]) if len(sizes) == 1 else f"{words(sizes[0])}..{words(sizes[-1])}"


def cuts(found: Sequence, every: bool) -> "Wide":
    """The cut of each layer (of each kind of layer, if not `every`), its estimate, what binds, and the next best."""
    made = table("Mapping (cycles and DRAM's bytes are estimates)", "layer", "times", "cycles", "DRAM", "binds", "cut")
    made.texts = frozenset({5})
    for one, times in kinds(found, every):
        for n, part in enumerate(one.parts):
            name = one.layer if n == 0 else ""
            title = f"{part.name}{' (pinned)' if part.pinned else ''}: " if len(one.parts) > 1 or part.pinned else ""
            estimate = part.chosen.estimate
            cycles, moved = f"{one.times * estimate.cycles:,.0f}", scaled(one.times * estimate.dram_bytes, "B")
            if n == 0 and one.stay.rows:  # fused with its neighbours
                title = f"tokens={one.stay.rows} {title}"
            if n == 0 and one.input:
                title = f"input={one.input} {title}"
            cut = title + words(part.chosen.cut)
            made.add_row(name, f"{times}" if n == 0 else "", cycles, moved, estimate.binds, cut)
            for other in part.others:
                said, more = other.estimate, other.estimate.cycles / estimate.cycles - 1 if estimate.cycles else 0.0
                moved = scaled(one.times * said.dram_bytes, "B")
                made.add_row("", "", f"{more:+.1%}", moved, said.binds, f"  or {words(other.cut)}")
    return made


def legend(found: Sequence) -> list[str]:
    """What the table of cuts does not say by itself: what the other cuts of a layer are."""
    others = any(part.others for one in found for part in one.parts)
    return [OTHERS] if others else []


def kinds(found: Sequence, every: bool) -> Iterator[tuple[object, int]]:
    """Layers with how many there are that are cut the same way and estimated to take as long."""
    alike: dict[object, list] = {}
    for one in found:
        takes = [(part.chosen.estimate.cycles, part.chosen.estimate.binds) for part in one.parts]
        key = one.layer if every else (one.phase, one.shape, one.stay, str(one.as_data()), *takes)
        alike.setdefault(key, []).append(one)
    for same in alike.values():
        yield same[0], len(same)


def estimates(found: Sequence, clock_hz: float, every: bool) -> "Wide":
    """Cycles and time of every layer, or of every phase, and of all of them."""
    names = ("layer",) if every else ("phase", "layers")
    made = table("Estimate, in closed form; nothing was simulated", *names, "cycles", "time", "share", "binds")
    made.texts = frozenset({len(names) + 3})
    rows = layer_rows(found) if every else phase_rows(found)
    total = sum(one.estimate.cycles for one in found)
    for row in [
        *rows,
        {"name": "all", "phase": "all", "layers": len(found), "cycles": total, "share": 1.0, "binds": ""},
    ]:
        said = [row["name"]] if every else [row["phase"], str(row["layers"])]
        time = scaled(row["cycles"] / clock_hz, "s", 4)
        made.add_row(*said, f"{row['cycles']:,.0f}", time, percent(row["share"]), row["binds"])
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
        said |= {"tokens": one.stay.rows} if one.stay.rows else {}
        made.append({**said, "times": one.times, "parts": parts})
    return made
