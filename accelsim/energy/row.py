"""A row of an energy table: what one action costs, what one unit leaks and covers, and where that is from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from accelsim.core.errors import InputError, shown, suggest

MOST = 10**30  # of a figure: times any count, and summed, it is still a finite number


class Range(NamedTuple):
    """A figure and its bounds."""

    nominal: float
    low: float
    high: float

    def times(self, factor: float) -> "Range":
        return Range(self.nominal * factor, self.low * factor, self.high * factor)


NOTHING = Range(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Row:
    """An action or a unit. `pj` is per action, `leakage_uw` per unit (None: by area), `um2` of cells per unit."""

    name: str
    pj: Range
    leakage_uw: Range | None
    um2: Range
    source: str
    option: str | None  # charged only when this option of the table is on


def number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise InputError(f"{where}: expected a finite number >= 0, not {shown(value)}")
    if value > MOST:
        raise InputError(f"{where}: expected a number of at most {MOST:.0e}, not {shown(value)}")
    return value


def bounded(value: Any, where: str, whole: str = "") -> Range:
    """A number, or `{nominal: , low: , high: }`; `whole`: the entry whose parts contradict each other, if not this."""
    if not isinstance(value, Mapping):
        return Range(*[float(number(value, where))] * 3)
    for key in value:
        if key not in Range._fields:
            raise InputError(f"{where}.{key}: no such entry{suggest(key, Range._fields)}")
    nominal = number(value.get("nominal"), f"{where}.nominal")
    low, high = (number(value.get(k, nominal), f"{where}.{k}") for k in ("low", "high"))
    if not low <= nominal <= high:
        raise InputError(f"{whole or where}: expected low <= nominal <= high, not {low}, {nominal}, {high}")
    return Range(float(nominal), float(low), float(high))


def build_row(name: str, row: Mapping[str, Any], options: Mapping[str, bool], where: str) -> Row:
    known = ("pj", "leakage_uw", "low", "high", "um2", "source", "option")
    for key in row:
        if key not in known:
            raise InputError(f"{where}.{key}: no such entry{suggest(key, known)}")
    if ("pj" in row) == ("leakage_uw" in row):
        raise InputError(f"{where}: expected either pj (an action) or leakage_uw (a standing power), and not both")
    if not row.get("source"):
        raise InputError(f"{where}: source is missing (every figure has one)")
    option = row.get("option")
    if option is not None and not isinstance(option, str):
        raise InputError(f"{where}.option: expected the name of an option, not {shown(option)}")
    if option is not None and option not in options:
        raise InputError(f"{where}.option: there is no option {option!r}{suggest(option, options)}")
    field = "pj" if "pj" in row else "leakage_uw"
    bounds = {k: row[k] for k in ("low", "high") if k in row}
    figure = bounded({"nominal": row[field], **bounds}, f"{where}.{field}", where)
    return Row(
        name,
        figure if field == "pj" else NOTHING,
        figure if field == "leakage_uw" else None,
        bounded(row.get("um2", 0), f"{where}.um2"),
        str(row["source"]),
        option,
    )
