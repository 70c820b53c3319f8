"""What ViTCoD's tables, copies and sums take of the chip."""

import pytest

from accelsim.accelerators import machine, schema
from accelsim.config import load_arch
from accelsim.energy import load_table
from accelsim.energy.area import memories_of
from accelsim.energy.tariff import tariffs
from tests.accelerators.pricing import parts_of, priced


def test_lanes_of_the_merge_that_the_vector_unit_has_not_look_up_by_themselves():
    """8 bits of 256: 2,040 multiplexers, which a lane of the vector unit has."""

    def um2(lanes):
        return priced(load_arch("vitcod", schema, [f"vector.lanes={lanes}"]))[0] * 0.7

    assert um2(128) - um2(64) == pytest.approx(64 * 8412)
    assert um2(64) - um2(32) == pytest.approx(32 * (8412 - 2040 * 0.91))


def test_less_time_for_a_root_takes_more_of_it():
    def um2(*cycles):
        chosen = [f"vector.{name}={n}" for name, n in zip(("reduce_cycles", "rsqrt_cycles"), cycles)]
        return priced(load_arch("vitcod", schema, chosen))[0] * 0.7

    assert um2(4, 8) - um2(8, 16) == pytest.approx(14944)
    assert um2(16, 16) == um2(8, 16)


def test_each_engine_has_q_and_k_of_its_own():
    """As large as the other's, written with it, and read by one of them each."""
    arch = load_arch("vitcod", schema)
    table = load_table(arch.energy, machine("vitcod").price_documents())
    held = memories_of("denser", parts_of(arch), table)
    assert held["k_copy"] == held["k"] and held["k"].um2 > 40_000
    found = {(t.component, t.counter, t.action): t.amount for t in tariffs(parts_of(arch), table)}
    for name in ("q", "q_copy", "k", "k_copy"):
        assert found["decoder", "operand_bytes", f"denser.{name}.write"] == 0.5
    assert found["denser", "k_read_bytes", "k_copy.read"] == found["sparser", "k_read_bytes", "denser.k.read"] == 1


def test_the_encoders_sums_take_room():
    """6 KiB of 32 bytes: two macros side by side."""
    one, two = (priced(load_arch("vitcod", schema, [f"encoder.sum_bytes={size}"]))[0] for size in (6144, 12288))
    assert 5_000 < two - one < 30_000
