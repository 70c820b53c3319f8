"""Quantities as people write them ("500 MHz", "320 KiB", "76.8 GB/s", "60 ns"), read exactly: a Fraction, never a
float, stands between the text and the number of cycles or bytes.
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache

from accelsim.core.errors import InputError, suggest

SIZES = {
    "B": 1, "byte": 1, "bytes": 1,
    "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
}  # fmt: skip
FREQUENCIES = {"Hz": 1, "kHz": 10**3, "MHz": 10**6, "GHz": 10**9}
TIMES = {"s": 1} | {u: Fraction(1, 1000**n) for n, u in enumerate(("ms", "us", "ns", "ps"), 1)}
BANDWIDTHS = {f"{u}/s": n for u, n in SIZES.items()}
PER_CYCLE = {"B/cycle": 1, "byte/cycle": 1, "bytes/cycle": 1}

# What may stand behind the number, by the unit of the parameter; a plain number is always in that unit.
PLAIN = {
    "cycles": {"cycle": 1, "cycles": 1}, "bytes": SIZES, "bytes/cycle": PER_CYCLE, "bits": {"bit": 1, "bits": 1},
    "permille": {"%": 10, "permille": 1}, "mW": {"mW": 1, "W": 10**3}, "fJ": {"fJ": 1, "pJ": 10**3, "nJ": 10**6},
}  # fmt: skip
IN_SECONDS = {"cycles": TIMES, "bytes/cycle": BANDWIDTHS}
EXAMPLES = {
    "cycles": "12 or '60 ns'", "bytes": "54272 or '53 KiB'", "bytes/cycle": "64 or '76.8 GB/s'", "bits": "8",
    "permille": "625 or '62.5 %'", "mW": "15000 or '15 W'", "fJ": "850 or '0.85 pJ'",
}  # fmt: skip

LARGEST = 1 << 60  # an int64 register holds it and a sum of a few of them
NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]{0,29})(?:\.[0-9]{1,30}|/[1-9][0-9]{0,29})?)\s*([A-Za-z%].*)?")


def split(text: str) -> tuple[Fraction, str]:
    """The number and the unit behind it ("" for none). A number is decimal (76.8) or a ratio (4000/3).

    Raises InputError for anything else: exponents, digit separators, and a leading zero, which YAML takes for octal.
    """
    found = NUMBER.fullmatch(text.strip())
    if not found:
        raise InputError(f"expected a number such as 64, 76.8 or 4000/3, with or without a unit, not {text!r}")
    return Fraction(found[1]), found[2] or ""


def frequency(text: str) -> Fraction:
    """A frequency in hertz: "500 MHz", "1.2 GHz", "4000/3 MHz". Raises InputError when it has no unit or is not > 0."""
    number, unit = split(text)
    if not unit:
        raise InputError(f"a frequency needs a unit, such as '{text.strip()} MHz', not {text!r}")
    hertz = number * _factor(text, unit, FREQUENCIES, "a frequency", "'500 MHz'")
    if hertz <= 0:
        raise InputError(f"a frequency must be above 0, not {text!r}")
    return hertz


@lru_cache(maxsize=1 << 12)
def whole(text: str, unit: str, clock: str = "", hertz: Fraction | None = None) -> int:
    """The value of a parameter declared in `unit` (see core.component.Param), a whole number of it.

    `clock` and `hertz` name the clock that seconds are turned into cycles of. A time becomes the cycles that cover it:
    it is rounded up, as a data sheet's minimum time asks. Sizes and bandwidths must come out whole.
    Raises InputError with the rule and the nearest values that would do.
    """
    number, suffix = split(text)
    timed = IN_SECONDS.get(unit, {}) if hertz else {}
    plain = PLAIN.get(unit, {})
    if suffix in timed:
        value = number * timed[suffix] * hertz if unit == "cycles" else number * timed[suffix] / hertz
        if unit == "cycles":
            value = Fraction(-(-value.numerator // value.denominator))
    elif suffix:
        value = number * _factor(text, suffix, plain | timed, _wanted(unit), EXAMPLES.get(unit, "64"))
    else:
        value = number
    if value.denominator != 1:
        raise InputError(_not_whole(text, value, unit, clock if suffix in timed else "", hertz))
    if abs(value) > LARGEST:
        raise InputError(f"{text!r} is too large: at most {LARGEST} can be counted")
    return int(value)


def _wanted(unit: str) -> str:
    return "a plain whole number" if unit == "count" else f"a number of {unit}"


def _not_whole(text: str, value: Fraction, unit: str, clock: str, hertz: Fraction | None) -> str:
    below = value.numerator // value.denominator
    at = f" of clock {clock} ({frequency_text(hertz)})" if clock and hertz else ""
    near = f"write {below} or {below + 1}"
    shown = _decimal(value) + ("" if unit == "count" else f" {unit}")
    return f"{text!r} is {shown}{at}, but only a whole number can be built; {near}"


def _factor(text: str, unit: str, known: Mapping[str, int | Fraction], what: str, example: str) -> int | Fraction:
    if unit in known:
        return known[unit]
    same = [k for k in known if k.lower() == unit.lower()]
    hint = f" (did you mean {same[0]!r}?)" if same else suggest(unit, known)
    raise InputError(f"expected {what} such as {example}, not {text!r}: there is no unit {unit!r} for it{hint}")


def _decimal(value: Fraction) -> str:
    """Exact when the decimals end within six places, "about" otherwise."""
    scaled = value * 10**6
    units, millionths = divmod(round(abs(scaled)), 10**6)
    text = f"{'-' if value < 0 else ''}{units}.{millionths:06d}".rstrip("0").rstrip(".")
    return text if scaled.denominator == 1 else f"about {text}"


@lru_cache(1024)
def frequency_text(hertz: Fraction) -> str:
    """The frequency as a user would write it; `frequency` reads it back exactly."""
    fitting = [(unit, Fraction(hertz) / n) for unit, n in reversed(FREQUENCIES.items()) if hertz >= n]
    for unit, value in fitting:
        if not (text := _decimal(value)).startswith("about"):
            return f"{text} {unit}"
    unit, value = fitting[0] if fitting else ("Hz", Fraction(hertz))
    return f"{value} {unit}"


def size_text(size: int) -> str:
    """Bytes in the largest binary unit that divides them: "53 KiB", "1000 bytes"."""
    unit = next((u for u in ("GiB", "MiB", "KiB") if size and size % SIZES[u] == 0), "")
    return f"{size // SIZES[unit]} {unit}" if unit else f"{size} bytes"
