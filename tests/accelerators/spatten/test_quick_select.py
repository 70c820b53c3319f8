"""Quick-select against the reference data, in numpy and as the engine does it."""

import csv

import numpy as np
import pytest

from accelsim.accelerators.spatten.components.top_k import TopK
from accelsim.accelerators.spatten.quick_select import kept, rounds, script_cycles, search_cycles
from accelsim.core import IDLE, Component, In, InputError, Mem, Out, Reg, Simulator, can_pop, can_push, pop, push, tick
from accelsim.isa.instructions import DONE, record


def rows(folder, name: str) -> list[dict]:
    with (folder / "spatten" / name).open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def cases(reference) -> list[tuple[dict, list[dict], np.ndarray, np.ndarray]]:
    said, arrays = {}, np.load(reference / "spatten" / "quick_select.npz")
    for row in rows(reference, "quick_select_rounds.csv"):
        said.setdefault(int(row["case"]), []).append(row)
    found = []
    for row in rows(reference, "quick_select_cases.csv"):
        n = int(row["case"])
        found.append((row, said[n], arrays[f"v{n:04d}"].astype(np.int64), arrays[f"s{n:04d}"]))
    return found


def test_every_round_of_every_case(cases):
    assert len(cases) == 310
    for row, wanted, values, chosen in cases:
        k = int(row["k"])
        first = row["pivot_policy"] == "first"
        found = rounds(values, k, () if first else [int(one["pivot"]) for one in wanted])
        fields = ("n", "pivot", "larger", "equal", "smaller")
        assert [one[:5] for one in found] == [tuple(int(one[f]) for f in fields) for one in wanted], row
        assert [one.branch for one in found] == [one["branch"] for one in wanted], row
        assert kept(values, k).tolist() == chosen.tolist(), row
        assert sum(one.candidates for one in found) == int(row["visited"])
        for width in (8, 16):
            assert search_cycles(found, width, 3) == int(row[f"rtl_latency_model_p{width}"])
        for width in (4, 16):
            assert script_cycles(found, width) == int(row[f"script_p{width}"])


def test_edges():
    assert kept(np.array([5, 5, 5, 5]), 2).tolist() == [0, 1]
    assert kept(np.array([1, 9, 9]), 1).tolist() == [1]
    assert len(rounds(np.full(17, 3), 9)) == 1
    worst = np.arange(20)
    assert sum(one.candidates for one in rounds(worst, 1)) == 20 * 21 // 2
    with pytest.raises(InputError, match="k is 0, but there are 3 values"):
        rounds(np.arange(3), 0)
    with pytest.raises(InputError, match="4 of 3 values cannot be kept"):
        kept(np.arange(3), 4)


class Commands(Component):
    """Sends commands, each when the one before is done."""

    table = Mem("what to send")
    command = Out("commands", **TopK.fields["command"].fields)
    done = In("commands finished", **DONE)
    took = Mem("when each was sent and done")
    sent = Reg("how many were sent")
    waits = Reg("whether one is not done")

    @tick
    def tick(now, r, table, command, done, took):
        if r.waits and can_pop(done):
            pop(done)
            took[r.sent - 1, 1] = now
            r.waits = 0
        if not r.waits and r.sent < table.shape[0] and can_push(command):
            todo, row = push(command), table[r.sent]
            todo.first, todo.values, todo.keep = row.first, row.values, row.keep
            took[r.sent, 0] = now
            r.sent += 1
            r.waits = 1
        return IDLE


@pytest.mark.parametrize("skip", [True, False])
def test_the_engine_takes_the_cycles_of_its_rounds(cases, skip):
    mine = [c for c in cases if c[0]["pivot_policy"] == "first"]
    mine = mine if skip else mine[::9]
    firsts = np.cumsum([0] + [len(values) for _, _, values, _ in mine])
    candidates = np.zeros(firsts[-1], record("value")).view(np.recarray)
    candidates["value"] = np.concatenate([values for _, _, values, _ in mine])
    table = np.array(
        [(at, len(v), int(row["k"])) for at, (row, _, v, _) in zip(firsts, mine)], record("first", "values", "keep")
    ).view(np.recarray)
    sim = Simulator()
    took = np.zeros((len(mine), 2), np.int64)
    source, engine = Commands("source", table=table, took=took), TopK("engine", candidates=candidates)
    sim.add(source)
    sim.add(engine)
    sim.connect(source, "command", engine, "command")
    sim.connect(engine, "done", source, "done")
    sim.run(skip=skip)
    for (row, *_), (begin, end) in zip(mine, took):
        n = int(row["n"])
        assert end - begin == 2 + 2 * -(-n // 8) + 7 + int(row["rtl_latency_model_p16"]), row
    assert engine.counts()["rounds"] == sum(int(row["rounds"]) for row, *_ in mine)
    visited = sum(int(row["visited"]) + int(row["n"]) for row, *_ in mine)
    assert engine.counts()["compare_ops"] == visited
