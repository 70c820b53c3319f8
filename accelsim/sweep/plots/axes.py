"""What is drawn over what: the parameters that vary between the points of a table, and their values."""

import math
from collections.abc import Sequence

from accelsim.core.errors import InputError
from accelsim.sweep.table import ABOUT, Columns

UNITS = {
    "cycles": "core cycles", "seconds": "s", "energy_pj": "pJ", "power_w": "W", "area_mm2": "mm2",
    "dram_read_bytes": "bytes", "dram_write_bytes": "bytes", "ops_per_byte": "op/byte", "ops_per_s": "op/s",
    "chip_energy_pj": "pJ", "dram_energy_pj": "pJ", "mac_utilization": "share of peak", "chip_power_w": "W",
}  # fmt: skip


def varied(table: Columns, figures: Sequence[str] = ()) -> list[str]:
    """The columns that say what differs between points: workload, machine and parameters with two values or more."""
    names = list(table)
    known = names[: names.index("cycles")] if "cycles" in names else names
    known = [n for n in known if n not in ABOUT or n in ("machine", "workload")]
    return [n for n in known if n not in figures and len(set(table[n])) > 1]


SAID = {
    "cycles": "time", "seconds": "time", "energy_pj": "energy", "power_w": "power", "area_mm2": "area",
    "dram_read_bytes": "DRAM reads", "dram_write_bytes": "DRAM writes", "ops_per_byte": "arithmetic intensity",
    "ops_per_s": "throughput", "chip_energy_pj": "energy of the chip", "dram_energy_pj": "energy of DRAM",
    "mac_utilization": "MAC utilization", "chip_power_w": "power of the chip",
}  # fmt: skip


def label(name: str) -> str:
    """A figure in words with its unit; a parameter as a configuration calls it."""
    return f"{said(name)} ({UNITS[name]})" if name in UNITS else said(name)


def said(name: str) -> str:
    """A figure in words."""
    return SAID.get(name, name)


def chosen(table: Columns, axes: list[str], count: int, what: str) -> list[str]:
    """So many axes: as given, else what varies most."""
    free = [n for n in sorted(varied(table), key=lambda n: (-len(set(table[n])), n)) if n not in axes]
    axes = (axes + free)[:count]
    if len(axes) < count:
        raise InputError(
            f"{what} needs {count} parameters that vary between the points, and there are {len(axes)}; "
            "name one with --over"
        )
    return axes


def known(values: Sequence) -> list:
    """Values of an axis in order: numbers by size, words as they come."""
    seen = list(dict.fromkeys(values))
    return sorted(seen) if all(isinstance(v, int | float) for v in seen) else seen


def best(table: Columns, metric: str, axes: list[str]) -> dict[tuple, float]:
    """The smallest metric of all points at each place of the axes."""
    found: dict[tuple, float] = {}
    for *place, value in zip(*(table[a] for a in axes), table[metric]):
        if value is not None and value < found.get(tuple(place), math.inf):
            found[tuple(place)] = value
    return found


def names_of(table: Columns) -> list[str]:
    """Each point in words: what differs between them."""
    differ = varied(table) or ["machine"]
    short = [d if d in ("machine", "workload") else d.split(".", 1)[-1] for d in differ]
    return [
        ", ".join(str(v) if d in ("machine", "workload") else f"{s}={v}" for d, s, v in zip(differ, short, row))
        for row in zip(*(table[d] for d in differ))
    ]
