"""The simulator: wires components, runs the kernel, gives a Result."""

import os
from collections.abc import Callable
from fractions import Fraction
from itertools import takewhile

import numpy as np

from accelsim.core import changes
from accelsim.core.channel import CONTROL, LINE, Channel, Channels, item_type
from accelsim.core.clock import periods
from accelsim.core.component import Component, In, Out, Param, PortArray
from accelsim.core.elaborate import entry_module, kernel_module, row_of, words
from accelsim.core.invoke import RAISED
from accelsim.core.keep import kept_together
from accelsim.core.machine_code import caller
from accelsim.core.result import Link, Part, Result, difference, snapshot
from accelsim.core.schedule import CALL, STATE, TABLES
from accelsim.core.status import BLOCKED, IDLE, STARVED, STATUS_NAMES
from accelsim.core.trace import EVENT, new_trace
from accelsim.core.wire import Wire, ends_of, port_of, unpack


class DeadlockError(RuntimeError):
    """Nothing can move, yet not everything has been delivered. `kinds`: the classes of the components."""

    def __init__(self, sentence: str, kinds: tuple[type[Component], ...] = ()) -> None:
        super().__init__(sentence)
        self.kinds = kinds


Watcher = Callable[[int, np.ndarray, np.ndarray], None]  # (instant reached, status events, logged transfers)


class Simulator:
    """A netlist and its time.

    `clocks` maps every clock domain to its frequency in hertz (exact: int or Fraction). `trace` is the room for status
    events between two drains (0: no status trace); `log` the same for transfers of monitored channels. A `watcher` is
    given what happened up to an instant, piece by piece, in place of keeping it for the result.
    """

    SLICE = 1 << 40  # units of time between two chances to interrupt a run

    def __init__(self, clocks: dict[str, int | Fraction] | None = None, *, trace: int = 0, log: int = 1 << 16) -> None:
        self.clocks = clocks or {"core": 1}
        self.time_base_hz, self.periods = periods(self.clocks)
        self.components: list[Component] = []
        self.wires: list[Wire] = []
        self.trace_room, self.log_room = trace, log
        self.watcher: Watcher | None = None
        self.kernel = None
        self.at = 0
        self.quiet = False

    def add(self, component: Component) -> Component:
        """Put a component into the netlist."""
        if not component.name.isidentifier():
            raise TypeError(f"{component.name!r}: a component's name must be a Python identifier")
        if any(c.name == component.name for c in self.components):
            raise TypeError(f"{component.name}: there is a component of this name already")
        if component.clock not in self.clocks:
            raise TypeError(f"{component.name}: there is no clock {component.clock!r}, only {', '.join(self.clocks)}")
        self.components.append(component)
        return component

    def connect(
        self, producer: Component, out: str, consumer: Component, into: str, *, depth: int = 2, monitored: bool = False
    ) -> None:
        """Run a channel of `depth` items from `producer.out` to `consumer.into`.

        An end at a port array is `PORT.ELEMENT`; its number is the order in which the array's ends are connected.
        """
        wire = Wire(producer, out, consumer, into, depth, monitored)
        a, b = port_of(producer, out), port_of(consumer, into)
        for end, port, kind in (((producer, out), a, Out), ((consumer, into), b, In)):
            if not isinstance(port, kind):
                array = isinstance(end[0].fields.get(end[1]), PortArray)
                hint = f"; name an element of the port array, {end[1]}.ELEMENT" if array else ""
                raise TypeError(f"{wire.name}: a channel runs from an Out to an In{hint}")
        if a.fields and b.fields and a.payload != b.payload:
            raise TypeError(f"{wire.name}: the payloads differ, {a.payload} and {b.payload}")
        if depth < 1:
            raise TypeError(f"{wire.name}: a channel holds at least one item, not {depth}")
        taken = {(w.producer.name, w.out) for w in self.wires} | {(w.consumer.name, w.into) for w in self.wires}
        for end in ((producer.name, out), (consumer.name, into)):
            if end in taken:
                raise TypeError(
                    f"{wire.name}: {'.'.join(end)} is already connected; share a port through an arbiter or a fork"
                )
        self.wires.append(wire)

    def elaborate(self) -> None:
        """Lay out the memory, say where every argument of every tick lies, compile what never was."""
        index = {c.name: i for i, c in enumerate(self.components)}
        domains = [d for d in self.clocks if any(c.clock == d for c in self.components)]
        self.control, self.moves = np.zeros(len(self.wires), CONTROL), np.zeros(1 + len(self.wires), np.int64)
        self.control["number"], self.control["moves"] = range(len(self.wires)), self.moves.ctypes.data
        self.state = np.zeros(len(self.components), STATE)
        self.cycles = np.zeros((len(self.components), len(STATUS_NAMES)), np.int64)
        self.state["index"] = range(len(self.components))
        self.state["domain"] = [domains.index(c.clock) for c in self.components]
        self.period = np.array([self.periods[d] for d in domains], np.int64)
        self.edge, self.late = np.full((2, len(domains)), -1, np.int64)
        self.mark, self.call = np.zeros(1, np.int64), np.zeros(1, CALL)
        widths = [max(1, len(w.payload)) for w in self.wires]
        bases = np.cumsum([0] + [width * w.depth for width, w in zip(widths, self.wires)])
        self.slots = np.zeros(int(bases[-1]), np.int64)
        bound = {
            c.name: {"r": c.r[0], "mark": self.mark, **c.storage} | {n: c.value(n) for n in c.declared(Param)}
            for c in self.components
        }
        for i, w in enumerate(self.wires):
            row = self.control[i]
            row["depth"], row["monitored"], row["base"], row["room"] = w.depth, w.monitored, bases[i], len(self.moves)
            row["producer"], row["consumer"], row["width"] = index[w.producer.name], index[w.consumer.name], widths[i]
            items = self.slots[bases[i] : bases[i + 1]].reshape(w.depth, widths[i])
            for component, end in ((w.producer, w.out), (w.consumer, w.into)):
                fields = port_of(component, end).fields
                slots = items.view(item_type(tuple(fields))).reshape(w.depth) if fields else items
                bound[component.name][end] = Channel(self.control[i], slots)
        entries, arguments = [], []
        for c in self.components:
            mine = bound[c.name]
            wanted = [n for n in dict.fromkeys(["r", *c.signature()]) if n != "now"]
            for n in wanted:
                field = c.fields.get(n)
                if isinstance(field, PortArray):
                    mine[n] = self.port_array(c, field, mine)
                elif n not in mine and getattr(field, "optional", False):
                    mine[n] = Channel(np.zeros(1, CONTROL)[0], np.zeros(1, item_type(field.payload)))
                if n not in mine:
                    raise TypeError(f"{c.name}.{n} is not connected")
            entries.append(entry_module(type(c), {n: mine[n] for n in wanted}))
            arguments.append([word for n in wanted for word in words(mine[n])])
        self.words = np.zeros((len(arguments), max(map(len, arguments))), np.int64)
        for row, argument in zip(self.words, arguments):
            row[: len(argument)] = argument
        self.rows = self.words.ctypes.data + self.words.strides[0] * np.arange(len(arguments))
        self.bound = bound  # keeps alive what `words` points to
        self.entries = np.zeros(len(entries), np.int64)
        self.order = np.argsort(self.state["domain"], kind="stable")
        self.first = np.searchsorted(self.state["domain"][self.order], np.arange(len(domains) + 1))
        self.state["place"] = np.argsort(self.order)
        self.coming, self.due = (np.zeros(n, np.int64) for n in (len(domains), len(arguments)))
        logged = any(w.monitored for w in self.wires)
        self.event_room = max(self.trace_room, len(self.components)) if self.trace_room else 0
        self.trace = new_trace(
            self.event_room,
            max(self.log_room, len(self.slots) + len(self.wires) + 1) if logged else 0,
            max(widths, default=1),
        )
        noted = [changes.module()] * bool(self.trace_room)  # what is asked afterwards is compiled beside the others
        kernel, *self.entries[:] = kept_together([kernel_module(), *entries, *noted])[: 1 + len(entries)]
        self.row = row_of(TABLES, vars(self) | self.trace._asdict())
        before = takewhile(lambda name: name != "events", TABLES)
        self.events_at = sum(1 + TABLES[name][1] for name in before)  # where the row says where they lie
        self.kernel = caller(kernel, self.row)
        self.events, self.transfers, self.snapshots, self.labels = [], [], [self.snapshot()], []

    def port_array(self, component: Component, field: PortArray, bound: dict) -> Channels:
        """The channels of a port array, in the order in which they were connected."""
        mine = [
            bound[end]
            for w in self.wires
            for c, end in ((w.producer, w.out), (w.consumer, w.into))
            if c is component and end.startswith(f"{field.name}.")
        ]
        if field.size and len(mine) != component.value(field.size):
            raise TypeError(
                f"{component.name}.{field.name}: {len(mine)} channels are connected, but "
                f"{component.name}.{field.size} is {component.value(field.size)}"
            )
        lines = np.zeros((len(mine), LINE), np.int64)
        for line, channel in zip(lines, mine):
            line[:] = [words(channel.control)[0], words(channel.slots)[0], len(channel.slots), channel.control["width"]]
        like = np.zeros(0, item_type(field.payload)) if field.fields else np.zeros((0, 0), np.int64)
        return Channels(lines, like)

    def snapshot(self):
        return snapshot(self.at, self.components, self.control, self.state, self.cycles, self.periods)

    def run(self, units: int = 1 << 60, *, skip: bool = True, on_mark: Callable[[int], None] | None = None) -> bool:
        """Run until nothing can happen any more, or for so many units of the time base; whether it is finished.

        `skip=False` ticks every component at every edge of its clock: slow, and the same in every statistic.
        A component that sets `mark[0] = n` closes span n - 1 at that instant; `on_mark` is told how many are closed.
        Raises DeadlockError when nothing can move and something is undelivered.
        """
        if self.kernel is None:
            self.elaborate()
        last = self.at + units
        while self.at < last and not self.quiet:
            stop = min(last, self.at + self.SLICE)
            self.at, self.quiet = self.advance(stop, skip)
            self.drain()
            if self.mark[0]:
                self.labels.append(int(self.mark[0]) - 1)
                self.snapshots.append(self.snapshot())
                self.mark[0] = 0
                if on_mark:
                    on_mark(len(self.labels))
        if self.quiet:
            self.check_delivered()
        return self.quiet

    def advance(self, stop: int, skip: bool) -> tuple[int, bool]:
        """One call of the kernel."""
        self.call[0] = self.at, stop, skip, 0, 0
        self.kernel()
        at, quiet = int(self.call[0]["at"]), int(self.call[0]["quiet"])
        if quiet < 0:
            faulty = self.components[RAISED - quiet]
            index = ": an index outside its array, most likely" if os.environ.get("NUMBA_BOUNDSCHECK") else ""
            raise RuntimeError(
                f"the tick of {faulty.name} raised an exception in cycle {at // self.periods[faulty.clock]}{index}"
            )
        return at, bool(quiet)

    def drain(self) -> None:
        """Hand out what was noted. Status events stay where they were written: what comes is written behind them."""
        events, transfers = self.trace.used
        if self.watcher:
            self.watcher(self.at, self.trace.events[:events], self.trace.transfers[:transfers])
        else:
            if events:
                self.events.append(self.trace.events[:events])
                behind = self.trace.events[events:]
                full = len(behind) < len(self.components)
                self.trace = self.trace._replace(events=np.empty(self.event_room, EVENT) if full else behind)
                self.row[self.events_at : self.events_at + 2] = words(self.trace.events)
            if transfers:
                self.transfers.append(self.trace.transfers[:transfers].copy())
        self.trace.used[:] = 0

    def check_delivered(self) -> None:
        """Raise DeadlockError, naming who waits for whom, unless everything has been delivered."""
        doing = dict(zip((c.name for c in self.components), self.state["status"].tolist(), strict=True))
        held = self.control["count"].tolist()
        if not any(held) and all(s == IDLE for s in doing.values()):
            return
        report = []
        for name, status in doing.items():
            if status == STARVED:
                empty = [w.producer.name for w, n in zip(self.wires, held) if w.consumer.name == name and not n]
                report.append(f"{name} is starved and waits for {' or '.join(empty) or 'nobody'}")
            elif status == BLOCKED:
                full = [w.consumer.name for w, n in zip(self.wires, held) if w.producer.name == name and n == w.depth]
                report.append(f"{name} is blocked by {' or '.join(full) or 'nobody'}")
            elif status != IDLE:
                report.append(f"{name} is {STATUS_NAMES[status]}")
        report += [f"{w.name} holds {n} of {w.depth}" for w, n in zip(self.wires, held) if n]
        when = {d: -(-self.at // p) for d, p in self.periods.items()}
        at = ", ".join(f"{d} cycle {n}" for d, n in when.items())
        kinds = tuple({type(c): None for c in self.components})
        raise DeadlockError(f"nothing can move at {at}: " + "; ".join(report), kinds)

    def wake(self, component: Component) -> None:
        """Have a component ticked at the next edge of its clock: something was written into its memory from outside."""
        index = self.components.index(component)
        after = self.at // self.period[self.state["domain"][index]] + 1
        self.due[self.state["place"][index]] = after
        self.quiet = False

    def stretch(self) -> None:
        """Let the last span reach to now: what came after its mark was its work still."""
        if self.labels:
            self.snapshots[-1] = self.snapshot()

    def parts(self) -> dict[str, Part]:
        """Every component as it stands in a result; known before time starts."""
        ends = ends_of(self.wires)

        def part(c: Component) -> Part:
            kind, *bases = (k.__name__ for k in takewhile(lambda k: k is not Component, type(c).__mro__))
            return Part(kind, c.clock, c.parameters(), tuple(bases), tuple(ends.get(c.name, ())))

        return {c.name: part(c) for c in self.components}

    def result(self) -> Result:
        """The run so far as plain numbers."""
        end, about = self.snapshot(), ({c.name: c.counted for c in self.components}, [w.name for w in self.wires])
        marks = self.snapshots + ([end] if end.at > self.snapshots[-1].at or len(self.snapshots) == 1 else [])
        labels = self.labels + [-1] * (len(marks) - 1 - len(self.labels))
        return Result(
            self.time_base_hz,
            dict(self.periods),
            self.at,
            self.parts(),
            {w.name: Link(f"{w.producer.name}.{w.out}", f"{w.consumer.name}.{w.into}", w.depth) for w in self.wires},
            difference(-1, self.snapshots[0], end, *about),
            [difference(label, a, b, *about) for label, a, b in zip(labels, marks, marks[1:])],
            {w.name: int(n) for w, n in zip(self.wires, self.control["peak"])},
            list(self.events),
            unpack(self.transfers, self.wires),
        )
