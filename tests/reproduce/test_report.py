"""A reproduction from beginning to end: what tables say is recomputed, stopping loses nothing, bytes are the same."""

import csv
import io
import math
import re
import shutil
from dataclasses import replace

import pytest

from accelsim.accelerators import schema
from accelsim.accelerators.run import run
from accelsim.codesign.synthetic import synthesize
from accelsim.config import load_arch
from accelsim.core.errors import InputError
from accelsim.report.metrics import summarize
from accelsim.reproduce import claim_table
from accelsim.reproduce import report as room
from accelsim.reproduce.grid import few, judged, said, share
from accelsim.reproduce.paper import load
from accelsim.reproduce.ratios import Cast, Spread, spread
from accelsim.reproduce.report import ONE_MASK, STORE, reproduce


def cycles(machine: str, sparsity: float, seed: int, *settings: str, only: str = "attention") -> int:
    work = synthesize("levit_128", sparsity, seed)
    return run(load_arch(machine, schema, settings), work if only == "all" else work.only(only)).result.cycles()


def grid(found, slug: str):
    return next(g for g in found.grids if g.slug == slug)


def cell(found, slug: str, row: tuple[str, ...], column: str) -> str:
    one = grid(found, slug)
    (mine,) = [r for r in one.rows if r[: len(row)] == row]
    return mine[one.columns.index(column)]


def test_speed_ups_are_those_of_runs_made_by_hand(report):
    found, _ = report
    dense = cycles("systolic_832", 0.9, 1)
    gains = [dense / cycles("vitcod", 0.9, seed) for seed in (1, 2)]
    logs = [math.log(g) for g in gains]
    mean, half = sum(logs) / 2, 12.706 * abs(logs[0] - logs[1]) / 2
    said = f"{few(math.exp(mean))}x [{few(math.exp(mean - half))}, {few(math.exp(mean + half))}]"
    assert cell(found, "attention", ("dense", "output-stationary"), "mean") == said
    assert cell(found, "attention", ("dense", "output-stationary"), "levit_128") == said
    assert cell(found, "attention", ("dense", "output-stationary"), "ours / paper") == few(math.exp(mean) / 100)
    ends = [cycles("systolic_832", 0.9, 1, only="all") / cycles("vitcod", 0.8, 1, only="all")]
    assert cell(found, "by_sparsity_end_to_end", ("dense", "output-stationary"), "80 %") == f"{few(ends[0])}x"
    block = ("dense", "output-stationary", "levit_128")
    assert cell(found, "by_network_and_sparsity", block, "end to end, 80 %") == f"{few(ends[0])}x"
    assert cell(found, "by_network_and_sparsity", block, "attention layers, 90 %") == said
    serial = [cycles("vitcod", 0.8, s, "heads=serial") / cycles("vitcod", 0.8, s) for s in (1, 2)]
    at_80 = cell(found, "by_sparsity", ("serial", "one head at a time"), "80 %")
    assert at_80.split("x")[0] == few(math.sqrt(serial[0] * serial[1]))


def test_a_machine_that_ignores_masks_is_the_same_on_all_of_them():
    for how in load("systolic").readings[::3]:
        assert not how.masks
        assert len({cycles("systolic_832", s, seed, *how.set) for s, seed in ((0.8, 1), (0.9, 2))}) == 1


def test_end_to_end_stands_first_and_amdahl_bounds_it(report):
    found, _ = report
    assert [g.slug for g in found.grids][:3] == ["verdict", "end_to_end", "attention"]
    whole = cell(found, "end_to_end", ("dense", "output-stationary"), "mean")
    assert cell(found, "verdict", ("dense",), "end to end").removesuffix(" not resolved") == whole
    mean, low, high = map(float, re.findall(r"[0-9.]+", whole))
    notes = [n for n in grid(found, "verdict").notes if n.startswith("End to end: ") and "dense (output-sta" in n]
    if low < 1 < high:
        assert notes == [
            "End to end: dense (output-stationary) or a paper is the faster, which these masks do not resolve."
        ]
    else:
        assert [f"wins**, {few(1 / mean)[:3]}" in n for n in notes] == [True] * (high < 1)
    wholes = []
    for seed in (1, 2):
        summary = summarize(run(load_arch("vitcod", schema), synthesize("levit_128", 0.9, seed)))
        (part,) = [p.cycles for p in summary.phases if p.name == "attention"]
        wholes.append(summary.total.cycles / (summary.total.cycles - part))
    limit = math.sqrt(wholes[0] * wholes[1])
    assert cell(found, "amdahl", ("a paper", ""), "levit_128").startswith(
        f"{100 * (1 - 1 / limit):.1f} %, {few(limit)}x ["
    )


def test_the_papers_figures_stand_beside_ours_with_a_sentence_where_they_are_far(report):
    found, _ = report
    claims = grid(found, "claims")
    assert [row[1] for row in claims.rows] == ["100.0x", "2.60x", "1.00x"]
    notes = "\n".join(claims.notes)
    assert "attention layers, at 90 %, over dense: no reading comes within a quarter of the paper's 100.0x" in notes
    nearest = [float(row[3]) for row in claims.rows]
    assert nearest[0] < 0.1 and all(0.5 < share < 2 for share in nearest[1:])


def test_the_dense_machine_stands_beside_claims_that_are_not_over_it(report, paper):
    found, _ = report
    study = replace(paper.study, claims=paper.study.claims[2:])
    rows = claim_table.claims(Cast(study, "macs", (1, 2)), found.done).rows
    assert [row[0] for row in rows] == [f"attention layers, at 90 %, over {who}, energy" for who in ("serial", "dense")]
    energy = cell(found, "attention", ("dense", "output-stationary"), "energy").split("x")[0]
    assert rows[1][1] == "-" and rows[1][2].split("x")[0] == energy and rows[1][4] == "output-stationary"


def test_ablations_and_movement_are_recomputed(report):
    found, _ = report
    off = ("dram.model=pipe", "auto_encoder=false")
    gains = [cycles("vitcod", 0.9, n, *off, "prune=false") / cycles("vitcod", 0.9, n, *off) for n in (1, 2)]
    assert cell(found, "ablations", ("pruning",), "90 %") == said(spread(gains))
    assert any(note.startswith("pruning, at 90 %: ") and "less than the paper's 50.00x" in note
               for note in grid(found, "ablations").notes)  # fmt: skip
    wide = ("dram.model=pipe", "dram.bytes_per_cycle=1600", "auto_encoder=false")
    shares = []
    for seed in (1, 2):
        made = run(load_arch("vitcod", schema, wide), synthesize("levit_128", 0.9, seed).only("attention")).result
        takes = made.total.counts["act_gb0"]["write_bytes"] / (76.8e9 / 500e6)
        shares.append(takes / (takes + made.cycles()))
    assert cell(found, "movement", ("levit_128", "90 %"), "76.8 GB/s") == share(spread(shares))
    assert grid(found, "movement").rows[-1][-2:] == ("50.0 %", "28.0 %")


def test_what_an_interval_does_not_decide_is_said():
    found = Spread(0.9, 0.8, 1.1)
    assert judged(found) == "0.90x [0.80, 1.10] not resolved" and judged(Spread(0.9, 0.8, 0.99)) == "0.90x [0.80, 0.99]"
    other = found.inverse
    assert other.open and (other.low, other.high) == pytest.approx((1 / 1.1, 1 / 0.8))
    assert not Spread(0.9).open and Spread(0.9).inverse == Spread(1 / 0.9)
    assert spread([0.0, 0.0]) == Spread(0.0)  # no traffic, as of a model


def test_one_mask_is_said_first(report, paper, tmp_path):
    shutil.copyfile(report[1] / STORE, tmp_path / STORE)
    found = reproduce(paper, tmp_path, opponents=("dense",), extras=False, processes=0)
    assert found.first == (ONE_MASK,) and report[0].first == ()
    assert (tmp_path / "report.md").read_text().splitlines()[2] == f"**{ONE_MASK}**"
    assert "[" not in cell(found, "end_to_end", ("dense", "output-stationary"), "mean")


def test_the_waterfall_ends_where_the_machine_is_equal_to_itself(report):
    found, _ = report
    rows = grid(found, "waterfall").rows
    assert rows[-1][1:3] == ("heads side by side", "1.00x")
    first = spread([cycles("vitcod", 0.9, s, "heads=serial") / cycles("vitcod", 0.9, s) for s in (1, 2)])
    assert rows[0][2:] == (said(first), "") and first.mean > 1
    assert rows[-1][3] == said(
        spread([cycles("vitcod", 0.9, s) / cycles("vitcod", 0.9, s, "heads=serial") for s in (1, 2)])
    )
    assert grid(found, "waterfall").notes[-1] == "[95 % interval of the mean over 2 masks], where they move it."
    assert grid(found, "waterfall").notes[0] == "serial ends on the machine itself."


def test_what_does_not_go_together_is_named_and_leaves_a_dash(report):
    found, _ = report
    refused = grid(found, "refused")
    assert {row[0] for row in refused.rows} == {"vitcod engine.psum_bytes=64"}
    assert cell(found, "attention", ("serial", "no room at all"), "mean") == "-"


def test_files_say_what_the_terminal_says(report):
    found, folder = report
    assert {f.name for f in found.files} >= {"speedups.png", "waterfall.png", "report.md", "figures.csv", "claims.csv"}
    page = (folder / "report.md").read_text()
    for one in found.grids:
        assert one.markdown() in page
        assert list(csv.reader(io.StringIO((folder / f"{one.slug}.csv").read_text())))[1:] == [
            list(r) for r in one.rows
        ]
    every = list(csv.DictReader(io.StringIO((folder / "figures.csv").read_text())))
    mine = [r for r in every if (r["machine"], r["settings"], r["sparsity"], r["masks"], r["layers"])
            == ("vitcod", "", "90", "2", "attention")]  # fmt: skip
    assert [int(r["cycles"]) for r in mine] == [cycles("vitcod", 0.9, 2)]


def test_stopped_and_taken_up_again_it_is_the_same_to_the_byte(report, paper, tmp_path):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    whole.mkdir()
    shutil.copyfile(report[1] / STORE, whole / STORE)
    wanted = {"opponents": ("dense",), "extras": False, "processes": 0}
    computed = []
    at_once = reproduce(paper, whole, **wanted, progress=lambda state: computed.append(state.computed))
    assert max(computed) == 0, "what is stored is not simulated again"

    def stop(state) -> None:
        if state.computed == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reproduce(paper, stopped, **wanted, progress=stop)
    kept = []
    again = reproduce(paper, stopped, **wanted, progress=lambda state: kept.append(state.kept))
    assert max(kept) == 3
    assert [f.name for f in again.files] == [f.name for f in at_once.files]
    for file in again.files:
        assert file.read_bytes() == (whole / file.name).read_bytes(), file.name


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"equal": "mac"}, "--equal is 'mac' but must be one of macs, peak, area, published (did you mean 'macs'?)"),
        ({"models": ("levit_182",)}, "--model 'levit_182' is none of this paper's, which are levit_128"),
        (
            {"opponents": ("denes",)},
            "--over 'denes' is none of this paper's, which are dense, serial (did you mean 'dense'?)",
        ),
        ({"seeds": 40}, "--seeds is 40 but must be 1 to 32"),
    ],
)
def test_bad_wishes(paper, tmp_path, options, sentence):
    with pytest.raises(InputError) as raised:
        room.reproduce(paper, tmp_path, processes=0, **options)
    assert str(raised.value).startswith(sentence)
