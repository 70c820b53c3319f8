"""How long a clock cycle a module needs: its longest path between registers, ports and memories, by logical effort.

A gate takes p + C: its parasitic delay, and what it drives, the efforts of the inputs behind it added up, where all
gates are of the smallest size (Sutherland, Sproull and Harris, Logical Effort, 1999: efforts and parasitics of static
gates, of p-channel transistors twice as wide; AND and OR are two stages, of which the first drives the second alone).
An inverter that drives four takes 5, one FO4. What would drive more than four drives a tree of buffers of four each. An
array that is read where it stands is a tree of multiplexers over its words.

What is not in it: wires, skew, gates of other sizes and shapes of signals; and a flip-flop's own time, since paths
begin at its output and end at its input.
"""

import csv
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import NamedTuple

FO4 = 5.0
MOST = 4.0  # what drives more has buffers behind it
FLIP_FLOP = 2.0  # the effort of its input
LEVEL = 6.0  # a multiplexer that drives the next one of a tree
# What abc does: equal functions become one (by proof), chains trees, and these the gates of least delay.
STEPS = "+strash;ifraig;b;map,-B,0.9"


class Gate(NamedTuple):
    """A gate of the library: area in um2 at 45 nm, function, effort of each input, parasitic delay."""

    area: float
    function: str
    efforts: Mapping[str, float]
    parasitic: float


class Source(NamedTuple):
    """What drives a net: the instance, its gate's name (or the memory's), the nets it depends on, its own delay."""

    instance: str
    gate: str
    nets: tuple[int, ...]
    delay: float


@dataclass(frozen=True)
class Timing:
    """A mapped module: um2 of its gates at 45 nm without flip-flops and memories, the longest path's delay in FO4,
    and the gates on it from its beginning to its end."""

    area: float
    fo4: float
    path: tuple[str, ...]


@cache
def library() -> dict[str, Gate]:
    """The gates by name: those of the 45 nm cells in energy/tables/cells45 whose effort is known."""
    with Path(__file__).with_name("cells.csv").open(newline="", encoding="utf-8") as file:
        return {
            row["cell"]: Gate(
                float(row["area_um2"]),
                row["function"],
                dict(zip(row["pins"].split(), map(float, map(Fraction, row["efforts"].split())), strict=True)),
                float(Fraction(row["parasitic"])),
            )
            for row in csv.DictReader(file)
        }


def genlib() -> str:
    """The library as abc reads it. It knows no load while it maps; every gate has as much as an FO4's inverter."""
    lines = ["GATE zero 0 Y=CONST0;", "GATE one 0 Y=CONST1;"]
    for name, gate in library().items():
        lines.append(f"GATE {name} {gate.area} Y={gate.function};")
        delay = (gate.parasitic + MOST) / FO4
        lines += [f" PIN {pin} UNKNOWN {g:.3f} 999 {delay:.3f} 0 {delay:.3f} 0" for pin, g in gate.efforts.items()]
    return "\n".join(lines) + "\n"


def driven(load: float) -> float:
    """What it takes to drive a load: itself up to four, then a tree of buffers."""
    return load if load <= MOST else MOST + FO4 * math.log(load / MOST, MOST)


def timed(netlist: str, module: str) -> Timing:
    """The longest path of a module, from yosys' JSON of a design that is mapped to `library`."""
    cells = json.loads(netlist)["modules"][module]["cells"]
    loads: dict[int, float] = {}
    sources: dict[int, Source] = {}
    area = 0.0
    for name, cell in sorted(cells.items()):
        if cell["type"] in library():
            gate = library()[cell["type"]]
            area += gate.area
            pins = {pin: cell["connections"][pin][0] for pin in gate.efforts}
            for pin, net in pins.items():
                loads[net] = loads.get(net, 0) + gate.efforts[pin]
            nets = tuple(net for net in pins.values() if isinstance(net, int))
            sources[cell["connections"]["Y"][0]] = Source(name, cell["type"], nets, gate.parasitic)
        elif cell["type"].startswith("$mem"):
            for net, source, load in arrays(name, cell):
                loads[net] = loads.get(net, 0) + load
                if source:
                    sources[net] = source
        else:
            for net in cell["connections"].get("D", ()):
                loads[net] = loads.get(net, 0) + FLIP_FLOP
    arrived: dict[int, float] = {}
    for net in ordered(sources, loads):
        begin = sources[net].delay + max((arrived[n] for n in sources[net].nets), default=0) if net in sources else 0
        arrived[net] = begin + driven(loads.get(net, 0))
    end = max(arrived, key=lambda net: (arrived[net], net), default=None)
    fo4, path = arrived.get(end, 0) / FO4, []
    while end in sources:
        path.append(sources[end].gate)
        end = max(sources[end].nets, key=lambda net: (arrived[net], net), default=None)
    return Timing(area, fo4, tuple(reversed(path)))


def arrays(name: str, cell: Mapping) -> Iterator[tuple[int, Source | None, float]]:
    """The nets of an array that stays one: what drives it and the load that it is to them. An address drives a
    multiplexer for each bit of each second word on its first level."""
    sizes = {key: int(str(cell["parameters"][key]), 2) for key in ("SIZE", "WIDTH", "RD_PORTS")}
    ports, width = sizes["RD_PORTS"], sizes["WIDTH"]
    levels = max(1, (sizes["SIZE"] - 1).bit_length())
    address, data = cell["connections"]["RD_ADDR"], cell["connections"]["RD_DATA"]
    bits = len(address) // ports if ports else 0
    clocked = str(cell["parameters"].get("RD_CLK_ENABLE", "0"))[::-1]
    for port in range(ports):
        nets = tuple(net for net in address[port * bits : (port + 1) * bits] if isinstance(net, int))
        for net in nets:
            yield net, None, 2.0 * width * (1 << (levels - 1))
        if port < len(clocked) and clocked[port] == "1":
            continue
        for net in data[port * width : (port + 1) * width]:
            yield net, Source(name, f"array of {sizes['SIZE']}", nets, LEVEL * levels), 0.0
    for key in ("WR_DATA", "WR_EN", "WR_ADDR"):
        for net in cell["connections"].get(key, ()):
            if isinstance(net, int):
                yield net, None, FLIP_FLOP


def ordered(sources: Mapping[int, Source], loads: Mapping[int, float]) -> Iterator[int]:
    """All nets, each behind those that it depends on."""
    done: set[int] = set()
    for root in sorted({*sources, *(net for net in loads if isinstance(net, int))}):
        stack = [root]
        while stack:
            net = stack[-1]
            before = [n for n in sources[net].nets if n not in done] if net in sources and net not in done else []
            if before:
                stack += before
                continue
            stack.pop()
            if net not in done:
                done.add(net)
                yield net
