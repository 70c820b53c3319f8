"""The shipped table on the shipped machine: what one of each action costs, and how prices follow the machine."""

from accelsim.accelerators import machine, schema
from accelsim.config import load_arch
from accelsim.energy.table import EnergyTable, load_table
from accelsim.energy.tariff import tariffs
from accelsim.workload import Gemm, Workload

WORK = Workload("one", "test", (Gemm("g", "b", "mlp", 8, 8, 64),))


def prices(*over: str) -> tuple[dict[tuple[str, str], float], EnergyTable]:
    """(component, counter) -> pJ of one count; without a counter (component, action) -> uW; and the table."""
    arch = load_arch("vitcod", schema, over)
    model = machine(arch.machine)
    sim, _ = model.build(arch, WORK)
    table = load_table(arch.energy, model.price_documents(), arch.places)
    found: dict[tuple[str, str], float] = {}
    for one in tariffs(sim.parts(), table):
        key = one.component, one.counter or one.action
        found[key] = found.get(key, 0.0) + one.amount * one.price.nominal
    return found, table


def test_a_byte_of_dram_is_eight_bits_in_both_models():
    for model in ("exact", "pipe"):
        found, table = prices(f"dram.model={model}")
        for way in ("read", "write"):
            bits = 8 * (table.rows[f"dram_{way}_bit"].pj.nominal + table.rows[f"dram_io_{way}_bit"].pj.nominal)
            assert bits <= found["dram", f"{way}_bytes"] <= 3 * bits
            assert found["dram", f"{way}_bytes"] > 10  # a byte from DDR4 is tens of pJ


def test_what_stands_grows_with_channels_and_ranks():
    one, four = prices("dram.channels=1")[0], prices("dram.channels=4")[0]
    standing = [key for key in four if key[0] == "dram" and "standby" in key[1]]
    assert standing and all(abs(four[key] / one[key] - 4) < 1e-9 for key in standing)
    two = prices("dram.ranks=2")[0]
    assert any(two[key] > 1.9 * four[key] for key in standing)


def test_no_unit_works_for_nothing():
    found, _ = prices()
    for key in (
        ("vector", "element_ops"), ("engine", "mac_ops"), ("denser", "mac_ops"), ("sparser", "mac_ops"),
        ("encoder", "mac_ops"), ("decoder", "mac_ops"), ("softmax", "exp_ops"), ("softmax", "divide_ops"),
        ("merge", "requant_ops"), ("merge", "add_ops"), ("vector", "read_bytes"), ("weight_gb", "read_bytes"),
        ("act_gb0", "write_bytes"), ("dram", "activates"),
    ):  # fmt: skip
        assert found[key] > 0, key
    # a byte of a buffer of a hundred KiB: between a tenth of a pJ and two
    assert 0.05 < found["act_gb0", "read_bytes"] < 2 and 0.05 < found["act_gb0", "write_bytes"] < 2
