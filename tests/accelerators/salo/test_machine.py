"""The machine's closed forms, what it says of a run, and what it refuses."""

import numpy as np
import pytest
from typer.testing import CliRunner

from accelsim import cli
from accelsim.accelerators import machine
from accelsim.accelerators.run import run
from accelsim.core import InputError
from accelsim.workload import Attention, AttentionMask, Workload, load
from tests.accelerators.salo.machines import PIPE, finished, mask_of, one_layer, salo
from tests.conftest import ROOT


def cycles(workload, *overrides) -> int:
    return finished(salo(*PIPE, *overrides), workload).cycles()


@pytest.mark.parametrize("heads", [2, 5])
def test_a_head_more_takes_the_time_of_its_tiles(heads):
    """2 d + 4 + C cycles each, back to back: operands come meanwhile."""
    few, many = (
        finished(salo(*PIPE), one_layer(mask_of("window:31,globals=1", 197, n), 64, 64)) for n in (heads, heads + 3)
    )
    tiles = [one.total.counts["window"]["tiles"] for one in (few, many)]
    assert (tiles[1] - tiles[0]) % 3 == 0
    assert abs(many.cycles() - few.cycles() - (tiles[1] - tiles[0]) * (2 * 64 + 4 + 32)) <= 40


def test_traffic_of_heads_that_fit_and_of_those_that_do_not():
    """Q, K and V once where two heads fit; else each key once for its tiles in a row, and again for the next group."""
    work = one_layer(mask_of("window:9", 200, 2), 16, 16)
    whole, cut = (finished(salo(*PIPE, *over), work) for over in ((), ("weight_buffer.capacity_bytes=6 KiB",)))
    assert whole.total.counts["weight_buffer"]["write_bytes"] == 2 * 200 * 32
    again = cut.total.counts["weight_buffer"]["write_bytes"] / (2 * 200 * 32)
    assert 1 <= again <= 2
    for one in (whole, cut):
        assert one.total.counts["act_buffer"]["write_bytes"] == 2 * 200 * 16
        assert one.total.counts["output_buffer"]["read_bytes"] == 2 * 200 * 16
        assert one.total.counts["window"]["mac_ops"] == work.masked_macs(work.layers[0])


def test_more_of_anything_is_never_slower_but_columns_that_no_window_fills():
    work = one_layer(mask_of("window:63,globals=1", 197, 3), 64, 64)
    base = cycles(work)
    ports = ("weight_buffer.port_bytes=64", "act_buffer.port_bytes=64")
    for over in (
        ("window.rows=64", *ports), ("window.columns=64", *ports), ("window.globals=2",), ("merge.lanes=128",),
        ("act_buffer.capacity_bytes=1 MiB",), ("weight_buffer.capacity_bytes=1 MiB",), ("weight_buffer.banks=8",),
        ("merge.features=256",), ("output_buffer.capacity_bytes=64 KiB",),
    ):  # fmt: skip
        assert cycles(work, *over) <= 1.01 * base, over
    narrow = one_layer(mask_of("window:31,globals=1", 197, 3), 64, 64)
    few, many = (finished(salo(*PIPE, *over), narrow).total.counts["window"] for over in ((), ("window.columns=64",)))
    assert many["tile_cycles"] / many["tiles"] == 2 * 64 + 4 + 64, "a row's sum runs through all of them"
    assert few["tile_cycles"] / few["tiles"] == 2 * 64 + 4 + 32


def test_a_dilated_window_costs_what_a_dense_one_does():
    plain, dilated = (cycles(one_layer(mask_of(f"window:9,dilation={d}", 192, 3), 32, 32)) for d in (1, 3))
    assert abs(dilated / plain - 1) < 0.1


def test_what_a_run_says_of_the_share_that_is_held():
    workload = load(ROOT / "workloads" / "fmnist_vit_s90.yaml")
    record = run(salo(*PIPE), workload)
    assert record.notes["held"].endswith("% of the kept scores are in windows or of global tokens")
    scores = sum(int(mask.nnz.sum()) for mask in workload.masks.values())
    left = int(record.notes["remainder"].split()[0])
    assert record.notes["remainder"] == f"{left} of {scores} scores an image, in tiles under masks of their own"
    assert record.notes["held"].startswith(f"{1 - left / scores:.2%} ") and 0 < left < scores
    heads = record.notes["held_percent_by_head"].split("; ")
    assert [h.split()[0] for h in heads] == [a.name for a in workload.attention_layers]
    assert record.notes["auto_encoder"] == "not applied: Q and K are moved as they are"
    whole = run(salo(*PIPE), one_layer(mask_of("window:32,dilation=4,globals=1", 129, 2))).notes
    assert whole["held"] == "100.00% of the kept scores are in windows or of global tokens"
    assert "remainder" not in whole and whole["dilation"] == "keys and queries 4 apart"


def hole() -> AttentionMask:
    """A window with one score beside it."""
    mask = mask_of("window:3,globals=1", 20, 2)
    keep = mask.keep.copy()
    keep[1, 10, 15] = True
    return AttentionMask(keep, mask.order, mask.global_tokens)


def test_a_mask_that_is_no_pattern_is_refused_with_its_share():
    scores = int(hole().keep[1].sum())
    with pytest.raises(InputError) as error:
        finished(salo(*PIPE, "remainder=refuse"), one_layer(hole()))
    assert str(error.value).endswith(
        f"layer attention: windows and 1 global tokens hold {1 - 1 / scores:.1%} of the {scores} scores that head 1 "
        "keeps, and remainder is refuse; take remainder: tiles, or a mask that is a pattern (`accelsim synth --masks "
        "window:31,globals=1`)"
    )
    assert cycles(one_layer(mask_of("window:3,globals=1", 20, 2)), "remainder=refuse") > 0
    dense = Workload("dense", "none", (Attention("a", "b", 2, 9, 30, 8, 8),))
    assert cycles(dense, "remainder=refuse") > 0, "all scores are windows of all keys"


@pytest.mark.parametrize(
    ("over", "work", "text"),
    [
        ("merge.features=32", (64, 33), "layer attention: a row has 33 values, but merge.features is 32; make it at "
         "least 33"),
        ("weight_buffer.capacity_bytes=2 KiB", (64, 64), "layer attention: keys and values of a tile need"),
        ("act_buffer.capacity_bytes=4 KiB", (64, 64), "layer attention: queries of two groups need 4224 bytes of "
         r"act_buffer\.capacity_bytes \(4096\); make it at least that"),
        ("output_buffer.capacity_bytes=1 KiB", (64, 64), "layer attention: the rows of a tile leave with 2048 bytes, "
         r"but output_buffer\.capacity_bytes is 1024; make it at least that, better twice"),
    ],
)  # fmt: skip
def test_what_the_machine_cannot_hold_is_refused(over, work, text):
    with pytest.raises(InputError, match=text):
        finished(salo(*PIPE, over), one_layer(mask_of("window:31,globals=1", 197), *work))


@pytest.mark.parametrize(
    ("over", "text"),
    [
        ("weight_buffer.banks=1", r"weight_buffer\.banks x weight_buffer\.port_bytes is 64, but 64 bytes a cycle|64"),
        ("window.columns=256", r"is 256, but 288 bytes a cycle enter the array: the keys of window\.rows \+ window"),
        ("window.rows=512", r"make it at least"),
    ],
)
def test_ports_that_do_not_feed_the_array_are_refused(over, text):
    if over == "weight_buffer.banks=1":
        assert salo(over)  # 32 + 32 - 1 + 1 bytes: just enough
        return
    with pytest.raises(InputError, match=text):
        salo(over)


def test_the_command_line_makes_and_runs_a_pattern(tmp_path):
    def call(*words: str):
        return CliRunner(env={"COLUMNS": "300"}).invoke(cli.app, list(words))

    file = str(tmp_path / "w.yaml")
    made = call("convert", "fmnist_vit_s90", "--attention", "window:3x3,globals=1", "-o", file)
    assert made.exit_code == 0, made.output
    done = call("run", "salo", file, "--no-plots", "-o", str(tmp_path / "r"), "--set", "dram.model=pipe")
    assert done.exit_code == 0 and "core cycles" in done.stdout
    stored = load(file)
    assert stored.provenance["masks"].startswith("window:3x3,globals=1: the pattern, not a trained network")
    assert np.array_equal(stored.masks["blocks.0.attn"].keep[0], mask_of("window:3x3,globals=1", 50).keep[0])
    assert machine("salo").notes(salo(), stored)["held"].startswith("100.00%")


def test_any_buffer_of_keys_is_refused_or_large_enough():
    """From too small for a tile to all of two heads: no run waits for room for ever."""
    rng = np.random.default_rng(2)
    keep = rng.random((3, 20, 6)) < 0.5
    keep[:, :, 1] = keep[1, 4] = True
    work = one_layer(AttentionMask(keep, np.tile(np.arange(6), (3, 1)), np.zeros(3, int)), 10, 10)
    small = ("window.rows=4", "window.columns=4", "act_buffer.capacity_bytes=200")
    refused = []
    for size in range(100, 320, 10):
        try:
            assert cycles(work, *small, f"weight_buffer.capacity_bytes={size}") > 0
        except InputError:
            refused.append(size)
    assert refused == list(range(100, max(refused) + 10, 10)) and max(refused) < 200
