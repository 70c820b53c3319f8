import numpy as np
import pytest

from accelsim.core.errors import InputError
from accelsim.workload import Attention, Elementwise, Gemm, Norm


def test_macs_and_sizes():
    gemm = Gemm("g", "b", "mlp", 5, 3, 7, repeat=2)
    assert (gemm.macs, gemm.weights, gemm.inputs, gemm.outputs) == (210, 42, 30, 70)
    assert Gemm("c", "b", "conv", 4, 27, 8, input_elements=48).inputs == 48
    # a picture of 224 x 224 x 3 in windows of 3 x 3 by steps of 2 pixels; in steps of 1; in patches of 16 x 16
    assert Gemm("c", "b", "conv", 112 * 112, 27, 8, input_elements=224 * 224 * 3).kernel == 3
    assert Gemm("c", "b", "conv", 64, 9 * 16, 8, input_elements=64 * 16).kernel == 3
    assert Gemm("c", "b", "embed", 196, 768, 8, input_elements=224 * 224 * 3).kernel == 1
    assert Gemm("c", "b", "conv", 64, 27, 8, input_elements=100).kernel == 1 == gemm.kernel  # no such windows
    assert Attention("a", "b", 2, 3, 5, 7, 11).macs == 2 * 3 * 5 * (7 + 11)
    assert Norm("n", "b", 5, 3).macs == 0 == Elementwise("e", "b", "add", 5, 3, operands=2).macs
    assert (
        Elementwise("p", "b", "mean", 16, 3).out_tokens == 1 and Elementwise("e", "b", "gelu", 16, 3).out_tokens == 16
    )


def test_numpy_integers_become_plain_ones():
    gemm = Gemm("g", "b", "mlp", np.int64(5), np.int32(3), 7)
    assert type(gemm.tokens) is int and gemm == Gemm("g", "b", "mlp", 5, 3, 7)


@pytest.mark.parametrize(
    "make, text",
    [
        (
            lambda: Gemm("g", "b", "mpl", 5, 3, 7),
            r"^gemm layer 'g': role is 'mpl' but must be one of .* \(did you mean 'mlp'\?\)\.$",
        ),
        (
            lambda: Gemm("g", "b", "mlp", 0, 3, 7),
            r"^gemm layer 'g': tokens is 0 but must be a whole number of at least 1\.$",
        ),
        (lambda: Gemm("g", "b", "mlp", 5, 3.5, 7), r"in_features is 3\.5 but must be a whole number"),
        (lambda: Gemm("g", "b", "mlp", True, 3, 7), r"tokens is True but must be a whole number"),
        (lambda: Gemm("g", "b", "mlp", 5, 3, 7, bias=1), r"bias is 1 but must be true or false\."),
        (
            lambda: Gemm("g", "b", "mlp", 5, 3, 7, activation="gleu"),
            r"activation is 'gleu' .* \(did you mean 'gelu'\?\)",
        ),
        (lambda: Gemm("", "b", "mlp", 5, 3, 7), r"name is '' but must be a non-empty text"),
        (
            lambda: Gemm("g", "b", "mlp", 5, 3, 7, encodes="a"),
            r"encodes is 'a' but only roles qkv, q and kv feed an encoder",
        ),
        (
            lambda: Gemm("g", "b", "conv", 5, 3, 7, input_elements=16),
            r"input_elements is 16 but the GEMM reads .* = 15 elements",
        ),
        (
            lambda: Attention("a", "b", 2, 3, 5, 7, 11, 3),
            r"encoded_heads is 3 but an auto-encoder cannot have more than the 2",
        ),
        (lambda: Norm("n", "b", 5, 3, norm="layernrom"), r"norm is 'layernrom' .* \(did you mean 'layernorm'\?\)"),
        (lambda: Elementwise("e", "b", "add", 5, 3), r"operands is 1 but add takes two or more\."),
        (lambda: Elementwise("e", "b", "mean", 5, 3, 2), r"operands is 2 but mean takes one\."),
    ],
)
def test_a_bad_layer_is_refused_in_one_sentence(make, text):
    with pytest.raises(InputError, match=text):
        make()


def test_layers_are_of_a_kind_if_they_differ_in_names_alone():
    from accelsim.workload.layers import kinds

    sizes = "b", 2, 12, 12, 8, 8
    one, other = Attention("a", *sizes, encoded_heads=1), Attention("c", *sizes)
    gemms = [Gemm(f"g{n}", "b", "qkv", 12, 16, 48, encodes=of) for n, of in enumerate(("a", "c", None, "a"))]
    assert kinds([one, *gemms, other, Norm("n", "b", 12, 16), Norm("m", "x", 12, 16)]) == (0, 1, 2, 3, 1, 4, 5, 5)
