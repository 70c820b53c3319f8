"""A self-checking testbench in SystemVerilog: a stored stimulus drives the modules, and every transfer on every
channel, its cycle and its payload, and every change of a unit's status is compared with those of the model."""

import ctypes
import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import chdir
from itertools import islice
from pathlib import Path

import numpy as np

from accelsim.rtl.cosim import Case, by_name, run_model, table_words
from accelsim.rtl.testbench_text import STIMULUS, bench_text, check_text
from accelsim.rtl.vsim import SOURCES, Bench, build

PARTS = SOURCES / "testbench"
NEVER = 0xFFFFFFFF  # the cycle in which it is done
ATTEMPTS = 20  # cases of which the most telling one is written


def write_testbench(
    case: Case, folder: Path, files: Sequence[Path], run: tuple[np.ndarray, int] | None = None
) -> list[Path]:
    """Write the testbench of a case into the folder that holds its modules, `files`; all files, in the order to read.

    `run` is what the model did and the cycles it took, as `whole.recorded` gives them; without, it is run here.

    `TOP_check.sv` compares and has a clock input; `TOP_tb.sv` gives it a clock and prints PASS or FAIL;
    `TOP_tb.f` lists all that a simulator must read; `stimulus/TOP_*.hex` is what they read at run time.
    """
    top = case.netlist.top
    stimulus = folder / STIMULUS
    stimulus.mkdir(parents=True, exist_ok=True)
    for old in stimulus.glob(f"{top}_*.hex"):
        old.unlink()
    if run is None:
        found, sim = run_model(case)
        run = found, sim.at
    model, cycles = run
    for table in case.netlist.tables():
        store(stimulus / f"{top}_{table}.hex", table_words(case, table))
    stored = stored_values(case, model)
    for name, rows in stored.items():
        store(stimulus / f"{top}_{name}.hex", rows)
    for i, unit in enumerate(case.netlist.units, len(case.netlist.wires)):
        store(stimulus / f"{top}_{unit.status}_expected.hex", model[model[:, 1] == i][:, [0, 2]])
    for i, wire in enumerate(case.netlist.wires):
        fields = len(case.netlist.fields(wire))
        mine = model[model[:, 1] == i]
        store(stimulus / f"{top}_{wire.name}_expected.hex", np.delete(mine, 1, axis=1)[:, : 1 + fields])
        if wire.producer is None:
            script = case.scripts[wire.name]
            store(stimulus / f"{top}_{wire.name}_source.hex", np.column_stack([script.at, script.items]))
        elif wire.consumer is None:
            store(stimulus / f"{top}_{wire.name}_open.hex", case.opens[wire.name].astype(np.int64)[:, None])
    check, bench = folder / f"{top}_check.sv", folder / f"{top}_tb.sv"
    written = [folder / path.name for path in sorted(PARTS.glob("*.sv"))]
    for path in written:
        shutil.copyfile(PARTS / path.name, path)
    check.write_text(check_text(case, model, stored, cycles))
    bench.write_text(bench_text(top, case.netlist.done))
    ordered = [*files, *written, check, bench]
    listed = folder / f"{top}_tb.f"
    temporary = folder / f"{listed.name}.{os.getpid()}"
    temporary.write_text("".join(f"{p.name}\n" for p in ordered))
    os.replace(temporary, listed)
    return ordered


def telling(drawn: Iterable[Case]) -> Case:
    """Of the first twenty of these cases the one in which most channels carry something."""
    best, most = None, 0
    for case in islice(drawn, ATTEMPTS):
        model, _ = run_model(case)
        carrying = len(np.unique(model[:, 1]))  # each channel and each status
        if carrying > most:
            best, most = case, carrying
        if carrying == len(case.netlist.logged()):
            break
    return best


def run_testbench(top: str, folder: Path, files: Sequence[Path]) -> str:
    """Build a written testbench, give it a clock, and return the sentence it ends with, PASS or FAIL.

    Raises InputError without Verilator or g++.
    """
    library = build([path for path in files if path.name != f"{top}_tb.sv"], f"{top}_check")
    with chdir(folder):  # it reads its stimulus from there
        bench = Bench(library)
        while not bench.ports["finished"][0]:
            bench.clock()
        bench.eval()
        cycles, transfers, wrong = (int(bench.ports[n][0]) for n in ("cycle", "transfers", "wrong"))
        ended = ""
        if "ended" in bench.ports:
            at = int(bench.ports["ended"][0])
            ended = "never done, " if at == NEVER else f"done in cycle {at}, "
        bench.close()
    ctypes.CDLL(None).fflush(None)  # what the modules printed stands in C's buffer, where Python's is its own
    if wrong:
        return f"FAIL: {top}, {ended}{wrong} of {transfers} transfers and changes of status differ"
    return f"PASS: {top}, {ended}{transfers} transfers and changes of status in {cycles} cycles, none differs"


def store(path: Path, rows: np.ndarray) -> None:
    """Rows of 32-bit words as one hexadecimal number each, the first word the lowest."""
    words = np.asarray(rows).astype(np.int64) & 0xFFFFFFFF
    path.write_text("".join("".join(f"{w:08x}" for w in row[::-1]) + "\n" for row in words.tolist()))


def stored_values(case: Case, model: np.ndarray) -> dict[str, np.ndarray]:
    """What the data path is loaded with, and `RESULT_expected`, the cycle and the words of what it must give by the
    functional twin; nothing of a case without operands."""
    if case.operands is None:
        return {}
    data = case.netlist.data
    results = case.operands.results(data, case.tables, by_name(case, model))
    return {**dict(case.operands.loads(data, case.tables)), f"{data.result}_expected": results}
