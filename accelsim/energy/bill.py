"""The bill of a run: every counter times its price, and leakage times time.

Nothing is free by omission: a counter without a price is an error.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from accelsim.core.errors import InputError, suggest
from accelsim.core.result import Part, Result, Span
from accelsim.core.status import STATUS_NAMES
from accelsim.energy.area import entry_of, floor_plan, memories_of, names_of
from accelsim.energy.expression import evaluate
from accelsim.energy.row import NOTHING, Range, Row
from accelsim.energy.sram import Memory
from accelsim.energy.table import EnergyTable

STATUS_COUNTERS = tuple(f"{status}_cycles" for status in STATUS_NAMES)  # may be priced like counters
LEAKAGE = "leakage"  # the action of a charge for leakage by area; standing powers carry their row's name


@dataclass(frozen=True)
class Charge:
    """One line of the bill. `count` is how often the action was done; 0 for what is charged by time."""

    component: str
    action: str
    counter: str | None  # None: charged by time
    off_chip: bool
    count: float
    pj: float
    low_pj: float
    high_pj: float


@dataclass(frozen=True)
class Tariff:
    """What a line of the bill costs: per count of `counter` in pJ, or, without a counter, in uW."""

    component: str
    action: str
    counter: str | None
    off_chip: bool
    amount: float  # actions a count
    price: Range


def tariffs(parts: dict[str, Part], table: EnergyTable) -> list[Tariff]:
    """The prices of a machine. Raises InputError for a component class or counter that the table does not price."""
    found = []
    memories = {f"{name}.{memory}": sram for name in parts for memory, sram in memories_of(name, parts, table).items()}
    for name, part in parts.items():
        entry, names = entry_of(name, part, table), names_of(name, parts)
        for counter, price in entry.counters.items():
            for action, amount in price.items():
                place = table.place(part.kinds, "counters", counter)
                count = evaluate(amount, names, f"{place}.{action}")
                each = price_of(action, name, memories, table, place)
                found.append(Tariff(name, action, counter, entry.off_chip, count, each))
        for action, amount in entry.standing.items():
            row = table.rows[action]
            units = evaluate(amount, names, table.place(part.kinds, "standing", action))
            power = row.leakage_uw if charged_for(row, table) else NOTHING
            found.append(Tariff(name, action, None, entry.off_chip, 1, power.times(units)))
    for piece in floor_plan(parts, table):
        entry = entry_of(piece.component, parts[piece.component], table)
        found.append(Tariff(piece.component, LEAKAGE, None, entry.off_chip, 1, piece.leakage_uw))
    return found


def price_of(action: str, name: str, memories: dict[str, Memory], table: EnergyTable, where: str) -> Range:
    """What one action costs in pJ; an action of a memory is one byte."""
    if "." not in action:
        row = table.rows[action]
        if row.leakage_uw is not None:
            raise InputError(f"{where}: {action} is a standing power, not an action")
        return row.pj if charged_for(row, table) else NOTHING
    memory, _, way = action.rpartition(".")
    memory = memory if "." in memory else f"{name}.{memory}"
    if memory not in memories:
        raise InputError(f"{where}: {action}: the machine has no memory {memory!r}{suggest(memory, memories)}")
    sram = memories[memory]
    return table.sram_energy_factor.times(sram.read_pj_per_byte if way == "read" else sram.write_pj_per_byte)


def charged_for(row: Row, table: EnergyTable) -> bool:
    return row.option is None or table.options[row.option]


def check_machine(counters: Mapping[str, Collection[str]], parts: dict[str, Part], table: EnergyTable) -> None:
    """Raise InputError if the bill of a run would; `counters` has the names of every component's counters.

    All it looks at is known before time starts.
    """
    tariffs(parts, table)
    check_priced(counters, parts, table)


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


def bills(result: Result, table: EnergyTable) -> list[list[Charge]]:
    """One bill for every span of the run, in order; together they are the bill of the run."""
    return [charges for _, charges in zip(result.spans, charged(result, table, result.spans), strict=True)]


def bill(result: Result, table: EnergyTable) -> list[Charge]:
    """The bill of a run: one charge for every component and action, in pJ with bounds.

    Raises InputError when the table does not price a component or one of its counters.
    """
    return next(iter(charged(result, table, [result.total])))


def charged(result: Result, table: EnergyTable, spans: Iterable[Span]) -> Iterable[list[Charge]]:
    prices = tariffs(result.parts, table)
    check_priced(result.total.counts, result.parts, table)
    for span in spans:
        seconds = (span.end - span.start) / float(result.time_base_hz)
        yield [charge(t, span, seconds) for t in prices]


def charge(tariff: Tariff, span: Span, seconds: float) -> Charge:
    if tariff.counter is None:
        count, factor = 0, seconds * 1e6  # 1 uW for 1 s is 1e6 pJ
    else:
        if tariff.counter in STATUS_COUNTERS:
            times = span.status[tariff.component][tariff.counter.removesuffix("_cycles")]
        else:
            times = span.counts[tariff.component][tariff.counter]
        count = factor = times * tariff.amount
    return Charge(
        tariff.component, tariff.action, tariff.counter, tariff.off_chip, count, *(p * factor for p in tariff.price)
    )
