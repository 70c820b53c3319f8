"""Cells of the synthesized modules beside the area model's estimate for the same configuration, as a table.

    accelsim rtl MACHINE -o DIR --synth [--top TOP]
    python benchmarks/rtl_area.py DIR [MACHINE [NAME=VALUE]...]

um2 of the modules: yosys' generic cells, unmapped and not optimised for area, as if each were the smallest cell of its
function among the 45 nm cells of accelsim/energy/tables/cells45, x0.377 / 1.55 to 28 nm and a commercial library as the
area model's own rows, and by its scale to other nodes, over its layout density. Mapped for area, with
Booth multipliers, the modules are smaller (accelsim/energy/tables/cells45/mapped.csv). control: what of the model's
logic its rows of that kind come to. mapped: um2 of the modules mapped for speed (accelsim/rtl/timing.py), their
flip-flops included, scaled alike. levels, FO4: gates and delay of the longest path of the slowest.
"""

import csv
import json
import sys
from pathlib import Path

from accelsim.accelerators import machine, schema
from accelsim.config import load_arch
from accelsim.core.result import Part
from accelsim.energy import EnergyTable, floor_plan, load_table
from accelsim.energy.area import entry_of, names_of
from accelsim.energy.document import FOLDER
from accelsim.energy.expression import evaluate
from accelsim.rtl.synthesis import CELLS
from accelsim.workload.layers import Gemm
from accelsim.workload.workload import Workload

# The cell that each function is taken for; a flip-flop with enable or reset is a flip-flop and a gate.
CELL_OF = {
    "AND": "AND2X1", "OR": "OR2X1", "XOR": "XOR2X1", "NOT": "INVX1", "MUX": "MUX2X1", "DFF": "DFFPOSX1",
    "gate": "AND2X1",
}  # fmt: skip
with (FOLDER / "cells45" / "cells.csv").open(newline="") as file:
    UM2 = {row["cell"]: float(row["area_um2"]) for row in csv.DictReader(file)}
# Which components of the area model stand for what which modules do. Both engines' modules have all the lines.
SHARED = {
    ("decoder",): ("decoder", "decoder_datapath"),
    ("encoder",): ("encoder", "encoder_datapath"),
    ("walker",): ("index_walker",),
    ("softmax",): ("softmax_unit", "softmax_datapath", "exponential", "reciprocal"),
    ("merge",): ("output_merge", "merge_datapath"),
    ("requantisers of merge, encoder and decoder",): ("requantise",),
    ("engine", "denser", "sparser"): ("mac_line", "normalise", "denser_datapath", "sparser_datapath"),
    # without its MAC lines, which stand above
    ("engine",): ("mac_array", "mac_array_datapath", "transposing_stage", "place_generator"),
    ("control of both engines",): ("denser_engine", "sparser_engine", "arbiter"),
    ("scratchpads",): ("scratchpad", "banked_scratchpad", "attention_memories"),
    ("weight_gb", "act_gb0", "index_buffer", "program_gb"): ("load_buffer",),
    ("act_gb1",): ("store_buffer",),
    ("dma",): ("dma",),
    ("sequencer",): ("sequencer",),
    ("vector",): ("vector_unit", "vector_unit_datapath", "vector_lane", "reciprocal_root"),
    ("queries",): ("query_fetcher",),
    ("hand_over",): ("hand_over",),
    ("array",): (
        "output_pe", "output_array", "stationary_pe", "stationary_array", "accumulator", "skew", "stream_feeder",
        "operand_pointer",
    ),
    ("control of the array",): ("systolic_array",),
    ("channels",): ("channel", "attention_datapath"),
}  # fmt: skip


def cell_um2(kind: str) -> float:
    """Of a generic cell of yosys, for instance $_AND_ or $_SDFFE_PP0P_, at 45 nm."""
    name = kind.strip("$_").split("_")[0]
    if "DFF" in name:
        return UM2[CELL_OF["DFF"]] + UM2[CELL_OF["gate"]] * (len(name) - 3)
    return UM2[CELL_OF[name]]


def modules_um2(found: list[dict], names: tuple[str, ...], table: EnergyTable) -> tuple[float, float, int, int]:
    """um2 of generic cells and mapped ones, cells and memory bits of all instances of some modules."""
    um2 = mapped = cells = bits = 0
    for one in found:
        if one["module"] in names:
            um2 += one["instances"] * sum(n * cell_um2(kind) for kind, n in one["cells"].items())
            flip_flops = sum(n for kind, n in one["cells"].items() if "DFF" in kind)
            mapped += one["instances"] * (one["mapped_um2"] + flip_flops * UM2[CELL_OF["DFF"]])
            cells += one["instances"] * sum(one["cells"].values())
            bits += one["instances"] * sum(m["words"] * m["width"] for m in one["memories"])
    scale = table.rows["register_bit"].um2.nominal / UM2[CELL_OF["DFF"]]  # what the table's logic is scaled by
    return um2 * scale / table.density, mapped * scale / table.density, cells, bits


def control_um2(name: str, parts: dict[str, Part], table: EnergyTable) -> float:
    """What the area model has for a component's control."""
    part, found = parts[name], 0.0
    for action, amount in entry_of(name, part, table).area.items():
        if action.endswith("control") or action == "module_um2":
            units = evaluate(amount, names_of(name, parts), table.place(part.kinds, "area", action))
            found += table.rows[action].um2.nominal * units / table.density
    return found


def main() -> None:
    folder, name, *overrides = [*sys.argv[1:], "vitcod"] if len(sys.argv) == 2 else sys.argv[1:]
    arch = load_arch(name, schema, overrides)
    smallest = Workload("smallest", "none", (Gemm("dot", "none", "other", 1, 1, 1),))
    sim, _ = machine(arch.machine).build(arch, smallest)
    parts, table = sim.parts(), load_table(arch.energy, machine(arch.machine).price_documents())
    pieces = {piece.component: piece for piece in floor_plan(parts, table)}
    found = json.loads((Path(folder) / CELLS).read_text())
    titles = ("component", "model: logic um2", "of it control", "model: memories um2", "modules", "cells", "um2")
    titles += ("mapped um2", "memory bits", "levels", "FO4")
    out = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    for components, names in SHARED.items():
        um2, mapped, cells, bits = modules_um2(found, names, table)
        if not cells:
            continue
        mine = [pieces[c] for c in components if c in pieces]
        logic, memory = sum(p.logic_um2.nominal for p in mine), sum(p.memory_um2.nominal for p in mine)
        control = sum(control_um2(c, parts, table) for c in components if c in parts)
        slowest = max((one for one in found if one["module"] in names), key=lambda one: one["fo4"])
        model = f"{logic:,.0f} | {control:,.0f} | {memory:,.0f}"
        figures = f"{cells:,} | {um2:,.0f} | {mapped:,.0f} | {bits:,} | {slowest['levels']:,} | {slowest['fo4']:.0f}"
        out.append(f"| {', '.join(components)} | {model} | {', '.join(names)} | {figures} |")
    sys.stdout.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
