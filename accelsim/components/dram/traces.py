"""Request traces: arrival cycle, byte address and kind of every 64-byte request, in the formats the big simulators
read."""

import gzip
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from accelsim.core.errors import InputError

FORMATS = (
    "'cycle,addr,op' (decimal, hexadecimal, R or W), DRAMsim3's '0xADDRESS READ|WRITE cycle',"
    " or Ramulator's 'LD|ST address'"
)
OWN = re.compile(r"\s*(-?\w+)\s*,\s*(-?\w+)\s*,\s*(\w+)\s*$")
DRAMSIM3 = re.compile(r"\s*(0[xX]\w+)\s+([A-Za-z_]+)\s+(-?\w+)\s*$")
RAMULATOR = re.compile(r"\s*(LD|ST)\s+(\w+)\s*$")
KINDS = {"R": 0, "W": 1, "READ": 0, "WRITE": 1, "P_MEM_RD": 0, "P_MEM_WR": 1, "P_FETCH": 0, "LD": 0, "ST": 1}


class Trace(NamedTuple):
    """Requests in order: `arrival` (int64 DRAM clocks, never decreasing), `address` (int64 bytes), `is_write`
    (bool)."""

    arrival: np.ndarray
    address: np.ndarray
    is_write: np.ndarray


def read_trace(path: str | Path) -> Trace:
    """Read a trace, gzipped if its name ends in .gz; `#` starts a comment. A trace without cycles arrives at cycle 0,
    so that every request comes as soon as it is accepted.

    Raises InputError with file, line, value and rule for what is none of the formats, negative, or out of order.
    """
    form, rows, last = None, [], 0
    for number, text in request_lines(Path(path)):
        if form is None:
            form = next((f for f in (OWN, DRAMSIM3, RAMULATOR) if f.match(text)), None)
            if form is None:
                raise InputError(f"{path}:{number}: {text.strip()!r} is no request: expected {FORMATS}.")
        if not (match := form.match(text)):
            raise InputError(f"{path}:{number}: {text.strip()!r} is not in the format of the lines before it.")
        row = request(f"{path}:{number}", form, match)
        if row[0] < last:
            raise InputError(f"{path}:{number}: cycle {row[0]} comes after cycle {last}: cycles must not decrease.")
        last = row[0]
        rows.append(row)
    if not rows:
        raise InputError(f"{path}: the trace holds no request.")
    table = np.array(rows, np.int64)
    return Trace(*(np.ascontiguousarray(column) for column in (table[:, 0], table[:, 1], table[:, 2] != 0)))


def request_lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a trace that are requests, with their numbers."""
    try:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            lines = file.read().splitlines()
    except (OSError, EOFError, UnicodeDecodeError) as e:
        raise InputError(f"{path}: the trace cannot be read: {getattr(e, 'strerror', None) or e}.") from e
    found = [(n, text) for n, text in enumerate(lines, 1) if text.strip() and not text.lstrip().startswith("#")]
    return found[1:] if found and found[0][1].strip() == "cycle,addr,op" else found


def request(where: str, form: re.Pattern, match: re.Match) -> tuple[int, int, int]:
    """(cycle, byte address, is a write) of one line."""
    if form is OWN:
        cycle, address, kind = match.groups()
        base = 16
    elif form is DRAMSIM3:
        address, kind, cycle = match.groups()
        base = 16
    else:
        (kind, address), cycle = match.groups(), "0"
        base = 16 if address[:2].lower() == "0x" else 10
    if kind.upper() not in KINDS:
        raise InputError(f"{where}: {kind!r} is no kind of request: expected R or W, READ or WRITE, LD or ST.")
    return whole(where, "cycle", cycle, 10), whole(where, "address", address, base), KINDS[kind.upper()]


def whole(where: str, what: str, text: str, base: int) -> int:
    try:
        value = int(text, base)
    except ValueError:
        value = -1
    if not 0 <= value < 1 << 62:
        kind = "hexadecimal" if base == 16 else "decimal"
        raise InputError(f"{where}: {what} is {text!r}: it must be a {kind} number from 0 to 2**62 - 1.")
    return value
