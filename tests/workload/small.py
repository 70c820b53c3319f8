"""A small network that uses every kind of layer, with one masked and one dense attention and a few tensors."""

import numpy as np

from accelsim.workload import Attention, AttentionMask, Elementwise, Gemm, Norm, Workload

LAYERS = (
    Gemm("embed", "stem", "conv", 6, 27, 8, input_elements=100, residual=True, activation="hardswish"),
    Norm("b0.norm", "b0", 6, 8),
    Gemm("b0.qkv", "b0", "qkv", 6, 8, 2 * (2 * 4 + 3), encodes="b0.attention", bias=False),
    Attention("b0.attention", "b0", 2, 6, 6, 4, 3, encoded_heads=1),
    Gemm("b1.kv", "b1", "kv", 6, 8, 3 * (2 + 5), encodes="b1.attention"),
    Gemm("b1.q", "b1", "q", 2, 8, 3 * 2, encodes="b1.attention"),
    Attention("b1.attention", "b1", 3, 2, 6, 2, 5, encoded_heads=2, activation="hardswish"),
    Elementwise("pool", "head", "mean", 2, 15),
    Elementwise("add", "head", "add", 1, 15, operands=3),
)


def small(seed: int = 0, **change) -> Workload:
    rng = np.random.default_rng(seed)
    keep = rng.random((2, 6, 6)) < 0.4
    keep[:, np.arange(6), np.arange(6)] = True
    order = np.stack([rng.permutation(6) for _ in range(2)])
    tensors = {"b0.attention.q": rng.integers(-128, 128, (2, 6, 4), np.int8)}
    values = {
        "name": "small",
        "model": "test",
        "layers": LAYERS,
        "masks": {"b0.attention": AttentionMask(keep, order, np.array([2, 0]))},
        "tensors": tensors,
        "scales": {"b0.attention.q": 0.03125},
        "batch": 2,
        "bits": {"activation": 8, "weight": 4},
        "provenance": {"note": "a 'test': with # punctuation", "seed": seed, "theta": 0.5, "trained": False},
    }
    return Workload(**{**values, **change})
