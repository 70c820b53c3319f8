"""What units and memories were told to do, and when: the program's instructions and tiles with the times at which their
commands, requests and notices crossed the channels, and which of them waited for which."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from accelsim.core import Simulator
from accelsim.core.result import COMMAND, JOB, TILE, Result
from accelsim.dataflows.program import UNSAID, Program, Said
from accelsim.isa.instructions import MARK

ENDS = ("sequencer.command.", "sequencer.notice.", "dma.tile.")  # of channels that tell of jobs


def watch_jobs(sim: Simulator) -> None:
    """Have what crosses the channels of commands, notices and tiles logged; before time starts."""
    sim.wires = [replace(w, monitored=any(end.startswith(ENDS) for end in w.ends)) for w in sim.wires]


def note_jobs(program: Program, result: Result) -> None:
    """Write into a result what was to be done; the logged transfers that this is made of are taken out of it."""
    logged, result.transfers = result.transfers, {}
    links = result.links
    commands = {b: logged[k] for k in logged if (b := of(links[k].producer, ENDS[0]))}
    notices = {b: logged[k] for k in logged if (b := of(links[k].consumer, ENDS[1]))}
    requests = {b: logged[k] for k in logged if (b := of(links[k].consumer, ENDS[2]))}
    about: dict[Said, int] = {UNSAID: 0}
    parts = {name: n for n, name in enumerate(result.parts)}
    layers, instructions = layers_of(program), program.instructions
    told = told_of(
        program, instructions, commands, {b: ends(notices.get(b)) for b in commands if b not in program.tiles}
    )
    tiles = {b: tiles for b, tiles in program.tiles_about.items() if b in requests}
    tiles = {b: t for b, t in tiles.items() if len(requests[b]) == len(ends(notices.get(b))) >= len(t)}
    given = np.sort(np.concatenate([np.zeros(0, np.int64), *(one.at for one in told.values())]))
    jobs = np.zeros(sum(map(len, tiles.values())) + len(given), JOB)
    jobs["wait"] = jobs["wait2"] = -1
    reached: dict[int, np.ndarray] = {}  # counter -> the jobs by which it reaches 1, 2, ...
    begun = 0
    for buffer, said in tiles.items():
        numbers = np.arange(begun, begun + len(said))
        mine, asked = jobs[begun : begun + len(said)], requests[buffer]["at"][: len(said)]
        turn = np.searchsorted(layers.tiles[buffer], np.arange(len(said)), side="right")
        mine["part"], mine["kind"], mine["start"], mine["told"] = parts[buffer], TILE, asked, asked
        mine["layer"] = layers.turns[turn]
        mine["about"] = [about.setdefault(one, len(about)) for one in said]
        mine["end"] = ends(notices[buffer])[: len(said)]
        reached[program.counters[buffer]] = numbers
        begun += len(said)
    mine = jobs[begun:]
    mine["kind"], mine["layer"] = COMMAND, layers.instructions[given]
    mine["about"] = [about.setdefault(program.about[n], len(about)) for n in given.tolist()]
    for unit, one in told.items():
        rows = np.searchsorted(given, one.at)
        mine["part"][rows], mine["told"][rows], mine["end"][rows] = parts[unit], one.told, one.end
        mine["start"][rows] = np.maximum(one.told, np.concatenate([[0], one.end[:-1]]))
        if unit in program.counters:
            reached[program.counters[unit]] = begun + rows
    for field, counter, count in (("wait", 2, 3), ("wait2", 4, 5)):
        for number, by in reached.items():
            wanted = instructions[given, count]
            rows = np.flatnonzero((instructions[given, counter] == number) & (wanted > 0) & (wanted <= len(by)))
            mine[field][rows] = by[wanted[rows] - 1]
    result.jobs, result.about = jobs, list(about)


class Told(NamedTuple):
    """The commands of a unit: where in the program, when it was told, when it had done."""

    at: np.ndarray
    told: np.ndarray
    end: np.ndarray


def told_of(
    program: Program, instructions: np.ndarray, commands: Mapping[str, np.ndarray], done: Mapping[str, np.ndarray]
) -> dict[str, Told]:
    """The commands of the units that say of each when it is done."""
    found = {}
    for unit, end in done.items():
        (at,) = np.nonzero(instructions[:, 0] == program.units[unit][0])
        if len(commands[unit]) == len(end):
            found[unit] = Told(at, commands[unit]["at"][: len(at)], end[: len(at)])
    return found


def of(end: str, prefix: str) -> str:
    """The part that an end of a channel speaks of; empty, if it is no such end."""
    return end.removeprefix(prefix) if end.startswith(prefix) else ""


def ends(notices: np.ndarray | None) -> np.ndarray:
    """When the first, the second, ... of what a part had to do was finished."""
    if notices is None:
        return np.zeros(0, np.int64)
    return np.repeat(notices["at"], notices["number"])


class Layers(NamedTuple):
    """Which layer each instruction is of (-1: none); of every mark the layer that it ends, or a turn of, and -1 behind
    the last; and of every buffer how many tiles are listed by each mark."""

    instructions: np.ndarray
    turns: np.ndarray
    tiles: Mapping[str, list[int]]


def layers_of(program: Program) -> Layers:
    """By the marks that close the layers."""
    instructions = program.instructions
    marks = np.flatnonzero(instructions[:, 0] == MARK)
    closed = np.array([*(program.operands[first] for first in instructions[marks, 1].tolist()), -1])
    tiles = {name: [marked[name] for marked in program.layer_tiles] for name in program.tiles}
    return Layers(closed[np.searchsorted(marks, np.arange(len(instructions)))], closed, tiles)
