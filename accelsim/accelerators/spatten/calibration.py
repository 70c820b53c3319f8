"""What is predicted of SpAtten's public RTL: its attention units on the published simulation's fetcher and memory.

A case is a run: requests that are offered back to back, each a row of the file. Predicted is when each of them is taken
and answered. Rules and depths are those of the RTL's sources, but for two that were read off the runs: a line that is
not there is asked for again every 5 cycles, and the first request is taken 16 cycles after reset.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from accelsim.accelerators.spatten.bench import Fetcher, Requests, shuffled_indices
from accelsim.accelerators.spatten.components.decision import Decision
from accelsim.accelerators.spatten.components.line_buffer import LineBuffer
from accelsim.accelerators.spatten.components.pv_array import PvArray
from accelsim.accelerators.spatten.components.qk_array import QkArray
from accelsim.accelerators.spatten.components.row_top_k import RowTopK
from accelsim.accelerators.spatten.components.softmax import Softmax
from accelsim.accelerators.spatten.tables import AGAIN, HEADS, ROW, SEARCHES
from accelsim.core import Simulator
from accelsim.core.errors import InputError
from accelsim.isa.instructions import record
from accelsim.isa.tables import DESCRIPTOR
from accelsim.validation.bench import Sink
from accelsim.validation.calibration import Calibration, Case

MULTIPLIERS, LINES = 64, 256
QUEUE = 512  # heads that the simulation's fetcher has room for
BUDGET = 1 << 24  # cycles of a run
GIVEN = (
    "dram_latency", "request", "keys", "values", "key_bits", "value_bits", "last_of_head", "recompute", "topk_latency",
)  # fmt: skip
# of each request: what it may be. Other numbers of keys the RTL does not finish; its fetcher has pieces of 4 or 8 bits.
LIMITS = {
    "dram_latency": range(1001), "keys": range(8, LINES // 2 + 1, 8), "values": range(8, LINES // 2 + 1, 8),
    "key_bits": (4, 8), "value_bits": (4, 8), "last_of_head": (0, 1), "recompute": (0, 1), "topk_latency": range(10001),
}  # fmt: skip
OF_RUN = ("dram_latency", "key_bits", "value_bits", "transactions_total")
OF_HEAD = ("keys", "values")


def table(rows: list, kind: np.dtype) -> np.recarray:
    return np.array(rows, kind).view(np.recarray)


def heads_of(run: Sequence[Mapping[str, int]]) -> list[list[Mapping[str, int]]]:
    """The requests of a run, head by head."""
    heads, mine = [], []
    for one in run:
        mine.append(one)
        if one["last_of_head"]:
            heads.append(mine)
            mine = []
    return heads


def build(run: Sequence[Mapping[str, int]]) -> tuple[Simulator, Requests, Fetcher, np.ndarray]:
    """The attention units with the RTL's options, on the published simulation's fetcher; `run`: its requests."""
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


def runs(rows: Sequence[Case]) -> list[Case]:
    """A case of every run: a column `NAME N` of request N, and what is said of the run by its name; `result` is when
    the last one is answered. Raises InputError for a request that the RTL's simulation cannot have."""
    found: dict[str, list[Case]] = {}
    for row in rows:
        found.setdefault(row["run"].strip(), []).append(row)
    return [run_of(number, mine) for number, mine in found.items()]


def run_of(number: str, rows: Sequence[Case]) -> Case:
    """The case of one run; see `runs`."""
    head = rows[0]
    for n, row in enumerate(rows):
        first = n == 0 or rows[n - 1]["last_of_head"].strip() == "1"
        checked(row, n, first and row["last_of_head"].strip() == "1")
        for name in (*OF_RUN, *(() if first else OF_HEAD)):
            before = rows[n - 1] if name in OF_HEAD else head
            if row.columns.get(name, "") != before.columns.get(name, ""):
                what = "requests of a head" if name in OF_HEAD else f"requests of run {number}"
                raise InputError(f"{row.where}: {name} is {row[name]}, but {before[name]} before; all {what} have one")
    if rows[-1]["last_of_head"].strip() != "1":
        raise InputError(f"{rows[-1].where}: last_of_head must be 1, since it is the last request of run {number}")
    if (heads := sum(row.number("last_of_head") for row in rows)) > QUEUE:
        raise InputError(f"{head.where}: run {number} has {heads} heads, more than the {QUEUE} that are waited for")
    columns = {f"{name} {n}": value for n, row in enumerate(rows) for name, value in row.columns.items()}
    columns |= {"id": number, "requests": str(len(rows)), "result": rows[-1]["result"]}
    columns["transactions_total"] = head.columns.get("transactions_total", "")
    return Case(head.where, columns, head.folders)


def checked(row: Case, n: int, alone: bool) -> None:
    """Raise InputError unless a row is a request that can be simulated, the n-th of its run; `alone` in its head."""
    if row.number("request") != n:
        raise InputError(f"{row.where}: request must be {n}, the next of its run, not {row['request']}")
    for name, allowed in LIMITS.items():
        if row.number(name) not in allowed:
            step = f", in steps of {allowed.step}" if isinstance(allowed, range) and allowed.step > 1 else ""
            raise InputError(
                f"{row.where}: {name} must be from {allowed[0]} to {allowed[-1]}{step}, not {row[name]}"
                if isinstance(allowed, range)
                else f"{row.where}: {name} must be {allowed[0]} or {allowed[1]}, not {row[name]}"
            )
    if row.number("recompute") and not alone:
        raise InputError(f"{row.where}: recompute must be 0 in a head of several requests: the RTL hangs")
    if row.number("values") > row.number("keys"):
        raise InputError(f"{row.where}: values must be at most keys ({row['keys']}), not {row['values']}")


def requests(case: Case) -> list[dict[str, int]]:
    """The requests of a run, in their order."""
    return [{name: case.number(f"{name} {n}") for name in GIVEN} for n in range(case.number("requests"))]


def predict_run(case: Case) -> Mapping[str, int]:
    """When each request is taken and answered, and how much is read."""
    sim, _, fetcher, took = build(requests(case))
    if not sim.run(BUDGET):
        raise InputError(f"{case.where}: the run does not end within {BUDGET} cycles")
    answered = next(iter(sim.result().transfers.values()))["at"].tolist()
    found = {f"accepted {n}": at for n, at in enumerate(took.tolist())}
    found |= {f"result {n}": at for n, at in enumerate(answered)}
    return found | {"result": answered[-1], "transactions_total": fetcher.value("transactions")}


CALIBRATIONS = (
    Calibration(
        name="controller",
        hardware="mit-han-lab/spatten at a0f1388, in Verilator",
        file="spatten/rtl_runs.csv",
        given=("run", *GIVEN),
        figure="result",
        predict=predict_run,
        bound=lambda case: 0.0,
        fitted=frozenset(str(number) for number in range(32)),
        cases=runs,
    ),
)
