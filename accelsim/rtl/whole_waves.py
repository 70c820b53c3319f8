"""Waveforms of a window of a whole machine's run, the simulator's and the modules', as `waves.py` writes those of a
case, with the run's own cycle numbers."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from accelsim.core import Simulator
from accelsim.core.channel import WATCHED
from accelsim.core.errors import InputError
from accelsim.rtl.cosim import Case, library
from accelsim.rtl.waves import MODEL, MODULE, TOP, write_model
from accelsim.rtl.whole import Piece, beside, moments, period_of

LONGEST = 1 << 17  # cycles: a file of these is some 100 MB


def write_whole_waves(
    case: Case, sim: Simulator, folder: Path, window: tuple[int, int], levels: int = TOP
) -> tuple[Path, Path]:
    """Write `model.vcd` and `module.vcd` of the cycles from window[0] to window[1] of a run into a folder; a run that
    ends before is shown to its end and some cycles more, in which nothing moves.

    Raises InputError for more cycles than can be looked at, and without Verilator or g++.
    """
    if window[1] - window[0] > LONGEST:
        raise InputError(
            f"cosim: {window[1] - window[0]:,} cycles are more than the {LONGEST:,} of which waveforms are written; "
            "choose layers with --trace-layers"
        )
    folder.mkdir(parents=True, exist_ok=True)
    built = library(case.netlist, trace=levels)
    sim.wires = [replace(wire, monitored=WATCHED) for wire in sim.wires]
    temporary, held = folder / f"{MODULE}.{os.getpid()}", np.zeros(len(case.netlist.wires), np.int64)
    status = np.zeros(len(case.netlist.units), np.int64)
    run = moments(case, sim, window)
    for piece in beside(case, run, period_of(case, sim), built, window, temporary):
        counts = counted(case, piece, held, sim)
        if piece.first >= window[0]:
            shown = piece.first, piece.reached
            before = [(piece.first, len(held) + n, s) for n, s in enumerate(status)]
            rows = np.zeros((len(before), piece.model.shape[1]), np.int64)
            rows[:, :3] = before
            write_model(case, folder / MODEL, np.concatenate([rows, piece.model]), counts, shown)
        held = counts[-1]
        for row in piece.model[piece.model[:, 1] >= len(held)]:
            status[row[1] - len(held)] = row[2]
    shift(temporary, folder / MODULE, 2 * shown[0])
    return folder / MODEL, folder / MODULE


def counted(case: Case, piece: Piece, held: np.ndarray, sim: Simulator) -> np.ndarray:
    """int64[cycles + 1, channels]: the items each channel holds as a cycle of a piece begins, as `held` did when its
    first began."""
    cycles, own = piece.reached - piece.first, period_of(case, sim)
    made = np.zeros((cycles + 1, len(held)), np.int64)
    for i in range(len(held)):
        pushed, popped = (piece.log[piece.log[:, 1] == n] for n in (i, ~i))
        more = np.bincount(pushed[:, 0] // own - piece.first, minlength=cycles)
        np.subtract.at(more, popped[:, 0] // own - piece.first, popped[:, 2])
        made[:, i] = held[i] + np.concatenate([[0], np.cumsum(more)])
    return made


def shift(path: Path, to: Path, more: int) -> None:
    """Move a waveform to later times, and to another name."""
    moved = to.with_name(f"{to.name}.{os.getpid()}.moved")
    with path.open() as old, moved.open("w") as new:
        for line in old:
            new.write(f"#{int(line[1:]) + more}\n" if line.startswith("#") else line)
    path.unlink()
    os.replace(moved, to)
