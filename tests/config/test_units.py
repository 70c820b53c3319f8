"""Quantities: exact values, the rounding rule, and every refusal's sentence."""

from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.config import units
from accelsim.core import InputError

MHZ = 10**6


@pytest.mark.parametrize(
    ("text", "hertz"),
    [
        ("500 MHz", 500 * MHZ),
        ("500MHz", 500 * MHZ),
        ("1.2 GHz", 1200 * MHZ),
        ("0.1 GHz", 100 * MHZ),
        ("4000/3 MHz", Fraction(4000 * MHZ, 3)),
        ("32768 Hz", 32768),
        ("3 kHz", 3000),
    ],
)
def test_frequency(text, hertz):
    assert units.frequency(text) == hertz


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("64", "count", 64),
        ("-3", "count", -3),
        (" 64 ", "cycles", 64),
        ("12 cycles", "cycles", 12),
        ("1 cycle", "cycles", 1),
        ("320 KiB", "bytes", 320 * 1024),
        ("53 KB", "bytes", 53_000),
        ("53 kB", "bytes", 53_000),
        ("1.5 MiB", "bytes", 3 * 512 * 1024),
        ("2 GiB", "bytes", 2**31),
        ("3 MB", "bytes", 3_000_000),
        ("1 GB", "bytes", 10**9),
        ("7 B", "bytes", 7),
        ("7 bytes", "bytes", 7),
        ("64 B/cycle", "bytes/cycle", 64),
        ("8 bits", "bits", 8),
        ("8", "bits", 8),
    ],
)
def test_whole(text, unit, value):
    assert units.whole(text, unit) == value


@pytest.mark.parametrize(
    ("text", "unit", "hertz", "value"),
    [
        ("60 ns", "cycles", 500 * MHZ, 30),
        ("60 ns", "cycles", 1200 * MHZ, 72),
        ("13.75 ns", "cycles", 1200 * MHZ, 17),  # 16.5
        ("0.001 ns", "cycles", 500 * MHZ, 1),
        ("0 ns", "cycles", 500 * MHZ, 0),
        ("2 us", "cycles", 500 * MHZ, 1000),
        ("1 ms", "cycles", 500 * MHZ, 500_000),
        ("1 s", "cycles", 500 * MHZ, 500 * MHZ),
        ("833 ps", "cycles", 1200 * MHZ, 1),
        ("834 ps", "cycles", 1200 * MHZ, 2),  # 1.0008
        ("76.8 GB/s", "bytes/cycle", 1200 * MHZ, 64),
        ("32 GB/s", "bytes/cycle", 500 * MHZ, 64),
        ("2 GiB/s", "bytes/cycle", 2**20, 2048),
    ],
)
def test_seconds_become_cycles_of_the_clock(text, unit, hertz, value):
    assert units.whole(text, unit, "core", Fraction(hertz)) == value


@pytest.mark.parametrize(
    ("text", "unit", "sentence"),
    [
        ("76.8 GB/s", "bytes/cycle",
         "'76.8 GB/s' is 153.6 bytes/cycle of clock core (500 MHz), but only a whole number can be built;"
         " write 153 or 154"),
        ("0.1 KiB", "bytes", "'0.1 KiB' is 102.4 bytes, but only a whole number can be built; write 102 or 103"),
        ("10/3", "count", "'10/3' is about 3.333333, but only a whole number can be built; write 3 or 4"),
        ("-0.5", "count", "'-0.5' is -0.5, but only a whole number can be built; write -1 or 0"),
        ("53 Kib", "bytes",
         "expected a number of bytes such as 54272 or '53 KiB', not '53 Kib': there is no unit 'Kib' for it"
         " (did you mean 'KiB'?)"),
        ("60 MHz", "cycles",
         "expected a number of cycles such as 12 or '60 ns', not '60 MHz': there is no unit 'MHz' for it"),
        ("64 KiB", "count", "expected a plain whole number such as 64, not '64 KiB': there is no unit 'KiB' for it"),
        ("many", "count", "expected a number such as 64, 76.8 or 4000/3, with or without a unit, not 'many'"),
        ("1e3", "count", "expected a plain whole number such as 64, not '1e3': there is no unit 'e3' for it"),
        ("064", "count", "expected a number such as 64, 76.8 or 4000/3, with or without a unit, not '064'"),
        ("2000000 GiB/s", "bytes", "there is no unit 'GiB/s' for it (did you mean 'GiB'?)"),
        ("9999999999999999999", "count",
         "'9999999999999999999' is too large: at most 1152921504606846976 can be counted"),
    ],
)  # fmt: skip
def test_refusals_of_whole(text, unit, sentence):
    with pytest.raises(InputError) as error:
        units.whole(text, unit, "core", Fraction(500 * MHZ))
    assert str(error.value).endswith(sentence)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("500", "a frequency needs a unit, such as '500 MHz', not '500'"),
        ("0 MHz", "a frequency must be above 0, not '0 MHz'"),
        ("-5 MHz", "a frequency must be above 0, not '-5 MHz'"),
        ("500 mhz", "expected a frequency such as '500 MHz', not '500 mhz': there is no unit 'mhz' for it"
                    " (did you mean 'MHz'?)"),
        ("5 ns", "expected a frequency such as '500 MHz', not '5 ns': there is no unit 'ns' for it"),
    ],
)  # fmt: skip
def test_refusals_of_frequency(text, sentence):
    with pytest.raises(InputError) as error:
        units.frequency(text)
    assert str(error.value) == sentence


def test_a_time_needs_a_clock():
    with pytest.raises(InputError, match="there is no unit 'ns' for it"):
        units.whole("60 ns", "cycles")


@settings(max_examples=60)
@given(st.fractions(min_value=Fraction(1, 1000), max_value=10**13, max_denominator=10**9))
def test_a_frequency_is_read_back_as_written(hertz):
    assert units.frequency(units.frequency_text(hertz)) == hertz


@pytest.mark.parametrize(
    ("hertz", "text"),
    [
        (500 * MHZ, "500 MHz"),
        (1200 * MHZ, "1.2 GHz"),
        (1, "1 Hz"),
        (1333333333, "1333.333333 MHz"),
        (Fraction(4000 * MHZ, 3), "4/3 GHz"),
        (Fraction(1, 2), "1/2 Hz"),
    ],
)
def test_frequency_text(hertz, text):
    assert units.frequency_text(Fraction(hertz)) == text


@settings(max_examples=60)
@given(st.integers(0, 2**59), st.fractions(min_value=1, max_value=10**11, max_denominator=100))
def test_rounding_up_covers_the_time_and_no_cycle_more(picoseconds, hertz):
    exact = Fraction(picoseconds, 10**12) * hertz
    if exact < units.LARGEST:
        cycles = units.whole(f"{picoseconds} ps", "cycles", "core", hertz)
        assert cycles - 1 < exact <= cycles


@given(st.text(max_size=20))
@settings(max_examples=100)
def test_any_text_is_read_or_refused(text):
    for unit in ("count", "cycles", "bytes", "bytes/cycle", "bits"):
        with suppress(InputError):
            assert isinstance(units.whole(text, unit, "core", Fraction(MHZ)), int)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (1000, "1000 bytes"), (1024, "1 KiB"), (54272, "53 KiB"), (2**20, "1 MiB"), (3 * 2**30, "3 GiB")],
)
def test_size_text(size, text):
    assert units.size_text(size) == text
