"""A whole machine in hardware: its modules run a program by themselves, from reset to its end, beside the simulator.

Every transfer and every status are compared, piece by piece, so that a run of any length needs little memory. Nothing
comes from outside but a clock and what memories hold when time begins; if a component has no module, it answers through
the harness: what the simulator's gave, when it gave it. Since all that it was asked is compared as well, the modules
make it the same answers as long as nothing differs.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from accelsim.core import Simulator
from accelsim.core.channel import WATCHED
from accelsim.core.errors import InputError
from accelsim.rtl.cosim import AFTER, Case, Outcome, compare, library, moved, open_bench, ordered
from accelsim.rtl.netlist import Netlist
from accelsim.rtl.vsim import Bench, Port

PIECE = 1 << 14  # cycles between two comparisons


def run_whole(runs: Iterable[tuple[Case, Simulator]], optimise: str = "-O1") -> Outcome:
    """Both run each program; they stop where they first differ. A simulator has the channels of its case's netlist, all
    monitored, and its units.

    Raises InputError without Verilator or g++.
    """
    outcome = Outcome("")
    for case, sim in runs:
        outcome.name = case.netlist.top
        outcome.cases += 1
        built = library(case.netlist, optimise=optimise)
        run_one(case, watched(case, sim), period_of(case, sim), outcome, built)
    return outcome


def period_of(case: Case, sim: Simulator) -> int:
    """Of the modules' clock, in units of the simulator's time base."""
    return next(sim.periods[c.clock] for c in sim.components if c.name == case.netlist.units[0].name)


def recorded(case: Case, sim: Simulator) -> tuple[np.ndarray, int]:
    """All that the simulator does in a run, as `run_model` gives it, and the cycles it takes.

    Raises InputError for a netlist that does not stand alone.
    """
    if outside := [w for w in case.netlist.wires if w.producer is None or w.consumer is None]:
        units = {unit.name for unit in case.netlist.units}
        names = ", ".join(c.name for c in sim.components if c.name not in units)
        raise InputError(
            f"{case.netlist.top} does not stand alone: as it is configured, {names} has no module, and "
            f"{outside[0].name} leads outside; a memory that is a pipe has one (--set dram.model=pipe)"
        )
    period = period_of(case, sim)
    sim.run()
    return ordered(case.netlist, sim, period), -(-sim.at // period)


@dataclass(frozen=True)
class Moment:
    """Some cycles of a simulator's run, from `first` to `reached`, and whether it ends there: what it did, as
    `run_model` gives it, and all that it logged."""

    first: int
    reached: int
    ended: bool
    model: np.ndarray
    log: np.ndarray


@dataclass(frozen=True)
class Piece(Moment):
    """What the modules did meanwhile, as `run_model` gives it, and the cycles in which they began to be done, or no
    longer were."""

    module: np.ndarray
    done: np.ndarray


def moments(case: Case, sim: Simulator, window: tuple[int, int] | None = None) -> Iterator[Moment]:
    """A simulator's run, piece by piece, to its end; or to that of a window of cycles, of which one piece is made."""
    period, first, ended = period_of(case, sim), 0, False
    while not ended and not (window and first >= window[1]):
        stop = first + PIECE
        if window:
            stop = window[1] if first >= window[0] else min(stop, window[0])
        ended = sim.run(stop * period - sim.at)
        reached = -(-sim.at // period) + AFTER * ended
        log = np.concatenate(sim.transfers) if sim.transfers else np.zeros((0, 3), np.int64)
        yield Moment(first, reached, ended, ordered(case.netlist, sim, period), log)
        sim.transfers.clear()
        sim.events.clear()
        first = reached


def watched(case: Case, sim: Simulator) -> Iterator[Moment]:
    """The same of a whole run in which the harness answers for what has no module."""
    outside = zip(sim.wires, case.netlist.wires, strict=True)
    sim.wires = [replace(w, monitored=WATCHED) if n.outside else w for w, n in outside]
    return moments(case, sim)


def beside(
    case: Case,
    run: Iterable[Moment],
    period: int,
    built: Path,
    window: tuple[int, int] | None = None,
    trace: Path | None = None,
    at_end: Callable[[Bench], None] | None = None,
) -> Iterator[Piece]:
    """Run the modules beside a simulator's run, whose clock has this period, piece by piece; at its end `at_end` is
    called. A window is written as a waveform (`trace`, with a library built for it)."""
    net = case.netlist
    far = FarEnds(net, period)
    bench, ports, alive = open_bench(case, built)
    width, done = 2 + max(p.words for p in ports), len(net.logged())
    try:
        for moment in run:
            first, reached = moment.first, moment.reached
            if window and first >= window[0]:
                bench.trace(trace)
            alive += far.play(moment.log, ports, first, reached)
            found = bench.run(first, reached - first, ports, width)
            yield Piece(**vars(moment), module=moved(case, found), done=found[found[:, 1] == done][:, 0])
            alive.clear()
            if at_end and moment.ended:
                at_end(bench)
    finally:
        bench.close()


def run_one(case: Case, run: Iterable[Moment], period: int, outcome: Outcome, built: Path) -> None:
    """Run one program beside the simulator's run of it (`watched`), and add to what was compared."""
    net, done = case.netlist, []
    alone = not any(n.outside for n in net.wires)

    def values(bench: Bench) -> None:
        found = case.operands.finish(case.name, bench)
        outcome.values += found.values
        outcome.differences += found.differences
        outcome.first = outcome.first or found.first

    for piece in beside(case, run, period, built, at_end=values if case.operands else None):
        count, text = compare(case, piece.model, piece.module)
        done += piece.done.tolist()
        end = piece.reached - AFTER
        # What has no module may still be at work when all others have nothing left to do.
        if not count and piece.ended and not (len(done) == 1 and (done[0] == end if alone else done[0] <= end)):
            count, text = (
                1,
                f"{case.name}: the modules say in the cycles {done} that they are done or not, not in {end}",
            )
        outcome.differences += count
        outcome.first = outcome.first or text
        outcome.transfers += int((piece.model[:, 1] < len(net.wires)).sum())
        outcome.statuses += (piece.reached - piece.first) * len(net.units)
        outcome.cycles += piece.reached - piece.first
        if count:
            return


def said(case: Case, sim: Simulator, outcome: Outcome) -> str:
    """A sentence about a run without a difference."""
    units = {unit.name for unit in case.netlist.units}
    outside = ", ".join(c.name for c in sim.components if c.name not in units)
    return (
        f"{case.name} ran in {outcome.cycles - AFTER:,} cycles, from reset to its end, by the modules alone: "
        f"{len(units)} units, {case.operands.said() if case.operands else 'in control'}, and {len(sim.wires)} channels"
        + f"; {outside} answered through the harness"
        * bool(outside)
    )


@dataclass
class FarEnds:
    """Of the channels to and from what has no module: what comes, and how much room there is, as in the simulator. Its
    clock may be another: what it pushes within a cycle can be seen from the next one on, and so can room that it
    makes."""

    net: Netlist
    period: int
    held: dict[str, int] = field(default_factory=dict)  # items in channels that lie outside

    def play(self, log: np.ndarray, ports: list[Port], first: int, reached: int) -> list[np.ndarray]:
        """Let the ports play what was logged of the cycles from `first` to `reached`; arrays that must live as long."""
        alive = []
        for i, (wire, port) in enumerate(zip(self.net.wires, ports)):
            mine = log[log[:, 1] == i]
            at = mine[:, 0] // self.period
            if wire.producer is None:
                items = np.ascontiguousarray(mine[:, 2 : 2 + port.words].astype(np.uint32))
                alive += [at, items]
                port.at, port.items, port.count, port.sent = at.ctypes.data, items.ctypes.data, len(at), 0
            elif wire.outside:
                taken = log[log[:, 1] == ~i]
                more = np.bincount(at - first, minlength=reached - first)
                np.subtract.at(more, taken[:, 0] // self.period - first, taken[:, 2])
                held = self.held.get(wire.name, 0) + np.concatenate([[0], np.cumsum(more)])
                room = (wire.depth - held[:-1]).astype(np.uint8)
                alive.append(room)
                port.open, port.sent, self.held[wire.name] = room.ctypes.data, first, int(held[-1])
        return alive
