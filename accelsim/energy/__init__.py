"""Energy and area: tables with a source for every figure, the bill (count x price, leakage x time), the floor plan."""

from accelsim.energy.area import Piece, floor_plan, on_chip_bytes
from accelsim.energy.bill import Bills, Charge, bill, bills, total
from accelsim.energy.draws import bounds, energies, terms
from accelsim.energy.prices import read_prices
from accelsim.energy.table import EnergyTable, load_table, stored_table
from accelsim.energy.tariff import check_machine, readers

__all__ = [
    "Bills",
    "Charge",
    "EnergyTable",
    "Piece",
    "bill",
    "bills",
    "bounds",
    "check_machine",
    "energies",
    "floor_plan",
    "load_table",
    "on_chip_bytes",
    "read_prices",
    "readers",
    "stored_table",
    "terms",
    "total",
]
