"""The longest path of a module: loads, trees of buffers, arrays, and what lies between registers."""

import csv
import json
from pathlib import Path

import pytest

from accelsim.rtl import synthesis
from accelsim.rtl.synthesis import synthesize_all
from accelsim.rtl.timing import driven, genlib, library, timed

FOLDER = Path(__file__).parents[2] / "accelsim" / "energy" / "tables" / "cells45"


def netlist(**cells: tuple[str, dict[str, list]]) -> str:
    """yosys' JSON of a module of these cells, by name: type and nets of each pin."""
    made = {name: {"type": kind, "connections": pins, "parameters": {}} for name, (kind, pins) in cells.items()}
    return json.dumps({"modules": {"unit": {"cells": made}}})


def test_an_inverter_that_drives_four_takes_one_fo4():
    behind = {f"n{n}": ("INVX1", {"A": [2], "Y": [10 + n]}) for n in range(4)}
    found = timed(netlist(first=("INVX1", {"A": [1], "Y": [2]}), **behind), "unit")
    # what drives the first drives one inverter, and the last drives nothing: parasitic delay alone
    assert found.fo4 == pytest.approx((1 + (1 + 4) + 1) / 5) and found.path == ("INVX1", "INVX1")
    assert found.area == pytest.approx(5 * 1.4079)


def test_a_path_begins_and_ends_at_registers():
    found = timed(
        netlist(
            one=("$_DFF_P_", {"D": [1], "Q": [2], "C": [9]}),
            gate=("NAND2X1", {"A": [2], "B": [2], "Y": [3]}),
            two=("$_DFF_P_", {"D": [3], "Q": [4], "C": [9]}),
            after=("XOR2X1", {"A": [4], "B": [4], "Y": [5]}),
        ),
        "unit",
    )
    # the XOR of a register's output is longer (8 to drive it and 4) than what lies before (8/3, 2 and 2)
    assert found.path == ("XOR2X1",) and found.fo4 == pytest.approx((driven(8) + 4) / 5)


def test_constants_arrive_at_once_and_loops_of_registers_end():
    loop = netlist(gate=("NOR2X1", {"A": [2], "B": ["0"], "Y": [1]}), held=("$_DFF_P_", {"D": [1], "Q": [2], "C": [9]}))
    assert timed(loop, "unit").fo4 == pytest.approx((5 / 3 + 2 + 2) / 5)
    assert timed(json.dumps({"modules": {"unit": {"cells": {}}}}), "unit").fo4 == 0


def test_sixteen_times_the_load_is_two_more_buffers():
    assert driven(3) == 3 and driven(4 * 16) == pytest.approx(4 + 2 * 5)


def test_an_array_is_a_tree_over_its_words():
    def reading(words: int, clocked: str) -> float:
        memory = {
            "type": "$mem_v2",
            "parameters": {
                "SIZE": f"{words:b}", "WIDTH": "1", "RD_PORTS": "1", "RD_CLK_ENABLE": clocked
            },
            "connections": {"RD_ADDR": list(range(10)), "RD_DATA": [20], "WR_DATA": [], "WR_EN": [], "WR_ADDR": []},
        }  # fmt: skip
        return timed(json.dumps({"modules": {"unit": {"cells": {"words": memory}}}}), "unit").fo4

    assert reading(1024, "0") - reading(1024, "1") == pytest.approx(10 * 6 / 5)  # ten levels of multiplexers
    assert reading(1024, "0") - reading(256, "0") == pytest.approx((2 * 6 + 5) / 5)  # and one buffer for the address


def test_areas_are_those_of_the_cells():
    with (FOLDER / "cells.csv").open(newline="") as file:
        cells = {row["cell"]: float(row["area_um2"]) for row in csv.DictReader(file)}
    assert {name: gate.area for name, gate in library().items()} == {name: cells[name] for name in library()}


CHAIN = """\
module chain (input logic clk, input logic [63:0] a, input logic [63:0] b, output logic [63:0] q, output logic big);
  logic carry;
  always_comb begin
    carry = 1'b0;
    for (int n = 0; n < BITS; n++) carry = (a[n] & b[n]) | (carry & (a[n] ^ b[n]));
  end
  always_ff @(posedge clk) begin
    q <= a ^ b;
    big <= carry;
  end
endmodule
"""


def test_a_longer_chain_takes_longer(tmp_path):
    if why := synthesis.missing():
        pytest.skip(why)
    assert genlib().count("GATE") == 2 + len(library())
    delays = []
    for bits in (2, 64):
        folder = tmp_path / str(bits)
        folder.mkdir()
        path = folder / "chain.sv"
        path.write_text(CHAIN.replace("BITS", str(bits)))
        (made,) = synthesize_all(folder, [path], ["chain"])
        delays.append(made.fo4)
        assert made.mapped_um2 > 64 * 4 and 0 < made.levels < 64 * 3
    assert 1 < delays[0] < 10 and 4 * delays[0] < delays[1]
