"""Area: the units and channels of every component by the table's um2 over the layout density, its memories by CACTI."""

from dataclasses import dataclass

from accelsim.core.errors import InputError, suggest
from accelsim.core.result import End, Part
from accelsim.energy.expression import evaluate
from accelsim.energy.row import NOTHING, Range
from accelsim.energy.sram import Memory, memory
from accelsim.energy.table import EnergyTable, Entry

CHANNEL, CHANNEL_BIT = "channel", "channel_bit"  # rows: of a channel, and of each bit that it holds


@dataclass(frozen=True)
class Piece:
    """A component's area on the chip (in um2, with bounds) and what its logic and its memories leak."""

    component: str
    logic_um2: Range
    memory_um2: Range
    logic_leakage_uw: Range
    memory_leakage_uw: Range

    @property
    def um2(self) -> float:
        return self.logic_um2.nominal + self.memory_um2.nominal

    @property
    def bounds_um2(self) -> Range:
        """Nominal, low and high."""
        return added(self.logic_um2, self.memory_um2)

    @property
    def leakage_uw(self) -> Range:
        return added(self.logic_leakage_uw, self.memory_leakage_uw)


def entry_of(name: str, part: Part, table: EnergyTable) -> Entry:
    """The table's entry of a component, by its class and base classes. Raises InputError when none of them has one."""
    entry = table.entry(part.kinds)
    if entry is None:
        bases = f" or a base class of it ({', '.join(part.bases)})" if part.bases else ""
        raise InputError(
            f"{table.called}: components.{part.kind}: the table has no entry for {name}{bases}; every"
            f" component class has one, in the machine's prices or under energy.override, if only `{part.kind}: {{}}`"
            + suggest(part.kind, table.components)
        )
    return entry


def names_of(name: str, parts: dict[str, Part]) -> dict[str, int | str]:
    """What an amount may name: the component's parameters, how many items a channel at its port holds as `PORT.depth`,
    and any component's parameters as `COMPONENT.PARAMETER`."""
    depths = {f"{end.port}.depth": end.depth for end in parts[name].channels}
    elsewhere = {f"{other}.{p}": v for other, part in parts.items() for p, v in part.parameters.items()}
    return {**parts[name].parameters, **depths, **elsewhere}


def channels_of(name: str, parts: dict[str, Part], table: EnergyTable) -> list[End]:
    """The channels that a component is charged with: those it feeds, and those that come from off the chip.

    Raises InputError when the table has no price of channels.
    """
    if entry_of(name, parts[name], table).off_chip:
        return []
    mine = [end for end in parts[name].channels if end.leaves or entry_of(end.other, parts[end.other], table).off_chip]
    for row in (CHANNEL, CHANNEL_BIT) if mine else ():
        if row not in table.rows:
            raise InputError(f"{table.called}: logic has no row {row!r}, the price of the channels between components")
    return mine


def memories_of(name: str, parts: dict[str, Part], table: EnergyTable) -> dict[str, Memory]:
    """The memories of a component by name, before the macro factors."""
    names, found = names_of(name, parts), {}
    kinds = {"node_nm": table.sram_node_nm, "cell": table.sram_cell, "macro_bits": table.sram_macro_bits}
    for memory_name, sizes in entry_of(name, parts[name], table).memories.items():
        place = table.place(parts[name].kinds, "memories", memory_name)
        values = {key: evaluate(amount, names, f"{place}.{key}") for key, amount in sizes.items()}
        found[memory_name] = memory(**values, **kinds, where=place)
    return found


def floor_plan(parts: dict[str, Part], table: EnergyTable) -> list[Piece]:
    """The area and leakage of every component that covers any. Raises InputError as the bill does."""
    pieces = []
    for name, part in parts.items():
        logic, memory_um2, logic_leaks, memory_leaks = (NOTHING,) * 4
        ends, names = channels_of(name, parts, table), names_of(name, parts)
        units_of = {CHANNEL: len(ends), CHANNEL_BIT: sum(end.depth * end.bits for end in ends)} if ends else {}
        for action, amount in entry_of(name, part, table).area.items():
            units = evaluate(amount, names, table.place(part.kinds, "area", action))
            units_of[action] = units_of.get(action, 0) + units
        for action, units in units_of.items():
            cells = table.rows[action].um2.times(units)
            logic = added(logic, cells.times(1 / table.density))
            logic_leaks = added(logic_leaks, table.logic_leakage_uw_per_um2.times(cells.nominal))
        for sram in memories_of(name, parts, table).values():
            memory_um2 = added(memory_um2, table.sram_area_factor.times(sram.um2))
            memory_leaks = added(memory_leaks, table.sram_leakage_factor.times(sram.leakage_uw))
        if logic.nominal or memory_um2.nominal:
            pieces.append(Piece(name, logic, memory_um2, logic_leaks, memory_leaks))
    return pieces


def on_chip_bytes(parts: dict[str, Part], table: EnergyTable) -> int:
    """What all memories on the chip hold together. Raises InputError as the bill does."""
    total = 0
    for name, part in parts.items():
        entry, names = entry_of(name, part, table), names_of(name, parts)
        for memory_name, sizes in entry.memories.items() if not entry.off_chip else ():
            place = table.place(part.kinds, "memories", memory_name)
            total += int(evaluate(sizes["capacity_bytes"], names, f"{place}.capacity_bytes"))
    return total


def added(a: Range, b: Range) -> Range:
    return Range(*(x + y for x, y in zip(a, b, strict=True)))
