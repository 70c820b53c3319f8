"""Traits of the masks: of each opponent the reading that is nearest to the machine, where a ranking may flip."""

from dataclasses import replace

import pytest

from accelsim.reproduce import pictures, tornado
from accelsim.reproduce.grid import ONE_SEED
from accelsim.reproduce.paper import load
from accelsim.reproduce.ratios import Cast
from accelsim.reproduce.runs import Done
from accelsim.reproduce.tornado import TRAITS, Masks

CAST = Cast(load("vitcod").study.only(("deit_tiny",), ("dense", "Sanger", "CPU")), "macs", (1,))
MADE = Masks("deit_tiny", {(trait, end, 1): f"{n}{end}.yaml" for n, trait in enumerate(TRAITS) for end in (0, 1)})


def seconds(run) -> float:
    """ViTCoD takes 10, twice as long with the high end of the first trait; dense machines and Sanger take what follows
    from their settings, whatever the masks."""
    if run.machine == "vitcod":
        return 20 if run.on.file == "01.yaml" else 10
    if run.machine.startswith("sanger"):
        return 14 if "pack=block" in run.set else 40
    return 8 if "attention=fused" in run.set else 9


@pytest.fixture(scope="module")
def found():
    done = Done({run: {"seconds": seconds(run)} for run in CAST.runs()})
    some = tornado.rivals(CAST, done)
    more = tornado.runs(CAST, MADE, some)
    done.add(Done({run: {"seconds": seconds(run)} for run in more}))
    return some, more, tornado.swings(done, CAST, MADE, some)


def test_the_nearest_reading_of_each_that_is_simulated(found):
    some = found[0]
    assert [(r.only, r.who.name) for r in some] == [
        (only, name) for only in ("all", "attention") for name in ("dense", "Sanger")
    ]  # fmt: skip
    assert [r.how.name for r in some[:2]] == ["output-stationary", "block, wavefront"]


def test_what_ignores_masks_is_run_once(found):
    _, more, swings = found
    assert len({run for run in more if run.machine == "systolic_832"}) == 2
    assert len({run for run in more if run.machine.startswith("sanger")}) == 2 * 13
    assert len(swings) == 4 * len(TRAITS)


def test_what_flips_is_said(found):
    swings = found[2]
    first = next(iter(TRAITS))
    assert [(s.only, s.over, s.trait) for s in swings if s.flips] == [
        (only, "Sanger, block, wavefront", first) for only in ("all", "attention")
    ]  # fmt: skip
    assert swings[6].trait == first and [s.mean for s in swings[6].values] == pytest.approx([1.4, 1.4, 0.7])
    assert swings[6].moved.mean == pytest.approx(0.5)
    table = tornado.grid(swings, "ViTCoD", "deit_tiny", 90, (1,))
    assert table.notes[0].startswith(f"Who is faster flips with: {first} (end to end, over Sanger, block, wavefront); ")
    calm = [s for s in swings if not s.flips]
    assert tornado.grid(calm, "ViTCoD", "deit_tiny", 90, (1,)).notes == ["No trait flips who is faster.", ONE_SEED]


def test_a_swing_is_of_the_same_masks():
    """By hand: a trait that halves the ratio with every mask moves it by exactly that, whatever the masks do."""
    cast = replace(CAST, seeds=(1, 2))
    made = Masks(
        "deit_tiny", {(t, e, s): f"{n}{e}{s}.yaml" for n, t in enumerate(TRAITS) for e in (0, 1) for s in (1, 2)}
    )
    some = tornado.rivals(CAST, Done({r: {"seconds": seconds(r)} for r in CAST.runs()}))[1]
    done = Done()
    for run in tornado.runs(cast, made, [some]):
        done.figures[run] = {
            "seconds": run.on.seed * (2 if run.on.file.startswith("01") else 1) if run.machine == "vitcod" else 3
        }
    found = {s.trait: s for s in tornado.swings(done, cast, made, [some])}
    first = found[next(iter(TRAITS))]
    assert (first.moved.mean, first.moved.low, first.moved.high) == pytest.approx((0.5, 0.5, 0.5))
    assert first.middle.low < first.middle.mean < first.middle.high
    (row,) = [
        r for r in tornado.grid(list(found.values()), "ViTCoD", "deit_tiny", 90, (1, 2)).rows if r[2] == first.trait
    ]
    assert row[8] == "0.500x" and "[" in row[5] and row[9] == ("yes" if first.flips else "")


def test_the_picture_speaks_of_a_red_line_where_there_is_one(found):
    calm = [s for s in found[2] if not s.flips]
    for some, there in ((found[2], True), (calm, False)):
        drawn = pictures.tornado(some, "ViTCoD", "deit_tiny")
        labels = [ax.get_xlabel() for ax in drawn.axes if ax.get_xlabel()]
        assert len(labels) == 2 and all(("red line" in text) == there for text in labels)
        bars = [(round(b.get_y(), 3), b.get_height()) for b in drawn.axes[0].patches]
        assert len(set(bars)) == len(bars) == 2 * len(TRAITS), "no bar covers another"
