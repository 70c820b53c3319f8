"""The shipped papers, what is wrong with others, and the frozen readings."""

import math

import pytest

from accelsim.core.errors import InputError
from accelsim.energy.draws import COUNT
from accelsim.reproduce import frozen
from accelsim.reproduce.claims import TERMS
from accelsim.reproduce.paper import load, read, with_studies
from accelsim.reproduce.ratios import Cast, spread
from accelsim.reproduce.runs import as_point, base
from tests.reproduce.conftest import TEXT

PAPERS = ["sanger", "spatten", "vitality", "vitcod"]


def test_the_papers_that_can_be_reproduced():
    assert with_studies() == PAPERS


@pytest.mark.parametrize("name", PAPERS)
def test_every_run_of_a_shipped_paper_is_a_configuration(name):
    study = load(name).study
    wanted = set()
    for terms in TERMS:
        wanted |= {(run.machine, run.set) for run in Cast(study, terms, (1,)).runs()}
    if study.ablation:
        wanted |= {(study.ablation.machine, values) for values in study.ablation.variants.values()}
    for fall in study.waterfalls:
        held = ()
        for _, more in fall.steps:
            held += more
            wanted.add((fall.machine, held))
    for machine, settings in wanted:
        base(machine).with_settings([tuple(s.split("=", 1)) for s in settings])


def test_vitcods_claims_are_the_papers():
    found = {(c.over, c.at, c.metric): c.value for c in load("vitcod").study.claims}
    assert found == {
        ("Sanger", 90, "time"): 6.8, ("SpAtten", 90, "time"): 10.1, ("Sanger", None, "time"): 4.3,
        ("SpAtten", None, "time"): 6.8, ("CPU", 90, "time"): 235.3, ("edge GPU", 90, "time"): 142.9,
        ("GPU", 90, "time"): 86.0, ("Sanger", 90, "energy"): 9.8,
    }  # fmt: skip
    ablation = load("vitcod").study.ablation
    assert [(s.name, s.mean, dict(s.at)) for s in ablation.steps[:2]] == [
        ("pruning", 5.14, {90: 8.14}), ("reordering", 2.59, {90: 2.03}),
    ]  # fmt: skip
    assert ablation.movement.found == (0.5, 0.28)


def test_what_is_equal_is_equal():
    """Multipliers, clock and memory of ViTCoD's opponents under `macs`, by the machines themselves."""
    from accelsim.accelerators import machine

    study = load("vitcod").study
    mine = base(study.machine).arch
    whole = machine("vitcod").multipliers(mine)
    for who in study.opponents:
        if machine(who.machine).analytic:
            continue
        arch = base(who.terms["macs"]).arch
        assert (arch.clocks, arch.parts["dram"]["standard"], arch.parts["dram"]["channels"]) == (
            mine.clocks, mine.parts["dram"]["standard"], mine.parts["dram"]["channels"],
        )  # fmt: skip
        count = machine(who.machine).multipliers(arch)
        if who.name == "Sanger":
            count -= arch.parts["predictor"]["width"] * arch.parts["predictor"]["height"] * 3 // 4  # of 4 bits
        assert whole <= count <= 1.25 * whole, who.name


def test_a_point_of_seed_1_is_the_shipped_workload():
    from accelsim.config.shipped import find
    from accelsim.workload import load as load_workload

    study = load("vitcod").study
    point = as_point(Cast(study, "macs", (1,)).mine("levit_128", 90, 1, "all"))
    assert point.workload.hash == load_workload(find("workloads", "levit_128_s90")).hash


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("terms: macs", "terms: mac", "terms is 'mac' but must be one of macs, peak, area, published"),
        ("headline: 90", "headline: 70", "headline is 70 but must be one of the sparsities, 80, 90"),
        ("is: 100,", "is: many,", "is is 'many' but must be a number"),
        ("over: dense, of: attention, at: 90", "over: sparse, of: attention, at: 90", "over is 'sparse' but must"),
        ("given: all of it", "givne: all of it", "there is no entry 'givne' (did you mean 'given'?)"),
        ("      macs: systolic_832\n", "", "no configuration on any terms is said"),
        ("from: without, to: with,", "from: withuot, to: with,", "from is 'withuot' but must be one of without, with"),
    ],
)  # fmt: skip
def test_a_wrong_paper_is_a_sentence_with_its_line(tmp_path, old, new, sentence):
    path = tmp_path / "paper.yaml"
    assert old in TEXT
    text = TEXT.replace(old, new, 1)
    path.write_text(text)
    lines = [n for n, line in enumerate(text.split("\n"), 1) if new and new in line]
    with pytest.raises(InputError) as raised:
        read(path)
    assert sentence in str(raised.value) and str(raised.value).startswith(f"{path}:")
    if new and "headline" not in new:  # which is a rule of the whole
        assert str(raised.value).startswith(f"{path}:{lines[0]}: ")


def test_a_machine_without_a_paper():
    with pytest.raises(
        InputError, match="the machine ita has no paper.yaml .* knows sanger, spatten, vitality, vitcod"
    ):
        load("ita")


def test_intervals_are_students():
    found = spread([2.0, 2.0, 2.0])
    assert (found.low, found.mean, found.high) == pytest.approx((2.0, 2.0, 2.0))
    one = spread([3.0])
    assert (one.mean, one.low, one.high) == (pytest.approx(3.0), None, None)
    found = spread([1.0, math.e**2])  # logarithms 0 and 2: mean 1, deviation sqrt 2, 12.706 of one degree of freedom
    assert math.log(found.mean) == pytest.approx(1) and math.log(found.high) == pytest.approx(1 + 12.706)
    assert COUNT >= 1000, "drawings of prices"


def test_readings_are_frozen_and_a_change_is_said(paper, monkeypatch):
    study = load("vitcod").study
    kept = frozen.thawed(frozen.abridged(study))
    assert kept == frozen.resolved(study), "nothing is lost in what is written"
    mine = load("vitality")
    assert frozen.place(mine).name == "frozen_2026-11-28.yaml"
    whole = frozen.resolved(mine.study)
    first = next(iter(whole))
    whole[first] = whole[first] | {"array.rows": "9", "new": "1"}
    monkeypatch.setattr(frozen, "resolved", lambda _: whole)
    said = frozen.changes(mine)
    assert f"{first}: array.rows was 32, is 9" in said and f"{first}: new was not there, is 1" in said
    assert frozen.sentences(said, "a day")[0] == "Other than frozen on a day:"
    monkeypatch.undo()
    assert frozen.changes(paper) == ["a paper is not among the frozen readings"]
