"""Prices drawn anew within their bounds, and what they leave of a ratio."""

import numpy as np
import pytest

from accelsim.energy import bill, bounds, energies, load_table, terms
from accelsim.energy.draws import COUNT, drawn, quantities

from .hand_made import priced, result

TABLE = load_table(priced())
PARTS = {"gemm": ("Array", {}), "dram": ("Memory", {"channels": 1})}


def found(macs: int, table=TABLE, read: int = 0):
    counts = {"gemm": {"mac_ops": macs, "register_bytes": 0}, "dram": {"read_bytes": read, "write_bytes": 0}}
    sums = terms(bill(result(PARTS, counts), table))
    return sums, bounds(table, sums)


def test_at_nominal_prices_the_terms_are_the_bill():
    run = result(PARTS, {"gemm": {"mac_ops": 7, "register_bytes": 3}, "dram": {"read_bytes": 64, "write_bytes": 9}})
    charges = bill(run, TABLE)
    sums = terms(charges)
    for part, off in (("chip", False), ("dram", True)):
        assert sum(sums[part].values()) == pytest.approx(sum(c.pj for c in charges if c.off_chip is off))
    nominal = dict.fromkeys(bounds(TABLE, sums), (1.0, 1.0))
    assert energies(sums, nominal) == pytest.approx(np.full(COUNT, sum(c.pj for c in charges)))


def test_every_drawing_lies_within_its_bounds_and_half_of_them_below_the_nominal_figure():
    for name, figure in quantities(TABLE).items():
        low, high = figure.low / figure.nominal, figure.high / figure.nominal
        values = drawn(name, low, high)
        assert len(values) == COUNT == 1000
        assert values.min() >= low * (1 - 1e-12) and values.max() <= high * (1 + 1e-12)
        if low < 1 < high:
            assert 0.45 < np.mean(values < 1) < 0.55
            assert values.min() < low**0.9 and values.max() > high**0.9
    assert drawn("x", 0.0, 1.0).min() >= 0 and drawn("x", 0.0, 1.0).max() <= 1


def test_figures_are_drawn_independently_of_each_other():
    names = list(quantities(TABLE))
    assert abs(np.corrcoef([drawn(name, 0.5, 2.0) for name in names]) - np.eye(len(names))).max() < 0.2


def test_a_price_that_both_share_is_drawn_once_and_cancels():
    once, twice = (energies(*found(macs), ["chip"]) for macs in (1000, 2000))
    assert twice / once == pytest.approx(np.full(COUNT, 2.0))
    assert once.std() / once.mean() > 0.05
    assert energies(*found(1000), ["chip"]) == pytest.approx(once), "the same prices whenever they are drawn"


def test_another_price_does_not_cancel():
    other = load_table(priced(components={"Array": {"counters": {"mac_ops": "mac", "register_bytes": 0}}}))
    ratio = energies(*found(1000), ["chip"]) / energies(*found(1000, other), ["chip"])
    assert ratio.std() > 0.05
    tree = load_table(priced(clock={"tree": 0}))
    ratio = energies(*found(1000), ["chip"]) / energies(*found(1000, tree), ["chip"])
    assert ratio.min() >= 1.1 and ratio.max() <= 1.3, "what is left is the tree's share of 0.1 to 0.3"


def test_chip_and_dram_are_told_apart():
    sums, ranges = found(1000, read=64)
    parts = [energies(sums, ranges, [part]) for part in ("chip", "dram")]
    assert parts[0] + parts[1] == pytest.approx(energies(sums, ranges))
    assert parts[1].min() > 0
