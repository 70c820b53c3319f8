"""The bill of a run: every counter times its price, and leakage times time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from accelsim.core.result import Result, Span
from accelsim.energy.row import Range
from accelsim.energy.table import EnergyTable
from accelsim.energy.tariff import STATUS_COUNTERS, Tariff, priced

MACS = "mac_ops"  # the counter of multiply-accumulates, whose energy follows what the operands are like


@dataclass(frozen=True)
class Charge:
    """One line of the bill. `count` is how often the action was done; 0 for what is charged by time."""

    component: str
    action: str
    counter: str | None  # or the name of a channel; None: charged by time
    off_chip: bool
    count: float
    pj: float
    low_pj: float
    high_pj: float
    factors: tuple[str, ...] = ()  # the figures of the table it is a product of (see draws.quantities)
    background: bool = False  # DRAM's standby and refresh: drawn by time, not for what is moved


class Bills(Sequence[list[Charge]]):
    """One bill for every span of a run, in order; together they are the bill of the run.

    `figures`, float64[3, spans, lines], are pJ and their low and high bounds; `off_chip` and `background`, bool[lines],
    what is said of a line by `Charge`.
    """

    def __init__(self, result: Result, table: EnergyTable, activity: Mapping[int, str]):
        self.result, self.table, self.tariffs = result, table, priced(result, table)
        self.operands = [activity.get(span.label) for span in result.spans]
        self.off_chip = np.array([t.off_chip for t in self.tariffs], bool)
        self.background = np.array([t.background for t in self.tariffs], bool)

    def __len__(self) -> int:
        return len(self.result.spans)

    def __getitem__(self, index: int) -> list[Charge]:
        span = self.result.spans[index]
        return charges(self.tariffs, span, self.result, self.table, self.operands[index])

    @cached_property
    def times(self) -> np.ndarray:
        """How often each line's counter counted in each span, int64[spans, lines]; 0 without a counter."""
        spans = self.result.spans
        counted = [counts(t, spans) if t.counter else [0] * len(spans) for t in self.tariffs]
        return np.array(counted, np.int64).reshape(len(self.tariffs), len(spans)).T

    @cached_property
    def figures(self) -> np.ndarray:
        prices = np.array([t.price for t in self.tariffs], float).reshape(-1, 3).T[:, None, :].repeat(len(self), axis=1)
        macs = [n for n, t in enumerate(self.tariffs) if t.counter == MACS]
        for row, operands in enumerate(self.operands):
            if operands is not None:
                prices[:, row, macs] *= np.array(self.table.activity[operands])[:, None]
        seconds = [(span.end - span.start) / float(self.result.time_base_hz) for span in self.result.spans]
        by_time = [t.counter is None for t in self.tariffs]
        factors = self.times * np.array([float(t.amount) for t in self.tariffs])
        factors[:, by_time] = np.array(seconds)[:, None] * 1e6  # 1 uW for 1 s is 1e6 pJ
        return prices * factors

    def added(self) -> list[Charge]:
        """The bill of the run: the charges for the same component, action and class of operands are added."""
        first = {operands: row for row, operands in reversed(list(enumerate(self.operands)))}
        groups: dict[tuple, tuple[int, list[int], list[int]]] = {}
        for number, tariff in enumerate(self.tariffs):
            apart = tariff.counter == MACS
            for operands, begin in first.items() if apart else [(None, 0)]:
                key = (tariff.component, tariff.action, tariff.counter, factors_of(tariff, operands))
                rows = [r for r, o in enumerate(self.operands) if o == operands] if apart else list(range(len(self)))
                groups.setdefault(key, (begin, rows, []))[2].append(number)
        found, whole = [], self.figures.cumsum(axis=1)[:, -1:].reshape(3, -1).T.tolist()  # of each line, of all spans
        for key, (_, rows, columns) in sorted(groups.items(), key=lambda g: (g[1][0], g[1][2][0])):
            tariff = self.tariffs[columns[0]]
            if len(columns) == 1 and len(rows) == len(self) > 0:
                pj, low, high = whole[columns[0]]
            else:
                pj, low, high = (total(figure[rows][:, columns]) for figure in self.figures)
            each = self.times[rows if len(rows) < len(self) else slice(None)][:, columns] * np.array(
                [self.tariffs[c].amount for c in columns]
            )
            count = each.sum().item() if each.dtype == np.int64 else total(each)
            found.append(charge_of(tariff, count, (pj, low, high), key[3]))
        return found


def bills(result: Result, table: EnergyTable, activity: Mapping[int, str] | None = None) -> Bills:
    """The bills of a run's spans.

    `activity`: label of a span -> class of its operands in the table's `activity`; a span without one is charged the
    row's own price. Raises InputError when the table does not price a component or one of its counters.
    """
    return Bills(result, table, activity or {})


def bill(result: Result, table: EnergyTable, activity: Mapping[int, str] | None = None) -> list[Charge]:
    """The bill of a run: one charge for every component, action and class of operands, in pJ with bounds.

    Raises InputError when the table does not price a component or one of its counters.
    """
    if not activity:
        return charges(priced(result, table), result.total, result, table, None)
    return bills(result, table, activity).added()


def total(figures: np.ndarray) -> float:
    """The sum of float64[spans, lines], one after the other."""
    return figures.cumsum()[-1].item() if figures.size else 0


def charges(
    prices: Iterable[Tariff], span: Span, result: Result, table: EnergyTable, operands: str | None
) -> list[Charge]:
    """The bill of a span whose operands are of a class."""
    seconds = (span.end - span.start) / float(result.time_base_hz)
    return [charge(t, span, seconds, table, operands) for t in prices]


def charge(tariff: Tariff, span: Span, seconds: float, table: EnergyTable, operands: str | None) -> Charge:
    price = tariff.price
    if tariff.counter is None:
        count, factor = 0, seconds * 1e6  # 1 uW for 1 s is 1e6 pJ
    else:
        count = factor = times(tariff, span) * tariff.amount
        if tariff.counter == MACS and operands is not None:
            price = Range(*(a * b for a, b in zip(price, table.activity[operands])))
    return charge_of(tariff, count, price.times(factor), factors_of(tariff, operands))


def charge_of(tariff: Tariff, count: float, pj: tuple[float, float, float], factors: tuple[str, ...]) -> Charge:
    return Charge(
        tariff.component, tariff.action, tariff.counter, tariff.off_chip, count, *pj, factors, tariff.background
    )


def factors_of(tariff: Tariff, operands: str | None) -> tuple[str, ...]:
    """The figures of the table that a line is a product of, for operands of a class."""
    return (*tariff.factors, f"activity.{operands}") if tariff.counter == MACS and operands else tariff.factors


def times(tariff: Tariff, span: Span) -> int:
    """How often the counter of a line counted in a span, or how many items crossed its channel."""
    return counts(tariff, [span])[0]


def counts(tariff: Tariff, spans: Sequence[Span]) -> list[int]:
    """The same of all spans of a run."""
    name, counter = tariff.component, tariff.counter
    if spans and counter in spans[0].transfers:
        return [span.transfers[counter] for span in spans]
    if counter in STATUS_COUNTERS:
        status = counter.removesuffix("_cycles")
        return [span.status[name][status] for span in spans]
    return [span.counts[name][counter] for span in spans]
