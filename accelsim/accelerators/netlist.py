"""The wiring of a machine as data: what its own links are, and those that every machine has, made from its parts.

A part with a port `command` is a unit, one with a port `done` a counter: both are wired to the sequencer. A machine
names the streams of its DMA engine and what only it has; another machine can be derived from that.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from accelsim.config.arch import Arch
from accelsim.config.schema import MachineSchema
from accelsim.core import Component, In, InputError, Mem, Out
from accelsim.core.component import Port, PortArray
from accelsim.core.errors import suggest

if TYPE_CHECKING:
    from accelsim.core import Simulator

COMMANDS = 4  # commands and notices that wait in their channels


@dataclass(frozen=True)
class Link:
    """A channel of `depth` items from `PART.PORT` to `PART.PORT`; `PART.PORT.ELEMENT` at a port array."""

    out: str
    into: str
    depth: int = 2

    @property
    def parts(self) -> tuple[str, str]:
        return self.out.split(".")[0], self.into.split(".")[0]


@dataclass(frozen=True)
class Wiring:
    """The links that a machine has beside the sequencer's, and the streams of its DMA engine, the first served first.

    A stream is the name of a part that asks for tiles (`request`) and is told of their bytes (`fill`, or `written`).
    """

    links: tuple[Link, ...]
    streams: tuple[str, ...] = ()

    def without(self, *parts: str) -> "Wiring":
        """The wiring that is left when some parts are taken away."""
        return replace(
            self,
            links=tuple(link for link in self.links if not set(link.parts) & set(parts)),
            streams=tuple(s for s in self.streams if s not in parts),
        )

    def plus(self, *links: Link, streams: Iterable[str] = ()) -> "Wiring":
        """The wiring with more links, and with more streams behind those there are."""
        return replace(self, links=(*self.links, *links), streams=(*self.streams, *streams))


def kinds(schema: MachineSchema, arch: Arch) -> dict[str, type[Component]]:
    """The component of every part that there is with these options."""
    return {
        name: part.choices[arch.models.get(name, part.default_model)]
        for name, part in schema.parts.items()
        if part.only is None or arch.options[part.only[0]] in part.only[1:]
    }


def units(parts: Mapping[str, type[Component]]) -> dict[str, tuple[str, ...]]:
    """The parts that take commands, in the order of the schema, each with the fields of one."""
    found = {n: kind.fields.get("command") for n, kind in parts.items()}
    return {n: port.payload for n, port in found.items() if isinstance(port, In) and not isinstance(port, PortArray)}


def counters(parts: Mapping[str, type[Component]]) -> list[str]:
    """The parts that tell what they have finished, in the order of the schema."""
    return [n for n, kind in parts.items() if isinstance(kind.fields.get("done"), Out)]


def links(schema: MachineSchema, wiring: Wiring, arch: Arch) -> list[Link]:
    """All channels of a machine: the sequencer's, the DMA engine's, its own."""
    parts, found = kinds(schema, arch), []
    for kind, component in parts.items():
        if "pc" in component.fields and "notice" in component.fields:
            found += [Link(f"{kind}.command.{unit}", f"{unit}.command", COMMANDS) for unit in units(parts)]
            found += [Link(f"{unit}.done", f"{kind}.notice.{unit}", COMMANDS) for unit in counters(parts)]
    for part in wiring.streams:
        if part not in parts:
            raise InputError(f"{schema.name}: the stream {part!r} is no part of it{suggest(part, parts)}")
        told = "fill" if "fill" in parts[part].fields else "written"
        found += [Link(f"{part}.request", f"dma.tile.{part}"), Link(f"dma.arrived.{part}", f"{part}.{told}", 4)]
    return [*found, *wiring.links]


def build(
    schema: MachineSchema,
    wiring: Wiring,
    arch: Arch,
    tables: Mapping[str, object],
    *,
    order: Iterable[str],
    trace: int = 0,
    monitored: bool = False,
    depth: int = 0,
) -> "Simulator":
    """The netlist. A memory of a part is filled from the table of its name, or else from that of the part's.

    `order`: in which order the components are added (no result depends on it). `trace`: room for status events between
    two drains. `monitored`: log what crosses every channel. `depth`: of all
    channels, instead of their own. Raises InputError for a part or a table that is not there.
    """
    from accelsim.core import Simulator

    made: dict[str, Component] = {}
    for part, kind in kinds(schema, arch).items():
        memories = {}
        for name in (n for n, memory in kind.declared(Mem).items() if memory.build is None):
            source = name if name in tables else part
            if source not in tables:
                raise InputError(
                    f"{schema.name}.{part}.{name}: no table of the program is called {name!r} or {part!r}"
                    + suggest(name, tables)
                )
            memories[name] = tables[source]
        made[part] = schema.create(arch, part, **memories)
    sim = Simulator(dict(arch.clocks), trace=trace)
    for part in order:
        sim.add(made[part])
    for link in links(schema, wiring, arch):
        (producer, _, out), (consumer, _, into) = link.out.partition("."), link.into.partition(".")
        for part in (producer, consumer):
            if part not in made:
                raise InputError(f"{schema.name}: {link.out} -> {link.into} names no part of it{suggest(part, made)}")
        try:
            sim.connect(made[producer], out, made[consumer], into, depth=depth or link.depth, monitored=monitored)
        except TypeError as error:
            raise InputError(f"{schema.name}: {error}") from None
    check_ports(schema.name, made.values(), {end for wire in sim.wires for end in wire.ends})
    return sim


def check_ports(machine: str, components: Iterable[Component], ends: Collection[str]) -> None:
    """Raise InputError for a port that is not connected, and for a name that a tick asks for and its class lacks."""
    for component in components:
        for name in component.signature():
            field, place = component.fields.get(name), f"{component.name}.{name}"
            if field is None and name not in ("now", "r", "mark"):
                raise InputError(
                    f"{machine}: the tick of {component.name} asks for {name!r}, which its class does not declare"
                    + suggest(name, component.fields)
                )
            needed = isinstance(field, Port) and not isinstance(field, PortArray) and not field.optional
            if needed and place not in ends:
                raise InputError(f"{machine}: {place} is not connected; its wiring has no link to or from there")
