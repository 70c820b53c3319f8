"""Layers other than attention in integers, against their definition in Python's own integers and in real numbers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.core.errors import InputError
from accelsim.workload import functional as twin
from accelsim.workload.functional.layers import ACTIVATION, NORM_FRACTION

WIDE = st.integers(-(2**31), 2**31 - 1)


@given(WIDE, st.integers(0, 2**16 - 1), st.integers(0, 62))
def test_requantisation_rounds_halves_up_and_clamps(total, multiplier, shift):
    exact = total * multiplier / 2**shift if shift < 60 else None
    half = 1 << (shift - 1) if shift else 0
    wanted = min(max((total * multiplier + half) >> shift, -128), 127)
    found = twin.requantise(np.array([total], np.int32), multiplier, shift)
    assert found.dtype == np.int8 and found[0] == wanted
    if exact is not None and abs(exact) < 120:
        assert abs(found[0] - exact) <= 0.5


@pytest.mark.parametrize("depth", [1024, 1025, 3000])
def test_a_product_is_exact_however_deep(depth):
    """Odd sums beyond 2^24, where floating point of 32 bits skips odd numbers."""
    x, weight = np.full((1, depth), 127, np.int8), np.full((depth, 2), 127, np.int8)
    weight[-1, 1] = 126
    assert twin.product(x, weight).tolist() == [[127 * 127 * depth, 127 * (127 * depth - 1)]]


def test_one_requantisation_for_all():
    sums = np.array([[-5, 5, 6], [7, -7, 9]], np.int32)
    one = twin.requantise(sums, 1, 1)
    assert one.tolist() == [[-2, 3, 3], [4, -3, 5]]  # halves go up
    assert np.array_equal(one, twin.requantise(sums, np.array([1, 1, 1]), np.array([1, 1, 1])))
    x = np.array([[[6]], [[4]]], np.int8)
    code = twin.encode(x, np.array([[1, 1]], np.int8), 1, 2, np.array([1], np.int32))
    assert code.tolist() == [[[(6 + 4 + 1 + 2) >> 2]]]


@pytest.mark.parametrize("name", sorted(ACTIVATION))
def test_a_table_is_the_function_to_half_a_step(name):
    torch = pytest.importorskip("torch")
    table = twin.activation_table(name, 1 / 32, 1 / 16)
    assert table.dtype == np.int8 and len(table) == 256
    x = torch.arange(-128, 128, dtype=torch.float64) / 32
    real = getattr(torch.nn.functional, name if name != "tanh" else "tanhshrink")(x).numpy()
    real = x.numpy() - real if name == "tanh" else real
    assert np.abs(table / 16 - np.clip(real, -8, 127 / 16)).max() <= 1 / 32 + 1e-12
    assert twin.look_up(table, np.array([-128, 0, 127], np.int8)).tolist() == [table[0], table[128], table[255]]


@given(st.integers(1, 2**58))
def test_the_reciprocal_root_is_good_to_fourteen_bits(v):
    r, e = twin.reciprocal_root(np.array([v], np.int64))
    m = v >> 2 * int(e[0]) if e[0] >= 0 else v << -2 * int(e[0])
    assert 2**30 <= m < 2**32 and r[0] == 2**31 // math.isqrt(m) and r[0] < 2**17
    assert abs(float(r[0]) / 2**31 / 2.0 ** int(e[0]) * math.sqrt(v) - 1) < 2**-14


def by_hand(row, rms, gamma, beta, shift, epsilon):
    """One token from the definition, in Python's integers."""
    n, total = len(row), 0 if rms else sum(row)
    v = n * sum(x * x for x in row) - total**2 + epsilon
    e = (v.bit_length() - 31) // 2
    m = v >> 2 * e if e >= 0 else v << -2 * e
    r = 2**31 // math.isqrt(m) if v else 0
    down = 31 - NORM_FRACTION + (e if v else 0)
    found = []
    for x, g, b in zip(row, gamma, beta):
        d = (n * x - total) * r
        z = (d + ((1 << down) >> 1)) >> down if down > 0 else d << -down
        found.append(min(max((z * g + b + ((1 << shift) >> 1)) >> shift, -128), 127))
    return found


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 3),
    st.integers(1, 40),
    st.sampled_from(["layernorm", "rmsnorm"]),
    st.integers(0, 16),
    st.sampled_from([0, 1, 999]),
    st.integers(0, 10**6),
)
def test_a_norm_is_its_definition(tokens, features, norm, shift, epsilon, seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(-128, 128, (tokens, features), np.int8)
    x[0] = x[0, 0]  # a token without variance
    gamma, beta = rng.integers(-300, 300, features).astype(np.int16), rng.integers(-9, 9, features).astype(np.int32)
    found = twin.normalise(x, norm, gamma, beta, shift, epsilon)
    wanted = [by_hand(row, norm == "rmsnorm", gamma.tolist(), beta.tolist(), shift, epsilon) for row in x.tolist()]
    assert found.tolist() == wanted


@pytest.mark.parametrize("norm", ["layernorm", "rmsnorm", "groupnorm"])
def test_a_norm_is_the_real_one_to_a_step(norm):
    rng = np.random.default_rng(3)
    x = np.clip(rng.normal(20, 30, (5, 192)), -128, 127).astype(np.int8)
    gamma, beta = np.full(192, 128, np.int16), np.full(192, 3 << 12, np.int32)  # 32 steps a standard deviation
    found = twin.normalise(x, norm, gamma, beta, 12)
    axis = None if norm == "groupnorm" else -1
    mean = 0 if norm == "rmsnorm" else x.mean(axis=axis, keepdims=True)
    real = (x - mean) / np.sqrt(((x - mean) ** 2.0).mean(axis=axis, keepdims=True))
    assert np.abs(found - np.clip(real * 32 + 3, -128, 127)).max() <= 0.5 + 1 / 16
    # statistics are of a token, or of all of them
    assert np.array_equal(found[:2], twin.normalise(x[:2], norm, gamma, beta, 12)) == (norm != "groupnorm")


def test_a_batchnorm_is_a_factor_and_an_offset_and_a_huge_norm_is_refused():
    x = np.array([[3, -4]], np.int8)
    found = twin.normalise(x, "batchnorm", np.array([2, 4], np.int16), np.array([1, 0], np.int32), 1)
    assert found.tolist() == [[4, -8]]
    some = np.zeros(2**20 + 1, np.int16)
    with pytest.raises(InputError, match="a rmsnorm of 1048577 elements has sums of more than 63 bits"):
        twin.normalise(np.zeros((1, 2**20 + 1), np.int8), "rmsnorm", some, some, 0)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 2), st.integers(1, 5), st.integers(1, 2100), st.integers(1, 5), st.integers(0, 99))
def test_products_are_exact_at_any_depth(group, tokens, depth, columns, seed):
    rng = np.random.default_rng(seed)
    extreme = seed % 2 == 0
    x, w = (
        np.full(s, -128, np.int8) if extreme else rng.integers(-128, 128, s, np.int8)
        for s in ((group, tokens, depth), (group, depth, columns))
    )
    assert np.array_equal(twin.product(x, w), np.matmul(x.astype(np.int64), w.astype(np.int64)))


def test_a_dense_layer_adds_bias_residual_and_looks_up():
    sums, bias = np.array([[100, -300]], np.int32), np.array([20, 0], np.int32)
    requant = np.array([[1, 2], [1, 3]], np.int32)
    residual = np.array([[10, -128]], np.int8)
    plain = twin.dense(sums, bias, requant)
    assert plain.tolist() == [[30, -37]]  # -37.5 and a half
    added = twin.dense(sums, bias, requant, residual, np.array([3, 1], np.int32))
    assert added.tolist() == [[45, -128]]
    table = np.arange(-128, 128).astype(np.int8)[::-1]
    assert twin.dense(sums, bias, requant, residual, np.array([3, 1], np.int32), table).tolist() == [[-46, 127]]


def test_element_wise_operations():
    a, b = np.array([[10, -20], [30, 7]], np.int8), np.array([[1, 2], [3, 100]], np.int8)
    twice, half = np.array([[2, 0], [1, 1]], np.int32), np.array([[1, 1], [1, 0]], np.int32)
    assert twin.elementwise("add", [a, b], twice).tolist() == [[21, -39], [62, 64]]
    assert twin.elementwise("multiply", [a, b], half).tolist() == [[5, -20], [45, 127]]
    assert twin.elementwise("mean", [a], half[:1]).tolist() == [[20, -6]]
    assert twin.elementwise("max", [a], half[:1]).tolist() == [[30, 7]]
    relu = twin.activation_table("relu", 1, 1)
    assert twin.elementwise("relu", [a], half[:1], relu).tolist() == [[10, 0], [30, 7]]
