"""Random cases of what stands around the engines and the array: sequencer, vector unit, query fetcher."""

from dataclasses import replace

import numpy as np

from accelsim.accelerators.vitcod.rtl.modules import PACKAGE, PAYLOADS, TWINS
from accelsim.accelerators.vitcod.rtl.vector_cases import UNITS, vector_unit
from accelsim.accelerators.vitcod.tables import QUERIES
from accelsim.isa.instructions import INSTRUCTION, MARK
from accelsim.rtl.cosim import Case, run_model
from accelsim.rtl.far_ends import Rng, make, script
from accelsim.rtl.netlist import alone
from accelsim.rtl.stimulus import Script

PROGRAM = 256  # instructions of a random program, and the row that ends it
COMMANDS = ("done", "pass", "gemm", "decode", "sweep")  # what a unit's command carries, in turn


def sequencer(rng: Rng, values: dict, depths: dict, largest: int) -> Case:
    """A program of any units and counters; each count that an instruction waits for is reached at some time."""
    carried = [COMMANDS[n % len(COMMANDS)] for n in range(values["units"])]
    elements = {
        "command": {f"u{n}": payload for n, payload in enumerate(carried)},
        "notice": {f"c{n}": "" for n in range(values["counters"])},
    }
    notices = [[(int(rng.integers(0, 4)),) for _ in range(int(rng.integers(0, 50)))] for _ in elements["notice"]]
    totals = [0, *(sum(number for (number,) in some) for some in notices)]
    program, operands = [], []
    for _ in range(int(rng.integers(0, PROGRAM - 1))):
        unit = int(rng.integers(MARK, len(carried)))
        waits = []
        for _ in range(2):
            counter = int(rng.integers(0, len(totals))) if rng.random() < 0.5 else 0
            soon = len(program) * totals[counter] // PROGRAM
            waits += [counter, int(rng.integers(0, min(totals[counter], soon) + 1))]
        program.append((unit, len(operands), *waits))
        operands += rng.integers(0, 1 << 16, 1 if unit == MARK else len(PAYLOADS[carried[unit]])).tolist()
    tables = {
        "program": np.array(program, INSTRUCTION).view(np.recarray),
        "operands": np.array(operands, np.int64),
        "reached": np.zeros(len(totals), np.int64),
    }
    net = alone(PACKAGE, TWINS["sequencer"], {}, depths, {"program": PROGRAM}, elements=elements)
    scripts = {f"notice_c{n}": script(rng, some, 1) for n, some in enumerate(notices)}
    return make(rng, "sequencer", net, tables, scripts)


def query_fetcher(rng: Rng, values: dict, depths: dict, largest: int) -> Case:
    """Asks of several passes, many for the same tokens; what is fetched arrives in pieces."""
    passes, places = int(rng.integers(1, 4)), []
    for _ in range(passes):
        shared = rng.random() < 0.5
        size = int(rng.integers(1, values["capacity_bytes"] // 3 + 1))
        places.append((int(rng.integers(0, 1 << 16)), int(rng.integers(1, 1 << 8)), 0 if shared else 1 << 8, size))
    asks = []
    for number in range(passes):
        tokens, heads = int(rng.integers(1, 1 + min(largest, 30))), int(rng.integers(1, 4))
        for _ in range(int(rng.integers(0, 80))):
            asks.append((number, int(rng.integers(tokens)), int(rng.integers(heads)), int(rng.integers(64))))
    tables = {"queries": np.array(places, QUERIES).view(np.recarray)}
    net = alone(PACKAGE, TWINS["query_fetcher"], values, depths, {"queries": 4})
    case = make(rng, "query_fetcher", net, tables, {"ask": script(rng, asks, 4)})
    return filled(rng, case)


def filled(rng: Rng, case: Case) -> Case:
    """The case with a memory's answers: bytes of each fetch, in order, some time after it was asked for. What is asked
    for after an answer depends on it, and is found by running on."""
    slow, request = int(rng.choice([1, 10, 60])), case.netlist.logged().index("request")
    pieces, answered = [], 0
    while True:
        given = np.array(pieces, np.int64).reshape(-1, 2)
        case.scripts["fill"] = Script(given[:, 0], given[:, 1:])
        rows, _ = run_model(replace(case, stuck=True))
        asked, before = rows[rows[:, 1] == request], len(pieces)
        if len(asked) == answered:
            return case
        for when, size in asked[answered:, [0, 3]].tolist():
            if len(pieces) > before and when > pieces[before][0]:
                break
            cuts = np.unique(rng.integers(1, size + 1, int(rng.integers(0, 3))))
            for part in np.diff([0, *cuts[cuts < size], size]).tolist():
                last = pieces[-1][0] if pieces else 0
                pieces.append((max(last, when + 1) + int(rng.integers(0, slow)), part))
            answered += 1


SETTINGS = {
    "sequencer": (sequencer, [{"units": 5, "counters": 4}, {"units": 1, "counters": 1}, {"units": 3, "counters": 9}],
                  [4, 1, 2]),
    "vector_unit": (vector_unit, UNITS, [4, 1, 2]),
    "query_fetcher": (query_fetcher, [
        {"capacity_bytes": 4096, "places": 64, "port_bytes": 256},
        {"capacity_bytes": 12, "places": 3, "port_bytes": 1},
        {"capacity_bytes": 90, "places": 10, "port_bytes": 7},
    ], [4, 1, 2]),
}  # fmt: skip
