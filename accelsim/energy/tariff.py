"""The prices of a machine: what a count of each of its counters costs, and each of its parts by time.

Nothing is free by omission: a counter without a price is an error.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction

from accelsim.core.errors import InputError, suggest
from accelsim.core.result import Part, Result
from accelsim.core.status import STATUS_NAMES
from accelsim.energy.area import CHANNEL_BIT, channels_of, entry_of, floor_plan, memories_of, names_of
from accelsim.energy.expression import evaluate
from accelsim.energy.row import NOTHING, Range, Row
from accelsim.energy.sram import Memory
from accelsim.energy.table import EnergyTable

STATUS_COUNTERS = tuple(f"{status}_cycles" for status in STATUS_NAMES)  # may be priced like counters
LEAKAGE = "leakage"  # the action of a charge for leakage by area; standing powers carry their row's name
BACKGROUND = "dram_background"  # the option of DRAM's standby and refresh
CLOCK_TREE = "clock_tree"  # the action of what the clock's wires and buffers take


@dataclass(frozen=True)
class Tariff:
    """What a line of the bill costs: per count of `counter` (a channel's: per item) in pJ, or, without one, in uW."""

    component: str
    action: str
    counter: str | None
    off_chip: bool
    amount: float  # actions a count
    price: Range
    factors: tuple[str, ...]
    background: bool = False


def tariffs(parts: dict[str, Part], table: EnergyTable) -> list[Tariff]:
    """The prices of a machine. Raises InputError for a component class or counter that the table does not price."""
    found: list[Tariff] = []
    memories = {f"{name}.{memory}": sram for name in parts for memory, sram in memories_of(name, parts, table).items()}
    for name, part in parts.items():
        entry, names = entry_of(name, part, table), names_of(name, parts)
        moved = {end.channel: {CHANNEL_BIT: end.bits} for end in channels_of(name, parts, table)}
        for port, price in entry.channels.items():
            end = next((end for end in part.channels if end.port == port), None)
            if end is None:
                place = table.place(part.kinds, "channels", port)
                raise InputError(
                    f"{place}: {name} has no channel there{suggest(port, [e.port for e in part.channels])}"
                )
            moved[end.channel] = moved.get(end.channel, {}) | price
        ports = {end.channel: end.port for end in part.channels}
        for counter, price in [*entry.counters.items(), *moved.items()]:
            for action, amount in price.items():
                where = ("channels", ports[counter]) if counter in ports else ("counters", counter)
                place = table.place(part.kinds, *where)
                count = evaluate(amount, names, f"{place}.{action}")
                each = price_of(action, name, memories, table, place)
                factor = "sram.energy_factor" if "." in action else action
                rest = is_background(action, table)
                found.append(Tariff(name, action, counter, entry.off_chip, count, each, (factor,), rest))
                if action in table.document["logic"] and not entry.off_chip:
                    tree = Range(*(a * b for a, b in zip(each, table.clock_tree)))
                    found.append(Tariff(name, CLOCK_TREE, counter, False, count, tree, (factor, "clock.tree")))
        for action, amount in entry.standing.items():
            row, place = table.rows[action], table.place(part.kinds, "standing", action)
            if row.leakage_uw is None:
                raise InputError(f"{table.row_place(action)} is an action (pj), but a standing power in {place}")
            units = evaluate(amount, names, place)
            power = row.leakage_uw if charged_for(row, table) else NOTHING
            rest = is_background(action, table)
            found.append(Tariff(name, action, None, entry.off_chip, 1, power.times(units), (action,), rest))
    for piece in floor_plan(parts, table):
        entry = entry_of(piece.component, parts[piece.component], table)
        for power, factor in (
            (piece.logic_leakage_uw, "logic_leakage"),
            (piece.memory_leakage_uw, "sram.leakage_factor"),
        ):
            if power.high:
                found.append(Tariff(piece.component, LEAKAGE, None, entry.off_chip, 1, power, (factor,)))
    return found


LAST: list[tuple[list[tuple[str, Part]], Mapping[str, object], list[Tariff]]] = []


def kept(parts: dict[str, Part], table: EnergyTable) -> list[Tariff]:
    """The prices of a machine, as of `tariffs`: a run asks for them before it begins and when it is billed."""
    listed = list(parts.items())
    for mine, document, found in LAST:
        if mine == listed and document == table.document:
            return found
    found = tariffs(parts, table)
    LAST[:] = [(listed, table.document, found)]
    return found


def price_of(action: str, name: str, memories: dict[str, Memory], table: EnergyTable, where: str) -> Range:
    """What one action costs in pJ; an action of a memory is one byte."""
    if "." not in action:
        row = table.rows[action]
        if row.leakage_uw is not None:
            raise InputError(f"{table.row_place(action)} is a standing power (leakage_uw), but an action in {where}")
        return row.pj if charged_for(row, table) else NOTHING
    memory, _, way = action.rpartition(".")
    memory = memory if "." in memory else f"{name}.{memory}"
    if memory not in memories:
        raise InputError(f"{where}: {action}: the machine has no memory {memory!r}{suggest(memory, memories)}")
    sram = memories[memory]
    return table.sram_energy_factor.times(sram.read_pj_per_byte if way == "read" else sram.write_pj_per_byte)


def is_background(action: str, table: EnergyTable) -> bool:
    return action in table.rows and table.rows[action].option == BACKGROUND


def charged_for(row: Row, table: EnergyTable) -> bool:
    return row.option is None or table.options[row.option]


def check_machine(
    counters: Mapping[str, Collection[str]],
    parts: dict[str, Part],
    table: EnergyTable,
    clocks: Mapping[str, Fraction] | None = None,
) -> None:
    """Raise InputError if the bill of a run would; `counters` has the names of every component's counters.

    All it looks at is known before time starts. `clocks`: Hz of each domain; one that drives a part of the chip is
    refused above what the table's prices are good for.
    """
    kept(parts, table)
    check_priced(counters, parts, table)
    for name, part in parts.items():
        mhz = float((clocks or {}).get(part.clock, 0)) / 1e6
        if mhz > table.max_clock_mhz and not entry_of(name, part, table).off_chip:
            raise InputError(
                f"clocks.{part.clock}: {mhz:g} MHz is more than energy table {table.name} has prices for: at"
                f" {table.vdd:g} V its logic is taken to run at no more than {table.max_clock_mhz:g} MHz; choose at"
                " most that, or a table with another clock.max_mhz, whose prices are those of its supply"
            )


def check_priced(counts: Mapping[str, Collection[str]], parts: dict[str, Part], table: EnergyTable) -> None:
    """Raise InputError unless every counter has a price and every price a counter."""
    for name, counters in counts.items():
        kind = parts[name].kind
        priced = entry_of(name, parts[name], table).counters
        for counter in counters:
            if counter not in priced:
                raise InputError(
                    f"{table.home(kind, 'counters')}: {kind}.{counter} ({name}) has no price;"
                    f" add it under components.{kind}.counters (0 is a price)" + suggest(counter, priced)
                )
        for counter in priced:
            if counter not in counters and counter not in STATUS_COUNTERS:
                raise InputError(
                    f"{table.place(parts[name].kinds, 'counters', counter)}: {name} has no such counter"
                    + suggest(counter, counters)
                )


def readers(
    parts: dict[str, Part], table: EnergyTable, memory: str = "data"
) -> dict[str, list[tuple[str, str, float]]]:
    """Which counters of other components are reads of a buffer, by its name: (component, counter, bytes each)."""
    found: dict[str, list[tuple[str, str, float]]] = {}
    for name, part in parts.items():
        names = names_of(name, parts)
        for counter, price in entry_of(name, part, table).counters.items():
            for action, amount in price.items():
                owner, _, rest = action.partition(".")
                if rest == f"{memory}.read" and owner in parts:
                    each = evaluate(amount, names, table.place(part.kinds, "counters", counter))
                    found.setdefault(owner, []).append((name, counter, each))
    return found


def priced(result: Result, table: EnergyTable) -> list[Tariff]:
    """The prices of a run's machine. Raises InputError unless each of its counters has one."""
    prices = kept(result.parts, table)
    check_priced(result.total.counts, result.parts, table)
    return prices
