"""Cells of the synthesized modules beside the area model's estimate for the same configuration, as a table.

    accelsim rtl MACHINE -o DIR --synth [--top TOP]
    python benchmarks/rtl_area.py DIR [MACHINE [NAME=VALUE]...]
    python benchmarks/rtl_area.py --modules DIR...  # the areas of control that prices have
    python benchmarks/rtl_area.py --channels  # those of channels
    python benchmarks/rtl_area.py --arbiters  # those of arbiters
    python benchmarks/rtl_area.py --pes  # those of a systolic array's PEs
    python benchmarks/rtl_area.py --lines  # those of the sparser engine with more or fewer lines

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
import tempfile
from dataclasses import replace
from pathlib import Path

from accelsim.accelerators import machine, schema
from accelsim.accelerators.vitcod.rtl.vitcod_core import whole
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.core.result import Part
from accelsim.energy import EnergyTable, floor_plan, load_table
from accelsim.energy.area import entry_of, names_of
from accelsim.energy.document import FOLDER
from accelsim.energy.expression import evaluate
from accelsim.rtl.netlist import alone
from accelsim.rtl.synthesis import CELLS, synthesize, yosys
from accelsim.rtl.synthesis import modules as modules_of
from accelsim.rtl.vsim import SOURCES
from accelsim.rtl.write import write
from accelsim.workload import load
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
    ("engine",): ("mac_array", "mac_array_datapath", "transposing_stage"),  # without its MAC lines, which stand above
    ("control of both engines",): ("denser_engine", "sparser_engine", "arbiter"),
    ("scratchpads",): ("scratchpad", "banked_scratchpad"),
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

CONTROL = (
    "arbiter", "decoder", "denser_engine", "dma", "encoder", "index_walker", "load_buffer", "mac_array", "output_merge",
    "sequencer", "softmax_unit", "sparser_engine", "store_buffer", "reciprocal_root", "vector_lane", "vector_unit",
    "vector_unit_datapath", "systolic_array", "stationary_array", "output_array", "stream_feeder", "operand_pointer",
)  # fmt: skip


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


def modules(*folders: str) -> None:
    """The mapped modules of control of some designs, with their flip-flops and of all instances together: what
    accelsim/energy/tables/cells45/control.csv has."""
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(("module", "design", "instances", "flip_flops", "area_45nm_um2"))
    for folder in map(Path, folders):
        found = json.loads((folder / CELLS).read_text())
        for name in CONTROL:
            mine = [one for one in found if one["module"] == name]
            if not mine:
                continue
            many = sum(one["instances"] for one in mine)
            registers = sum(one["instances"] * n for one in mine for kind, n in one["cells"].items() if "DFF" in kind)
            um2 = sum(one["instances"] * one["mapped_um2"] for one in mine) + registers * UM2[CELL_OF["DFF"]]
            out.writerow((name, folder.name, many, registers, f"{um2:.1f}"))


CHANNEL_TOP = """module {name}(
    input logic clk, input logic rst, input logic [7:0] push, input logic [{width}-1:0] item, output logic [7:0] room,
    output logic [7:0] valid, output logic [{width}-1:0] data, input logic [7:0] pop);
  channel #(.WIDTH({width}), .DEPTH({depth})) of (.clk, .rst, .push, .item, .room, .valid, .data, .pop);
endmodule
"""


def channels() -> None:
    """Mapped channels of several widths and depths: what accelsim/energy/tables/cells45/channels.csv has."""
    sizes = {f"w{width}d{depth}": (width, depth) for depth in (1, 2, 4, 8, 16) for width in (20, 80)}
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(("width", "depth", "flip_flops", "area_45nm_um2"))
    tops = [CHANNEL_TOP.format(name=top, width=width, depth=depth) for top, (width, depth) in sizes.items()]
    for place, made in mapped_alone(SOURCES / "channel.sv", tops, list(sizes)):
        um2 = made.mapped_um2 + made.flip_flops * UM2[CELL_OF["DFF"]]
        out.writerow((*sizes[place], made.flip_flops, f"{um2:.1f}"))


ARBITER_TOP = """module {name}(
    input logic [{lines}-1:0] wants, input logic [7:0] room, output logic [{lines}-1:0] granted,
    output logic [7:0] count, output logic [{most}-1:0][{bits}-1:0] line);
  arbiter #(.LINES({lines}), .MOST({most})) of (.*);
endmodule
"""


def arbiters() -> None:
    """Mapped arbiters of several sizes: what accelsim/energy/tables/cells45/lines.csv has of them."""
    sizes = {f"l{lines}m{most}": (lines, most) for lines in (8, 16, 32, 64) for most in (1, 2, 4, 8)}
    tops = [
        ARBITER_TOP.format(name=name, lines=lines, most=most, bits=(lines - 1).bit_length())
        for name, (lines, most) in sizes.items()
    ]
    out = csv.writer(sys.stdout, lineterminator="\n")
    for place, made in mapped_alone(machine("vitcod").twins().package.module("arbiter"), tops, list(sizes)):
        out.writerow(("arbiter", *sizes[place], made.flip_flops, made.mapped_um2, ""))


AREA = (  # the recipe `area` of accelsim/energy/tables/cells45/mapped.csv
    "read_slang -j 1 --keep-hierarchy --top {top} {top}.sv; proc; opt; memory_collect; memory_map; opt; booth; opt; "
    "alumacc; opt; techmap; opt; dfflibmap -liberty cells45.lib; opt; abc -liberty cells45.lib -script "
    "+strash;ifraig;scorr;dc2;dc2;strash;dch;amap; opt_clean; tee -q -o stat.json stat -liberty cells45.lib -json"
)


def pes() -> None:
    """A systolic array's PEs, with shadows, mapped for area as a MAC is: what accelsim/energy/tables/cells45/pes.csv
    has."""
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(("module", "recipe", "flip_flops", "area_45nm_um2"))
    for top in ("output_pe", "stationary_pe"):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for path in (machine("systolic").twins().package.module(top), FOLDER / "cells45" / "cells45.lib"):
                (folder / path.name).write_text(path.read_text())
            yosys(folder, AREA.format(top=top), top)
            (found,) = json.loads((folder / "stat.json").read_text())["modules"].values()
        out.writerow((top, "area", found["num_cells_by_type"]["DFFPOSX1"], f"{found['area']:.1f}"))


def lines() -> None:
    """The sparser engine's own gates and flip-flops with several numbers of lines, as it stands in `vitcod_core`: what
    accelsim/energy/tables/cells45/lines.csv has of it. Generic cells, since to map many lines takes hours; one size is
    mapped for speed, between those of control.csv."""
    out = csv.writer(sys.stdout, lineterminator="\n")
    for many, mapped in ((8, False), (12, True), (16, False), (32, False), (64, False)):
        arch = load_arch("vitcod", schema, [f"engine.lines={many}", "engine.macs=4", "dram.model=pipe"])
        net = whole(arch, load(find("workloads", "fmnist_vit_s90")))[0].netlist
        unit = net.unit("sparser")
        depths = {port: net.ends(unit.name, port)[0].depth for port in unit.twin.ports()}
        bench = replace(alone(net.package, unit.twin, unit.values, depths, net.rows), bits=net.bits)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            found = modules_of(folder, write([bench], folder, alone=True), [bench.top])
            (place,) = (place for place in found if place.startswith(f"{unit.twin.module}$"))
            made = synthesize(folder, place, found[place], 1, net.package.tables, mapped)
        own = made.mapped_um2 + made.flip_flops * UM2[CELL_OF["DFF"]]
        generic = sum(n * cell_um2(kind) for kind, n in made.cells.items())
        um2 = (f"{own:.1f}", "") if mapped else ("", f"{generic:.1f}")
        out.writerow((unit.twin.module, many, unit.values["score_ports"], made.flip_flops, *um2))
        sys.stdout.flush()


def mapped_alone(module: Path, tops: list[str], names: list[str]):
    """A module in each of some tops, mapped: (name of the top, what it came to)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tops.sv").write_text("".join(tops))
        (folder / module.name).write_text(module.read_text())
        for instance, text in modules_of(folder, [Path(module.name), Path("tops.sv")], names).items():
            if instance.startswith(f"{module.stem}$"):
                made = synthesize(folder, instance, text, 1)
                yield made.place.partition(".")[0], made


def main() -> None:
    if sys.argv[1] == "--modules":
        return modules(*sys.argv[2:])
    if sys.argv[1] == "--channels":
        return channels()
    if sys.argv[1] == "--arbiters":
        return arbiters()
    if sys.argv[1] == "--pes":
        return pes()
    if sys.argv[1] == "--lines":
        return lines()
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
