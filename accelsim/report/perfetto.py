"""A run as a trace for Perfetto's UI (ui.perfetto.dev): `.pftrace`, its protobuf, or `.json`, Chrome's trace events;
or for viewers of waveforms: `.vcd` (see vcd.py).

Times are those of the machine's clocks, in ns; a slice's `cycles` are exact, in its component's own clock. Fields are
numbered as in Perfetto's public protos/perfetto/trace/trace_packet.proto, track_event.proto and track_descriptor.proto.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

from accelsim.core.errors import InputError
from accelsim.core.files import write
from accelsim.core.result import COMMAND, TILE
from accelsim.report import slices, work
from accelsim.report.record import RunRecord
from accelsim.report.slices import Sample, Stretch
from accelsim.report.vcd import waveform

SUFFIXES = (".pftrace", ".json", ".vcd")
VARINT, FIXED, BYTES = 0, 1, 2  # wire types
SEQUENCE = 1  # all packets are of one writer
CLEARED, NEEDS = 1, 2  # sequence_flags: interned names begin here; a packet uses them
BEGIN, END, COUNTER = 1, 2, 4  # track_event.type
OUT, INTO = 47, 48  # track_event.flow_ids, .terminating_flow_ids
CYCLES = 1  # the interned name of the annotation


class Flow(NamedTuple):
    """Numbers of the arrows that leave a stretch, and of those that end there."""

    out: tuple[int, ...] = ()
    into: tuple[int, ...] = ()


class Track(NamedTuple):
    """A row of the timeline: stretches, or samples of a figure in a unit."""

    name: str
    group: str
    stretches: Sequence[Stretch] = ()
    samples: Sequence[Sample] = ()
    unit: str = ""
    flows: Sequence[Flow] = ()  # of each stretch, where there are any


def tracks(record: RunRecord, layers: Sequence[str] = ()) -> Iterator[Track]:
    """Blocks, layers, passes and phases of attention, every component, what units did and memories fetched for it, and
    figures; only in some layers, if any are named (see slices.chosen)."""
    spans = slices.chosen(record, layers)
    inside = slices.windows(spans)
    yield Track("block", "network", list(slices.blocks(record, spans)))
    yield Track("layer", "network", list(slices.layers(record, spans)))
    jobs = work.jobs(record, spans)
    for name, stretches in zip(("pass", "phase"), work.windows_of_passes(record, jobs)):
        if stretches:
            yield Track(name, "network", stretches)
    for number, name in enumerate(record.result.parts):
        yield Track(name, "components", list(slices.statuses(record, number, inside)))
    yield from worked(record, jobs)
    for (name, unit), samples in slices.counters(record, spans).items():
        ending = [Sample(spans[-1].end, 0.0)]
        yield Track(name, "figures", (), [*samples, *ending], unit)


def worked(record: RunRecord, jobs: Sequence[work.Job]) -> Iterator[Track]:
    """What units did and memories moved, with an arrow from each tile to the command that waited for it."""
    tiles = {job.number for job in jobs if job.kind == TILE}
    arrows = [(tile, job.number) for job in jobs if job.kind == COMMAND for tile in job.waits if tile in tiles]
    out: dict[int, tuple[int, ...]] = {}
    into: dict[int, tuple[int, ...]] = {}
    for number, (tile, user) in enumerate(arrows, 1):
        out[tile] = (*out.get(tile, ()), number)
        into[user] = (*into.get(user, ()), number)
    for part, rows in work.told(record, jobs).items():
        flows = [Flow((), into.get(job.number, ())) for job, _ in rows]
        yield Track(f"{part}, commands", "work", [stretch for _, stretch in rows], flows=flows)
    for (part, row), rows in work.fetched(record, jobs).items():
        flows = [Flow(out.get(job.number, ()), ()) for job, _ in rows]
        name = f"{part}, tiles{f' {row + 1}' if row else ''}"
        yield Track(name, "DMA", [stretch for _, stretch in rows], flows=flows)


def check_suffix(path: Path) -> None:
    """Raise InputError for a file that is no kind of trace."""
    if path.suffix not in SUFFIXES:
        raise InputError(
            f"{path}: a trace is written as one of .pftrace, .json (for ui.perfetto.dev) and .vcd (for viewers of"
            " waveforms); name it so"
        )


def write_trace(record: RunRecord, path: Path, layers: Sequence[str] = ()) -> Path:
    """Write a trace, by the suffix; the file. Raises InputError for another suffix, and as `slices.chosen`."""
    check_suffix(path)
    made = {".pftrace": encoded, ".json": events, ".vcd": waveform}[path.suffix]
    try:
        write(path, made(record, list(tracks(record, layers))))
    except OSError as reason:
        raise InputError(f"{path}: cannot be written ({reason.strerror or reason}); name another file") from None
    return path


def varint(value: int) -> bytes:
    """An unsigned number, seven bits a byte, lowest first."""
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


def field(number: int, value: int | str | bytes | float) -> bytes:
    """A field: a number, a double, or a text or message with its length before it."""
    if isinstance(value, int):
        return varint(number << 3 | VARINT) + varint(value)
    if isinstance(value, float):
        from struct import pack

        return varint(number << 3 | FIXED) + pack("<d", value)
    held = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | BYTES) + varint(len(held)) + held


def fixed(number: int, value: int) -> bytes:
    """A field of eight bytes: of an arrow."""
    return varint(number << 3 | FIXED) + value.to_bytes(8, "little")


def packet(content: bytes, flags: int = NEEDS) -> bytes:
    """A TracePacket, as an entry of the Trace."""
    return field(1, content + field(10, SEQUENCE) + field(13, flags))


def encoded(record: RunRecord, rows: Sequence[Track]) -> bytes:
    """The protobuf: names are sent once; a slice is two packets of some 20 bytes."""
    names = {name: n for n, name in enumerate(dict.fromkeys(s.name for t in rows for s in t.stretches), 1)}
    groups = {name: n for n, name in enumerate(dict.fromkeys(t.group for t in rows), 1)}
    interned = b"".join(field(2, field(1, n) + field(2, name)) for name, n in names.items())
    interned += field(3, field(1, CYCLES) + field(2, "cycles"))
    made = [packet(field(12, interned), CLEARED)]
    for name, uuid in groups.items():
        title = f"{name} ({record.machine} on {record.workload['name']})"
        made.append(packet(field(60, field(1, uuid) + field(2, title) + field(11, 3) + field(12, uuid))))
    ns = 1e9 / float(record.result.time_base_hz)
    tail = field(10, SEQUENCE) + field(13, NEEDS)
    for uuid, row in enumerate(rows, len(groups) + 1):
        counter = field(8, field(6, row.unit)) if row.samples else b""
        about = field(1, uuid) + field(2, row.name) + field(5, groups[row.group]) + field(12, uuid)
        made.append(packet(field(60, about + counter)))
        starts = {n: field(9, BEGIN) + field(11, uuid) + field(10, iid) for n, iid in names.items()}
        ending = field(11, field(9, END) + field(11, uuid)) + tail
        for (name, start, end, cycles), flow in zip(row.stretches, row.flows or repeat(Flow())):
            note = field(4, field(1, CYCLES) + field(3, cycles))
            note += b"".join(fixed(OUT, n) for n in flow.out) + b"".join(fixed(INTO, n) for n in flow.into)
            for at, event in ((start, field(11, starts[name] + note) + tail), (end, ending)):
                content = field(8, round(at * ns)) + event
                made.append(b"\x0a" + varint(len(content)) + content)
        for at, value in row.samples:
            event = field(11, field(9, COUNTER) + field(11, uuid) + field(44, float(value)))
            made.append(packet(field(8, round(at * ns)) + event))
    return b"".join(made)


def events(record: RunRecord, rows: Sequence[Track]) -> bytes:
    """Chrome's trace events, for tools that read no protobuf; times in microseconds."""
    us = 1e6 / float(record.result.time_base_hz)
    groups = {name: n for n, name in enumerate(dict.fromkeys(t.group for t in rows), 1)}
    made: list[dict] = [
        {"ph": "M", "pid": n, "name": "process_name", "args": {"name": name}} for name, n in groups.items()
    ]
    for tid, row in enumerate(rows, 1):
        where = {"pid": groups[row.group], "tid": tid}
        if not row.samples:
            made.append({"ph": "M", **where, "name": "thread_name", "args": {"name": row.name}})
        for (name, start, end, cycles), flow in zip(row.stretches, row.flows or repeat(Flow())):
            times = {"ts": round(start * us, 4), "dur": round((end - start) * us, 4)}
            made.append({"ph": "X", **where, "name": name, **times, "args": {"cycles": cycles}})
            arrow = {**where, "name": "fetched for", "cat": "DMA"}
            made += [{"ph": "s", **arrow, "id": n, "ts": round(start * us, 4)} for n in flow.out]
            made += [{"ph": "f", "bp": "e", **arrow, "id": n, "ts": round(start * us, 4)} for n in flow.into]
        for at, value in row.samples:
            title = f"{row.name} ({row.unit})"
            made.append({"ph": "C", **where, "name": title, "ts": round(at * us, 4), "args": {row.unit: value}})
    about = {"machine": record.machine, "workload": record.workload["name"]}
    return json.dumps({"traceEvents": made, "displayTimeUnit": "ns", "otherData": about}).encode()
