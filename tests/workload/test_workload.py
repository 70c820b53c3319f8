import pickle
from dataclasses import replace

import numpy as np
import pytest

from accelsim.core.errors import InputError
from accelsim.workload import AttentionMask, Norm
from accelsim.workload.summary import describe
from tests.workload.small import LAYERS, small


def test_counts():
    workload = small()
    kept = int(workload.masks["b0.attention"].nnz.sum())
    assert workload.macs == sum(layer.macs for layer in LAYERS)
    assert workload.masked_macs(workload.layer("b0.attention")) == kept * 7
    assert workload.masked_macs(workload.layer("b1.attention")) == 3 * 2 * 6 * 7
    assert workload.sparsity == pytest.approx((72 - kept) / (72 + 36))
    assert workload.mask("b1.attention").nnz.tolist() == [12, 12, 12]
    assert [a.name for a in workload.attention_layers] == ["b0.attention", "b1.attention"]


def test_only_one_kind_of_layer():
    workload = small()
    attention = workload.only("attention")
    assert (
        attention.name == "small.attention" and len(attention.layers) == 2 and attention.sparsity == workload.sparsity
    )
    gemms = workload.only("gemm")
    assert len(gemms.layers) == 4 and not gemms.masks and not gemms.tensors and gemms.sparsity == 0
    with pytest.raises(
        InputError,
        match=r"'attn' is no kind of layer; the kinds are gemm, attention, linear_attention, norm, elementwise",
    ):
        workload.only("attn")


def test_the_hash_covers_what_a_simulation_reads_and_nothing_else():
    workload = small()
    assert workload.hash == small().hash
    same = (replace(workload, name="other"), replace(workload, provenance={}), replace(workload, synthetic=True))
    assert {w.hash for w in same} == {workload.hash}
    mask = workload.masks["b0.attention"]
    keep = mask.keep.copy()
    keep[0, 0] = ~keep[0, 0] | np.eye(6, dtype=bool)[0]
    tensors = {"b0.attention.q": workload.tensors["b0.attention.q"] ^ 1}
    different = [
        replace(workload, batch=1),
        replace(workload, bits={"activation": 8, "weight": 8}),
        replace(workload, scales={"b0.attention.q": 0.0625}),
        replace(workload, tensors=tensors),
        replace(workload, masks={}),
        replace(workload, masks={"b0.attention": AttentionMask(keep, mask.order, mask.global_tokens)}),
        replace(workload, masks={"b0.attention": AttentionMask(mask.keep, mask.order[:, ::-1], mask.global_tokens)}),
        replace(workload, masks={"b0.attention": AttentionMask(mask.keep, mask.order, mask.global_tokens + 1)}),
        replace(workload, layers=(replace(LAYERS[0], bias=False), *LAYERS[1:])),
        replace(workload, layers=(*LAYERS, Norm("last", "head", 1, 15))),
    ]
    assert len({w.hash for w in (workload, *different)}) == len(different) + 1


def test_a_workload_can_be_sent_to_another_process():
    workload = small()
    assert pickle.loads(pickle.dumps(workload)).hash == workload.hash


def test_describe_has_one_row_per_layer():
    rows = {row.name: row for row in describe(small())}
    assert list(rows) == [layer.name for layer in LAYERS]
    mask = small().masks["b0.attention"]
    masked, dense, gemm = rows["b0.attention"], rows["b1.attention"], rows["embed"]
    assert masked.sparsity == pytest.approx(1 - mask.keep.mean()) and masked.global_tokens == (2, 0)
    assert masked.denser_share == pytest.approx(mask.denser_nnz.sum() / mask.nnz.sum())
    assert (dense.sparsity, dense.global_tokens, dense.masked_macs) == (0.0, (), dense.macs)
    assert (gemm.role, gemm.shape, gemm.sparsity, gemm.macs) == ("conv", "6 x 27 x 8", None, 6 * 27 * 8)


WRONG_ENCODES = replace(LAYERS[2], encodes="b0.atention")
WRONG_COLUMNS = replace(LAYERS[2], out_features=21)
WRONG_TOKENS = replace(LAYERS[5], tokens=6)


@pytest.mark.parametrize(
    "change, text",
    [
        ({"layers": ()}, r"^workload 'small' has no layers"),
        ({"layers": ("embed",)}, r"'embed' is no layer; use Gemm, Attention, LinearAttention, Norm, Elementwise\."),
        ({"layers": (*LAYERS, LAYERS[0])}, r"two layers are named 'embed'; layer names must differ\."),
        (
            {"layers": (*LAYERS[:2], WRONG_ENCODES, *LAYERS[3:])},
            r"no attention layer has that name \(did you mean 'b0.attention'\?\)",
        ),
        (
            {"layers": (*LAYERS[:2], WRONG_COLUMNS, *LAYERS[3:])},
            r"it is 6 x 21 but role 'qkv' .* needs 6 tokens x 22 out_features",
        ),
        (
            {"layers": (*LAYERS[:5], WRONG_TOKENS, *LAYERS[6:])},
            r"it is 6 x 6 but role 'q' .* needs 2 tokens x 6 out_features",
        ),
        (
            {"masks": {"b0.atention": AttentionMask.dense(2, 6, 6)}},
            r"belongs to no attention layer \(did you mean 'b0.attention'\?\)",
        ),
        (
            {"masks": {"b0.attention": AttentionMask.dense(2, 5, 6)}},
            r"is \[2, 5, 6\] but its layer has .* = \[2, 6, 6\]\.",
        ),
        ({"batch": 0}, r"batch is 0 but must be a whole number of at least 1\."),
        ({"bits": {"activation": 8}}, r"bits lacks 'weight'"),
        ({"bits": {"activation": 8, "wieght": 8}}, r"bits has no entry 'wieght' \(did you mean 'weight'\?\)"),
        ({"bits": {"activation": 8, "weight": 33}}, r"bits of weight is 33 but must be a whole number from 1 to 32\."),
        ({"scales": {"b0.attention.q": -1.0}}, r"scale 'b0.attention.q' is -1\.0 but must be a number above 0\."),
        (
            {"scales": {"b0.attention.x": 1.0}},
            r"scale 'b0.attention.x' names no operand of its layer, which are q, k, v, encode_q",
        ),
        ({"tensors": {"b9.attention.q": np.zeros(1, np.int8)}}, r"tensor 'b9.attention.q' belongs to no layer"),
        ({"tensors": {"b0.attention.q": np.zeros((2, 6, 4))}}, r"is float64\[2, 6, 4\] but must be int8\[2, 6, 4\]\."),
        (
            {"tensors": {"b0.attention.v": np.zeros((2, 6, 4), np.int8)}},
            r"is int8\[2, 6, 4\] but must be int8\[2, 6, 3\]\.",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused(change, text):
    with pytest.raises(InputError, match=text):
        small(**change)


def test_an_unknown_layer_names_the_closest():
    with pytest.raises(InputError, match=r"workload 'small' has no layer 'b0.qvk' \(did you mean 'b0.qkv'\?\)\."):
        small().layer("b0.qvk")
    with pytest.raises(InputError, match=r"layer 'b0.qkv' is a gemm layer; only attention layers have masks\."):
        small().mask("b0.qkv")
