"""Benches: modules wired by channels, with a channel on every port that leads outside; and the same as hardware."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from accelsim.core.component import In
from accelsim.core.files import write
from accelsim.rtl.datapath import DataPath, Parameters, Sizes
from accelsim.rtl.package import STATUS_BITS, Package
from accelsim.rtl.twin import Twin

BITS = 20  # of a word in hardware
FIELD = 32  # bits of a field at a bench's ports


@dataclass(frozen=True)
class Unit:
    """One module of a netlist and its component's parameters, as a tick sees them."""

    name: str
    twin: Twin
    values: dict[str, int]

    @property
    def status(self) -> str:
        """What a cycle's status is called outside."""
        return f"{self.name}_status"


@dataclass(frozen=True)
class Wire:
    """A channel; without a producer (a consumer) it comes from (leads) outside."""

    name: str
    depth: int
    producer: tuple[str, str] | None = None
    consumer: tuple[str, str] | None = None


@dataclass
class Netlist:
    """Units, wires, and how many rows each table has; with `sizes`, also the data path behind the units."""

    package: Package
    top: str
    units: list[Unit]
    wires: list[Wire]
    rows: dict[str, int] = field(default_factory=dict)
    bits: int = BITS
    sizes: Sizes | None = None

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
        name, port = wire.producer or wire.consumer
        twin = self.unit(name).twin
        return self.package.payload(twin.module, port, twin.component.fields[port].payload)

    def fields(self, wire: Wire) -> tuple[str, ...]:
        """The fields of an item."""
        return self.package.payloads[self.payload(wire)]

    def items(self, wire: Wire) -> tuple[int, int]:
        """Items that may enter and leave in a cycle; outside as many as inside."""
        ends = []
        for end in (wire.producer, wire.consumer):
            unit = self.unit(end[0]) if end else None
            ends.append(unit.twin.items(end[1], unit.values, wire.depth) if unit else 0)
        into, out = ends
        return into or out, out or into

    def tables(self) -> list[str]:
        """The tables that are loaded."""
        return [t for t in self.package.tables if any(t in u.twin.tables for u in self.units)]

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
        for table in self.tables():
            count = len(self.package.tables[table])
            ports += [
                f"input logic {table}_we",
                f"input logic [31:0] {table}_address",
                f"input logic [{FIELD * count - 1}:0] {table}_data",
            ]
            body.append(f"  isa::{table}_row_t {table}_row;")
            body += narrow(f"{table}_row", f"{table}_data", count)
        for wire in self.wires:
            ports += self.edge(wire)
            body += self.channel(wire)
        ports += [f"output logic [{STATUS_BITS - 1}:0] {unit.status}" for unit in self.units]
        if self.data:
            ports += self.data.ports()
            body += self.data.declarations()
        for unit in self.units:
            body.append(self.instance(unit))
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
        if not wire.consumer:
            ports += [f"output logic [7:0] {n}_level", f"input logic [7:0] {n}_pop"]
        return ports

    def channel(self, wire: Wire) -> list[str]:
        """The channel itself, and its payload at the width of a bench's ports."""
        into, out = self.items(wire)
        n, names = wire.name, self.fields(wire)
        fields = len(names)
        width = f"isa::{self.payload(wire)}_bits"
        lines = [
            f"  logic [{into}*{width}-1:0] {n}__item;",
            f"  logic [{out}*{width}-1:0] {n}__data;",
            f"  logic [7:0] {n}__room, {n}__valid, {n}__pop;",
        ]
        if wire.producer:
            for i in range(into * fields):
                word = f"{n}__item[{bits(i)}]"
                word = f"$signed({word})" if names[i % fields] in self.package.signed else word
                lines.append(f"  assign {n}_item[{FIELD * i}+:{FIELD}] = {FIELD}'({word});")
        else:
            lines += narrow(f"{n}__item", f"{n}_item", into * fields)
            lines.append(f"  assign {n}_level = {n}__room;")
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
        wires = {end: w for w in self.wires for end in (w.producer, w.consumer) if end}
        depths = {p: wires[unit.name, p].depth for p in unit.twin.ports()}
        values = unit.twin.parameters(unit.values, depths)
        values |= {t.upper(): self.rows[t] for t in unit.twin.tables}
        parameters = ", ".join(f".{n}({v})" for n, v in values.items())
        ports = [".clk", ".rst", f".status({unit.status})"]
        for t in unit.twin.tables:
            ports += [f".{t}_we", f".{t}_address(isa::W'({t}_address))", f".{t}_data({t}_row)"]
        for port, field_ in unit.twin.ports().items():
            n = wires[unit.name, port].name
            if isinstance(field_, In):
                ports += [f".{port}_valid({n}__valid)", f".{port}_data({n}__data)", f".{port}_pop({n}__pop)"]
            else:
                ports += [f".{port}_room({n}__room)", f".{port}_push({n}_push)", f".{port}_item({n}__item)"]
        if self.sizes:
            ports += [f".{name}({unit.name}_{name})" for name in self.data.told(unit.name)]
        return f"  {unit.twin.module} #({parameters}) {unit.name} (\n      " + ",\n      ".join(ports) + ");"


def bits(i: int) -> str:
    return f"isa::W*{i}+:isa::W"


def narrow(to: str, source: str, fields: int) -> list[str]:
    """Each field of a port, cut to a word."""
    parts = ", ".join(f"isa::W'({source}[{FIELD * i}+:{FIELD}])" for i in reversed(range(fields)))
    return [f"  assign {to} = {{{parts}}};"]


def alone(
    package: Package,
    twin: Twin,
    values: dict[str, int],
    depths: Mapping[str, int],
    rows: dict[str, int],
    sizes: Sizes | None = None,
) -> Netlist:
    """One module, called `unit`, with a channel on every port."""
    wires = [
        Wire(port, depths[port], None, ("unit", port))
        if isinstance(f, In)
        else Wire(port, depths[port], ("unit", port))
        for port, f in twin.ports().items()
    ]
    return Netlist(package, f"{twin.module}_bench", [Unit("unit", twin, values)], wires, rows, sizes=sizes)
