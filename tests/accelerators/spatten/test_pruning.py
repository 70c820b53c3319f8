"""Cascade pruning and progressive decisions against the reference data; what of a network is left."""

import csv
from itertools import pairwise

import numpy as np
import pytest

from accelsim.accelerators.spatten.pruning import Options, add_up, high_bits, plan, still_alive, unsure
from accelsim.accelerators.spatten.quick_select import kept
from accelsim.core import InputError
from accelsim.workload import Attention, AttentionMask, Workload
from tests.accelerators.spatten.networks import attention, blocks


def test_every_layer_of_every_cascade(reference):
    arrays = np.load(reference / "spatten" / "cascade.npz")
    seen = 0
    for case, keep in enumerate((700, 500, 800)):
        layer, sums, head_sums = 0, None, None
        while f"c{case}_l{layer}_P" in arrays:
            one = {
                n.rpartition(f"c{case}_l{layer}_")[2]: arrays[n] for n in arrays if n.startswith(f"c{case}_l{layer}_")
            }
            alive, heads = one["alive"].astype(int), one["heads"].astype(int)
            sums = np.zeros(len(one["token_sum"]), np.int64) if sums is None else sums
            head_sums = np.zeros(len(one["head_sum"]), np.int64) if head_sums is None else head_sums
            sums = add_up(sums, one["P"], alive)
            assert sums.tolist() == one["token_sum"].tolist()
            head_sums[heads] += np.abs(one["E"].astype(np.int64)).sum(axis=(1, 2))
            assert head_sums.tolist() == one["head_sum"].tolist()
            left = still_alive(sums, alive, len(alive) * keep // 1000, True)
            assert left.tolist() == one["kept"].tolist() and left[0] == 0 and set(left) <= set(alive)
            many = len(one["kept_heads"])
            assert heads[kept(head_sums[heads], many)].tolist() == one["kept_heads"].tolist()
            layer, seen = layer + 1, seen + 1
    assert seen > 8


def test_every_progressive_decision(reference):
    arrays = np.load(reference / "spatten" / "progressive.npz")
    with (reference / "spatten" / "progressive.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows
    for row in rows:
        q, k = (arrays[f"{n}{int(row['case']):02d}"].astype(np.int64) for n in "qk")

        def largest(keys: np.ndarray) -> tuple[float, int]:
            logits = keys @ q * float(row["logit_per_unit"])  # noqa: B023
            p = np.exp(logits - logits.max())
            return float((p / p.sum()).max()), int(p.argmax())

        first, argmax = largest(high_bits(k, int(row["lsb_bits"])))
        assert first == pytest.approx(float(row["max_prob_msb"]), abs=1e-9) and argmax == int(row["argmax_msb"])
        assert unsure(np.array(first), float(row["threshold"])) == (row["needs_lsb"] == "1")
        assert largest(k)[0] == pytest.approx(float(row["max_prob_full"]), abs=1e-9)


def test_alive_sets_nest_and_the_network_shrinks_with_them():
    work = blocks(4)
    found = plan(work, Options("stages", keep=700, keep_heads=700, first_layer=1, every=2))
    alive = [found.alive[f"b{n}.attention"] for n in range(4)]
    assert [len(one.keys) for one in alive] == [21, 14, 14, 9] and [len(one.heads) for one in alive] == [3, 2, 2, 1]
    for before, after in pairwise(alive):
        assert set(after.keys) <= set(before.keys) and after.keys[0] == 0
    assert [len(one.chosen) for one in alive] == [2, 0, 2, 0]
    left = found.workload
    for n, tokens, heads in ((0, 21, 3), (1, 14, 2), (3, 9, 1)):
        assert left.layer(f"b{n}.norm").tokens == left.layer(f"b{n}.mlp").tokens == tokens
        assert left.layer(f"b{n}.qkv").out_features == 24 * heads and left.layer(f"b{n}.proj").in_features == 8 * heads
        assert left.tensors[f"b{n}.attention.q"].shape == (heads, tokens, 8)
    assert left.layer("mean").tokens == 9


def test_a_token_without_importance_goes_first():
    keep = np.ones((1, 5, 5), bool)
    keep[:, :, 3] = False
    layers = (Attention("a", "x", 1, 5, 5, 8, 8), Attention("b", "y", 1, 5, 5, 8, 8))
    mask = AttentionMask(keep, np.arange(5)[None], np.zeros(1, int))
    work = Workload("two", "two", layers, {"a": mask, "b": mask})
    found = plan(work, Options("stages", keep=800, first_layer=1, every=1))
    assert found.alive["b"].keys.tolist() == [0, 1, 2, 4] and "mask" in found.alive["a"].source


def test_equal_work_is_62_of_197_tokens():
    found = plan(attention(197, 197, 3), Options("flat", keep=315))
    assert len(found.alive["a"].queries) == len(found.alive["a"].keys) == 62


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (Options(progressive=True), "quant: progressive decides by probabilities, but the workload stores no q and k"),
        (Options(v_prune="per_query", v_keep=300), "v_prune decides by probabilities"),
    ],
)
def test_options_that_need_operands_are_refused_without(options, says):
    with pytest.raises(InputError, match=says):
        plan(blocks(1, stored=False), options)


def test_tokens_cannot_be_followed_where_their_number_changes():
    layers = (Attention("a", "x", 1, 9, 9, 8, 8), Attention("b", "y", 1, 4, 9, 8, 8))
    with pytest.raises(InputError, match="4 x 9 tokens and 9 x 9 tokens; give prune: flat or none"):
        plan(Workload("two", "two", layers), Options("stages", keep=500))
