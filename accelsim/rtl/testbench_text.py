"""The text of a testbench: what loads, drives and watches a netlist, with the modules of sv/testbench."""

import re
from collections.abc import Mapping

import numpy as np

from accelsim.rtl.cosim import AFTER, Case, table_words
from accelsim.rtl.netlist import FIELD, Wire
from accelsim.rtl.package import STATUS_BITS

STIMULUS = "stimulus"


def check_text(case: Case, model: np.ndarray, stored: Mapping[str, np.ndarray], cycles: int) -> str:
    """The module that drives, compares and counts; `model` is what `run_model` gives, `stored` what
    `testbench.stored_values` gives, `cycles` is how long that took."""
    net = case.netlist
    top = net.top
    body = [f"  {top} unit (.*);"]
    for table, kind in net.tables().items():
        width = FIELD * len(net.package.tables[kind])
        rows = len(table_words(case, table))
        body += [
            f"  logic {table}_we;", f"  logic [31:0] {table}_address;", f"  logic [{width - 1}:0] {table}_data;",
            *loader(top, table, rows, width),
        ]  # fmt: skip
    body += data_ends(case, stored)
    for i, wire in enumerate(net.wires):
        body += ends(case, wire, int((model[:, 1] == i).sum()))
    for i, unit in enumerate(net.units, len(net.wires)):
        body += changes(top, unit.status, int((model[:, 1] == i).sum()))
    values = len(stored[f"{net.data.result}_expected"]) if case.operands else 0
    loading = [*net.tables(), *(net.data.loads() if case.operands else ())]
    watched = [*net.logged(), *([net.data.result] if case.operands else [])]
    if net.done:
        body += ENDED.format(cycles=cycles).splitlines()
        watched.append("ended")
    return CHECK.format(
        top=top,
        cycles=cycles + AFTER,
        ends=ENDS * net.done,
        transfers=len(model) + values,
        body="\n".join(body),
        loading=" || ".join(f"{t}_we" for t in loading) or "1'b0",
        wrong=" + ".join(f"{n}__wrong" for n in watched),
    )


def data_ends(case: Case, stored: Mapping[str, np.ndarray]) -> list[str]:
    """What loads the data path and watches its outputs."""
    net, top = case.netlist, case.netlist.top
    if case.operands is None:
        return []
    ports, result = net.data.ports(), net.data.result
    lines = [f"  {re.sub('^(input|output) ', '', port)};" for port in ports]
    lines.append(f"  logic [31:0] {result}__wrong;")
    driven = {f"{name}_{end}" for name in net.data.loads() for end in ("we", "address", "data")}
    names = [port.split()[-1] for port in ports if port.startswith("input ")]
    lines += [f"  assign {name} = '0;" for name in names if name not in driven]
    for name, words in net.data.loads().items():
        lines += loader(top, name, len(stored[name]), FIELD * words)
    items, _ = net.data.observed()[result]
    count, words = stored[f"{result}_expected"].shape
    return lines + monitor(f"{STIMULUS}/{top}_{result}", result, (count, words - 1, items))


def loader(top: str, name: str, rows: int, width: int) -> list[str]:
    """What loads a table."""
    return [
        f'  table_loader #(.FILE("{STIMULUS}/{top}_{name}.hex"), .ROWS({rows}), .WIDTH({width}))',
        f"      {name}__loader (.clk, .we({name}_we), .address({name}_address), .data({name}_data));",
    ]


def monitor(path: str, name: str, sizes: tuple[int, int, int]) -> list[str]:
    """What compares items; sizes: how many, words of one, how many a cycle."""
    count, words, most = sizes
    return [
        f'  stored_monitor #(.FILE("{path}_expected.hex"), .NAME("{name}"), .COUNT({count}), .WORDS({words}),',
        f"      .MOST({most})) {name}__monitor (",
        f"      .clk, .run, .cycle, .push({name}_push), .item({name}_item[{FIELD * words * most - 1}:0]),",
        f"      .wrong({name}__wrong));",
    ]


def changes(top: str, name: str, count: int) -> list[str]:
    """What watches a status: its changes are as items."""
    return [
        f"  logic [{STATUS_BITS - 1}:0] {name}, {name}__before;",
        f"  logic [7:0] {name}_push;",
        f"  logic [{FIELD - 1}:0] {name}_item, {name}__wrong;",
        f"  always_ff @(posedge clk) {name}__before <= run ? {name} : '0;",
        f"  assign {name}_push = 8'({name} != {name}__before);",
        f"  assign {name}_item = {FIELD}'({name});",
        *monitor(f"{STIMULUS}/{top}_{name}", name, (count, 1, 1)),
    ]


def ends(case: Case, wire: Wire, transfers: int) -> list[str]:
    """What drives and watches one channel."""
    net, n = case.netlist, wire.name
    into, out = net.items(wire)
    words = len(net.fields(wire))
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
        ]
    elif wire.consumer is None:
        lines += [
            f"  logic [7:0] {n}_level, {n}_pop;",
            f'  stored_sink #(.FILE("{path}_open.hex"), .COUNT({len(case.opens[n])}), .MOST({out})) {n}__sink (',
            f"      .run, .cycle, .valid({n}_level), .pop({n}_pop));",
        ]
    return lines + monitor(path, n, (transfers, words, into))


CHECK = """\
// Loads the tables under reset, plays the stored stimulus from cycle 0 on, and compares every transfer.
module {top}_check (
    input  logic        clk,
    output logic        finished,
    output logic [31:0] cycle,
{ends}    output logic [31:0] transfers,  // compared, with the changes of status
    output logic [31:0] wrong       // once it is finished: those that differ, are missing or are too many
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


ENDS = """\
    output logic [31:0] ended,  // the cycle in which nothing can move any more; all ones before
"""
# What is done too early, too late or never is wrong.
ENDED = """\
  logic done;
  logic [31:0] ended__wrong;
  initial ended = '1;
  always_ff @(posedge clk) if (run && done && ended == '1) ended <= now;
  assign ended__wrong = 32'(ended != {cycles});
"""


def bench_text(top: str, done: bool = False) -> str:
    """The module that gives it a clock and says PASS or FAIL; with `done` also when it was done."""
    said = {"signals": ", ended", "text": "done in cycle %0d, ", "value": "ended, "} if done else {}
    return BENCH.format(top=top, **{"signals": "", "text": "", "value": ""} | said)


# Verilator takes a comment that begins with its name for a directive.
BENCH = """\
// Run it in this folder, with any simulator, for instance:
//   $ verilator --binary --timing -CFLAGS -std=c++20 -Wno-fatal -Wno-PROCASSINIT --top-module {top}_tb -f {top}_tb.f
//   $ obj_dir/V{top}_tb
module {top}_tb;
  logic clk = 1'b0;
  logic finished;
  logic [31:0] cycle, transfers, wrong{signals};
  {top}_check check (.*);
  always #1 clk = !clk;
  always @(posedge clk) begin
    if (finished) begin
      if (wrong == 0) begin
        $display("PASS: {top}, {text}%0d transfers and changes of status in %0d cycles, none differs",
                 {value}transfers, cycle);
        $finish;
      end else $fatal(1, "FAIL: {top}, {text}%0d of %0d transfers and changes of status differ",
                      {value}wrong, transfers);
    end
  end
endmodule
"""
