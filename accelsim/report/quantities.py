"""Quantities as people read them; what does not exist is a dash."""

PREFIXES = ("p", "n", "u", "m", "", "k", "M", "G", "T")


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def scaled(value: float | None, unit: str, digits: int = 3) -> str:
    """A quantity with a decimal prefix, as in `1.23 mJ`."""
    if value is None:
        return "-"
    if value == 0:
        return f"0 {unit}"
    exponent = int(f"{value:.{digits - 1}e}".partition("e")[2])
    power = min(max(exponent // 3, -4), 4)
    return f"{value / 1000.0**power:#.{digits}g}".rstrip(".") + f" {PREFIXES[power + 4]}{unit}"


def joules(pj: float | None) -> str:
    return scaled(None if pj is None else pj * 1e-12, "J")


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
