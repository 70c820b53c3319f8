"""What a configuration costs, for tests of prices."""

from accelsim.accelerators import machine
from accelsim.energy import floor_plan, load_table
from accelsim.energy.tariff import tariffs
from accelsim.workload import Gemm, Workload

SMALLEST = Workload("smallest", "none", (Gemm("dot", "none", "other", 1, 1, 1),))


def parts_of(arch, work=SMALLEST):
    return machine(arch.machine).build(arch, work)[0].parts()


def priced(arch):
    """Area, leakage and prices, as what may differ between two configurations."""
    table = load_table(arch.energy, machine(arch.machine).price_documents())
    parts = parts_of(arch)
    pieces = floor_plan(parts, table)
    return sum(p.um2 for p in pieces), [
        (t.component, t.action, t.counter, t.amount, t.price) for t in tariffs(parts, table)
    ]
