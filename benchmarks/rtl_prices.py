"""The areas that prices stand on: RTL modules mapped with 45 nm cells, as the files of accelsim/energy/tables/cells45.

    python benchmarks/rtl_prices.py control [DESIGN[:MODULE]]...  # control.csv, or its rows of some designs or modules
    python benchmarks/rtl_prices.py lines  # lines.csv: the sparser engine with more or fewer lines, arbiters
    python benchmarks/rtl_prices.py channels  # channels.csv
    python benchmarks/rtl_prices.py pes  # pes.csv: a systolic array's PEs

A design is read once, with its hierarchy; then one instance of each kind of module that has a price is mapped for
speed (accelsim/rtl/synthesis.py), one at a time, and its row printed as soon as it is there. Flip-flops are in the
areas, memories are not.
"""

import csv
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from rtl_area import UM2

from accelsim.accelerators import machine, schema
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.energy.document import FOLDER
from accelsim.rtl.netlist import Netlist
from accelsim.rtl.synthesis import Synthesized, kinds, synthesize, yosys
from accelsim.rtl.synthesis import modules as modules_of
from accelsim.rtl.vsim import SOURCES
from accelsim.rtl.write import write
from accelsim.workload import load

FLIP_FLOP = UM2["DFFPOSX1"]
NETWORK = "fmnist_vit_s90"  # that a whole machine is wired for; modules are the same for any
CONTROL = (
    "arbiter", "decoder", "denser_engine", "dma", "encoder", "index_walker", "load_buffer", "mac_array", "output_merge",
    "sequencer", "softmax_unit", "sparser_engine", "store_buffer", "vector_unit",
)  # fmt: skip
VECTOR = ("reciprocal_root", "vector_lane", "vector_unit", "vector_unit_datapath")
STAGE = ("transposing_stage", "place_generator")
SYSTOLIC = ("systolic_array", "stationary_array", "output_array", "stream_feeder", "operand_pointer")
CORE, BENCH = "vitcod_core", "mac_array_bench"
DESIGNS = (  # what it is called, machine, top, what is set; the modules that are mapped, of those that stand there
    ("8x4", "vitcod", CORE, ("engine.lines=8", "engine.macs=4", "dram.model=pipe"), CONTROL),
    ("16x8", "vitcod", CORE, ("engine.lines=16", "engine.macs=8", "dram.model=pipe"), CONTROL),
    ("vector16", "vitcod", "vector_unit_bench", ("vector.lanes=16",), VECTOR),
    ("vector64", "vitcod", "vector_unit_bench", (), VECTOR),
    ("systolic_os", "systolic", "systolic_array_bench", (), SYSTOLIC),
    ("systolic_ws", "systolic", "systolic_array_bench", ("array.dataflow=ws",), SYSTOLIC),
    ("4x4", "vitcod", BENCH, ("engine.lines=4", "engine.macs=4"), STAGE),
    ("8x4", "vitcod", BENCH, ("engine.lines=8", "engine.macs=4"), STAGE),
    (
        "4x4_2banks",
        "vitcod",
        BENCH,
        ("engine.lines=4", "engine.macs=4", "act_gb0.banks=2", "decoder.port_bytes=128"),
        STAGE,
    ),
)


def netlist(name: str, top: str, overrides: Sequence[str]) -> Netlist:
    """A top of a machine, with its own configuration but for what is set."""
    arch = load_arch(name, schema, overrides)
    twins = machine(name).twins()
    for whole in twins.whole.values():
        if whole.top == top:
            return whole.workload(arch, load(find("workloads", NETWORK)))[0].netlist
    return next(net for net in twins.tops(twins.parameters(arch)) if net.top == top)


def mapped(net: Netlist, names: Sequence[str]) -> Iterator[tuple[str, list[Synthesized]]]:
    """Of a design each of these modules that stand in it, and what all its kinds came to."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = modules_of(folder, write([net], folder, alone=True), [net.top])
        alike = kinds(found)
        for module in names:
            mine = [first for first in alike if first.partition("$")[0] == module]
            if mine:
                tables = net.package.tables
                yield module, [synthesize(folder, one, found[one], len(alike[one]), tables) for one in mine]


def um2(made: Sequence[Synthesized]) -> float:
    """Of all instances, with their flip-flops."""
    return sum(one.instances * (one.mapped_um2 + one.flip_flops * FLIP_FLOP) for one in made)


def rows(*titles: str):
    """A file on stdout, which says of each row as soon as it is there."""
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(titles)
    return out


def control(*chosen: str) -> None:
    """The mapped modules of control of some designs, all instances together."""
    out = rows("module", "design", "instances", "flip_flops", "area_45nm_um2")
    for design, *top, modules in DESIGNS:
        some = modules
        if chosen:
            wanted = {module for name, _, module in (one.partition(":") for one in chosen) if name == design}
            some = [module for module in modules if wanted & {module, ""}]
        for module, found in mapped(netlist(*top), some) if some else ():
            flip_flops = sum(one.instances * one.flip_flops for one in found)
            out.writerow((module, design, sum(one.instances for one in found), flip_flops, f"{um2(found):.1f}"))
            sys.stdout.flush()


CHANNEL_TOP = """module {name}(
    input logic clk, input logic rst, input logic [7:0] push, input logic [{width}-1:0] item, output logic [7:0] room,
    output logic [7:0] valid, output logic [{width}-1:0] data, input logic [7:0] pop);
  channel #(.WIDTH({width}), .DEPTH({depth})) of (.clk, .rst, .push, .item, .room, .valid, .data, .pop);
endmodule
"""


def channels() -> None:
    """Mapped channels of several widths and depths."""
    sizes = {f"w{width}d{depth}": (width, depth) for depth in (1, 2, 4, 8, 16) for width in (20, 80)}
    tops = [CHANNEL_TOP.format(name=top, width=width, depth=depth) for top, (width, depth) in sizes.items()]
    out = rows("width", "depth", "flip_flops", "area_45nm_um2")
    found = dict(mapped_alone(SOURCES / "channel.sv", tops, list(sizes)))
    for name, size in sizes.items():
        out.writerow((*size, found[name].flip_flops, f"{um2([found[name]]):.1f}"))


ARBITER_TOP = """module {name}(
    input logic [{lines}-1:0] wants, input logic [7:0] room, output logic [{lines}-1:0] granted,
    output logic [7:0] count, output logic [{most}-1:0][{bits}-1:0] line);
  arbiter #(.LINES({lines}), .MOST({most})) of (.*);
endmodule
"""


def lines() -> None:
    """Mapped arbiters of several sizes, and the sparser engine without them with several numbers of lines, as it stands
    in `vitcod_core`, with 4 MACs each."""
    sizes = {f"l{lines}m{most}": (lines, most) for lines in (8, 16, 32, 64) for most in (1, 2, 4, 8)}
    tops = [
        ARBITER_TOP.format(name=name, lines=lines, most=most, bits=(lines - 1).bit_length())
        for name, (lines, most) in sizes.items()
    ]
    out = rows("module", "lines", "most", "flip_flops", "area_45nm_um2")
    found = dict(mapped_alone(machine("vitcod").twins().package.module("arbiter"), tops, list(sizes)))
    for name, size in sizes.items():
        out.writerow(("arbiter", *size, found[name].flip_flops, found[name].mapped_um2))
    for many in (8, 12, 16, 32, 64):
        net = netlist("vitcod", "vitcod_core", (f"engine.lines={many}", "engine.macs=4", "dram.model=pipe"))
        ((name, (made,)),) = mapped(net, ("sparser_engine",))
        most = net.unit("sparser").values["score_ports"]
        out.writerow((name, many, most, made.flip_flops, f"{um2([made]):.1f}"))
        sys.stdout.flush()


AREA = (  # the recipe `area` of accelsim/energy/tables/cells45/mapped.csv
    "read_slang -j 1 --keep-hierarchy --top {top} {top}.sv; proc; opt; memory_collect; memory_map; opt; booth; opt; "
    "alumacc; opt; techmap; opt; dfflibmap -liberty cells45.lib; opt; abc -liberty cells45.lib -script "
    "+strash;ifraig;scorr;dc2;dc2;strash;dch;amap; opt_clean; tee -q -o stat.json stat -liberty cells45.lib -json"
)


def pes() -> None:
    """A systolic array's PEs, with shadows, mapped for area as a MAC is."""
    out = rows("module", "recipe", "flip_flops", "area_45nm_um2")
    for top in ("output_pe", "stationary_pe"):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for path in (machine("systolic").twins().package.module(top), FOLDER / "cells45" / "cells45.lib"):
                (folder / path.name).write_text(path.read_text())
            yosys(folder, AREA.format(top=top), top)
            (found,) = json.loads((folder / "stat.json").read_text())["modules"].values()
        out.writerow((top, "area", found["num_cells_by_type"]["DFFPOSX1"], f"{found['area']:.1f}"))


def mapped_alone(module: Path, tops: list[str], names: list[str]) -> Iterator[tuple[str, Synthesized]]:
    """A module in each of some tops, mapped: the name of the top, what it came to."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tops.sv").write_text("".join(tops))
        (folder / module.name).write_text(module.read_text())
        for instance, text in modules_of(folder, [Path(module.name), Path("tops.sv")], names).items():
            if instance.startswith(f"{module.stem}$"):
                made = synthesize(folder, instance, text, 1)
                yield made.place.partition(".")[0], made


FILES = {"control": control, "lines": lines, "channels": channels, "pes": pes}


def main() -> None:
    FILES[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
