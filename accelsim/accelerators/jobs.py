"""What units and memories were told to do, and when: the program's instructions and tiles with the times at which their
commands, requests and notices crossed the channels, and which of them waited for which."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import replace

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
    parts, rows = {name: n for n, name in enumerate(result.parts)}, []
    by_counter: dict[tuple[int, int], int] = {}  # (counter, what it reaches) -> the job by which it does
    names = {number: name for name, number in program.counters.items()}
    layers = layers_of(program)
    waits: list[tuple[int, tuple[int, int], tuple[int, int]]] = []

    def enter(part: str, kind: int, layer: int, said: Said, start: int, end: int, told: int) -> int:
        number = about.setdefault(said, len(about))
        rows.append((parts[part], kind, layer, number, start, end, -1, -1, told))
        return len(rows) - 1

    for buffer, tiles in program.tiles_about.items():
        asked, ended = requests.get(buffer), ends(notices.get(buffer))
        if asked is None or not len(asked) == len(ended) >= len(tiles):
            continue
        for n, (said, at) in enumerate(zip(tiles, asked["at"].tolist())):
            layer = bisect_right(layers.tiles[buffer], n)
            layer = layer if layer < len(layers.tiles[buffer]) else -1
            number = enter(buffer, TILE, layer, said, at, ended[n], at)
            by_counter[program.counters[buffer], n + 1] = number
    units = {number: name for name, (number, _) in program.units.items()}
    done = {unit: ends(notices.get(unit)) for unit in commands if unit not in program.tiles}
    heard = {unit: commands[unit]["at"].tolist() for unit in done}
    free, begun = dict.fromkeys(commands, 0), dict.fromkeys(commands, 0)
    for (unit, _, *wait), said, layer in zip(program.instructions.tolist(), program.about, layers.instructions):
        name = units.get(unit, "") if unit != MARK else ""
        nth = begun.get(name, 0)
        if not name or name not in done or len(done[name]) != len(heard[name]):
            continue
        told, begun[name] = heard[name][nth], nth + 1
        end = done[name][nth]
        number = enter(name, COMMAND, layer, said, max(told, free[name]), end, told)
        free[name] = end
        if name in program.counters:
            by_counter[program.counters[name], nth + 1] = number
        waits.append((number, tuple(wait[:2]), tuple(wait[2:])))
    jobs = np.array(rows, JOB)
    for number, *wanted in waits:
        for field, (counter, count) in zip(("wait", "wait2"), wanted):
            if counter in names and count:
                jobs[field][number] = by_counter.get((counter, count), -1)
    result.jobs, result.about = jobs, list(about)


def of(end: str, prefix: str) -> str:
    """The part that an end of a channel speaks of; empty, if it is no such end."""
    return end.removeprefix(prefix) if end.startswith(prefix) else ""


def ends(notices: np.ndarray | None) -> list[int]:
    """When the first, the second, ... of what a part had to do was finished."""
    if notices is None:
        return []
    return np.repeat(notices["at"], notices["number"]).tolist()


class Layers:
    """Which layer each instruction is of, and, of every buffer, how many tiles are listed by a layer's end."""

    def __init__(self, instructions: list[int], tiles: Mapping[str, list[int]]) -> None:
        self.instructions, self.tiles = instructions, tiles


def layers_of(program: Program) -> Layers:
    """By the marks that close the layers."""
    found, held = [], 0
    for unit, first, *_ in program.instructions.tolist():
        found += [-1]
        if unit == MARK:
            found[held:] = [program.operands[first]] * (len(found) - held)
            held = len(found)
    tiles = {name: [marked[name] for marked in program.layer_tiles] for name in program.tiles}
    return Layers(found, tiles)
