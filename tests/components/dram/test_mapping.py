"""Address bits to channel, rank, bank group, bank, row and column."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.components.dram.mapping import FIELDS, MAPS, address_map
from accelsim.components.dram.standard import load_standard
from accelsim.core.errors import InputError

STANDARD = load_standard("ddr4_2400_reference")


def decode(where, address):
    return {name: (address >> 6 >> shift) & mask for name, (shift, mask) in where.fields().items()}


def test_consecutive_lines_stay_in_a_row_under_m1_and_change_groups_under_m2():
    m1, m2 = (address_map(name, STANDARD, 4) for name in ("m1", "m2"))
    assert [decode(m1, 64 * i)["channel"] for i in range(5)] == [0, 1, 2, 3, 0]
    assert decode(m1, 64 * 4) == {"channel": 0, "column": 1, "rank": 0, "group": 0, "bank": 0, "row": 0}
    assert decode(m2, 64 * 4) == {"channel": 0, "column": 0, "rank": 0, "group": 1, "bank": 0, "row": 0}
    assert decode(address_map("drs", STANDARD, 4), 1 << 17)["channel"] == 1  # 128 KiB of one channel after another
    assert m1.capacity_bytes == 4 * 8 << 30


@settings(max_examples=60, deadline=None)
@given(st.permutations(FIELDS), st.sampled_from([1, 2, 4, 8, 16]), st.sampled_from([1, 2, 4]), st.integers(0, 2**80))
def test_any_order_of_fields_is_a_bijection(order, channels, ranks, number):
    where = address_map("|".join(order), STANDARD.with_ranks(ranks), channels)
    line = number % (where.capacity_bytes >> 6)
    found = decode(where, line << 6)
    assert sum(found[name] << shift for name, (shift, _) in where.fields().items()) == line
    assert found["channel"] < channels and found["rank"] < ranks
    names = ["group" if f == "bankgroup" else f for f in order]
    shifts = [where.fields()[name][0] for name in names]
    assert shifts == sorted(shifts, reverse=True)


def test_named_maps_name_every_field_once():
    assert all(sorted(order) == sorted(FIELDS) for order in MAPS.values())


@pytest.mark.parametrize(
    ("name", "channels", "sentence"),
    [
        ("m3", 1, "map is 'm3': expected m1, m2, drs or six fields such as"),
        ("row|bank|bankgroup|rank|column", 1, "does not cover all address bits: channel must be named too."),
        ("row|bank|bankgroup|rank|colum|channel", 1, "'colum' is no field of an address (did you mean 'column'?)."),
        ("row|row|bankgroup|rank|column|channel", 1, "field 'row' is named 2 times, each must be named once."),
        ("m1", 3, "channels is 3: it must be a power of two, so that address bits can choose among them."),
        ("m1", 32, "channels is 32: it must be from 1 to 16."),
        ("m1", 0, "channels is 0: it must be from 1 to 16."),
    ],
)
def test_maps_that_cannot_be(name, channels, sentence):
    with pytest.raises(InputError) as e:
        address_map(name, STANDARD, channels)
    assert sentence in str(e.value)


def test_ranks_must_be_a_power_of_two():
    with pytest.raises(InputError, match="ranks is 3: it must be a power of two"):
        address_map("m1", STANDARD.with_ranks(3), 1)
