"""Machines side by side, and machines without one of their ideas."""

import numpy as np
import pytest

from accelsim.core.errors import InputError
from accelsim.sweep.compare import Ratio, ablate, compare, geometric_mean, ratio, split
from accelsim.sweep.design import switches
from accelsim.sweep.plan import Work
from accelsim.workload import save
from tests.sweep.conftest import tiny


@pytest.fixture
def works(tmp_path) -> list[Work]:
    return [Work(str(save(tiny(seed, f"w{seed}"), tmp_path / f"w{seed}.yaml"))) for seed in (1, 2)]


def test_gains_are_ratios_to_the_first(works, tmp_path):
    small = tmp_path / "small.yaml"
    small.write_text("machine: vitcod\nparts: {engine: {lines: 4}}\n")
    found = compare(["vitcod", str(small)], works, processes=0)
    assert (found.variants, found.workloads) == (["vitcod", "small"], ["w1", "w2"])
    cycles = [[row["cycles"] for row in line] for line in found.figures]
    assert found.gains("cycles") == [[1.0, 1.0], [cycles[0][0] / cycles[1][0], cycles[0][1] / cycles[1][1]]]
    assert all(gain < 1 for gain in found.gains("cycles")[1])
    assert geometric_mean([2.0, 8.0]) == pytest.approx(4.0)


def test_energy_ratios_say_whether_the_prices_decide_them(works, tmp_path):
    same, mine = tmp_path / "same.yaml", tmp_path / "mine.yaml"
    same.write_text("machine: vitcod\n")
    mine.write_text("machine: vitcod\nenergy: {override: {mac: {pj: 5, low: 0.1, high: 100, source: guess}}}\n")
    found = compare(["vitcod", str(same), str(mine)], works, processes=0)
    reference, copy, guessed = found.energy_ratios(["chip"])
    assert [len(row) for row in (reference, copy, guessed)] == [3] * 3, "two workloads and their mean"
    assert {*reference, *copy} == {Ratio(1.0, 1.0, 1.0)} and not copy[0].resolved, "every price is shared"
    chips = [[row["chip_energy_pj"] for row in line] for line in found.figures]
    for n, r in enumerate(guessed[:2]):
        assert r.nominal == pytest.approx(chips[0][n] / chips[2][n]) and r.nominal < 1
        assert r.low < r.nominal < r.high
    again = compare(["vitcod", str(same), str(mine)], works, processes=0)
    assert again.energy_ratios(["chip"]) == found.energy_ratios(["chip"]), "the same drawings every time"
    both = found.energy_ratios(["chip", "dram"])[2][0]
    total = [line[0]["energy_pj"] for line in found.figures]
    assert both.nominal == pytest.approx(total[0] / total[2])


@pytest.mark.parametrize(
    ("ends", "resolved"), [((0.9, 1.2), False), ((1.01, 2), True), ((0.5, 0.99), True), ((1, 2), False)]
)
def test_a_ratio_whose_interval_holds_1_is_not_resolved(ends, resolved):
    from accelsim.sweep.terminal import interval

    found = Ratio(1.05, *ends)
    assert found.resolved is resolved
    assert interval(found) == f"1.05x [{ends[0]:.2f}, {ends[1]:.2f}]" + ("" if resolved else " not resolved")


def test_an_interval_holds_nine_tenths():
    found = ratio(1.0, np.arange(1001.0))
    assert (found.nominal, found.low, found.high) == pytest.approx((1.0, 50.0, 950.0))


def test_an_ablation_switches_off_one_idea_at_a_time(works):
    found = ablate("vitcod", works[:1], processes=0, overrides=["forward=false"])
    names = [n for n in switches("vitcod") if n != "forward"]
    assert found.variants == ["vitcod", *(f"without {n}" for n in names)]
    macs = {name: row[0]["mac_ops"] for name, row in zip(found.variants, found.figures)}
    assert macs["without prune"] > macs["vitcod"]
    alone = compare(["vitcod"], works[:1], processes=0, overrides=["forward=false", "prune=false"])
    assert alone.figures[0][0] == found.figures[found.variants.index("without prune")][0]


def test_steps_switch_on_one_idea_after_the_other(works):
    found = ablate("vitcod", works[:1], steps=["prune", "reorder+two_engines"], processes=0)
    assert found.variants == ["without all of these", "+ prune", "+ reorder+two_engines"]
    off = ["prune=false", "reorder=false", "two_engines=false"]
    assert found.figures[0] == compare(["vitcod"], works[:1], processes=0, overrides=off).figures[0]
    assert found.figures[1] == compare(["vitcod"], works[:1], processes=0, overrides=off[1:]).figures[0]
    assert found.figures[2] == compare(["vitcod"], works[:1], processes=0).figures[0]
    with pytest.raises(InputError, match="--steps: 'prun' is no switch of vitcod; these are: auto_encoder, prune"):
        ablate("vitcod", works, steps=["prun"])


def test_a_run_that_fails_is_an_error(works):
    with pytest.raises(InputError, match="vitcod w1: "):
        compare(["vitcod"], works[:1], overrides=["act_gb0.capacity_bytes=1"], processes=0)


def test_machines_and_workloads_are_told_apart(works, tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("machine: vitcod\n")
    names = ["vitcod", str(mine), "deit_tiny_s90", works[0].file]
    assert split(names) == (names[:2], names[2:])
    with pytest.raises(InputError, match="a comparison needs machines and workloads; there is no machine among x"):
        split(["x"])
    with pytest.raises(InputError, match="there is no workload among vitcod"):
        split(["vitcod"])
