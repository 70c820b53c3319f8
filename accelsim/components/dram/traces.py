"""Request traces: arrival cycle, byte address and kind of every 64-byte request, in the formats the big simulators
read."""

import gzip
import io
import re
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from accelsim.core.errors import InputError

FORMATS = (
    "'cycle,addr,op' (decimal, hexadecimal with 0x, R or W), DRAMsim3's '0xADDRESS READ|WRITE cycle',"
    " or Ramulator's 'LD|ST address' or 'address R|W'"
)
OWN = re.compile(r"\s*(-?\w+)\s*,\s*(-?\w+)\s*,\s*(\w+)\s*$")
DRAMSIM3 = re.compile(r"\s*(0[xX]\w+)\s+([A-Za-z_]+)\s+(-?\w+)\s*$")
RAMULATOR = re.compile(r"\s*(LD|ST)\s+(\w+)\s*$")
ADDRESS_KIND = re.compile(r"\s*(0[xX]\w+|0|[1-9][0-9]*)\s+([RW])\s*$")  # the first Ramulator's
KINDS = {"R": 0, "W": 1, "READ": 0, "WRITE": 1, "P_MEM_RD": 0, "P_MEM_WR": 1, "P_FETCH": 0, "LD": 0, "ST": 1}
DIGITS = {10: re.compile(r"[0-9]{1,19}"), 16: re.compile(r"(?:0[xX])?[0-9a-fA-F]{1,19}")}
SHOWS_BASE = re.compile(r"0[xX]|[a-fA-F]")
LONGEST_LINE = 1000  # characters
LATEST = 40  # bits of a cycle: a memory refreshes all the time until then
MOST_REQUESTS = 1 << 24
MOST_TEXT = 1 << 31  # bytes
PACKED = 200  # a compressed trace of some size is at most so many times smaller than its text


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
    return read_requests(Path(path))[0]


def read_requests(path: Path) -> tuple[Trace, array]:
    """A trace, and the line of each of its requests."""
    form, last = None, 0
    lines, cycles, addresses, writes = array("q"), array("q"), array("q"), array("q")
    plain_line, based = 0, False
    for number, text in request_lines(path):
        if form is None:
            form = next((f for f in (OWN, DRAMSIM3, RAMULATOR, ADDRESS_KIND) if f.match(text)), None)
            if form is None:
                raise InputError(f"{path}:{number}: {text.strip()!r} is no request: expected {FORMATS}.")
        if not (match := form.match(text)):
            raise InputError(f"{path}:{number}: {text.strip()!r} is not in the format of the lines before it.")
        cycle, address, write = request(f"{path}:{number}", form, match)
        if cycle < last:
            raise InputError(f"{path}:{number}: cycle {cycle} comes after cycle {last}: cycles must not decrease.")
        if len(lines) == MOST_REQUESTS:
            raise InputError(f"{path}:{number}: a trace has at most {MOST_REQUESTS:,} requests; replay it in pieces.")
        if form is OWN and not based:
            based = SHOWS_BASE.search(match[2]) is not None
            plain_line = plain_line or (number if address > 9 else 0)
        last = cycle
        for column, value in ((lines, number), (cycles, cycle), (addresses, address), (writes, write)):
            column.append(value)
    if not lines:
        raise InputError(f"{path}: the trace holds no request.")
    if plain_line and not based:
        raise InputError(
            f"{path}:{plain_line}: no address of the trace says that it is hexadecimal, and this one could be decimal;"
            " write addresses with 0x."
        )
    columns = (np.array(column, np.int64) for column in (cycles, addresses, writes))
    arrival, where, kind = columns
    return Trace(arrival, where, kind != 0), lines


def request_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a trace that are requests, with their numbers."""
    first = True
    for number, text in text_lines(path):
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        if not first or "".join(text.split()) != "cycle,addr,op":
            yield number, text
        first = False


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """All lines, with their numbers, no more of them than a trace of that size can have."""
    number, left = 0, MOST_TEXT
    try:
        with path.open("rb") as file:
            stream: io.BufferedIOBase = file
            if path.suffix == ".gz":
                stream, left = gzip.GzipFile(fileobj=file), min(left, max(1 << 26, PACKED * path.stat().st_size))
            text = io.TextIOWrapper(stream, encoding="utf-8-sig")
            while line := text.readline(LONGEST_LINE + 1):
                number, left = number + 1, left - len(line)
                if len(line) > LONGEST_LINE:
                    raise InputError(
                        f"{path}:{number}: the line has more than {LONGEST_LINE} characters, and begins {line[:40]!r}:"
                        " no request is so long."
                    )
                if left < 0:
                    raise InputError(f"{path}:{number}: the trace has more text than its size can mean, or 2 GiB.")
                yield number, line.rstrip("\r\n")
    except InputError:
        raise
    except UnicodeDecodeError:
        raise InputError(f"{path}: the trace cannot be read: it is not UTF-8 text.") from None
    except (zlib.error, EOFError) as e:
        raise InputError(f"{path}: the trace cannot be read: its compressed data are damaged ({e}).") from None
    except (OSError, ValueError) as e:
        raise InputError(f"{path}: the trace cannot be read: {getattr(e, 'strerror', None) or e}.") from None


def request(where: str, form: re.Pattern, match: re.Match) -> tuple[int, int, int]:
    """(cycle, byte address, is a write) of one line."""
    if form is OWN:
        cycle, address, kind = match.groups()
        base = 16
    elif form is DRAMSIM3:
        address, kind, cycle = match.groups()
        base = 16
    else:
        kind, address = match.groups() if form is RAMULATOR else match.groups()[::-1]
        cycle = "0"
        base = 16 if address[:2].lower() == "0x" else 10
    if kind.upper() not in KINDS:
        raise InputError(f"{where}: {kind!r} is no kind of request: expected R or W, READ or WRITE, LD or ST.")
    at = whole(where, "cycle", cycle, 10, LATEST)
    return at, whole(where, "address", address, base, 62), KINDS[kind.upper()]


def whole(where: str, what: str, text: str, base: int, bits: int) -> int:
    value = int(text, base) if DIGITS[base].fullmatch(text) else -1
    if not 0 <= value < 1 << bits:
        kind = "hexadecimal" if base == 16 else "decimal"
        raise InputError(f"{where}: {what} is {text!r}: it must be a {kind} number from 0 to 2**{bits} - 1.")
    return value
