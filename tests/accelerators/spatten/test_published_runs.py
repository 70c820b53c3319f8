"""All 32 runs of the published controller: every request is taken and answered in the cycle in which the RTL does."""

import csv

import numpy as np
import pytest

from accelsim.accelerators.spatten.components.decision import Decision
from accelsim.accelerators.spatten.components.line_buffer import LineBuffer
from accelsim.accelerators.spatten.components.pv_array import PvArray
from accelsim.accelerators.spatten.components.qk_array import QkArray
from accelsim.accelerators.spatten.components.row_top_k import RowTopK
from accelsim.accelerators.spatten.components.softmax import Softmax
from accelsim.accelerators.spatten.tables import AGAIN, HEADS, ROW, SEARCHES
from accelsim.core import Simulator
from accelsim.isa.instructions import record
from accelsim.isa.tables import DESCRIPTOR
from tests.accelerators.spatten.published import Fetcher, Requests, Sink, shuffled_indices

MULTIPLIERS, LINES = 64, 256


def table(rows: list, kind: np.dtype) -> np.recarray:
    return np.array(rows, kind).view(np.recarray)


def heads_of(run: list[dict]) -> list[list[dict]]:
    """The requests of a run, head by head."""
    heads, mine = [], []
    for one in run:
        mine.append(one)
        if one["last_of_head"]:
            heads.append(mine)
            mine = []
    return heads


def build(run: list[dict]) -> tuple[Simulator, Requests, Fetcher, np.ndarray]:
    """The attention units with the RTL's options, on the published simulation's fetcher."""
    rows, heads, loads = [], [], {"k": [], "l": [], "v": []}
    first = dict.fromkeys("klv", 0)
    for number, mine in enumerate(heads_of(run)):
        one = mine[0]
        again = max(m["recompute"] for m in mine)
        line = {"k": 8 * one["key_bits"], "l": 32 * again, "v": 8 * one["value_bits"]}
        size = {"k": one["keys"] * line["k"], "l": one["keys"] * line["l"], "v": one["values"] * line["v"]}
        said = {"rows": len(mine), "keys": one["keys"], "values": one["values"], "k_lines": one["keys"],
                "v_lines": one["values"], "q_row": 64, "outputs": 64, "passes": 1, "sums": 0}  # fmt: skip
        for kind in "klv":
            said |= {f"{kind}_line": line[kind], f"{kind}_bytes": size[kind], f"{kind}_first": first[kind]}
            first[kind] += size[kind]
            if size[kind]:
                loads[kind].append((0, size[kind], 1, size[kind], 0))
        heads.append(tuple(said[name] for name in HEADS.names))
        for n in range(len(mine)):
            rows.append((number, len(rows), n == 0, n + 1 == len(mine), 0))
    heads = table(heads, HEADS)
    took = np.full(len(rows), -1)
    init = LINES // 2
    requests = Requests("requests", table=table(rows, record(*ROW)), took=took)
    rtl = {"retry_cycles": 5, "init_cycles": init, "heads": heads}
    parts = [
        requests,
        QkArray("qk", multipliers=MULTIPLIERS, row_gap=9, undecided=9, start_cycles=16, **rtl),
        Softmax("softmax", lanes=1, timing="stub", heads=heads),
        Decision("decision", max_cycles=0, heads=heads, again=table([(o["recompute"],) for o in run], AGAIN)),
        RowTopK(
            "top_k", overlap=0, heads=heads, searches=table([(o["topk_latency"], 0, 1) for o in run], SEARCHES)
        ),
        PvArray("pv", multipliers=MULTIPLIERS, pipeline_cycles=7, requant_cycles=0, **rtl),
        Fetcher(
            "fetcher", latency=run[0]["dram_latency"], k_bits=run[0]["key_bits"], v_bits=run[0]["value_bits"],
            indices=shuffled_indices(),
        ),
        Sink("sink"),
    ]  # fmt: skip
    for kind in "klv":
        wide = {"k": 8 * run[0]["key_bits"], "l": 32, "v": 8 * run[0]["value_bits"]}[kind]
        sizes = {"capacity_bytes": LINES * 64, "port_bytes": wide, "prefetch": "false", "init_cycles": init}
        sizes["outstanding"] = 1 if kind == "v" else 4
        mine = np.array(loads[kind], np.int64).reshape(-1, 5)
        descriptors = np.ascontiguousarray(mine).view(DESCRIPTOR).reshape(-1).view(np.recarray)
        parts.append(LineBuffer(kind, loads=descriptors, **sizes))
    sim = Simulator()
    named = {part.name: sim.add(part) for part in parts}

    def connect(out: str, into: str, depth: int = 2, monitored: bool = False) -> None:
        (a, _, b), (c, _, d) = out.partition("."), into.partition(".")
        sim.connect(named[a], b, named[c], d, depth=depth, monitored=monitored)

    connect("requests.rows", "qk.rows")
    connect("qk.scores", "softmax.scores")
    connect("softmax.probabilities", "decision.probabilities")
    connect("decision.reports", "qk.reports", 4)
    connect("decision.rows", "top_k.rows")
    connect("top_k.kept", "pv.rows")
    connect("pv.results", "sink.item.results", 4, True)
    connect("pv.done", "sink.item.done", 4)
    connect("decision.sums", "sink.item.sums", 4)
    connect("qk.q_release", "sink.item.queries", 4)
    for kind, reader in (("k", "qk"), ("l", "qk"), ("v", "pv")):
        connect(f"{kind}.request", f"fetcher.tile.{kind}")
        connect(f"{kind}.done", f"sink.item.{kind}", 4)
        connect(f"fetcher.arrived.{kind}", f"{kind}.fill", 8)
        connect(f"{kind}.lines", f"{reader}.{kind}_lines", 4)
        connect(f"{reader}.{kind}_ask", f"{kind}.ask", 4)
        connect(f"{reader}.{kind}_release", f"{kind}.release", 4)
    return sim, requests, named["fetcher"], took


@pytest.fixture(scope="module")
def published(reference) -> dict[int, list[dict]]:
    runs: dict[int, list[dict]] = {}
    with (reference / "spatten" / "rtl_runs.csv").open() as file:
        for row in csv.DictReader(file):
            one = {name: int(value) for name, value in row.items()}
            runs.setdefault(one["run"], []).append(one)
    return runs


def test_every_request_of_every_run(published):
    assert len(published) == 32
    for number, run in published.items():
        sim, _, fetcher, took = build(run)
        sim.run()
        found = next(iter(sim.result().transfers.values()))["at"]
        assert took.tolist() == [one["accepted"] for one in run], f"run {number}: taken"
        assert found.tolist() == [one["result"] for one in run], f"run {number}: answered"
        assert fetcher.value("transactions") == run[0]["transactions_total"]


@pytest.mark.parametrize("number", [5, 25, 29, 31])
def test_stepped_cycle_by_cycle_it_is_the_same(published, number):
    outcomes = []
    for skip in (True, False):
        sim, _, _, took = build(published[number])
        sim.run(skip=skip)
        outcomes.append((sim.result().total, took.tolist()))
    assert outcomes[0] == outcomes[1]
