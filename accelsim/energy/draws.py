"""Energy with every price drawn anew within its bounds: how much of a ratio of two runs the prices decide.

A bill is a sum of products of figures of the table (a row, and perhaps the class of operands or the clock tree's
share), so that another drawing of the figures is another weighting of the same sums.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from accelsim.energy.bill import Charge
from accelsim.energy.row import Range
from accelsim.energy.table import EnergyTable

COUNT, SEED = 1000, 2023
Terms = dict[str, dict[str, float]]  # "chip" and "dram" -> names of figures, joined by " * " -> pJ
Bounds = dict[str, list[float]]  # figure -> low and high, of its nominal value


def quantities(table: EnergyTable) -> dict[str, Range]:
    """Every figure that a charge can be a multiple of, by the name that `Charge.factors` gives it; none of nothing."""
    found = {
        **{name: row.pj if row.leakage_uw is None else row.leakage_uw for name, row in table.rows.items()},
        "sram.energy_factor": table.sram_energy_factor,
        "sram.leakage_factor": table.sram_leakage_factor,
        "logic_leakage": table.logic_leakage_uw_per_um2,
        "clock.tree": table.clock_tree,
        **{f"activity.{name}": value for name, value in table.activity.items()},
    }
    return {name: figure for name, figure in found.items() if figure.nominal}


def terms(charges: Iterable[Charge]) -> Terms:
    """A bill's sums by the figures they are multiples of."""
    found: Terms = {"chip": {}, "dram": {}}
    for c in charges:
        if c.pj:
            sums, key = found["dram" if c.off_chip else "chip"], " * ".join(c.factors)
            sums[key] = sums.get(key, 0.0) + c.pj
    return found


def bounds(table: EnergyTable, found: Terms) -> Bounds:
    """The bounds of the figures that the terms are multiples of."""
    known = quantities(table)
    names = sorted({name for sums in found.values() for key in sums for name in key.split(" * ")})
    return {n: [known[n].low / known[n].nominal, known[n].high / known[n].nominal] for n in names}


def drawn(name: str, low: float, high: float, count: int = COUNT, seed: int = SEED) -> np.ndarray:
    """A figure `count` times, as shares of its nominal value: half of them below, even between logarithms.

    The same name is the same sequence of quantiles whoever asks, so that two machines share what they both use. A bound
    of 0 has no logarithm: below it is even between numbers.
    """
    quantile = np.random.default_rng([seed, zlib.crc32(name.encode())]).random(count)
    below, above = 1 - 2 * np.minimum(quantile, 0.5), 2 * np.maximum(quantile, 0.5) - 1
    return (low**below if low > 0 else 1 - below) * high**above


def energies(
    found: Terms, ranges: Mapping[str, Sequence[float]], parts: Sequence[str] = ("chip", "dram")
) -> np.ndarray:
    """pJ of a run for each drawing of the prices."""
    made = {name: drawn(name, *ends) for name, ends in ranges.items()}
    total = np.zeros(COUNT)
    for part in parts:
        for key, pj in found[part].items():
            total += pj * np.prod([made[name] for name in key.split(" * ")], axis=0)
    return total
