"""A run as a waveform (VCD, IEEE 1364-2001, clause 18), for GTKWave, Surfer and the like: what every component was
doing, two bits each, and the number of the layer. What crosses the channels, results do not hold.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING

from accelsim.core.status import STATUS_NAMES
from accelsim.report.record import RunRecord
from accelsim.report.slices import Stretch, windows

if TYPE_CHECKING:
    from accelsim.report.perfetto import Track

PS = 10**12
STATUS_BITS, LAYER_BITS = 2, 32
UNKNOWN, IDLE = "bx", "b0"


def codes() -> Iterator[str]:
    """Short names of signals: printable characters."""
    for n in count():
        text, rest = "", n
        while rest or not text:
            rest, digit = divmod(rest, 94)
            text += chr(33 + digit)
        yield text


def waveform(record: RunRecord, rows: Iterable["Track"]) -> bytes:
    """The file; times in ps. Unknown (x) is what lies outside the layers that were asked for."""
    numbers = {layer["name"]: n for n, layer in enumerate(record.layers)}
    words = {name: f"b{n:b}" for n, name in enumerate(STATUS_NAMES)}
    kept = [row for row in rows if row.group == "components" or row.name == "layer"]
    spans = next(row.stretches for row in kept if row.name == "layer" and row.group == "network")
    inside = windows(spans)
    scale = PS / record.result.time_base_hz
    changes: dict[int, list[str]] = {}
    head = [f"$comment {', '.join(f'{n} {name}' for n, name in enumerate(STATUS_NAMES))} $end", "$timescale 1 ps $end"]
    head.append(f"$scope module {record.machine} $end")
    for row, code in zip(kept, codes()):
        layer = row.group == "network"
        head.append(f"$var wire {LAYER_BITS if layer else STATUS_BITS} {code} {row.name} $end")
        value = (lambda name: f"b{numbers[name]:b}" if name in numbers else UNKNOWN) if layer else words.__getitem__
        held = ""
        for at, said in sorted(steps(row.stretches, inside, value, UNKNOWN if layer else IDLE).items()):
            if said != held and at < record.result.end:
                changes.setdefault(round(at * scale), []).append(f"{said} {code}")
            held = said
    body = (f"#{at}\n" + "\n".join(lines) for at, lines in sorted(changes.items()))
    end = round(record.result.end * scale)
    return ("\n".join([*head, "$upscope $end", "$enddefinitions $end", *body, f"#{end}"]) + "\n").encode()


def steps(stretches: Sequence[Stretch], inside: Sequence[tuple[int, int]], value, between: str) -> dict[int, str]:
    """Instant -> what a signal is from then on: `between` inside the windows, unless a stretch says more."""
    found = {0: UNKNOWN}
    for begun, ended in inside:
        found |= {begun: between, ended: UNKNOWN}
    ends = {ended for _, ended in inside}
    found |= {one.end: between for one in stretches if one.end not in ends}
    return found | {one.start: value(one.name) for one in stretches}
