"""A block over its tokens and over its MLP: workloads, tables, and what is said of machines that do not run."""

import math

import pytest

from accelsim.reproduce import crossover, pictures
from accelsim.reproduce.claims import Crossover
from accelsim.reproduce.crossover import Block, Line, meets, standing
from accelsim.reproduce.equal_area import area
from accelsim.reproduce.grid import ONE_SEED
from accelsim.reproduce.runs import Done, Run
from accelsim.workload import load

STUDY = Crossover(
    "deit_tiny", (3, 4), 3, (0, 2, 4), (("dense", "systolic"), ("ViTCoD", "vitcod")), "A note.", ("dense",)
)  # fmt: skip


def test_a_block_is_made_once_for_both(tmp_path):
    places = crossover.blocks(STUDY, 50, (1,), tmp_path)
    assert list(places) == [Block(3), Block(4), Block(3, 0), Block(3, 2)]
    layers = {block: {layer.name: layer for layer in load(on.file).layers} for block, (on,) in places.items()}
    assert "block0.mlp1" not in layers[Block(3, 0)] and "block0.norm2" not in layers[Block(3, 0)]
    assert [layers[b]["block0.mlp1"].out_features for b in (Block(3), Block(3, 2))] == [768, 384]
    assert [layers[b]["block0.mlp2"].in_features for b in (Block(3), Block(3, 2))] == [768, 384]
    assert layers[Block(4)]["block0.attention"].q_tokens == 17
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    crossover.blocks(STUDY, 50, (1,), tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_tables_and_picture(tmp_path):
    places, done = crossover.blocks(STUDY, 50, (1,), tmp_path), Done()
    for run in crossover.runs(STUDY, places):
        block = next(b for b, each in places.items() if run.on in each)
        if (run.machine, block) == ("vitcod", Block(4)):
            continue  # refused
        cycles = 100 * block.mlp_ratio + (200 if run.machine == "systolic" else 150)
        done.figures[run] = {"seconds": cycles / 10, "cycles": cycles, "phase.mlp.cycles": 100 * block.mlp_ratio}
        done.figures[run]["phase.attention.cycles"] = cycles - 100 * block.mlp_ratio
    assert len(done.figures) == 7 and all(isinstance(run, Run) for run in done.figures)
    lines = crossover.lines(done, STUDY, places)
    over, wide = crossover.grids(lines, STUDY, 50, (1,))
    assert over.columns == ("machine", "area", "10", "17")
    assert [row[2:] for row in over.rows] == [("1.00x, 33.3 %", "1.00x, 33.3 %"), ("1.09x, 27.3 %", "-")]
    assert [row[:2] for row in over.rows] == [(n, f"{area(m):.2f} mm2") for n, m in STUDY.opponents]
    assert over.notes == ["ViTCoD is faster than dense at 10 tokens.", "A note.", ONE_SEED]
    assert wide.columns == ("machine", "area", "no MLP", "2 times", "4 times")
    assert wide.rows[1][2:] == ("1.33x, 0.0 %", "1.14x, 57.1 %", "1.09x, 72.7 %")
    assert wide.notes == ["ViTCoD is faster than dense at 0, 2, 4 times the width.", ONE_SEED]
    assert pictures.put(tmp_path / "x.png", pictures.crossover, lines, STUDY, 50).read_bytes()[:4] == b"\x89PNG"


def test_ratios_and_shares_are_means_over_masks():
    """By hand: with one mask it takes half of the time, with the other an eighth; on average a quarter."""
    one = Line("a", 1.0, {Block(3): (4.0, 2.0)}, {Block(3): (0.5, 0.5)}, {})
    other = Line("b", 1.0, {Block(3): (2.0, 0.25)}, {Block(3): (0.2, 0.8)}, {})
    found = crossover.gain(one, other, Block(3))
    assert found.mean == pytest.approx(4) and found.low < 2 < 8 < found.high
    over, _ = crossover.grids([one, other], Crossover("m", (3,), 4, (), (("a", ""), ("b", "")), ""), 50, (1, 2))
    assert (
        over.rows[0][2] == "1.00x, 50.0 %" and over.rows[1][2].startswith("4.00x [") and ", 40.0 % [" in over.rows[1][2]
    )
    assert over.notes[-1] == "[95 % interval of the mean over 2 masks], where they move it."


def test_lines_cross_between_two_places():
    """By hand: from half to twice as fast the logarithm is 0 in the middle, of 100 and 400 that is 200."""
    assert meets([(100, 0.5), (400, 2.0)], math.log) == pytest.approx([200])
    assert meets([(0, 2.0), (1, 4.0), (2, 0.25)], float) == pytest.approx([1.5])
    assert meets([(1, 0.5), (2, 0.9), (4, 1.0)], math.log) == []


def test_who_is_ahead_is_said_of_every_pair():
    blocks = [Block(3), Block(4), Block(5)]
    one, other = (
        Line(n, 1.0, {b: (x,) for b, x in zip(blocks, s)}, {}, {}) for n, s in (("a", (1, 1, 1)), ("b", (2, 0.5, 0.25)))
    )
    places = (blocks, lambda b: b.tokens, "tokens")
    between = math.sqrt(10 * 17)
    assert standing(one, other, *places) == f"b is faster than a at 17, 26 tokens; level at some {between:.1f}."
    assert standing(one, one, *places) == "a is nowhere faster than a."
