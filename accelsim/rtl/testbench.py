"""A self-checking testbench in SystemVerilog: a stored stimulus drives the modules, and every transfer on every
channel, its cycle and its payload, is compared with the stored transfers of the model."""

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import chdir
from pathlib import Path

import numpy as np

from accelsim.rtl.cases import encoder
from accelsim.rtl.core import random_cases
from accelsim.rtl.cosim import AFTER, Case, run_model, table_words
from accelsim.rtl.netlist import FIELD, Wire
from accelsim.rtl.package import PAYLOADS, TABLES
from accelsim.rtl.vsim import SOURCES, Bench, build
from accelsim.rtl.write import ENCODER_DEPTHS

PARTS = SOURCES / "testbench"
STIMULUS = "stimulus"
ATTEMPTS = 20


def write_testbench(case: Case, folder: Path, files: Sequence[Path]) -> list[Path]:
    """Write the testbench of a case into the folder that holds its modules, `files`; all files, in the order to read.

    `TOP_check.sv` compares and has a clock input; `TOP_tb.sv` gives it a clock and prints PASS or FAIL;
    `TOP_tb.f` lists all that a simulator must read; `stimulus/TOP_*.hex` is what they read at run time.
    """
    top = case.netlist.top
    stimulus = folder / STIMULUS
    stimulus.mkdir(parents=True, exist_ok=True)
    for old in stimulus.glob(f"{top}_*.hex"):
        old.unlink()
    model, sim = run_model(case)
    for table in case.netlist.tables():
        store(stimulus / f"{top}_{table}.hex", table_words(case, table))
    for i, wire in enumerate(case.netlist.wires):
        fields = len(PAYLOADS[case.netlist.payload(wire)])
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
    check.write_text(check_text(case, model, sim.at + AFTER))
    bench.write_text(bench_text(top))
    ordered = [*files, *written, check, bench]
    listed = folder / f"{top}_tb.f"
    temporary = folder / f"{listed.name}.{os.getpid()}"
    temporary.write_text("".join(f"{p.name}\n" for p in ordered))
    os.replace(temporary, listed)
    return ordered


def telling(top: str, values: Mapping[str, dict[str, int]], seed: int) -> Case:
    """A random case for a top of `write.tops`: of the first twenty the one in which most channels carry something."""
    if top == "attention_core":
        drawn = random_cases(ATTEMPTS, seed, used=[values])
    else:
        rng = np.random.default_rng([seed, 88])
        drawn = (encoder(rng, values["encoder"], ENCODER_DEPTHS, 0) for _ in range(ATTEMPTS))
    best, most = None, 0
    for case in drawn:
        model, _ = run_model(case)
        carrying = len(np.unique(model[:, 1]))
        if carrying > most:
            best, most = case, carrying
        if carrying == len(case.netlist.wires):
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
        bench.close()
    if wrong:
        return f"FAIL: {top}, {wrong} of {transfers} transfers differ"
    return f"PASS: {top}, {transfers} transfers in {cycles} cycles, none differs"


def store(path: Path, rows: np.ndarray) -> None:
    """Rows of 32-bit words as one hexadecimal number each, the first word the lowest."""
    words = np.asarray(rows).astype(np.int64) & 0xFFFFFFFF
    path.write_text("".join("".join(f"{w:08x}" for w in row[::-1]) + "\n" for row in words.tolist()))


def check_text(case: Case, model: np.ndarray, cycles: int) -> str:
    """The module that drives, compares and counts; `cycles` is how long it runs."""
    net = case.netlist
    top = net.top
    body = [f"  {top} unit (.*);"]
    names = ["clk", "rst"]
    for table in net.tables():
        width = FIELD * len(TABLES[table])
        rows = len(table_words(case, table))
        names += [f"{table}_we"]
        body += [
            f"  logic {table}_we;", f"  logic [31:0] {table}_address;", f"  logic [{width - 1}:0] {table}_data;",
            f'  table_loader #(.FILE("{STIMULUS}/{top}_{table}.hex"), .ROWS({rows}), .WIDTH({width}))',
            f"      {table}__loader (.clk, .we({table}_we), .address({table}_address), .data({table}_data));",
        ]  # fmt: skip
    for i, wire in enumerate(net.wires):
        body += ends(case, wire, int((model[:, 1] == i).sum()))
    loading = " || ".join(f"{t}_we" for t in net.tables()) or "1'b0"
    wrong = " + ".join(f"{w.name}__wrong" for w in net.wires)
    return CHECK.format(
        top=top, loading=loading, cycles=cycles, wrong=wrong, transfers=len(model), body="\n".join(body)
    )


def ends(case: Case, wire: Wire, transfers: int) -> list[str]:
    """What drives and watches one channel."""
    net, n = case.netlist, wire.name
    into, out = net.items(wire)
    words = len(PAYLOADS[net.payload(wire)])
    path = f"{STIMULUS}/{net.top}_{n}"
    lines = [
        f"  logic [7:0] {n}_push;",
        f"  logic [{FIELD * words * into - 1}:0] {n}_item;",
        f"  logic [31:0] {n}__wrong;",
    ]
    if wire.producer is None:
        count = len(case.scripts[n].at)
        lines += [
            f"  logic [7:0] {n}_level;",
            f'  stored_source #(.FILE("{path}_source.hex"), .COUNT({count}), .WORDS({words}), .MOST({into}))',
            f"      {n}__source (.clk, .run, .cycle, .room({n}_level), .push({n}_push), .item({n}_item));",
        ]  # fmt: skip
    elif wire.consumer is None:
        lines += [
            f"  logic [7:0] {n}_level, {n}_pop;",
            f'  stored_sink #(.FILE("{path}_open.hex"), .COUNT({len(case.opens[n])}), .MOST({out})) {n}__sink (',
            f"      .run, .cycle, .valid({n}_level), .pop({n}_pop));",
        ]
    lines += [
        f'  stored_monitor #(.FILE("{path}_expected.hex"), .NAME("{n}"), .COUNT({transfers}), .WORDS({words}),',
        f"      .MOST({into})) {n}__monitor (",
        f"      .clk, .run, .cycle, .push({n}_push), .item({n}_item), .wrong({n}__wrong));",
    ]
    return lines


CHECK = """\
// Loads the tables under reset, plays the stored stimulus from cycle 0 on, and compares every transfer.
module {top}_check (
    input  logic        clk,
    output logic        finished,
    output logic [31:0] cycle,
    output logic [31:0] transfers,  // compared
    output logic [31:0] wrong       // once it is finished: transfers that differ, are missing or are too many
);
  logic [1:0] waited = '0;
  logic [31:0] now = '0;
  logic rst, run, loading;
  assign loading = {loading};
  assign rst = waited != 2'd3;
  assign finished = now == {cycles};
  assign run = !rst && !finished;
  assign cycle = now;
  assign transfers = {transfers};
  assign wrong = {wrong};
  always_ff @(posedge clk) begin
    if (!loading && rst) waited <= waited + 2'd1;
    if (run) now <= now + 1;
  end
{body}
endmodule
"""


def bench_text(top: str) -> str:
    """The module that gives it a clock and says PASS or FAIL."""
    return BENCH.format(top=top)


BENCH = """\
// Run it in this folder, with any simulator, for instance:
//   verilator --binary --timing -CFLAGS -std=c++20 -Wno-fatal -Wno-PROCASSINIT --top-module {top}_tb -f {top}_tb.f
//   obj_dir/V{top}_tb
module {top}_tb;
  logic clk = 1'b0;
  logic finished;
  logic [31:0] cycle, transfers, wrong;
  {top}_check check (.*);
  always #1 clk = !clk;
  always @(posedge clk) begin
    if (finished) begin
      if (wrong == 0) begin
        $display("PASS: {top}, %0d transfers in %0d cycles, none differs", transfers, cycle);
        $finish;
      end else $fatal(1, "FAIL: {top}, %0d of %0d transfers differ", wrong, transfers);
    end
  end
endmodule
"""
