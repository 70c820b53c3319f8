"""What happened when, as stretches of time: the layers, and what every component was doing; for timelines."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from accelsim.core.errors import InputError, suggest
from accelsim.core.result import Span
from accelsim.core.status import STATUS_NAMES
from accelsim.report.plots.frame import is_of
from accelsim.report.record import RunRecord


class Stretch(NamedTuple):
    """A component's status, or a layer, from one instant to another; `cycles` of its own clock."""

    name: str
    start: int  # units of the time base
    end: int
    cycles: int


class Sample(NamedTuple):
    """A figure that holds from an instant on."""

    at: int
    value: float


def chosen(record: RunRecord, layers: Sequence[str] = ()) -> list[Span]:
    """The spans of layers, by their names or by what they lie in (`block3`); all without any.

    Raises InputError for a name that no layer has, and when the run was made without its changes of status.
    """
    if not record.result.traced:
        raise InputError("the run was made without its changes of status, so that it has no timeline; run it again")
    names = [layer["name"] for layer in record.layers]
    check_names(names, layers)
    if not layers:
        return record.result.spans
    return [s for s in record.result.spans if s.label >= 0 and any(is_of(names[s.label], w) for w in layers)]


def check_names(names: Sequence[str], wanted: Sequence[str]) -> None:
    """Raise InputError for what is neither a layer nor what layers lie in."""
    for one in wanted:
        if not any(is_of(name, one) for name in names):
            raise InputError(f"there is no layer {one!r} in this run{suggest(one, names)}")


def windows(spans: Iterable[Span]) -> list[tuple[int, int]]:
    """From when to when, those that follow one another taken together."""
    found: list[tuple[int, int]] = []
    for span in spans:
        if found and found[-1][1] == span.start:
            found[-1] = found[-1][0], span.end
        else:
            found.append((span.start, span.end))
    return found


def statuses(record: RunRecord, part: int, inside: Sequence[tuple[int, int]]) -> Iterator[Stretch]:
    """What a component (by its number) was doing in some windows, without what was idle; its cycles add up to those
    of the result."""
    result = record.result
    at, doing = result.changes(part)
    period = result.periods[list(result.parts.values())[part].clock]
    at = np.concatenate([[0], at, [result.end]])
    doing = np.concatenate([np.zeros(1, np.uint8), doing])
    for begun, ended in inside:
        first, last = np.searchsorted(at, begun, "right") - 1, np.searchsorted(at, ended, "left")
        edges = np.clip(at[first : last + 1], begun, ended)
        cycles = np.diff(-(-edges // period))
        for start, end, n, status in zip(
            edges[:-1].tolist(), edges[1:].tolist(), cycles.tolist(), doing[first:last].tolist(), strict=True
        ):
            if n and status:
                yield Stretch(STATUS_NAMES[status], start, end, n)


def layers(record: RunRecord, spans: Iterable[Span]) -> Iterator[Stretch]:
    """The layers of some spans."""
    for span in spans:
        name = record.layers[span.label]["name"] if span.label >= 0 else "outside every layer"
        yield Stretch(name, span.start, span.end, cycles(record, span.start, span.end))


def blocks(record: RunRecord, spans: Iterable[Span]) -> Iterator[Stretch]:
    """Layers of one block that follow one another, taken together."""
    held: tuple[str, int, int] | None = None
    for span in spans:
        name = str(record.layers[span.label]["block"]) if span.label >= 0 else ""
        if held and (held[0], held[2]) == (name, span.start):
            held = name, held[1], span.end
            continue
        if held and held[0]:
            yield Stretch(*held, cycles(record, *held[1:]))
        held = name, span.start, span.end
    if held and held[0]:
        yield Stretch(*held, cycles(record, *held[1:]))


def cycles(record: RunRecord, start: int, end: int) -> int:
    """Core cycles between two instants."""
    return record.result.cycles("core", end) - record.result.cycles("core", start)


def counters(record: RunRecord, spans: Sequence[Span]) -> dict[tuple[str, str], list[Sample]]:
    """(name, unit) -> means over each layer: use of MACs, of the DRAM's bandwidth, and bytes that memories held."""
    result = record.result
    found: dict[tuple[str, str], list[Sample]] = {}

    def add(name: str, unit: str, span: Span, value: float) -> None:
        found.setdefault((name, unit), []).append(Sample(span.start, value))

    for span in spans:
        core = cycles(record, span.start, span.end)
        if not core:
            continue
        done = sum(span.counts[n]["mac_ops"] for n in record.engines)
        add("MACs at work, mean of a layer", "%", span, 100 * done / (record.peak_macs * core))
        moved = sum(span.counts[n]["read_bytes"] + span.counts[n]["write_bytes"] for n in record.dram)
        seconds = (span.end - span.start) / float(result.time_base_hz)
        add("DRAM traffic, mean of a layer", "GB/s", span, moved / seconds / 1e9)
        for name, counts in span.counts.items():
            own = result.cycles(result.parts[name].clock, span.end) - result.cycles(
                result.parts[name].clock, span.start
            )
            if "byte_cycles" in counts and own:
                add(f"{name} holds, mean of a layer", "bytes", span, counts["byte_cycles"] / own)
    return found
