"""Every combination of what a paper leaves open, beside the paper's figures."""

import csv
import shutil
from dataclasses import replace

import pytest

from accelsim.core.errors import InputError
from accelsim.reproduce import paper_mode
from accelsim.reproduce.grid import few, percent
from accelsim.reproduce.paper import load
from accelsim.reproduce.report import reproduce
from accelsim.reproduce.runs import base


@pytest.fixture(scope="module")
def found(paper, report, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mode")
    (folder / "runs.sqlite").write_bytes((report[1] / "runs.sqlite").read_bytes())  # what both need is there
    return paper_mode.search(paper, folder, processes=0), folder


def test_every_combination_is_tried_with_its_settings(paper):
    modes = paper_mode.modes(paper.study.ablation)
    assert [m.choices for m in modes] == [
        ("together", "dense"), ("together", "sparse"), ("in turns", "dense"), ("in turns", "sparse"),
    ]  # fmt: skip
    assert modes[0].study.variants == paper.study.ablation.variants
    assert modes[3].study.variants == {
        "without": ("prune=false", "auto_encoder=false", "heads=serial", "reorder=false"),
        "with": ("prune=true", "auto_encoder=false", "heads=serial"),
        "all": ("prune=true", "auto_encoder=true", "heads=serial"),
    }


def test_every_combination_of_the_shipped_paper_is_a_machine():
    """One that is refused would be a row of dashes."""
    study = load("vitcod").study
    for mode in paper_mode.modes(study.ablation):
        for settings in mode.study.variants.values():
            base(mode.study.machine).with_settings([tuple(text.split("=", 1)) for text in settings])


def test_the_combination_without_a_change_has_the_figures_of_the_ablation(paper, found, report, tmp_path):
    """The claims are pruning (mean, at 90 %), movement (two shares) and MAC/byte."""
    rows = list(csv.reader((found[1] / "paper_mode_all.csv").open(encoding="utf-8")))
    assert len(rows) == 5
    row = next(r for r in rows[1:] if r[:2] == ["together", "dense"])
    shutil.copyfile(report[1] / "runs.sqlite", tmp_path / "runs.sqlite")
    once = reproduce(paper, tmp_path, opponents=("dense",), processes=0)  # with the one seed that a mode has
    by_slug = {grid.slug: grid for grid in once.grids}
    steps, moves = by_slug["ablations"].rows[0], by_slug["movement"].rows[-1]
    assert [f"{cell}x" for cell in row[2:4]] == [steps[4], steps[3]]
    assert row[4:6] == list(moves[4:6])
    assert row[6] == by_slug["roofline"].rows[0][1]


def test_a_switch_moves_what_it_concerns_alone(found):
    rows = list(csv.reader((found[1] / "paper_mode_all.csv").open(encoding="utf-8")))[1:]
    of = {tuple(r[:2]): r[2:-1] for r in rows}
    for heads in ("together", "in turns"):
        assert of[heads, "dense"][:2] != of[heads, "sparse"][:2]
        assert of[heads, "dense"][2:] == of[heads, "sparse"][2:]


def test_the_nearest_stand_first_and_the_paper_last(paper, found):
    (grid,) = found[0].grids
    wanted = paper_mode.claims(paper.study.ablation)
    assert [c.value for c in wanted] == [3, 50, 0.5, 0.28, 1000]
    assert grid.rows[-1] == ("the paper", "", few(3), few(50), percent(0.5), percent(0.28), few(1000), "")
    computed, first = grid.rows[-2], grid.rows[0]
    assert computed[0] == "the first with words twice as long, computed" and computed[-1] == "not simulated"
    assert computed[2:4] == ("-", "-") and float(computed[6]) == pytest.approx(float(first[6]) / 2, abs=0.01)
    share = float(first[4].split()[0]) / 100
    assert float(computed[4].split()[0]) == pytest.approx(100 * 2 * share / (1 + share), abs=0.11)
    counts = [int(row[-1].split()[0]) for row in grid.rows[:-2]]
    assert counts == sorted(counts, reverse=True) and len(counts) == 4
    assert grid.notes[0].startswith("4 combinations tried; none within 25 % of all 5 figures, none refused in part.")
    assert grid.notes[-1] == "What it cannot."
    assert (found[1] / "report.md").read_text(encoding="utf-8").count("| together | dense |") == 1


def test_twice_the_bytes_in_closed_form():
    """A quarter of the time for moving becomes two fifths: 2 of 2 + 3."""
    assert paper_mode.Claimed("moving", 0.5, share=True).moved(0.25, 2) == pytest.approx(0.4)
    assert paper_mode.Claimed("MAC/byte", 4, per_byte=True).moved(3.0, 2) == 1.5
    assert paper_mode.Claimed("pruning", 5).moved(3.0, 2) is None


def test_near_and_distance():
    wanted = [paper_mode.Claimed("a", 2.0), paper_mode.Claimed("b", 0.5, True)]
    assert paper_mode.near([2.5, 0.6], wanted) == 2
    assert paper_mode.near([2.51, None], wanted) == 0
    assert paper_mode.distance([2.0, 0.5], wanted) == 0
    assert paper_mode.distance([4.0, None], wanted) == float("inf")


def test_a_paper_without_switches_is_refused(paper, tmp_path):
    study = replace(paper.study, ablation=replace(paper.study.ablation, search=None))
    with pytest.raises(InputError, match=r"paper.yaml: the paper has no switches \('search' of its 'ablation'\)"):
        paper_mode.search(replace(paper, study=study), tmp_path)


def test_the_share_of_movement_is_at_the_bandwidth_of_the_combination(paper):
    plain = paper.study.ablation
    variants = {name: (*settings, "dram.channels=1") for name, settings in plain.variants.items()}
    assert paper_mode.rate(plain) == 4 * paper_mode.rate(replace(plain, variants=variants)) == 76.8e9
