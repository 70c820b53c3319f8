"""An energy table: what one action costs, what one unit leaks and covers, and which counter is which action."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from accelsim.core.errors import InputError, suggest
from accelsim.energy import document

WAYS = ("read", "write")  # one byte of a memory: `MEMORY.read`, or `COMPONENT.MEMORY.read` of another component's
SIZES = ("capacity_bytes", "port_bytes", "banks")  # what describes a memory


class Range(NamedTuple):
    """A figure and its bounds."""

    nominal: float
    low: float
    high: float

    def times(self, factor: float) -> "Range":
        return Range(*(value * factor for value in self))


NOTHING = Range(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Row:
    """An action or a unit. `pj` is per action, `leakage_uw` per unit (None: by area), `um2` per unit."""

    name: str
    pj: Range
    leakage_uw: Range | None
    um2: float
    source: str
    option: str | None  # charged only when this option of the table is on


@dataclass(frozen=True)
class Entry:
    """What a component class costs; amounts are numbers or arithmetic over its parameters."""

    counters: dict[str, dict[str, Any]]  # counter -> action -> amount; empty: free
    memories: dict[str, dict[str, Any]]  # name -> SIZES
    area: dict[str, Any]
    standing: dict[str, Any]
    off_chip: bool


@dataclass(frozen=True)
class EnergyTable:
    """A checked table; `document` is what it was made of, with every extension and override resolved."""

    name: str
    node_nm: int
    vdd: float
    rows: dict[str, Row]
    sram_cell: str
    sram_node_nm: int
    sram_energy_factor: Range
    sram_area_factor: Range
    sram_leakage_factor: Range
    logic_leakage_uw_per_um2: Range
    density: float
    options: dict[str, bool]
    components: dict[str, Entry]
    document: dict[str, Any]


def load_table(energy: str | Path | Mapping[str, Any] | None = None) -> EnergyTable:
    """The table of an `energy` section: `{table: NAME or FILE, override: {...}}`, or just a name or a file.

    `override` has action names (`mac_dot: 0.5` or `mac_dot: {pj: 0.5, source: ...}`) or sections of a table
    (`sram: {energy_factor: 1}`). Raises InputError that names the entry for whatever is unknown, missing or impossible.
    """
    if not isinstance(energy, Mapping):
        energy = {"table": energy or document.DEFAULT}
    for key in energy:
        if key not in ("table", "override"):
            raise InputError(f"energy.{key}: no such entry{suggest(key, ('table', 'override'))}")
    path = document.find(energy.get("table") or document.DEFAULT)
    found = document.resolve(path)
    if energy.get("override"):
        override = document.checked(energy["override"], "energy", "override")
        found = document.overridden(found, override, "energy.override")
        return build(found, f"{path.name} with energy.override")
    return build(found, path.name)


def build(found: dict[str, Any], where: str) -> EnergyTable:
    for key in document.KEYS:
        if key not in found and key not in ("extends", "scale", "title"):
            raise InputError(f"{where}: the section {key!r} is missing")
    options = dict(document.checked(found["options"], where, "options"))
    for name, on in options.items():
        if not isinstance(on, bool):
            raise InputError(f"{where}: options.{name}: expected true or false, not {on!r}")
    rows: dict[str, Row] = {}
    for section in document.SECTIONS:
        for name, row in found[section].items():
            if name in rows or not name.isidentifier():
                raise InputError(f"{where}: {section}.{name}: expected a name of its own, of letters, digits and _")
            rows[name] = build_row(name, row, options, f"{where}: {section}.{name}")
    sram = fields(found["sram"], f"{where}: sram", "cell", "node_nm", "energy_factor", "area_factor", "leakage_factor")
    leak = fields(found["logic_leakage"], f"{where}: logic_leakage", "uw_per_um2")
    layout = fields(found["layout"], f"{where}: layout", "density")
    density = number(layout["density"], f"{where}: layout.density")
    if not 0 < density <= 1:
        raise InputError(f"{where}: layout.density: expected a share above 0 and at most 1, not {density}")
    return EnergyTable(
        name=str(found["name"]),
        node_nm=int(number(found["node_nm"], f"{where}: node_nm")),
        vdd=number(found["vdd"], f"{where}: vdd"),
        rows=rows,
        sram_cell=str(sram["cell"]),
        sram_node_nm=int(number(sram["node_nm"], f"{where}: sram.node_nm")),
        sram_energy_factor=bounded(sram["energy_factor"], f"{where}: sram.energy_factor"),
        sram_area_factor=bounded(sram["area_factor"], f"{where}: sram.area_factor"),
        sram_leakage_factor=bounded(sram["leakage_factor"], f"{where}: sram.leakage_factor"),
        logic_leakage_uw_per_um2=bounded(leak["uw_per_um2"], f"{where}: logic_leakage.uw_per_um2"),
        density=density,
        options=options,
        components={
            kind: build_entry(entry, rows, f"{where}: components.{kind}") for kind, entry in found["components"].items()
        },
        document=found,
    )


def fields(section: Any, where: str, *names: str) -> Mapping[str, Any]:
    """A section that has exactly these entries and a source."""
    document.checked(section, *where.split(": ", 1))
    for name in section:
        if name not in (*names, "source"):
            raise InputError(f"{where}.{name}: no such entry{suggest(name, names)}")
    for name in (*names, "source"):
        if section.get(name) in (None, ""):
            raise InputError(f"{where}: {name} is missing" + (" (every figure has one)" if name == "source" else ""))
    return section


def number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise InputError(f"{where}: expected a finite number >= 0, not {value!r}")
    return value


def bounded(value: Any, where: str) -> Range:
    """A number, or `{nominal: , low: , high: }`."""
    if not isinstance(value, Mapping):
        return Range(*[float(number(value, where))] * 3)
    for key in value:
        if key not in Range._fields:
            raise InputError(f"{where}.{key}: no such entry{suggest(key, Range._fields)}")
    nominal = number(value.get("nominal"), f"{where}.nominal")
    low, high = (number(value.get(k, nominal), f"{where}.{k}") for k in ("low", "high"))
    if not low <= nominal <= high:
        raise InputError(f"{where}: expected low <= nominal <= high, not {low}, {nominal}, {high}")
    return Range(float(nominal), float(low), float(high))


def build_row(name: str, row: Mapping[str, Any], options: Mapping[str, bool], where: str) -> Row:
    known = ("pj", "leakage_uw", "low", "high", "um2", "source", "option")
    for key in row:
        if key not in known:
            raise InputError(f"{where}.{key}: no such entry{suggest(key, known)}")
    if ("pj" in row) == ("leakage_uw" in row):
        raise InputError(f"{where}: expected either pj (an action) or leakage_uw (a standing power), and not both")
    if not row.get("source"):
        raise InputError(f"{where}: source is missing (every figure has one)")
    if row.get("option") is not None and row["option"] not in options:
        raise InputError(f"{where}.option: there is no option {row['option']!r}{suggest(row['option'], options)}")
    field = "pj" if "pj" in row else "leakage_uw"
    figure = bounded({"nominal": row[field], **{k: row[k] for k in ("low", "high") if k in row}}, f"{where}.{field}")
    return Row(
        name,
        figure if field == "pj" else NOTHING,
        figure if field == "leakage_uw" else None,
        float(number(row.get("um2", 0), f"{where}.um2")),
        str(row["source"]),
        row.get("option"),
    )


def build_entry(entry: Any, rows: Mapping[str, Row], where: str) -> Entry:
    known = ("counters", "memories", "area", "standing", "off_chip")
    entry = document.checked(entry, *where.split(": ", 1))
    for key in entry:
        if key not in known:
            raise InputError(f"{where}.{key}: no such entry{suggest(key, known)}")
    memories = document.checked(entry.get("memories", {}), where, "memories")
    for name, sizes in memories.items():
        if set(document.checked(sizes, where, f"memories.{name}")) != set(SIZES):
            raise InputError(f"{where}.memories.{name}: expected {', '.join(SIZES)}, not {', '.join(sizes)}")
    actions = [*rows, *(f"{name}.{way}" for name in memories for way in WAYS)]

    def amounts(value: Any, place: str, allowed: list[str]) -> dict[str, Any]:
        if value == 0 and not isinstance(value, bool):
            return {}
        value = {value: 1} if isinstance(value, str) else document.checked(value, where, place)
        for action in value:
            elsewhere = action.count(".") == 2 and action.endswith(tuple(f".{way}" for way in WAYS))
            if action not in allowed and not (elsewhere and allowed is actions):
                raise InputError(f"{where}.{place}: there is no action {action!r}{suggest(action, allowed)}")
        return dict(value)

    counters = document.checked(entry.get("counters", {}), where, "counters")
    return Entry(
        {counter: amounts(price, f"counters.{counter}", actions) for counter, price in counters.items()},
        {name: dict(sizes) for name, sizes in memories.items()},
        amounts(entry.get("area", {}), "area", list(rows)),
        amounts(entry.get("standing", {}), "standing", [n for n, r in rows.items() if r.leakage_uw is not None]),
        bool(entry.get("off_chip", False)),
    )
