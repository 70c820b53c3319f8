"""What every simulated machine pays for the channels between its components: a deeper one is never free."""

from dataclasses import replace

import pytest

from accelsim.accelerators import machine, schema, simulated
from accelsim.config import load_arch
from accelsim.core.errors import InputError
from accelsim.energy import bill, floor_plan, load_table
from accelsim.energy.area import channels_of
from accelsim.energy.tariff import tariffs
from tests.accelerators.pricing import parts_of
from tests.accelerators.test_prices_of_machines import large


def table_of(arch):
    return load_table(arch.energy, machine(arch.machine).price_documents())


def deeper(parts, channel: str, by: int = 1):
    """The components of a machine with one channel that holds more."""
    return {
        name: replace(
            part, channels=tuple(end._replace(depth=end.depth + by * (end.channel == channel)) for end in part.channels)
        )
        for name, part in parts.items()
    }


def um2(parts, table) -> float:
    return sum(piece.um2 for piece in floor_plan(parts, table))


@pytest.mark.parametrize("name", simulated())
def test_no_channel_is_deeper_for_nothing(name):
    arch = load_arch(name, schema)
    parts, table = parts_of(arch), table_of(arch)
    base = um2(parts, table)
    for channel, bits in {end.channel: end.bits for part in parts.values() for end in part.channels}.items():
        more = um2(deeper(parts, channel), table) - base
        assert more >= 3.92 * bits / 0.7 * (1 - 1e-6) > 0, channel


@pytest.mark.parametrize("name", simulated())
def test_every_channel_is_charged_once(name):
    """By what feeds it; what comes from the memory off the chip by what takes it."""
    arch = load_arch(name, schema)
    parts, table = parts_of(arch), table_of(arch)
    found = [end.channel for part in parts for end in channels_of(part, parts, table)]
    assert len(found) == len(set(found))
    assert set(found) == {end.channel for part in parts.values() for end in part.channels}
    assert channels_of("dram", parts, table) == []
    paid = {t.counter for t in tariffs(parts, table) if t.action == "channel_bit"}
    assert paid == set(found)


def test_channels_priced_by_hand():
    """The requests to DRAM are 8 deep: an address of 32 bits and three words of 20; replies have two words."""
    from accelsim.accelerators.run import run

    arch = load_arch("vitcod", schema)
    parts, table = parts_of(arch), table_of(arch)
    without = {**parts, "dma": replace(parts["dma"], channels=())}
    (dma,) = (p for p in floor_plan(parts, table) if p.component == "dma")
    (bare,) = (p for p in floor_plan(without, table) if p.component == "dma")
    streams = 5 * (115 + 4 * 20 * 3.92)  # bytes that have arrived, of each stream
    by_hand = (115 + 8 * 92 * 3.92) + (115 + 8 * 40 * 3.92) + streams
    assert dma.um2 - bare.um2 == pytest.approx(by_hand / 0.7)
    record = run(arch, large())
    moved = record.result.total.transfers
    charges = {c.counter: c for c in bill(record.result, table) if c.action == "channel_bit"}
    for channel, bits in (("dma.request -> dram.request", 92), ("dram.reply -> dma.reply", 40)):
        assert moved[channel] > 0 and charges[channel].pj == pytest.approx(0.007 * bits * moved[channel])
    assert not [c for c in charges.values() if c.off_chip]


@pytest.mark.parametrize(
    ("name", "channel", "bytes_"),
    [
        ("systolic", "array.out -> vector.outputs", 4 * 32 * 16),
        ("sanger", "dense.out -> vector.outputs", 4 * 16 * 64),
        ("salo", "window.out -> merge.partial", 2 * 128 * 33),
        ("vitality", "join.out -> vector.outputs", 4 * 64 * 16),
        ("ita", "engine.out -> vector.outputs", 64 * 64),
        ("spatten", "array.out -> vector.outputs", 4 * 1024),
    ],
)
def test_what_an_item_carries_stands_somewhere(name, channel, bytes_):
    """A whole fold or a tile's rows: a memory that grows with the channel, and is written and read for an item."""
    arch = load_arch(name, schema)
    parts, table = parts_of(arch), table_of(arch)
    mine = [t for t in tariffs(parts, table) if t.counter == channel]
    assert {t.amount for t in mine if t.action.startswith("queue.")} == {bytes_}
    assert um2(deeper(parts, channel, 64), table) - um2(parts, table) > 64 * 8 * bytes_ * 0.1


@pytest.mark.parametrize(
    ("channel", "bytes_", "counter", "action", "each"),
    [
        ("qk_array.scores -> softmax.scores", 1.5 * 1024, "exp_ops", "qk_array.queue.write", 1.5),
        ("softmax.probabilities -> decision.probabilities", 1.5 * 1024, "divide_ops", "queue.write", 1.5),
        ("row_top_k.kept -> pv_array.rows", 4 * 1024, "max_ops", "row_top_k.queue.write", 4),
    ],
)
def test_a_row_of_scores_stands_somewhere_and_is_charged_by_the_score(channel, bytes_, counter, action, each):
    """SpAtten's: room for the longest row, energy of the scores that are there."""
    arch = load_arch("spatten", schema)
    parts, table = parts_of(arch), table_of(arch)
    assert [t.amount for t in tariffs(parts, table) if (t.counter, t.action) == (counter, action)] == [each]
    assert um2(deeper(parts, channel, 64), table) - um2(parts, table) > 64 * 8 * bytes_ * 0.1


def test_a_table_without_a_price_of_channels_is_refused():
    arch = load_arch("vitcod", schema)
    table = table_of(arch)
    table = replace(table, rows={name: row for name, row in table.rows.items() if name != "channel_bit"})
    with pytest.raises(
        InputError, match="logic has no row 'channel_bit', the price of the channels between components"
    ):
        floor_plan(parts_of(arch), table)
