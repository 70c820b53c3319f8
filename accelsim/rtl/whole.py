"""A whole machine in hardware: its modules run a program by themselves, from reset to its end, beside the simulator.

Nothing comes from outside but a clock and what memories hold when time begins. Every transfer and every status are
compared, piece by piece, so that a run of any length needs little memory.
"""

from accelsim.core import Simulator
from accelsim.rtl.cosim import AFTER, Case, Outcome, compare, library, open_bench, ordered

PIECE = 1 << 14  # cycles between two comparisons


def run_whole(case: Case, sim: Simulator, optimise: str = "-O1") -> Outcome:
    """Both run the program; they stop where they first differ. `sim` has the units and the channels of the case's
    netlist, with all channels monitored, and one clock.

    Raises InputError without Verilator or g++.
    """
    net, outcome = case.netlist, Outcome(case.netlist.top, cases=1)
    bench, ports, alive = open_bench(case, library(net, optimise=optimise))
    width, first, ended = 2 + max(p.words for p in ports), 0, False
    try:
        while not ended and not outcome.differences:
            ended = sim.run(PIECE)
            reached = sim.at + AFTER * ended
            model = ordered(net, sim)
            sim.transfers.clear()
            sim.events.clear()
            module = bench.run(first, reached - first, ports, width)
            count, outcome.first = compare(case, model, module)
            outcome.differences += count
            outcome.transfers += int((model[:, 1] < len(net.wires)).sum())
            outcome.statuses += (reached - first) * len(net.units)
            outcome.cycles, first = reached, reached
    finally:
        bench.close()
    del alive
    return outcome
