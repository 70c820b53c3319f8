"""Waveforms of a case, the model's and the modules', with the same names and times, to open side by side.

A cycle lasts two units of time in both. The model's file holds of every channel what is pushed and the last item's
fields, and what every component was doing.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from accelsim.core import STATUS_NAMES, Simulator
from accelsim.rtl.cosim import AFTER, Case, library, run_model, run_module
from accelsim.rtl.netlist import FIELD
from accelsim.rtl.package import PAYLOADS

EVENTS = 1 << 16


def names() -> Iterator[str]:
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


def vcd(signals: dict[str, int], changes: list[tuple[int, str, int]], end: int) -> str:
    """The text of a VCD file: signals by name with their width, changes (time, signal, value), the last time."""
    code = dict(zip(signals, names()))
    lines = ["$timescale 1ns $end", "$scope module top $end"]
    lines += [f"$var wire {width} {code[n]} {n} $end" for n, width in signals.items()]
    lines += ["$upscope $end", "$enddefinitions $end", "#0"]
    held = dict.fromkeys(signals, 0)
    lines += [f"b0 {code[n]}" for n in signals]
    at = 0
    for time, name, value in sorted(changes, key=lambda c: c[0]):
        if held[name] == value:
            continue
        if time != at:
            lines.append(f"#{time}")
            at = time
        held[name] = value
        lines.append(f"b{value:b} {code[name]}")
    return "\n".join([*lines, f"#{end}"]) + "\n"


def model_changes(case: Case, found: np.ndarray, sim: Simulator) -> tuple[dict[str, int], list[tuple[int, str, int]]]:
    """The model's signals and their changes."""
    signals, changes = {}, []
    for i, wire in enumerate(case.netlist.wires):
        fields = PAYLOADS[case.netlist.payload(wire)]
        signals[f"{wire.name}_push"] = 8
        signals |= {f"{wire.name}_{f}": FIELD for f in fields}
        mine = found[found[:, 1] == i]
        cycles, counts = np.unique(mine[:, 0], return_counts=True)
        pushed = dict(zip(cycles.tolist(), counts.tolist()))
        for cycle, count in pushed.items():
            changes.append((2 * cycle, f"{wire.name}_push", count))
            if cycle + 1 not in pushed:
                changes.append((2 * cycle + 2, f"{wire.name}_push", 0))
        for row in mine.tolist():
            changes += [(2 * row[0], f"{wire.name}_{f}", value) for f, value in zip(fields, row[2:])]
    units = {c.name for c in sim.components} & {u.name for u in case.netlist.units}
    for unit in sorted(units):
        signals[f"{unit}_status"] = (len(STATUS_NAMES) - 1).bit_length()
    for event in np.concatenate(sim.events).tolist() if sim.events else []:
        at, component, status = event
        name = sim.components[component].name
        if name in units:
            changes.append((2 * at, f"{name}_status", status))
    return signals, changes


def write_waves(case: Case, folder: Path) -> tuple[Path, Path]:
    """Write `model.vcd` and `module.vcd` of a case into a folder. Raises InputError without Verilator or g++."""
    folder.mkdir(parents=True, exist_ok=True)
    found, sim = run_model(case, trace=EVENTS)
    signals, changes = model_changes(case, found, sim)
    paths = folder / "model.vcd", folder / "module.vcd"
    temporary = folder / f"model.vcd.{os.getpid()}"
    temporary.write_text(vcd(signals, changes, 2 * (sim.at + AFTER)))
    os.replace(temporary, paths[0])
    temporary = folder / f"module.vcd.{os.getpid()}"
    run_module(case, sim.at + AFTER, library(case.netlist, trace=True), temporary)
    os.replace(temporary, paths[1])
    return paths
