"""The values of an axis: a list, an arithmetic or a geometric range, or all whole numbers between two ends."""

import math
from collections import Counter
from dataclasses import dataclass, field, replace
from fractions import Fraction

from accelsim.config.units import split
from accelsim.core.document import Entry
from accelsim.core.errors import InputError, suggest

KEYS = ("from", "to", "step", "factor", "steps", "scale", "multiple")
FORM = "a list, as in [16, 32, 64], or a range, as in {from: 16, to: 128, step: 16}"
MOST = 100_000  # values of one axis
LONGEST = 10**30  # what a parameter's value can be written with


@dataclass(frozen=True)
class Axis:
    """name: a parameter, as in an override. values: what it takes, as text; none when it is open: every `multiple` of
    `unit` from `low` to `high`, evenly or, if `log`, by ratio. where: the file and line it stands on.
    """

    name: str
    values: tuple[str, ...]
    low: int = 0
    high: int = 0
    unit: str = ""
    log: bool = False
    multiple: int = 1
    where: str = field(default="", compare=False, repr=False)

    def __len__(self) -> int:
        """How many values it can take."""
        return len(self.values) or self.high // self.multiple - -(-self.low // self.multiple) + 1

    def at(self, share: float) -> str:
        """The value at a share of the axis from 0 to below 1."""
        if self.values:
            return self.values[min(int(share * len(self.values)), len(self.values) - 1)]
        low, high = -(-self.low // self.multiple), self.high // self.multiple
        if self.log:
            exact = self.low * (self.high / self.low) ** share / self.multiple
            return self.text(min(max(round(exact), low), high) * self.multiple)
        return self.text(min(low + int(share * (high - low + 1)), high) * self.multiple)

    def text(self, value: Fraction | int) -> str:
        return f"{value} {self.unit}".strip()


def axis(name: str, entry: Entry, where: str) -> Axis:
    """Read an axis. Raises InputError with the rule."""
    return replace(read(name, entry, where), where=where)


def read(name: str, entry: Entry, where: str) -> Axis:
    value = entry.value
    if isinstance(value, list):
        texts = tuple(item.value for item in value)
        if not texts or not all(isinstance(t, str) and t for t in texts):
            raise InputError(f"{where}: the values of {name} must be a list of single values, as in [16, 32, 64]")
        if len(texts) > MOST:
            raise InputError(f"{where}: {name} has {len(texts)} values; at most {MOST} can be swept")
        double = next((t for t, n in Counter(texts).items() if n > 1), None)
        if double is not None:
            raise InputError(f"{where}: {name} has the value {double!r} twice; remove one")
        return Axis(name, texts)
    if isinstance(value, str) and value:
        return Axis(name, (value,))
    if not isinstance(value, dict) or not value:
        raise InputError(f"{where}: {name} needs its values: {FORM}")
    return span(name, {key: item.value for key, item in value.items()}, where)


def span(name: str, given: dict, where: str) -> Axis:
    """An axis from the entries of a range."""
    for key, text in given.items():
        if key not in KEYS:
            raise InputError(
                f"{where}: {name}: a range has no entry {key!r}{suggest(key, KEYS)}; it has {', '.join(KEYS)}"
            )
        if not isinstance(text, str) or not text:
            raise InputError(f"{where}: {name}: {key} must be a single value")
    if "from" not in given or "to" not in given:
        raise InputError(f"{where}: {name}: a range needs 'from' and 'to', as in {{from: 16, to: 128, step: 16}}")
    ways = [key for key in ("step", "factor", "steps") if key in given]
    if len(ways) > 1:
        raise InputError(f"{where}: {name}: a range has one of step, factor and steps, not {' and '.join(ways)}")
    low, unit = number(name, "from", given["from"], where)
    high, other = number(name, "to", given["to"], where)
    if unit != other:
        raise InputError(f"{where}: {name}: 'from' and 'to' must have the same unit, not {unit!r} and {other!r}")
    scale = given.get("scale", "linear")
    if scale not in ("linear", "log"):
        raise InputError(f"{where}: {name}: scale must be linear or log, not {scale!r}")
    if low > high or (low <= 0 and (scale == "log" or "factor" in given)):
        rule = "'from' must not be above 'to', and must be above 0 in a log range"
        raise InputError(f"{where}: {name}: {rule}; they are {given['from']!r} and {given['to']!r}")
    multiple = whole(name, "multiple", given.get("multiple", "1"), where)
    made = Axis(name, (), unit=unit)
    if "step" in given:
        step, its = number(name, "step", given["step"], where)
        if step <= 0 or its not in ("", unit):
            raise InputError(f"{where}: {name}: step must be above 0, in the unit of 'from', not {given['step']!r}")
        count = int((high - low) // step) + 1
        return finite(made, count, where, lambda i: low + i * step)
    if "factor" in given:
        factor, its = number(name, "factor", given["factor"], where)
        if factor <= 1 or its:
            raise InputError(f"{where}: {name}: factor must be a number above 1, not {given['factor']!r}")
        values = [low]
        while values[-1] * factor <= high:
            values.append(values[-1] * factor)
            if max(values[-1].numerator, values[-1].denominator) > LONGEST:  # it grows with every step, without a bound
                raise InputError(
                    f"{where}: {name}: the {len(values)}. value of this range has more than 30 digits; a factor that is"
                    " a whole number, or steps with scale: log, gives shorter ones"
                )
        return finite(made, len(values), where, values.__getitem__)
    if "steps" in given:
        steps = whole(name, "steps", given["steps"], where)

        def spread(i: int) -> int:
            share = i / max(steps - 1, 1)
            exact = low * (high / low) ** share if scale == "log" else low + (high - low) * share
            return round(float(exact) / multiple) * multiple

        return finite(made, steps, where, spread)
    first, last = math.ceil(low), math.floor(high)
    if -(-first // multiple) > last // multiple:
        raise InputError(
            f"{where}: {name}: no multiple of {multiple} lies between {given['from']!r} and {given['to']!r}"
        )
    return Axis(name, (), first, last, unit, scale == "log", multiple)


def finite(made: Axis, count: int, where: str, value) -> Axis:
    if count > MOST:
        raise InputError(f"{where}: {made.name} would have {count} values or more; at most {MOST} can be swept")
    texts = (made.text(value(i)) for i in range(count))
    return Axis(made.name, tuple(dict.fromkeys(texts)), unit=made.unit)


def number(name: str, key: str, text: str, where: str) -> tuple[Fraction, str]:
    try:
        return split(text)
    except InputError as error:
        raise InputError(f"{where}: {name}: {key}: {error}") from None


def whole(name: str, key: str, text: str, where: str) -> int:
    value, unit = number(name, key, text, where)
    if unit or value.denominator != 1 or value < 1:
        raise InputError(f"{where}: {name}: {key} must be a whole number of at least 1, not {text!r}")
    return int(value)
