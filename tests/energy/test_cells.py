"""The areas of the shipped table are those of the mapped cells, and the copies of them are the reference's."""

import csv
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from accelsim.accelerators import machine
from accelsim.energy import load_table
from accelsim.energy.document import FOLDER
from accelsim.rtl import synthesis

ROOT = Path(__file__).resolve().parents[2]
CELLS = FOLDER / "cells45"
SCALE, DENSITY = 0.377, (1.55, 1.9, 1.0)  # 45 to 28 nm; of a commercial library: nominal, low and high area
MAPPED = {  # row -> module, its parameters, and how many rows it makes
    "mac": ("mac", "", 1),
    "multiply_int8": ("multiply8", "", 1),
    "add_int32": ("add32", "", 1),
    "add_int16": ("add32", "", 2),
    "add_int8": ("add32", "", 4),
    "compare_int16": ("compare16", "", 1),
    "requant": ("requantise", "", 1),
    "exp": ("exponential", "", 1),
    "normalise": ("normalise", "", 1),
    "divide_int16": ("reciprocal", "STAGES=16", 16),
}


def rows(name: str) -> list[dict[str, str]]:
    with (CELLS / name).open(newline="") as file:
        return list(csv.DictReader(file))


def scaled(um2: float) -> list[float]:
    return [um2 * SCALE / density for density in DENSITY]


@pytest.mark.parametrize("name", MAPPED)
def test_an_area_is_that_of_the_mapped_module(name):
    module, parameters, parts = MAPPED[name]
    (area,) = [
        float(r["area_45nm_um2"]) / parts
        for r in rows("mapped.csv")
        if (r["module"], r["parameters"], r["recipe"]) == (module, parameters, "area")
    ]
    assert list(load_table().rows[name].um2) == pytest.approx(scaled(area), rel=0.02)


def areas(name: str) -> dict[tuple[str, str], float]:
    """Mapped um2, at 45 nm, of all instances of a module in a design."""
    return {(r["module"], r["design"]): float(r["area_45nm_um2"]) for r in rows(name)}


def control(name: str, design: str = "8x4") -> float:
    """Mapped um2, at 45 nm, of a module of `control.csv`, of one instance; of arbiters of all."""
    (row,) = [r for r in rows("control.csv") if (r["module"], r["design"]) == (name, design)]
    return float(row["area_45nm_um2"]) / (1 if name == "arbiter" else int(row["instances"]))


def stage_areas() -> tuple[float, float, float]:
    """At 45 nm, of a transposing stage with its places: um2 of a byte that it holds, of a byte of its ports, and what
    there is once; from 8 and 4 tokens, and 4 banks and 2, of words of 64 bytes, two for each token."""
    four, two = (
        control("transposing_stage", design) + control("place_generator", of)
        for design, of in (("4x4", "8x4"), ("4x4_2banks", "4x4_2banks"))
    )
    byte = (control("transposing_stage", "8x4") - control("transposing_stage", "4x4")) / (4 * 2 * 64)
    port = (four - two) / (2 * 64)
    return byte, port, four - 4 * 2 * 64 * byte - 4 * 64 * port


def test_areas_of_control_are_those_of_the_mapped_modules():
    table = load_table().rows
    assert list(table["module_um2"].um2) == pytest.approx([1, 1.55 / 1.9, 1.55], rel=0.01)
    assert list(table["score_control"].um2) == pytest.approx(scaled(control("softmax_unit") / 8), rel=0.001)
    sequencer = table["sequencer_control"].um2
    assert sequencer.nominal == pytest.approx(scaled(control("sequencer"))[0], rel=0.001)
    assert list(sequencer) == pytest.approx([sequencer.nominal * share for share in table["module_um2"].um2])
    parts = ("vector_unit", "vector_unit_datapath", "reciprocal_root", "vector_lane")
    small, large = (sum(areas("control.csv")[n, design] for n in parts) for design in ("vector16", "vector64"))
    assert list(table["vector_lane"].um2) == pytest.approx(scaled((large - small) / 48), rel=0.001)
    assert list(table["vector_control"].um2) == pytest.approx(scaled(small - 16 * (large - small) / 48), rel=0.001)
    few, many = (control("sparser_engine", n) for n in ("8x4", "16x8"))
    assert list(table["line_control"].um2) == pytest.approx(scaled((many - few) / 8), rel=0.001)
    priced = load_table(None, machine("vitcod").price_documents()).components
    registers = 64 * 4 * table["register_bit"].um2.nominal  # loads under way, in the module's flip-flops
    stage, port, once = stage_areas()
    assert list(table["stage_byte"].um2) == pytest.approx(scaled(stage), rel=0.01)
    assert list(table["stage_port_byte"].um2) == pytest.approx(scaled(port), rel=0.01)
    alone = {"SparserEngine": few - (many - few), "LoadBuffer": control("load_buffer") - registers / scaled(1)[0]}
    alone["MacArray"] = control("mac_array") + once
    modules = {
        "StoreBuffer": "store_buffer", "DenserEngine": "denser_engine",
        "IndexWalker": "index_walker", "Encoder": "encoder", "Decoder": "decoder", "OutputMerge": "output_merge",
    }  # fmt: skip
    for kind, um2 in (alone | {kind: control(name) for kind, name in modules.items()}).items():
        assert float(str(priced[kind].area["module_um2"])) == pytest.approx(scaled(um2)[0], rel=0.001), kind


@pytest.mark.slow
def test_the_file_of_control_is_what_the_command_writes():
    """Of the modules that take seconds; a module that has changed since shows here."""
    if why := synthesis.missing():
        pytest.skip(why)
    some = ("decoder", "dma", "encoder", "mac_array", "output_merge", "sequencer", "store_buffer")
    command = [sys.executable, "benchmarks/rtl_prices.py", "control", *(f"8x4:{name}" for name in some)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    kept = [row for row in rows("control.csv") if row["design"] == "8x4" and row["module"] in some]
    assert list(csv.DictReader(done.stdout.splitlines())) == kept


def test_a_systolic_array_s_pes_and_control_are_the_mapped_modules():
    """PEs for area, as a MAC; control of one array, whose parts ahead are priced as registers."""
    pes = {r["module"]: float(r["area_45nm_um2"]) for r in rows("pes.csv")}
    register = load_table().rows["register_bit"].um2.nominal
    common = "systolic_array", "stream_feeder", "operand_pointer"
    alone = {
        design: scaled(sum(areas("control.csv")[n, design] for n in (*common, own)))[0] - 128 * 4 * register
        for design, own in (("systolic_os", "output_array"), ("systolic_ws", "stationary_array"))
    }
    once = scaled(stage_areas()[2])[0]
    for name, kind, pe, design, stages in (
        ("systolic", "SystolicArray", "output_pe", "systolic_ws", 2),  # one price for all that stays: the largest
        ("vitality", "General", "stationary_pe", "systolic_ws", 2),
        ("vitality", "Diagonal", "stationary_pe", "systolic_ws", 0),
        ("sanger", "DenseArray", None, "systolic_os", 1),
        ("salo", "DenseArray", None, "systolic_os", 1),
    ):
        table = load_table(None, machine(name).price_documents())
        if pe:
            assert list(table.rows[pe].um2) == pytest.approx(scaled(pes[pe]), rel=0.001)
        area = table.components[kind].area
        assert float(str(area["module_um2"])) == pytest.approx(alone[design] + stages * once, rel=0.001), (name, kind)


def test_the_control_of_lines_grows_with_their_number_and_arbiters_faster():
    """The engine's registers and gates by as much with every line; arbiters with the power of 1.5."""
    found = rows("lines.csv")
    engine = {int(r["lines"]): r for r in found if r["module"] == "sparser_engine"}
    for lines, design in ((8, "8x4"), (16, "16x8")):  # that a line has 4 or 8 MACs is nothing to it
        assert float(engine[lines]["area_45nm_um2"]) == pytest.approx(control("sparser_engine", design), abs=0.1)
    each = (control("sparser_engine", "16x8") - control("sparser_engine", "8x4")) / 8
    assert [*engine] == [8, 12, 16, 32, 64]
    for name, wanted, near in (("flip_flops", 231, 0), ("area_45nm_um2", each, 0.04)):
        slopes = [(float(engine[b][name]) - float(engine[a][name])) / (b - a) for a, b in pairwise(sorted(engine))]
        assert slopes == pytest.approx([wanted] * len(slopes), rel=near), name
    area = {(int(r["lines"]), int(r["most"])): float(r["area_45nm_um2"]) for r in found if r["module"] == "arbiter"}
    table = load_table().rows["arbiter_grant"].um2
    assert list(table) == pytest.approx(scaled(sum(area[n, 8] / 8 / n**1.5 for n in (16, 32, 64)) / 3), rel=0.01)
    for n, gates in ((16, 5590.5), (32, 14482.8), (64, 37985.7)):  # all seven of an engine with four banks
        assert 2 * area[n, 8] + 5 * area[n, 1] == pytest.approx(gates, rel=0.001)
        assert (n**1.5 * 16 + 3.3 * n * 5) * table.nominal == pytest.approx(scaled(gates)[0], rel=0.04)


def test_the_area_of_a_channel_is_that_of_the_mapped_module():
    """A bit takes what a wider channel has more, the mean over depths; the rest is that of a channel of four items."""
    table, found = load_table().rows, {(int(r["width"]), int(r["depth"])): r for r in rows("channels.csv")}
    area = {key: float(r["area_45nm_um2"]) for key, r in found.items()}
    assert all(int(r["flip_flops"]) - width * depth in range(9, 17) for (width, depth), r in found.items())
    each = [(area[80, depth] - area[20, depth]) / (60 * depth) for depth in (1, 2, 4, 8, 16)]
    assert each == sorted(each) and each[0] > 14 and each[-1] < 17.5
    assert list(table["channel_bit"].um2) == pytest.approx(scaled(sum(each) / 5), rel=0.005)
    assert list(table["channel"].um2) == pytest.approx(scaled(area[20, 4] - 80 * each[2]), rel=0.005)


def test_areas_of_single_cells():
    cells = {r["cell"]: float(r["area_um2"]) for r in rows("cells.csv")}
    table = load_table().rows
    assert list(table["register_bit"].um2) == pytest.approx(scaled(cells["DFFPOSX1"]), rel=0.01)
    assert list(table["mux_bit"].um2) == pytest.approx(scaled(cells["MUX2X1"]), rel=0.01)
    assert list(table["file_bit"].um2) == pytest.approx(scaled(1.05 * (cells["LATCH"] + cells["NAND2X1"])), rel=0.01)
    assert list(table["shift_int32"].um2) == pytest.approx(scaled(160 * cells["MUX2X1"]), rel=0.01)


@pytest.mark.parametrize("name", ["cells.csv", "cells45.lib", "mapped.csv"])
def test_the_files_are_copies_of_the_reference(reference, name):
    assert (CELLS / name).read_text() == (reference / "cells45" / name).read_text()


def test_a_divider_is_15_194_gates():
    (row,) = [r for r in rows("mapped.csv") if r["module"] == "reciprocal" and r["recipe"] == "area"]
    assert (row["generic_gates"], row["generic_flip_flops"]) == ("15194", "1170")
    assert 16 * load_table().rows["divide_int16"].um2.nominal == pytest.approx(
        float(row["area_45nm_um2"]) * 0.377 / 1.55, rel=0.01
    )
