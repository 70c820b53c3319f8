"""Windows, and the operands of products and auto-encoders that a workload may carry."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.core.errors import InputError
from accelsim.workload import Attention, Gemm, Workload, load, save
from accelsim.workload.constants import constant_shapes
from accelsim.workload.functional import choose_requantization
from accelsim.workload.workload import stored_shapes

WINDOWED = (
    Gemm("qkv", "b", "qkv", 4 * 9, 6, 2 * (2 * 3 + 5), encodes="a"),
    Attention("a", "b", 8, 9, 9, 3, 5, windows=4),
)


def test_windows_share_a_projection():
    workload = Workload("w", "test", WINDOWED)
    assert workload.macs == 36 * 6 * 22 + 4 * 2 * 9 * 9 * 8
    assert WINDOWED[1].shape == "4 w x 2 h, 9 x 9, 3/5"
    with pytest.raises(InputError, match=r"it is 9 x 22 but role 'qkv' .* needs 36 tokens x 22 out_features\.$"):
        Workload("w", "test", (replace(WINDOWED[0], tokens=9), WINDOWED[1]))
    with pytest.raises(InputError, match=r"^attention layer 'a': heads is 8 but must be a multiple of the 3 windows"):
        Attention("a", "b", 8, 9, 9, 3, 5, windows=3)
    with pytest.raises(InputError, match=r"encoded_heads is 4 but attention in windows takes no auto-encoder\.$"):
        Attention("a", "b", 8, 9, 9, 3, 5, encoded_heads=4, windows=4)


def test_every_operand_round_trips(tmp_path):
    layers = (Gemm("g", "b", "mlp", 4, 3, 7, repeat=2), Attention("a", "b", 3, 4, 5, 2, 6, encoded_heads=2))
    rng = np.random.default_rng(0)
    tensors = {
        f"{layer.name}.{name}": rng.integers(-99, 99, shape).astype(dtype)
        for layer in layers
        for name, (dtype, shape) in stored_shapes(layer).items()
        if name not in constant_shapes(layer)
    }
    assert {n: a.shape for n, a in tensors.items() if n.startswith("g.")} == {
        "g.x": (2, 4, 3),
        "g.weight": (2, 3, 7),
        "g.bias": (2, 7),
    }
    assert tensors["a.code_k"].shape == (2, 5, 2) and tensors["a.decode_q_bias"].shape == (3,) and len(tensors) == 14
    workload = Workload("w", "test", layers, tensors=tensors, scales={"g.x": 0.5, "a.code_q": 0.25})
    loaded = load(save(workload, tmp_path / "w.yaml"))
    assert loaded.hash == workload.hash and loaded.tensors["g.bias"].dtype == np.int32
    assert set(workload.only("gemm").tensors) == {"g.x", "g.weight", "g.bias"}
    assert set(workload.only("attention").scales) == {"a.code_q"}
    wrong = tensors | {"g.bias": tensors["g.bias"].astype(np.int8)}
    with pytest.raises(InputError, match=r"tensor 'g\.bias' is int8\[2, 7\] but must be int32\[2, 7\]\.$"):
        replace(workload, tensors=wrong)
    with pytest.raises(InputError, match=r"tensor 'g\.wieght' names no operand of its layer, .*did you mean 'weight'"):
        replace(workload, tensors={"g.wieght": tensors["g.weight"]})


@settings(max_examples=60, deadline=None)
@given(st.floats(1e-6, 1e-2), st.floats(1e-4, 10), st.integers(-(2**24), 2**24))
def test_requantization_is_the_ratio_of_the_scales(sums, out, value):
    multiplier, shift = choose_requantization(sums, out)
    assert 2**14 <= multiplier < 2**15
    assert (value * multiplier) / 2**shift == pytest.approx(value * sums / out, rel=2**-14)
