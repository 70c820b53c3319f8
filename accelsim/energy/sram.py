"""On-chip memories: CACTI 7 figures (`tables/sram_cacti7.csv`), interpolated, as energy per byte, leakage and area.

The rule. A memory of B banks is B equal memories, each with a port of its own. A bank is macros side by side, each no
wider than compilers make them (128 bits), and one behind the other, of which an access wakes one; as many of both as
cover least area, at least as many as its width and its size (a macro holds up to 320 KiB) need. A macro is no smaller
than the smallest of its width (1 or 2 KiB) and no narrower than 64 bits. Between the table's points each figure follows
a power law in size and in width (linear in the logarithms), which gives the table's own figures at its points. Taking
the least area makes a larger or wider memory never the smaller one, though CACTI's figures jump. The energy table then
multiplies them by its macro factors: real foundry macros take more than CACTI says.
"""

import csv
import functools
import math
from dataclasses import dataclass
from pathlib import Path

from accelsim.core.errors import InputError

FIGURES = Path(__file__).parent / "tables" / "sram_cacti7.csv"
COLUMNS = ("read_pj", "write_pj", "leakage_mw", "area_mm2")


@dataclass(frozen=True)
class Memory:
    """A whole memory, before the macro factors."""

    read_pj_per_byte: float
    write_pj_per_byte: float
    leakage_uw: float
    um2: float
    macros: int


@functools.cache
def figures(node_nm: int, cell: str, where: str = "sram") -> dict[int, tuple[tuple[float, ...], ...]]:
    """Width in bits -> rows (size in KiB, read pJ, write pJ, leakage mW, area mm2), by size. Raises InputError, which
    begins with `where`, when there are none."""
    with FIGURES.open(newline="") as file:
        rows = list(csv.DictReader(file))
    found: dict[int, list[tuple[float, ...]]] = {}
    for row in rows:
        if int(row["node_nm"]) == node_nm and row["cell"] == cell:
            found.setdefault(int(row["width_bits"]), []).append(
                (float(row["size_kib"]), *(float(row[c]) for c in COLUMNS))
            )
    if not found:
        known = sorted({(int(r["node_nm"]), r["cell"]) for r in rows})
        raise InputError(
            f"{where}: there are no CACTI figures for node_nm {node_nm} with cell {cell!r}, only for "
            + ", ".join(f"{n} nm {c}" for n, c in known)
        )
    return {w: tuple(sorted(r)) for w, r in sorted(found.items())}


def between(x: float, x0: float, y0: tuple[float, ...], x1: float, y1: tuple[float, ...]) -> tuple[float, ...]:
    """The power law through (x0, y0) and (x1, y1), at x."""
    if x0 == x1:
        return y0
    t = math.log(x / x0) / math.log(x1 / x0)
    return tuple(a ** (1 - t) * b**t for a, b in zip(y0, y1, strict=True))


def macro(
    size_kib: float, width_bits: float, node_nm: int, cell: str, macro_bits: int | None = None
) -> tuple[float, float, float, float]:
    """Read pJ and write pJ per access, leakage mW and area mm2 of one macro within the table's range.

    With `macro_bits`, whichever covers least area: that width, or one of the table's wider ones up to so many bits.
    """
    table = figures(node_nm, cell)
    if macro_bits is not None:
        wider = [w for w in table if width_bits < w <= macro_bits]
        return min((macro(size_kib, w, node_nm, cell) for w in (width_bits, *wider)), key=lambda one: one[3])

    def of(width: int) -> tuple[float, ...]:
        rows = table[width]
        size = min(max(size_kib, rows[0][0]), rows[-1][0])
        i = next(i for i, row in enumerate(rows) if row[0] >= size)
        low, high = rows[max(i - 1, 0)], rows[i]
        return high[1:] if high[0] == size else between(size, low[0], low[1:], high[0], high[1:])

    widths = list(table)
    width = min(max(width_bits, widths[0]), widths[-1])
    high = next(w for w in widths if w >= width)
    if high == width:
        return of(high)
    low = widths[widths.index(high) - 1]
    return between(width, low, of(low), high, of(high))


@functools.lru_cache(maxsize=4096)
def memory(
    capacity_bytes: float, port_bytes: float, banks: float, node_nm: int, cell: str, where: str, macro_bits: int = 128
) -> Memory:
    """A memory of `capacity_bytes` in all, in `banks` banks with a port of `port_bytes` each (one access a cycle), of
    macros of at most `macro_bits` bits.

    Raises InputError when one of the first three is not positive.
    """
    for name, value in (("capacity_bytes", capacity_bytes), ("port_bytes", port_bytes), ("banks", banks)):
        if value <= 0:
            raise InputError(f"{where}: a memory's {name} must be more than 0, not {value}")
    largest = max(row[-1][0] for row in figures(node_nm, cell).values())
    kib, least = capacity_bytes / banks / 1024, math.ceil(port_bytes * 8 / macro_bits)
    found = []
    for beside in (least << n for n in range(1 + max(0, math.ceil(math.log2(kib / least))))):
        fewest = math.ceil(kib / beside / largest)
        halvings = max(0, math.ceil(math.log2(kib / beside / fewest)))  # down to macros of 1 KiB
        for behind in (fewest << n for n in range(halvings + 1)):
            read, write, leakage, area = macro(
                kib / beside / behind, port_bytes * 8 / beside, node_nm, cell, macro_bits
            )
            found.append((area * beside * behind, beside, behind, read, write, leakage))
    area, beside, behind, read, write, leakage = min(found)
    count = math.ceil(banks)
    return Memory(
        read * beside / port_bytes,
        write * beside / port_bytes,
        leakage * 1e3 * count * beside * behind,
        area * 1e6 * count,
        count * beside * behind,
    )
