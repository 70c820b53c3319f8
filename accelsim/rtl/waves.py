"""Waveforms of a case, the model's and the modules', with the same names and times, to open side by side.

A cycle lasts two units of time in both, and begins with the rising edge of the clock. Of every channel both files hold,
named as in the modules: NAME__valid, the items that can be popped; NAME__room, those that can be pushed; NAME__pop and
NAME_push, those that are; NAME_item, what is pushed, 32 bits a field. The model's has each field of the last item by
its own name too. NAME_status is what a unit was doing, a number into accelsim.core.STATUS_NAMES.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from accelsim.core import Simulator
from accelsim.rtl.cosim import AFTER, Case, library, open_bench, run_model
from accelsim.rtl.netlist import FIELD
from accelsim.rtl.package import STATUS_BITS

TOP = 1
MODEL, MODULE = "model.vcd", "module.vcd"
Changes = list[tuple[int, str, int]]  # time, signal, value


class Stepped(Simulator):
    """A simulator that stops after every cycle to note how many items each channel holds."""

    SLICE = 1

    def elaborate(self) -> None:
        super().elaborate()
        self.held = [(0, self.control["count"].copy())]

    def drain(self) -> None:
        super().drain()
        self.held.append((self.at, self.control["count"].copy()))


def codes() -> Iterator[str]:
    """Short names of signals inside a file."""
    n = 0
    while True:
        text, rest = "", n
        while True:
            text = chr(33 + rest % 94) + text
            rest //= 94
            if not rest:
                break
        yield text
        n += 1


def vcd(signals: Mapping[str, int], changes: Changes, end: int, begin: int = 0) -> str:
    """The text of a VCD file: signals by name with their width, changes, the last time and the first."""
    code = dict(zip(signals, codes()))
    lines = ["$timescale 1ns $end", "$scope module top $end"]
    lines += [f"$var wire {width} {code[n]} {n} $end" for n, width in signals.items()]
    lines += ["$upscope $end", "$enddefinitions $end", f"#{begin}"]
    held = dict.fromkeys(signals, 0)
    lines += [f"b0 {code[n]}" for n in signals]
    at = begin
    for time, name, value in sorted(changes, key=lambda c: c[0]):
        if held[name] == value:
            continue
        if time != at:
            lines.append(f"#{time}")
            at = time
        held[name] = value
        lines.append(f"b{value:b} {code[name]}")
    return "\n".join([*lines, f"#{end}"]) + "\n"


def stepped_counts(sim: Stepped) -> np.ndarray:
    """int64[cycles + 2, channels]: the items that each channel holds as a cycle begins.

    A sleep of all components is one step: nothing is held more or less in its cycles.
    """
    cycles, counts = np.array([at for at, _ in sim.held]), np.array([count for _, count in sim.held])
    return counts[np.searchsorted(cycles, np.arange(sim.at + 2), side="right") - 1]


def occupancy(case: Case, found: np.ndarray, counts: np.ndarray, first: int = 0) -> tuple[dict[str, int], Changes]:
    """Valid, room, push and pop of every channel, cycle by cycle from `first` on, as `stepped_counts` gives what they
    hold."""
    signals: dict[str, int] = {}
    changes: Changes = []
    for i, wire in enumerate(case.netlist.wires):
        _, out = case.netlist.items(wire)
        held = counts[:, i]
        push = np.bincount(found[found[:, 1] == i][:, 0] - first, minlength=len(held))[: len(held)]
        pop = np.append(held[:-1] + push[:-1] - held[1:], 0)
        for name, values in {
            f"{wire.name}__valid": np.minimum(held, out),
            f"{wire.name}__room": wire.depth - held,
            f"{wire.name}_push": push,
            f"{wire.name}__pop": pop,
        }.items():
            signals[name] = 8
            at = np.flatnonzero(np.diff(values, prepend=0))
            changes += [(2 * (first + c), name, value) for c, value in zip(at.tolist(), values[at].tolist())]
    return signals, changes


def payloads(case: Case, found: np.ndarray) -> tuple[dict[str, int], Changes]:
    """The items of every channel, whole and by field."""
    signals: dict[str, int] = {}
    changes: Changes = []
    for i, wire in enumerate(case.netlist.wires):
        fields = case.netlist.fields(wire)
        into, _ = case.netlist.items(wire)
        signals[f"{wire.name}_item"] = FIELD * len(fields) * into
        signals |= {f"{wire.name}_{f}": FIELD for f in fields}
        mine = found[found[:, 1] == i]
        cycles, starts = np.unique(mine[:, 0], return_index=True)
        for cycle, rows in zip(cycles.tolist(), np.split(mine[:, 2 : 2 + len(fields)], starts[1:])):
            item = sum(v << FIELD * n for n, v in enumerate(rows.ravel().tolist()))
            changes.append((2 * cycle, f"{wire.name}_item", item))
        for row in mine.tolist():
            changes += [(2 * row[0], f"{wire.name}_{f}", value) for f, value in zip(fields, row[2:])]
    return signals, changes


def statuses(case: Case, found: np.ndarray) -> tuple[dict[str, int], Changes]:
    """What every unit was doing."""
    names, first = case.netlist.logged(), len(case.netlist.wires)
    changes = [(2 * row[0], names[row[1]], row[2]) for row in found[found[:, 1] >= first].tolist()]
    return dict.fromkeys(names[first:], STATUS_BITS), changes


def write_waves(case: Case, folder: Path, levels: int = TOP) -> tuple[Path, Path]:
    """Write `model.vcd` and `module.vcd` of a case into a folder. Raises InputError without Verilator or g++.

    `levels`: of the modules' hierarchy; TOP is all channels and ports, and nothing inside the units.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found, sim = run_model(case, simulator=Stepped)
    end = sim.at + AFTER
    write_model(case, folder / MODEL, found, stepped_counts(sim), (0, end))
    temporary = folder / f"{MODULE}.{os.getpid()}"
    bench, ports, alive = open_bench(case, library(case.netlist, trace=levels))
    bench.trace(temporary)
    bench.run(0, end, ports, 2 + max(p.words for p in ports))
    bench.close()
    del alive
    os.replace(temporary, folder / MODULE)
    return folder / MODEL, folder / MODULE


def write_model(case: Case, path: Path, found: np.ndarray, counts: np.ndarray, window: tuple[int, int]) -> None:
    """Write the model's waveform of a window of cycles: what it did in it, and what its channels held (see
    `stepped_counts`), from its first cycle on."""
    signals: dict[str, int] = {}
    changes: Changes = []
    first, end = window
    for more, changed in (occupancy(case, found, counts, first), payloads(case, found), statuses(case, found)):
        signals |= more
        changes += changed
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(vcd(signals, changes, 2 * end, 2 * first))
    os.replace(temporary, path)


def read(path: Path, names: Iterable[str], first: int = 0) -> dict[str, np.ndarray]:
    """Signals of a VCD file by name (the first of each name), in the middle of each cycle from `first` on.

    Values wider than 63 bits are Python integers. Raises KeyError for a name that is not there.
    """
    wanted, text = list(names), path.read_text()
    head, body = text.split("$enddefinitions", 1)
    code: dict[str, str] = {}
    for line in head.splitlines():
        words = line.split()
        if words[:1] == ["$var"] and words[4] in wanted:
            code.setdefault(words[4], words[3])
    found: dict[str, list[tuple[int, int]]] = {code[name]: [] for name in wanted}
    at = 0
    for line in body.splitlines():
        if line.startswith("#"):
            at = int(line[1:])
        elif line[:1] == "b":
            value, _, name = line[1:].partition(" ")
            if name in found:
                found[name].append((at // 2, int(value, 2)))
        elif line[1:] in found and line[:1] in "01":
            found[line[1:]].append((at // 2, int(line[0])))
    return {name: by_cycle(found[code[name]], first, at // 2) for name in wanted}


def by_cycle(changes: list[tuple[int, int]], first: int, end: int) -> np.ndarray:
    """The value in each cycle from `first` on, of changes (cycle, value)."""
    values = np.zeros(end - first, object)
    for (cycle, value), (following, _) in zip(changes, [*changes[1:], (end, 0)]):
        values[max(0, cycle - first) : max(0, following - first)] = value
    return values
