"""Benches: modules wired by channels, with a channel on every port that leads outside; and the same as hardware."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from accelsim.core.component import In, PortArray
from accelsim.core.files import write
from accelsim.core.wire import WIDE, WORD_BITS
from accelsim.rtl.datapath import DataPath, Parameters, Sizes
from accelsim.rtl.package import STATUS_BITS, Package
from accelsim.rtl.twin import Twin

BITS = WORD_BITS  # of a word in hardware
FIELD = 32  # bits of a field at a bench's ports


@dataclass(frozen=True)
class Unit:
    """One module of a netlist and its component's parameters, as a tick sees them. `own`: of tables that are its own,
    what they are called outside."""

    name: str
    twin: Twin
    values: dict[str, int]
    own: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """What a cycle's status is called outside."""
        return f"{self.name}_status"


@dataclass(frozen=True)
class Wire:
    """A channel; without a producer (a consumer) it comes from (leads) outside. An end is a unit and its port, of a
    port array `PORT.ELEMENT`. `payload`: what it carries, where no end says so. `outside`: it lies outside itself, and
    how much room there is comes from there. `most`: items a cycle that come from outside, if not as many as leave."""

    name: str
    depth: int
    producer: tuple[str, str] | None = None
    consumer: tuple[str, str] | None = None
    payload: str = ""
    outside: bool = False
    most: int = 0


@dataclass
class Netlist:
    """Units, wires, and how many rows each table has; with `sizes`, also the data path behind the units. `done`: an
    output says when no unit does anything and no channel holds anything: the end of what runs by itself."""

    package: Package
    top: str
    units: list[Unit]
    wires: list[Wire]
    rows: dict[str, int] = field(default_factory=dict)
    bits: int = BITS
    sizes: Sizes | None = None
    done: bool = False

    @property
    def parameters(self) -> Parameters:
        """Of each unit."""
        return {u.name: u.values for u in self.units}

    @property
    def data(self) -> DataPath | None:
        """The data path, if there is one."""
        if self.sizes is None:
            return None
        wires = {w.name: (w.depth, *self.items(w)) for w in self.wires}
        return self.sizes.behind(self.parameters, self.rows, wires)

    def unit(self, name: str) -> Unit:
        return next(u for u in self.units if u.name == name)

    def logged(self) -> list[str]:
        """What is compared in every cycle, in the order of a log's numbers: channels, then the units' statuses."""
        return [*(w.name for w in self.wires), *(u.status for u in self.units)]

    def payload(self, wire: Wire) -> str:
        """The payload's name in the package `isa`."""
        for name, end in filter(None, (wire.producer, wire.consumer)):
            twin, port = self.unit(name).twin, base(end)
            if twin.component.fields[port].fields:
                return self.package.payload(twin.module, port, twin.component.fields[port].payload)
        return wire.payload

    def fields(self, wire: Wire) -> tuple[str, ...]:
        """The fields of an item."""
        return self.package.payloads[self.payload(wire)]

    def widths(self, fields: Sequence[str]) -> list[int]:
        """Bits of each field inside."""
        return [max(self.bits, WIDE.get(name, 0)) for name in fields]

    def items(self, wire: Wire) -> tuple[int, int]:
        """Items that may enter and leave in a cycle; outside as many as inside."""
        ends = []
        for end in (wire.producer, wire.consumer):
            unit = self.unit(end[0]) if end else None
            ends.append(unit.twin.items(base(end[1]), unit.values, wire.depth) if unit else 0)
        into, out = ends
        return into or wire.most or out, out or into

    def tables(self) -> dict[str, str]:
        """The tables that are loaded, and whose rows each has in the package."""
        shared = [t for t in self.package.tables if any(t in u.twin.tables and t not in u.own for u in self.units)]
        return {t: t for t in shared} | {name: t for u in self.units for t, name in u.own.items()}

    def ends(self, unit: str, port: str) -> list[Wire]:
        """The wire at a port of a unit (none at an optional one), or those of a port array, in their order."""
        return [w for w in self.wires for e in (w.producer, w.consumer) if e and (e[0], base(e[1])) == (unit, port)]

    def modules(self) -> list[str]:
        """The modules it is made of."""
        units = [m for u in self.units for m in (*u.twin.inside, u.twin.module)]
        return ["channel", *(self.data.modules if self.sizes else ()), *dict.fromkeys(units)]

    def files(self, folder: Path) -> list[Path]:
        """Write the package and the top into `folder`; every file of the design, the package first."""
        folder.mkdir(parents=True, exist_ok=True)
        isa, top = folder / "isa.sv", folder / f"{self.top}.sv"
        for path, text in ((isa, self.package.text(self.bits)), (top, self.text())):
            if not path.exists() or path.read_text() != text:
                write(path, text.encode())
        return [isa, *map(self.package.module, self.modules()), top]

    def text(self) -> str:
        """The top module."""
        ports = ["input logic clk", "input logic rst"]
        body: list[str] = []
        for table, kind in self.tables().items():
            count = len(self.package.tables[kind])
            ports += [
                f"input logic {table}_we",
                f"input logic [31:0] {table}_address",
                f"input logic [{FIELD * count - 1}:0] {table}_data",
            ]
            body.append(f"  isa::{kind}_row_t {table}_row;")
            names, bits = self.package.tables[kind], self.package.bits.get(kind, {})
            widths = [bits.get(name, wide) for name, wide in zip(names, self.widths(names))]
            body += narrow(f"{table}_row", f"{table}_data", widths)
        for wire in self.wires:
            ports += self.edge(wire)
            body += self.channel(wire)
        ports += [f"output logic [{STATUS_BITS - 1}:0] {unit.status}" for unit in self.units]
        if self.data:
            ports += self.data.ports()
            body += self.data.declarations()
        for unit in self.units:
            body.append(self.instance(unit))
        if self.done:
            ports.append("output logic done")
            still = [f"{unit.status} == isa::IDLE" for unit in self.units]
            still += [f"{w.name}_push == 0" + f" && {w.name}__valid == 0" * (not w.outside) for w in self.wires]
            body.append("  assign done = " + "\n      && ".join(still) + ";")
        body += self.data.body() if self.data else []
        head = ",\n    ".join(ports)
        return f"module {self.top} (\n    {head}\n);\n" + "\n".join(body) + "\nendmodule\n"

    def edge(self, wire: Wire) -> list[str]:
        """What of a channel can be seen from outside."""
        into, _ = self.items(wire)
        n, width = wire.name, FIELD * len(self.fields(wire)) * into
        way = "output" if wire.producer else "input"
        ports = [f"{way} logic [7:0] {n}_push", f"{way} logic [{width - 1}:0] {n}_item"]
        if not wire.producer:
            ports.append(f"output logic [7:0] {n}_level")
        if wire.outside:
            ports.append(f"input logic [7:0] {n}_room")
        elif not wire.consumer:
            ports += [f"output logic [7:0] {n}_level", f"input logic [7:0] {n}_pop"]
        return ports

    def channel(self, wire: Wire) -> list[str]:
        """The channel itself, and its payload at the width of a bench's ports."""
        into, out = self.items(wire)
        n, names = wire.name, self.fields(wire)
        widths = self.widths(names) * into
        width = f"isa::{self.payload(wire)}_bits"
        lines = [
            f"  logic [{into}*{width}-1:0] {n}__item;",
            f"  logic [{out}*{width}-1:0] {n}__data;",
            f"  logic [7:0] {n}__room, {n}__valid, {n}__pop;",
        ]
        if wire.producer:
            for i in range(len(widths)):
                word = f"{n}__item[{sum(widths[:i])}+:{widths[i]}]"
                word = f"$signed({word})" if names[i % len(names)] in self.package.signed else word
                lines.append(f"  assign {n}_item[{FIELD * i}+:{FIELD}] = {FIELD}'({word});")
        else:
            lines += narrow(f"{n}__item", f"{n}_item", widths)
            lines.append(f"  assign {n}_level = {n}__room;")
        if wire.outside:
            return [lines[0], f"  logic [7:0] {n}__room;", *lines[3:], f"  assign {n}__room = {n}_room;"]
        if not wire.consumer:
            lines += [f"  assign {n}_level = {n}__valid;", f"  assign {n}__pop = {n}_pop;"]
        lines.append(
            f"  channel #(.WIDTH({width}), .DEPTH({wire.depth}), .PUSHES({into}), .POPS({out})) {n}__channel (\n"
            f"      .clk, .rst, .push({n}_push), .item({n}__item), .room({n}__room), .valid({n}__valid),\n"
            f"      .data({n}__data), .pop({n}__pop));"
        )
        return lines

    def instance(self, unit: Unit) -> str:
        """A module with its parameters, its tables and its ends of channels."""
        ends = {port: self.ends(unit.name, port) for port in unit.twin.ports()}
        arrays = [port for port, kind in unit.twin.ports().items() if isinstance(kind, PortArray)]
        values = unit.twin.parameters(
            unit.values, {p: max((w.depth for w in some), default=1) for p, some in ends.items()}
        )
        values |= {f"{p.upper()}_PORTS": len(ends[p]) for p in arrays}
        for p in arrays:
            if not unit.twin.component.fields[p].fields:
                values[f"{p.upper()}_FIELDS"] = max((len(self.fields(w)) for w in ends[p]), default=1)
        called = {t: unit.own.get(t, t) for t in unit.twin.tables}
        values |= {t.upper(): self.rows[name] for t, name in called.items()}
        parameters = ", ".join(f".{n}({v})" for n, v in values.items())
        ports = [".clk", ".rst", f".status({unit.status})"]
        lines = []
        for t, name in called.items():
            ports += [f".{t}_we({name}_we)", f".{t}_address(isa::W'({name}_address))", f".{t}_data({name}_row)"]
        for port, kind in unit.twin.ports().items():
            names = ("valid", "data", "pop") if isinstance(kind, In) else ("room", "push", "item")
            if port in arrays or not ends[port]:
                lines += self.bundle(unit, port, isinstance(kind, In), ends[port])
                signals = [f"{unit.name}_{port}___{name}" for name in names]
            else:
                n = ends[port][0].name
                signals = [f"{n}_push" if name == "push" else f"{n}__{name}" for name in names]
            ports += [f".{port}_{name}({signal})" for name, signal in zip(names, signals)]
        if self.sizes:
            ports += [f".{name}({unit.name}_{name})" for name in self.data.told(unit.name)]
        made = f"  {unit.twin.module} #({parameters}) {unit.name} (\n      " + ",\n      ".join(ports) + ");"
        return "\n".join([*lines, made])

    def bundle(self, unit: Unit, port: str, into: bool, wires: Sequence[Wire]) -> list[str]:
        """The signals of a port array, an element for each of its wires; one that nothing ever crosses, if there are
        none."""
        n, count = f"{unit.name}_{port}___", max(1, len(wires))
        widths = [self.items(w)[into] * sum(self.widths(self.fields(w))) for w in wires]
        fields = unit.twin.component.fields[port].payload
        width = max(widths, default=sum(self.widths(fields or ("",))) * unit.twin.items(port, unit.values, 1))
        flags, words = ("valid", "pop"), "data"
        if not into:
            flags, words = ("room", "push"), "item"
        lines = [f"  logic [{count - 1}:0][7:0] {', '.join(n + flag for flag in flags)};"]
        lines.append(f"  logic [{count - 1}:0][{width - 1}:0] {n}{words};")
        if not wires:
            lines.append(f"  assign {n}{flags[0]} = '0;")
            lines += [f"  assign {n}data = '0;"] * into
        for i, (w, mine) in enumerate(zip(wires, widths)):
            lines.append(f"  assign {n}{flags[0]}[{i}] = {w.name}__{flags[0]};")
            if into:
                lines.append(f"  assign {n}data[{i}] = {width}'({w.name}__data);")
                lines.append(f"  assign {w.name}__pop = {n}pop[{i}];")
            else:
                lines.append(f"  assign {w.name}__item = {n}item[{i}][{mine - 1}:0];")
                lines.append(f"  assign {w.name}_push = {n}push[{i}];")
        return lines


def base(end: str) -> str:
    """The port that an end of a wire is at, without the element of a port array."""
    return end.partition(".")[0]


def narrow(to: str, source: str, widths: Sequence[int]) -> list[str]:
    """Each field of a port, cut to what it has inside."""
    parts = ", ".join(f"{w}'({source}[{FIELD * i}+:{FIELD}])" for i, w in reversed([*enumerate(widths)]))
    return [f"  assign {to} = {{{parts}}};"]


def alone(
    package: Package,
    twin: Twin,
    values: dict[str, int],
    depths: Mapping[str, int],
    rows: dict[str, int],
    sizes: Sizes | None = None,
    elements: Mapping[str, Mapping[str, str]] = {},
) -> Netlist:
    """One module, called `unit`, with a channel on every port. `elements`: of its port arrays the elements, and what
    each carries, where the port does not say it."""
    wires = []
    for port, f in twin.ports().items():
        ends = (
            {port: ""}
            if not isinstance(f, PortArray)
            else {f"{port}.{e}": p for e, p in elements.get(port, {}).items()}
        )
        for end, payload in ends.items():
            way = (None, ("unit", end)) if isinstance(f, In) else (("unit", end), None)
            wires.append(Wire(end.replace(".", "_"), depths[port], *way, payload))
    return Netlist(package, f"{twin.module}_bench", [Unit("unit", twin, values)], wires, rows, sizes=sizes)
