"""The waveform of a run with its channels (VCD, IEEE 1364-2001, clause 18), written while it runs.

Of every component, what it was doing (two bits, as vcd.py has it). Of every channel, in a scope of its own: `ready`,
whether it has room as a cycle of its producer begins; `valid`, whether the producer pushes in that cycle, and `items`,
how many; `item_FIELD`, what it pushes, one item after the other within the cycle; `held`, how many items its consumer
finds as a cycle of its own begins. So a channel's transfers are its `items` in the cycles in which `valid` is 1.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from accelsim.core.result import Result, Span
from accelsim.core.status import STATUS_NAMES
from accelsim.report.record import RunRecord
from accelsim.report.slices import windows
from accelsim.report.vcd import PS, STATUS_BITS, codes

WORD = 64  # bits of a field of an item
LABEL = 32  # bits of a layer's number
MASK = (1 << WORD) - 1
# Bytes of a file, of what is written for each [ours, measured: all shipped machines, within a fifth].
OF_CHANGE, OF_ITEM, OF_FIELD = 12, 28, 5


class Signals(NamedTuple):
    """A channel: short names of its signals, the periods of both ends' clocks in units of the time base, its depth."""

    valid: str
    ready: str
    items: str
    held: str
    fields: tuple[str, ...]
    producer: int
    consumer: int
    depth: int


def identifier(channel: str) -> str:
    """The name of a channel's scope: `softmax.denser -> denser.softmaxed` is softmax_denser_to_denser_softmaxed."""
    return re.sub(r"\W+", "_", channel.replace(" -> ", "_to_"))


def size_bytes(record: RunRecord, spans: Sequence[Span], payloads: Mapping[str, Sequence[str]]) -> int:
    """About how large a file of these spans will be. payloads: channel -> the fields of its items."""
    items = sum(n * (OF_ITEM + OF_FIELD * len(payloads[k])) for s in spans for k, n in s.transfers.items())
    at = record.result.events["at"]
    changes = sum(int(np.searchsorted(at, s.end) - np.searchsorted(at, s.start)) for s in spans)
    return items + OF_CHANGE * changes + 1000 * (len(payloads) + len(record.result.parts))


class Waveform:
    """A file that is being written. `take` is given what happens, in the order of time (see core.simulator.Watcher); no
    more of it is held than what is still to come of it.

    result: of the same run, made before. spans: what is written; the rest of the time is unknown (x). payloads: channel
    -> the fields of its items, in the order of the logged transfers' channel numbers.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        machine: str,
        result: Result,
        spans: Sequence[Span],
        payloads: Mapping[str, Sequence[str]],
    ) -> None:
        self.write, self.result = write, result
        self.inside = windows(spans)
        self.scale = (PS / result.time_base_hz).as_integer_ratio()
        self.waiting: dict[int, dict[str, str]] = {}  # ps -> signal -> what it is from then on
        self.said: dict[str, str] = {}  # signal -> what was written of it last
        self.doing = [0] * len(result.parts)
        self.counts = [0] * len(payloads)
        self.on = False  # whether time is inside a window
        self.events: tuple[np.ndarray, np.ndarray] | None = None
        name = codes()
        self.layer = next(name)
        self.statuses = [next(name) for _ in result.parts]
        clocks = {part: result.periods[about.clock] for part, about in result.parts.items()}
        self.channels = [
            Signals(
                next(name), next(name), next(name), next(name), tuple(next(name) for _ in fields),
                clocks[link.producer.split(".")[0]], clocks[link.consumer.split(".")[0]], link.depth,
            )
            for (k, fields), link in zip(payloads.items(), (result.links[k] for k in payloads), strict=True)
        ]  # fmt: skip
        self.labels = {s.start: s.label for s in spans}
        self.write("\n".join(self.head(machine, payloads)) + "\n")
        self.put(0, dict.fromkeys(self.every(), "bx"))

    def every(self) -> list[str]:
        """All signals."""
        each = [(c.valid, c.ready, c.items, c.held, *c.fields) for c in self.channels]
        return [self.layer, *self.statuses, *(name for names in each for name in names)]

    def head(self, machine: str, payloads: Mapping[str, Sequence[str]]) -> list[str]:
        """The lines that declare the signals."""
        lines = [f"$comment {', '.join(f'{n} {name}' for n, name in enumerate(STATUS_NAMES))} $end"]
        lines += ["$timescale 1 ps $end", f"$scope module {machine} $end", f"$var wire {LABEL} {self.layer} layer $end"]
        names = zip(self.statuses, self.result.parts)
        lines += [f"$var wire {STATUS_BITS} {code} {part} $end" for code, part in names]
        for channel, (name, fields) in zip(self.channels, payloads.items()):
            wide = channel.depth.bit_length()
            lines.append(f"$scope module {identifier(name)} $end")
            for bits, code, signal in (
                (1, channel.valid, "valid"),
                (1, channel.ready, "ready"),
                (wide, channel.items, "items"),
                (wide, channel.held, "held"),
                *((WORD, code, f"item_{field}") for code, field in zip(channel.fields, fields)),
            ):
                lines.append(f"$var wire {bits} {code} {signal} $end")
            lines.append("$upscope $end")
        return [*lines, "$upscope $end", "$enddefinitions $end"]

    def ps(self, at: int) -> int:
        times, over = self.scale
        return (2 * at * times + over) // (2 * over)

    def put(self, time: int, values: Mapping[str, str]) -> None:
        """Have signals be something from a time (ps) on; what is said last holds."""
        self.waiting.setdefault(time, {}).update(values)

    def enter(self, at: int, held: Sequence[int]) -> None:
        """A window begins; `held`: how many items each channel has."""
        self.on, self.counts = True, list(held)
        now = {self.layer: "bx"}
        now |= {code: f"b{status:b}" for code, status in zip(self.statuses, self.doing)}
        for c, count in zip(self.channels, held):
            now |= {c.valid: "b0", c.items: "b0", c.ready: f"b{count < c.depth:b}", c.held: f"b{count:b}"}
        self.put(self.ps(at), now)

    def begin(self, at: int, held: Sequence[int]) -> None:
        """A span begins at an instant, when all before it was taken."""
        inside = any(first <= at < last for first, last in self.inside)
        if self.on and not inside:
            self.flush(self.ps(at))
            self.waiting = {self.ps(at): dict.fromkeys(self.every(), "bx")}
            self.on = False
        elif inside and not self.on:
            self.enter(at, held)
        if inside:
            label = self.labels.get(at, -1)
            self.put(self.ps(at), {self.layer: f"b{label:b}" if label >= 0 else "bx"})

    def take(self, until: int, events: np.ndarray, transfers: np.ndarray) -> None:
        """What happened up to an instant."""
        for at, part, status in events.tolist():
            self.doing[part] = status
            if self.on:
                self.waiting.setdefault(self.ps(at), {})[self.statuses[part]] = f"b{status:b}"
        rows, n = transfers.tolist(), 0
        while self.on and n < len(rows):
            at, number = rows[n][:2]
            last = n + 1
            if number >= 0:
                while last < len(rows) and rows[last][0] == at and rows[last][1] == number:
                    last += 1
                self.pushed(at, number, rows[n:last])
            else:
                self.moved(at, ~number, -rows[n][2])
            n = last
        self.flush(self.ps(until))

    def pushed(self, at: int, number: int, rows: Sequence[Sequence[int]]) -> None:
        """Items entered a channel in the cycle that begins at an instant."""
        c, many = self.channels[number], len(rows)
        start, end = self.ps(at), self.ps(at + c.producer)
        self.put(start, {c.valid: "b1", c.items: f"b{many:b}"})
        self.put(end, {c.valid: "b0", c.items: "b0"})
        for n, row in enumerate(rows):
            item = {code: f"b{value & MASK:b}" for code, value in zip(c.fields, row[2:])}
            self.put(start + n * (end - start) // many, item)
        self.moved(at, number, many)

    def moved(self, at: int, number: int, items: int) -> None:
        """A channel holds so many more; either end sees that when its next cycle begins."""
        c = self.channels[number]
        self.counts[number] += items
        count = self.counts[number]
        self.put(self.ps((at // c.producer + 1) * c.producer), {c.ready: f"b{count < c.depth:b}"})
        self.put(self.ps((at // c.consumer + 1) * c.consumer), {c.held: f"b{count:b}"})

    def flush(self, until: int) -> None:
        """Write what is due before a time."""
        due = sorted(time for time in self.waiting if time < until)
        lines, said = [], self.said
        for time in due:
            changed = [(code, v) for code, v in self.waiting.pop(time).items() if said.get(code) != v]
            if changed:
                lines.append(f"#{time}")
                lines += [f"{value} {code}" for code, value in changed]
                said.update(changed)
        if lines:
            self.write("\n".join(lines) + "\n")

    def close(self, end: int) -> None:
        """Write what is left, and the instant at which the run ends."""
        last = self.ps(end)
        self.flush(last)
        self.write(f"#{last}\n")
