"""Clock domains on one integer time base: the least common multiple of all frequencies, so that no ratio drifts.

With 500 MHz and 1200 MHz the time base runs at 6 GHz; a core cycle is 12 units, a DRAM cycle 5, for ever.
"""

from collections.abc import Mapping
from fractions import Fraction
from math import gcd, lcm

from accelsim.core.errors import InputError


def periods(frequencies_hz: Mapping[str, int | Fraction]) -> tuple[int | Fraction, dict[str, int]]:
    """The time base (Hz) and every domain's period in units of it, both exact.

    Raises InputError for a frequency that is not a positive rational number.
    """
    exact = {}
    for name, hertz in frequencies_hz.items():
        if not isinstance(hertz, int | Fraction) or hertz <= 0:
            raise InputError(f"clock {name}: a frequency must be a positive whole number of hertz, not {hertz!r}")
        exact[name] = Fraction(hertz)
    denominator = lcm(*(f.denominator for f in exact.values()))
    whole = {name: int(f * denominator) for name, f in exact.items()}
    base = lcm(*whole.values())
    shared = gcd(base, *(base // f for f in whole.values()))
    units = {name: base // f for name, f in whole.items()}
    shared = gcd(*units.values())
    return Fraction(base, denominator * shared), {name: u // shared for name, u in units.items()}
