"""An energy table: what one action costs, what one unit leaks and covers, and which counter is which action."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from accelsim.core.errors import InputError, shown, suggest
from accelsim.energy import chain, document
from accelsim.energy.places import overlay, place_of, placed
from accelsim.energy.prices import title
from accelsim.energy.row import Range, Row, bounded, build_row, number
from accelsim.energy.sram import figures

WAYS = ("read", "write")  # one byte of a memory: `MEMORY.read`, or `COMPONENT.MEMORY.read` of another component's
OPERANDS = ("uniform", "dense", "rectified", "attention")  # classes that a layer's operands may be of
MACRO_BITS = (64, 128, 256, 512)  # widths of macros there are figures for
SIZES = ("capacity_bytes", "port_bytes", "banks")  # what describes a memory


@dataclass(frozen=True)
class Entry:
    """What a component class costs; amounts are numbers or arithmetic over its parameters."""

    counters: dict[str, dict[str, Any]]  # counter -> action -> amount; empty: free
    channels: dict[str, dict[str, Any]]  # port -> action -> amount for an item there, beside the channel's own price
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
    sram_macro_bits: int
    logic_leakage_uw_per_um2: Range
    density: float
    max_clock_mhz: float  # of the chip's clocks, at `vdd`
    clock_tree: Range  # energy of the clock's wires and buffers, for each pJ of the chip's logic
    activity: dict[str, Range]  # class of operands -> energy of a MAC, for each pJ of the row
    options: dict[str, bool]
    components: dict[str, Entry]
    document: dict[str, Any]
    places: dict[str, str] = field(default_factory=dict, compare=False, repr=False)  # `A.B.C` -> where it is said
    called: str = field(
        default="energy table", compare=False, repr=False
    )  # by errors: its name or file, and the prices

    def entry(self, kinds: Sequence[str]) -> Entry | None:
        """What a class costs, by its name and those of its base classes, nearest first; None: no one has an entry.

        An entry is laid over those of the base classes: what it does not say is as they have it.
        """
        priced = [kind for kind in kinds if kind in self.components]
        if len(priced) < 2:
            return self.components[priced[0]] if priced else None
        laid: dict[str, Any] = {}
        for kind in reversed(priced):
            laid = document.laid_over(laid, self.document["components"][kind])
        with placed(self.called, self.places):
            known = memories_in(self.document["components"])
            return build_entry(laid, self.rows, known, f"{self.called}: components.{priced[0]}")

    def home(self, kind: str, section: str) -> str:
        """Where something of a class would be said, for errors: where its entry is, else what the table is called."""
        there = f"components.{kind}" in self.places
        return place_of(f"components.{kind}.{section}", self.places) if there else self.called

    def place(self, kinds: Sequence[str], section: str, key: str) -> str:
        """Where an entry is said, for errors: by the class itself or by the nearest base class that has it."""
        said = (k for k in kinds if k in self.components and key in getattr(self.components[k], section))
        path = f"components.{next(said, kinds[0])}.{section}.{key}"
        return f"{place_of(path, self.places) or self.called}: {path}"

    def row_place(self, row: str) -> str:
        """Where a row is said, for errors."""
        path = next(f"{section}.{row}" for section in document.SECTIONS if row in self.document.get(section, {}))
        return f"{place_of(path, self.places) or self.called}: {path}"


LOADED: list[tuple[tuple, Sequence, EnergyTable]] = []  # the last tables of the package that were loaded, and of what
MOST_LOADED = 16


def load_table(
    energy: str | Path | Mapping[str, Any] | None = None,
    prices: Sequence[Mapping[str, Any]] = (),
    said: Mapping[str, str] | None = None,
) -> EnergyTable:
    """The table of an `energy` section: `{table: NAME or FILE, override: {...}}`, or just a name or a file.

    `prices` are a machine's price documents (see `read_prices`), put into the table of the chain that is at their node.
    `override` has action names (`mac_dot: 0.5` or `mac_dot: {pj: 0.5, source: ...}`) or sections of a table
    (`sram: {energy_factor: 1}`), and has the last word. `said`: `energy.table`, `energy.override.NAME` -> where
    that is said, such as "x.yaml:14". Raises InputError that names the entry for whatever is unknown,
    missing, impossible or said twice.
    """
    if not isinstance(energy, Mapping):
        energy = {"table": energy or document.DEFAULT}
    for key in energy:
        if key not in ("table", "override"):
            raise InputError(f"energy.{key}: no such entry{suggest(key, ('table', 'override'))}")
    said = said or {}
    try:
        path = document.find(energy.get("table") or document.DEFAULT)
    except InputError as error:
        raise InputError(f"{said['energy.table']}: {error}" if "energy.table" in said else str(error)) from None
    of = str(path), json.dumps(energy, default=str), list(map(id, prices)), list(said.items())
    for known, _, table in LOADED if path.parent == document.FOLDER else ():
        if known == of:
            return table
    found, places = chain.resolve(path, prices)
    more = [title(each) for each in prices]
    if energy.get("override"):
        here = {k.removeprefix("energy.override."): v for k, v in said.items()}
        with placed("energy.override", here):
            override = document.checked(energy["override"], "energy", "override")
            here |= (entries := document.places_of_override(found, override, said))
            overlay(places, entries)
            found = document.overridden(found, override, "energy.override")
        more.append("energy.override")
    where = f"{path} with {' and '.join(more)}" if more else str(path)
    with placed(where, places):
        called = " with ".join([f"energy table {chain.name_of(path, found)}", *map(title, prices)])
        table = replace(build(found, where, places), places=places, called=called)
    LOADED[:] = [(of, tuple(prices), table), *LOADED[: MOST_LOADED - 1]]  # which keeps the prices, and so their numbers
    return table


def stored_table(found: dict[str, Any]) -> EnergyTable:
    """A table from the `document` of one, every extension and override resolved. Raises InputError as `load_table`."""
    return build(found, f"energy table {shown(found.get('name'))} of a stored run", {})


def build(found: dict[str, Any], where: str, places: Mapping[str, str]) -> EnergyTable:
    options = dict(document.checked(found["options"], where, "options"))
    for name, on in options.items():
        if not isinstance(on, bool):
            raise InputError(f"{where}: options.{name}: expected true or false, not {shown(on)}")
    rows: dict[str, Row] = {}
    for section in document.SECTIONS:
        for name, row in found[section].items():
            if name in rows or not name.isidentifier():
                raise InputError(f"{where}: {section}.{name}: expected a name of its own, of letters, digits and _")
            rows[name] = build_row(name, row, options, f"{where}: {section}.{name}")
    sram = fields(found["sram"], f"{where}: sram", "cell", "node_nm", "energy_factor", "area_factor", "leakage_factor",
                  "macro_bits")  # fmt: skip
    leak = fields(found["logic_leakage"], f"{where}: logic_leakage", "uw_per_um2")
    layout = fields(found["layout"], f"{where}: layout", "density")
    clock = fields(found["clock"], f"{where}: clock", "max_mhz", "tree")
    activity = fields(found["activity"], f"{where}: activity", "classes")
    classes = document.checked(activity["classes"], f"{where}: activity", "classes")
    for name in classes:
        if name not in OPERANDS:
            raise InputError(f"{where}: activity.classes.{name}: no such class{suggest(name, OPERANDS)}")
    for name in OPERANDS:
        if name not in classes:
            raise InputError(f"{where}: activity.classes: {name} is missing")
    macro_bits = number(sram["macro_bits"], f"{where}: sram.macro_bits")
    if macro_bits not in MACRO_BITS:
        known = ", ".join(map(str, MACRO_BITS))
        raise InputError(f"{where}: sram.macro_bits: expected one of {known}, not {macro_bits}")
    cell = str(sram["cell"]), int(number(sram["node_nm"], f"{where}: sram.node_nm"))
    # Of the two that do not go together, the one that a user says.
    given = [n for n in ("cell", "node_nm") if not place_of(f"sram.{n}", places).startswith(str(document.FOLDER))]
    figures(cell[1], cell[0], f"{where}: sram.{(given or ['cell'])[0]}")
    memories = memories_in(document.checked(found["components"], where, "components"))
    density = number(layout["density"], f"{where}: layout.density")
    if not 0 < density <= 1:
        raise InputError(f"{where}: layout.density: expected a share above 0 and at most 1, not {density}")
    for key in ("name", "title"):
        if not isinstance(found.get(key, ""), str):
            raise InputError(f"{where}: {key}: expected a text, not {shown(found[key])}")
    return EnergyTable(
        name=str(found["name"]),
        node_nm=int(number(found["node_nm"], f"{where}: node_nm")),
        vdd=number(found["vdd"], f"{where}: vdd"),
        rows=rows,
        sram_cell=cell[0],
        sram_node_nm=cell[1],
        sram_energy_factor=bounded(sram["energy_factor"], f"{where}: sram.energy_factor"),
        sram_area_factor=bounded(sram["area_factor"], f"{where}: sram.area_factor"),
        sram_leakage_factor=bounded(sram["leakage_factor"], f"{where}: sram.leakage_factor"),
        sram_macro_bits=int(macro_bits),
        logic_leakage_uw_per_um2=bounded(leak["uw_per_um2"], f"{where}: logic_leakage.uw_per_um2"),
        density=density,
        max_clock_mhz=number(clock["max_mhz"], f"{where}: clock.max_mhz"),
        clock_tree=bounded(clock["tree"], f"{where}: clock.tree"),
        activity={name: bounded(value, f"{where}: activity.classes.{name}") for name, value in classes.items()},
        options=options,
        components={
            kind: build_entry(entry, rows, memories, f"{where}: components.{kind}")
            for kind, entry in found["components"].items()
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


def memories_in(components: Mapping[str, Any]) -> set[str]:
    """The names of all memories: which of them a component has depends on its base classes, which show in the bill."""
    found: set[str] = set()
    for entry in components.values():
        if isinstance(entry, Mapping) and isinstance(entry.get("memories"), Mapping):
            found.update(entry["memories"])
    return found


def build_entry(entry: Any, rows: Mapping[str, Row], known_memories: set[str], where: str) -> Entry:
    known = ("counters", "channels", "memories", "area", "standing", "off_chip")
    entry = document.checked(entry, *where.split(": ", 1))
    for key in entry:
        if key not in known:
            raise InputError(f"{where}.{key}: no such entry{suggest(key, known)}")
    memories = document.checked(entry.get("memories", {}), where, "memories")
    for name, sizes in memories.items():
        if set(document.checked(sizes, where, f"memories.{name}")) != set(SIZES):
            raise InputError(f"{where}.memories.{name}: expected {', '.join(SIZES)}, not {', '.join(sizes)}")
    actions = [*rows, *(f"{name}.{way}" for name in sorted(known_memories) for way in WAYS)]

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
    channels = document.checked(entry.get("channels", {}), where, "channels")
    off_chip = entry.get("off_chip", False)
    if not isinstance(off_chip, bool):
        raise InputError(f"{where}.off_chip: expected true or false, not {shown(off_chip)}")
    return Entry(
        *(
            {one: amounts(price, f"{key}.{one}", actions) for one, price in prices.items()}
            for key, prices in (("counters", counters), ("channels", channels))
        ),
        {name: dict(sizes) for name, sizes in memories.items()},
        amounts(entry.get("area", {}), "area", list(rows)),
        amounts(entry.get("standing", {}), "standing", list(rows)),
        off_chip,
    )
