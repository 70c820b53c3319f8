"""Co-simulation: the same stimulus drives components in the kernel and their modules in Verilator, and every transfer
on every channel is compared, cycle and payload, and in every cycle what every unit was doing."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from accelsim.core import STATUS_NAMES, DeadlockError, Mem, Param, Simulator
from accelsim.core.trace import EVENT
from accelsim.rtl.datapath import Comparison, Held, Operands
from accelsim.rtl.netlist import Netlist
from accelsim.rtl.stimulus import Script, sink, source
from accelsim.rtl.vsim import Bench, Port, build, kept_benches

AFTER = 64  # cycles the module runs on after the last transfer of the model: it must stay still
AROUND = 6  # transfers and changes of status shown on either side of a difference
EVENTS = 1 << 16  # room for changes of status between two drains


@dataclass
class Case:
    """One stimulus: the netlist, its tables, a script for each input, an opening pattern for each output; operands for
    a netlist with a data path."""

    name: str
    netlist: Netlist
    tables: dict[str, np.ndarray]
    scripts: dict[str, Script]
    opens: dict[str, np.ndarray]
    stuck: bool = False  # whether something may be left over at the end
    operands: Operands | Held | None = None


@dataclass
class Outcome:
    """How often a netlist was compared, and the first difference, if there is one.

    `statuses` are cycles times units; `differences` are of transfers, of changes of status and of values.
    """

    name: str
    cases: int = 0
    transfers: int = 0
    statuses: int = 0
    values: int = 0
    cycles: int = 0
    differences: int = 0
    first: str = ""
    counts: dict[str, int] = field(default_factory=dict)


def run_model(case: Case, skip: bool = True, simulator: type[Simulator] = Simulator) -> tuple[np.ndarray, Simulator]:
    """int64[rows, 2 + fields], in order of cycle and number: cycle, number in `Netlist.logged`, then the payload of a
    transfer of the model, or the status that a unit changes to (the first time from idle).

    `simulator` is the class that runs it.
    Raises DeadlockError when something is left over and the case does not allow it.
    """
    sim, net = simulator(trace=EVENTS), case.netlist
    parts = {}
    for unit in net.units:
        kind = unit.twin.component
        tables = {
            t: case.tables[unit.own.get(t, t)].copy()
            for t, memory in kind.declared(Mem).items()
            if memory.build is None
        }
        params = kind.declared(Param)
        values = {n: params[n].choices[v] if params[n].choices else v for n, v in unit.values.items()}
        parts[unit.name] = sim.add(kind(unit.name, **values, **tables))
    for wire in net.wires:
        into, out = net.items(wire)
        producer, consumer = wire.producer, wire.consumer
        if producer is None:
            parts["_" + wire.name] = sim.add(source(f"source_{wire.name}", case.scripts[wire.name], into))
            producer = "_" + wire.name, "item"
        if consumer is None:
            fields = net.fields(wire) if wire.payload else ()
            parts[wire.name + "_"] = sim.add(sink(f"sink_{wire.name}", case.opens[wire.name], out, fields))
            consumer = wire.name + "_", "item"
        sim.connect(parts[producer[0]], producer[1], parts[consumer[0]], consumer[1], depth=wire.depth, monitored=True)
    try:
        sim.run(skip=skip)
    except DeadlockError:
        if not case.stuck:
            raise
    return ordered(net, sim), sim


def ordered(net: Netlist, sim: Simulator, period: int = 1) -> np.ndarray:
    """What a simulator with the channels and units of a netlist has logged, as `run_model` gives it; `period` is of the
    netlist's clock."""
    width = 2 + max(len(net.fields(w)) for w in net.wires)
    logged = np.concatenate(sim.transfers) if sim.transfers else np.zeros((0, width), np.int64)
    rows = []
    for i, wire in enumerate(net.wires):
        mine = logged[logged[:, 1] == i]
        row = np.zeros((len(mine), width), np.int64)
        row[:, 0], row[:, 1] = mine[:, 0] // period, i
        for n in range(len(net.fields(wire))):
            row[:, 2 + n] = mine[:, 2 + n] & 0xFFFFFFFF  # as a bench's ports have words below zero
        rows.append(row)
    events = np.concatenate(sim.events) if sim.events else np.zeros(0, EVENT)
    numbers = {component.name: n for n, component in enumerate(sim.components)}
    for i, unit in enumerate(net.units, len(net.wires)):
        mine = events[events["component"] == numbers[unit.name]]
        row = np.zeros((len(mine), width), np.int64)
        row[:, 0], row[:, 1], row[:, 2] = mine["at"] // period, i, mine["status"]
        rows.append(row)
    found = np.concatenate(rows)
    return found[np.lexsort((found[:, 1], found[:, 0]))]


def library(netlist: Netlist, *, trace: bool = False, optimise: str = "-O1") -> Path:
    """The Verilated bench of a netlist."""
    key = hashlib.sha256((netlist.text() + netlist.package.text(netlist.bits)).encode()).hexdigest()[:16]
    folder = kept_benches() / f"top-{key}"
    return build(netlist.files(folder), netlist.top, trace=trace, optimise=optimise)


def table_words(case: Case, table: str) -> np.ndarray:
    """A table as it is loaded into the modules."""
    kind = case.netlist.tables()[table]
    tables = {**case.tables, kind: case.tables[table]} if kind != table else case.tables
    return case.netlist.package.rows(kind, tables, case.netlist.parameters)


def open_bench(case: Case, built: Path) -> tuple[Bench, list[Port], list[np.ndarray]]:
    """A bench with its tables loaded, about to begin cycle 0; its ports; and arrays that must live as long."""
    bench = Bench(built)
    bench.reset()
    for table in case.netlist.tables():
        bench.load(table, table_words(case, table))
    if case.operands:
        for name, rows in case.operands.loads(case.netlist.data, case.tables):
            bench.load(name, rows)
    bench.reset()
    bench.ports["rst"][0] = 0
    ports, alive = [], []
    for wire in case.netlist.wires:
        into, out = case.netlist.items(wire)
        n, a = wire.name, bench.address
        port = Port(a[f"{n}_push"], a[f"{n}_item"], kind=2, words=len(case.netlist.fields(wire)))
        if wire.producer is None:
            script = case.scripts[n]
            at, items = np.ascontiguousarray(script.at, np.int64), np.ascontiguousarray(script.items, np.uint32)
            alive += [at, items]
            port.level, port.kind, port.most = a[f"{n}_level"], 0, into
            port.at, port.items, port.count = at.ctypes.data, items.ctypes.data, len(at)
        elif wire.outside:
            port.pop, port.kind, port.most = a[f"{n}_room"], 4, into
        elif wire.consumer is None:
            opens = np.ascontiguousarray(case.opens[n], np.uint8)
            alive.append(opens)
            port.level, port.pop, port.kind, port.most = a[f"{n}_level"], a[f"{n}_pop"], 1, out
            port.open, port.count = opens.ctypes.data, len(opens)
        else:
            port.most = into
        ports.append(port)
    ends = [u.status for u in case.netlist.units] + ["done"] * case.netlist.done
    ports += [Port(bench.address[name], kind=3, words=1) for name in ends]
    for n, (items, count) in case.netlist.data.observed().items() if case.operands else ():
        ports.append(Port(bench.address[f"{n}_push"], bench.address[f"{n}_item"], kind=2, words=count, most=items))
    return bench, ports, alive


def run_module(case: Case, cycles: int, built: Path, trace: Path | None = None) -> np.ndarray:
    """The same of the modules, for so many cycles, and what can be seen of the data path (as further channels);
    `trace` is where to write their waveform (if built with it)."""
    bench, ports, alive = open_bench(case, built)
    if trace:
        bench.trace(trace)
    try:
        found = bench.run(0, cycles, ports, 2 + max(p.words for p in ports))
    finally:
        bench.close()
    del alive
    return found


def moved(case: Case, found: np.ndarray) -> np.ndarray:
    """Transfers between units and changes of status alone, in the columns of `run_model`."""
    net = case.netlist
    width = 2 + max(len(net.fields(w)) for w in net.wires)
    return found[found[:, 1] < len(net.logged()), :width]


def transfers(case: Case, found: np.ndarray) -> int:
    """How many of these rows are transfers between units."""
    return int((found[:, 1] < len(case.netlist.wires)).sum())


def check_values(case: Case, model: np.ndarray, found: np.ndarray) -> Comparison:
    """What the data path of a case computed (`found` in the modules' run) against the functional twin."""
    net = case.netlist
    seen = {
        name: found[found[:, 1] == len(net.logged()) + i][:, [0, *range(2, 2 + words)]]
        for i, (name, (_, words)) in enumerate(net.data.observed().items())
    }
    return case.operands.compare(case.name, net.data, case.tables, by_name(case, model), seen, net.parameters)


def by_channel(case: Case, model: np.ndarray) -> dict[str, np.ndarray]:
    """int64[transfers, 1 + columns] of each channel in what `run_model` gives: cycle, then payload."""
    return {wire.name: rows for wire, rows in zip(case.netlist.wires, by_name(case, model).values())}


def by_name(case: Case, model: np.ndarray) -> dict[str, np.ndarray]:
    """The same of each channel and of each unit's changes of status."""
    columns = [0, *range(2, model.shape[1])]
    return {name: model[model[:, 1] == i][:, columns] for i, name in enumerate(case.netlist.logged())}


def compare(case: Case, model: np.ndarray, module: np.ndarray) -> tuple[int, str]:
    """How many transfers and changes of status differ, and the first difference with those around it in both."""
    if len(model) == len(module) and (model == module).all():
        return 0, ""
    same = min(len(model), len(module))
    wrong = np.nonzero((model[:same] != module[:same]).any(axis=1))[0]
    at = int(wrong[0]) if len(wrong) else same
    cycle = min(int(log[at, 0]) for log in (model, module) if at < len(log))
    lines = [f"{case.name}: the first difference is in cycle {cycle}"]
    for n in range(max(0, at - AROUND), min(at + AROUND, max(len(model), len(module)))):
        sides = [line(case, log[n]) if n < len(log) else "nothing" for log in (model, module)]
        lines.append(f"{'>' if n == at else ' '} model {sides[0]:<60} module {sides[1]}")
    return len(wrong) + abs(len(model) - len(module)), "\n".join(lines)


def line(case: Case, row: np.ndarray) -> str:
    """One transfer or change of status as text."""
    if row[1] >= len(case.netlist.wires):
        return f"{row[0]} {case.netlist.logged()[row[1]]} {STATUS_NAMES[row[2]]}"
    wire = case.netlist.wires[row[1]]
    fields = case.netlist.fields(wire)
    return f"{row[0]} {wire.name} " + " ".join(f"{n}={v}" for n, v in zip(fields, row[2:].tolist()))


def differences(case: Case, model: np.ndarray, module: np.ndarray, outcome: Outcome) -> tuple[int, str]:
    """How many transfers, changes of status and values differ, and the first; adds to the values `outcome` counts."""
    count, text = compare(case, model, moved(case, module))
    if case.operands:
        values = check_values(case, model, module)
        outcome.values += values.values
        count, text = count + values.differences, text or values.first
    return count, text


def cosimulate(name: str, cases: Iterable[Case], optimise: str = "-O1") -> Outcome:
    """Compare all cases. Raises InputError without Verilator or g++."""
    outcome = Outcome(name)
    for case in cases:
        model, sim = run_model(case)
        cycles = sim.at + AFTER
        module = run_module(case, cycles, library(case.netlist, optimise=optimise))
        count, text = differences(case, model, module, outcome)
        outcome.cases += 1
        outcome.transfers += transfers(case, model)
        outcome.statuses += cycles * len(case.netlist.units)
        outcome.cycles += cycles
        outcome.differences += count
        outcome.first = outcome.first or text
        for i, name in enumerate(case.netlist.logged()):
            outcome.counts[name] = outcome.counts.get(name, 0) + int((model[:, 1] == i).sum())
    return outcome
