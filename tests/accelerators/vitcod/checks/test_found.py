"""What validation has found: the smallest runs that showed it."""

from dataclasses import replace

import numpy as np
import pytest

from accelsim.accelerators import machine
from accelsim.accelerators.vitcod.checks.index_reads import BIT_READERS, READERS
from accelsim.core.errors import InputError
from accelsim.validation.evidence import gather
from accelsim.workload import Attention, AttentionMask, Gemm, Workload
from tests.accelerators.small import one_of_each
from tests.accelerators.vitcod.small import small_machine
from tests.validation.faults import faults, planted, validated


def network(*layers) -> Workload:
    return Workload("found", "found", layers)


def test_a_single_line_is_not_used_by_both_engines_at_once():
    report = validated(small_machine("engine.lines=1"), one_of_each())
    assert report.failed == []
    turns = [c for c in report.checks if c.compared == "in turns where they share lines"]
    assert len(turns) == 2 and all(check.count for check in turns)


def test_rows_of_different_length_leave_in_order():
    report = validated(small_machine("merge.places=17"), one_of_each())
    assert report.failed == []


def test_stores_of_a_tile_that_is_wider_than_a_step():
    # steps of 12 rows x 4 columns, tiles of 12 columns, room for stores of 6 rows
    layer = Gemm("wide", "b", "mlp", 12, 5, 16)
    assert validated(small_machine("act_gb1.capacity_bytes=150"), network(layer)).failed == []


def test_groups_of_a_convolution_have_residuals_and_outputs_of_their_own():
    layers = (
        Gemm("grouped", "b", "conv", 6, 9, 5, repeat=3, residual=True),
        Gemm("projected", "b", "kv", 6, 9, 5, repeat=2),
    )
    assert validated(small_machine(), network(*layers)).failed == []


@pytest.mark.parametrize("elements", [1, 50, 600, 1200])
def test_inputs_of_a_convolution_whose_accumulation_is_cut(elements):
    layer = Gemm("conv", "b", "conv", 16, 75, 30, input_elements=elements)
    arch = small_machine("weight_gb.capacity_bytes=300", "act_gb0.capacity_bytes=200")
    assert validated(arch, network(layer)).failed == []


@pytest.mark.parametrize("sizes", [("act_gb0.capacity_bytes=350",), ("act_gb1.capacity_bytes=90",)])
def test_a_buffer_that_cannot_hold_a_usual_piece_holds_a_smaller_one(sizes):
    # 40 queries of 10 bytes and a piece of keys; outputs of two steps of the array
    layers = (
        Gemm("qkv", "b", "qkv", 40, 5, 24, encodes="attention"),
        Attention("attention", "b", 1, 40, 40, 10, 4),
        Gemm("dot", "b", "mlp", 40, 4, 16),
    )
    assert validated(small_machine(*sizes, "softmax.score_bytes=4000"), network(*layers)).failed == []


BLOCKS = {
    "both engines": (),
    "one after the other": ("double_buffer=false",),
    "nothing stays": ("auto_encoder=false", "act_gb0.capacity_bytes=300", "layout=token_major"),
    "nothing stays, one after the other": ("double_buffer=false", "auto_encoder=false", "act_gb0.capacity_bytes=300"),
    "in turns": ("two_engines=false", "layout=fused_qkv"),
    "no forwarding": ("forward=false", "softmax.mode=max"),
    "all dense": ("prune=false",),
    "all sparse": ("reorder=false", "double_buffer=false"),
}


@pytest.mark.parametrize("options", BLOCKS.values(), ids=BLOCKS)
@pytest.mark.parametrize("sizes", ["denser.k_bytes=42", "weight_gb.capacity_bytes=100", "denser.k_bytes=20"])
def test_keys_in_blocks_give_the_same_values(options, sizes):
    """Bit for bit: the judge replays each score and part in the order in which they left."""
    report = validated(small_machine(sizes, *options), one_of_each())
    assert report.failed == []
    rule = "replayed outputs equal the reference"
    assert sum(check.count for check in report.checks if check.compared == rule) > 0


def test_a_share_that_is_not_what_the_mask_says():
    run = gather(machine("vitcod"), small_machine("denser.k_bytes=42"), one_of_each())
    passes, rows = run.tables["passes"], run.tables["rows"]
    (n, *_) = np.flatnonzero((passes["first_share"] != passes["first_row"]) & (passes["sparse_columns"] > 0))
    share = passes["first_share"][n] + np.flatnonzero(rows["sparse"][passes["first_share"][n] :])[0]
    for field in ("sparse", "first", "dense"):
        found = planted(run)
        found.tables["rows"][field][share] += 1
        assert ("tables", f"ROWS.{field}") in faults(found)
    found = planted(run)
    found.tables["passes"]["first_share"][n] += 1
    assert "the shares of pass" in faults(found)["passes", "attention"][0]


@pytest.mark.parametrize("sizes", [(), ("denser.k_bytes=42",)], ids=["whole", "in blocks"])
def test_every_read_of_the_index_buffer_is_known(sizes):
    """Of all its readers, to the byte, and of the mask to the bit."""
    run = gather(machine("vitcod"), small_machine(*sizes), one_of_each())
    for unit, counter in (*READERS, *BIT_READERS):
        assert run.count(unit, counter) or (unit, sizes) == ("sparser", ()), "only blocks have shares to be read"
        for more in (-1, 1):
            found = planted(run)
            found.result.total.counts[unit][counter] += more
            assert ("totals", f"{unit}.{counter}") in faults(found)


def test_a_head_without_dense_columns_in_a_block_has_a_single_share_read():
    """Heads together in blocks of keys, as only a user's mapping has them; each has its dense columns in another."""
    tokens = 12
    keep = np.stack([np.eye(tokens, dtype=bool)] * 2)
    keep[0, :, :2] = keep[1, :, -2:] = True
    order = np.stack([np.arange(tokens), np.arange(tokens)[::-1]])
    masks = {"a": AttentionMask(keep, order, np.array([2, 2]))}
    work = Workload("found", "found", (Attention("a", "b", 2, tokens, tokens, 4, 4),), masks)
    one = {"heads": [0, 1], "row0": 0, "rows": tokens, "blocks": [[0, 6], [6, 6]], "places": 2 * tokens}
    cut = {"passes": [one], "halves": False, "stays": False, "piece_tokens": tokens}
    arch = small_machine("merge.places=24", "engine.psum_bytes=4000", "softmax.score_bytes=2000")
    run = gather(machine("vitcod"), replace(arch, mapping={"a": {"passes": cut}}), work)
    assert (run.tables["passes"]["tile_rows"] < tokens).all(), "several tiles of a head that has dense columns"
    assert faults(run) == {}


@pytest.mark.parametrize("kind", [0, 1])
def test_a_block_s_operands_that_come_late(kind):
    run = gather(machine("vitcod"), small_machine("denser.k_bytes=42"), one_of_each())
    passes, notes = run.tables["passes"], run.log["decoder.denser"]
    later = np.flatnonzero(passes["first_share"] > passes["first_row"] + passes["heads"] * passes["rows"])
    mine = np.isin(notes["number"], later) & (notes["kind"] == kind)
    found = planted(run)
    found.log["decoder.denser"]["at"][mine] += 100_000
    assert ("operands", f"{'KQ'[kind]}, denser engine") in faults(found)


def test_a_query_fetcher_without_room_for_a_query_is_refused():
    with pytest.raises(InputError, match=r"queries\.capacity_bytes is 59, but a query .* have 60 bytes; make it at le"):
        validated(small_machine("miss=dram", "queries.capacity_bytes=59"), one_of_each())
    assert (
        validated(small_machine("miss=dram", "reorder=false", "queries.capacity_bytes=60"), one_of_each()).failed == []
    )
