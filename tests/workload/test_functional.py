import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.core.errors import InputError
from accelsim.workload import functional as twin
from tests.workload.small import small

BYTES = st.integers(-128, 127)


@st.composite
def cases(draw):
    heads, q, kv = draw(st.integers(1, 3)), draw(st.integers(1, 8)), draw(st.integers(1, 12))
    qk, v = draw(st.integers(1, 9)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    operands = [rng.integers(-128, 128, s, np.int8) for s in ((heads, q, qk), (heads, kv, qk), (heads, kv, v))]
    keep = rng.random((heads, q, kv)) < draw(st.sampled_from([0.1, 0.5, 1.0]))
    multiplier, shift = draw(st.integers(1, 2**15)), draw(st.integers(0, 24))
    mode = draw(st.sampled_from(twin.MODES))
    bound = draw(st.integers(-(10**6), 10**6)) if mode == "bounded" else None
    return rng, *operands, keep, multiplier, shift, bound, mode


def by_hand(q, k, v, keep, multiplier, shift, bound, mode):
    """One row in Python's own integers, from the definition."""
    t = [(sum(a * b for a, b in zip(q, row)) * multiplier) >> shift for row in k]
    if mode == "max":
        bound = max([x for x, kept in zip(t, keep) if kept], default=0)
    e = []
    for x, kept in zip(t, keep):
        u = max(bound - x, 0)
        e.append(round(2**15 * 2 ** (-(u % 64) / 64)) >> (u // 64) if kept and u // 64 < 16 else 0)
    r = (127 << 24) // sum(e) if sum(e) else 0
    p = [(x * r + (1 << 23)) >> 24 for x in e]
    assert all(0 <= x <= 127 for x in p)
    return [sum(x * row[d] for x, row in zip(p, v)) for d in range(len(v[0]))]


@settings(max_examples=80, deadline=None)
@given(cases())
def test_the_twin_equals_the_definition_in_plain_integers(case):
    _, q, k, v, keep, *how = case
    out = twin.attention(q, k, v, keep, *how)
    assert out.dtype == np.int32
    for h in range(len(q)):
        for i in range(q.shape[1]):
            assert out[h, i].tolist() == by_hand(
                q[h, i].tolist(), k[h].tolist(), v[h].tolist(), keep[h, i].tolist(), *how
            )


@settings(max_examples=50, deadline=None)
@given(cases())
def test_reordering_tokens_changes_no_bit(case):
    rng, q, k, v, keep, *how = case
    rows, columns = rng.permutation(q.shape[1]), rng.permutation(k.shape[1])
    plain = twin.attention(q, k, v, keep, *how)
    reordered = twin.attention(q[:, rows], k[:, columns], v[:, columns], keep[:, rows][:, :, columns], *how)
    assert np.array_equal(reordered, plain[:, rows])


def test_pruned_entries_change_nothing():
    rng = np.random.default_rng(0)
    q, k, v = (rng.integers(-128, 128, (2, 5, 4), np.int8) for _ in range(3))
    keep = np.ones((2, 5, 5), bool)
    keep[:, :, 3] = False
    others = np.array([0, 1, 2, 4])
    part = twin.attention(q, k[:, others], v[:, others], keep[:, :, others], 20000, 12)
    assert np.array_equal(twin.attention(q, k, v, keep, 20000, 12), part)


@settings(max_examples=50, deadline=None)
@given(st.floats(1e-4, 1.0), st.floats(1e-4, 1.0), st.integers(1, 128))
def test_the_scaling_is_the_closest_15_bit_one(scale_q, scale_k, qk_dim):
    multiplier, shift = twin.choose_scaling(scale_q, scale_k, qk_dim)
    exact = scale_q * scale_k / math.sqrt(qk_dim) * math.log2(math.e) * 64
    assert 2**14 <= multiplier < 2**15 and abs(multiplier / 2**shift / exact - 1) <= 2**-15


def test_a_scale_just_below_a_power_of_two_keeps_its_15_bits():
    # the product is 1 - 2^-17 steps: its rounded fraction is 2^15, which needs one more halving
    scale = (1 - 2**-17) / (math.log2(math.e) * 64)
    assert twin.choose_scaling(scale, 1.0, 1) == (2**14, 14)


def test_scales_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match=r"need a shift of -\d+, but it must be 0 to 62\."):
        twin.choose_scaling(1e4, 1.0, 1)
    with pytest.raises(InputError, match=r"need a shift of \d+, but it must be 0 to 62\."):
        twin.choose_scaling(1e-20, 1.0, 1)
    with pytest.raises(InputError, match=r"scale_q 0, scale_k 1 and qk_dim 4 must be finite and above 0\."):
        twin.choose_scaling(0, 1, 4)


@pytest.mark.parametrize("mode", twin.MODES)
def test_the_error_against_the_exact_softmax_is_small(mode):
    """197 tokens, half of them pruned, standard normal operands: the error stays below one part in 127 of V's range."""
    rng = np.random.default_rng(1)
    q, k, v = (np.clip(np.rint(rng.standard_normal((2, 197, 64)) * 32), -127, 127).astype(np.int8) for _ in range(3))
    keep = rng.random((2, 197, 197)) < 0.05
    keep[:, :, 0] = True
    scaling = twin.choose_scaling(1 / 32, 1 / 32, 64)
    bound = twin.calibrate_bound(q, k, keep, *scaling) if mode == "bounded" else None
    out = twin.attention(q, k, v, keep, *scaling, bound, mode) / 127 / 32
    error = out - twin.attention_reference(q, k, v, keep, 1 / 32, 1 / 32, 1 / 32)
    assert np.sqrt((error**2).mean()) < 0.012 and np.abs(error).max() < 0.08


def test_exponentials_around_the_last_octave():
    """Scores are octaves here (multiplier 64, shift 0): one bit is left at 15 octaves below the bound, none beyond."""
    s = np.array([[[0, -1, -14, -15, -16, -(2**30)]]], np.int32)
    keep = np.ones(s.shape, bool)
    assert twin.exponentials(s, keep, 64, 0, 0, "bounded").tolist() == [[[32768, 16384, 2, 1, 0, 0]]]
    assert twin.exponentials(s, keep, 64, 0, 64, "bounded").tolist() == [[[16384, 8192, 1, 0, 0, 0]]]
    assert twin.exponentials(s, keep, 64, 0, -192, "bounded").tolist() == [[[32768, 32768, 16, 8, 4, 0]]]
    far = twin.exponentials(s[:, :, 5:], keep[:, :, 5:], 64, 0, 0, "bounded")
    assert twin.probabilities(far).tolist() == [[[0]]]


def test_a_calibrated_bound_is_reached_and_not_passed():
    rng = np.random.default_rng(2)
    q, k = (rng.integers(-128, 128, (1, 4, 3), np.int8) for _ in range(2))
    keep = np.ones((1, 4, 4), bool)
    worst = np.unravel_index(twin.scores(q, k).argmax(), keep.shape)
    everything = twin.calibrate_bound(q, k, keep, 16384, 14)
    keep[worst] = False
    assert twin.calibrate_bound(q, k, keep, 16384, 14) < everything
    keep[worst] = True
    bound = twin.calibrate_bound(q, k, keep, 16384, 14)
    assert bound == twin.octaves(twin.scores(q, k), 16384, 14).max()
    assert twin.exponentials(twin.scores(q, k), keep, 16384, 14, bound, "bounded").max() == 2**15


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 4), st.integers(0, 12), st.booleans())
def test_the_auto_encoder_in_plain_integers(seed, heads, encoded, shift, with_bias):
    rng = np.random.default_rng(seed)
    x = rng.integers(-128, 128, (heads, 3, 2), np.int8)
    weights = rng.integers(-128, 128, (encoded, heads), np.int8)
    bias = rng.integers(-500, 500, encoded).astype(np.int32) if with_bias else None
    multiplier = int(rng.integers(1, 40))
    y = twin.encode(x, weights, multiplier, shift, bias)
    assert y.dtype == np.int8 and y.shape == (encoded, 3, 2)
    for o in range(encoded):
        for n in range(3):
            for d in range(2):
                total = sum(int(weights[o, h]) * int(x[h, n, d]) for h in range(heads)) + (
                    int(bias[o]) if with_bias else 0
                )
                half = 2 ** (shift - 1) if shift else 0
                assert y[o, n, d] == min(max((total * multiplier + half) >> shift, -128), 127)
    back = rng.integers(-128, 128, (heads, encoded), np.int8)
    assert twin.decode(y, back, multiplier, shift).shape == x.shape


def test_random_operands_follow_the_layer_and_the_seed():
    workload = small()
    first, second = workload.attention_layers
    operands = twin.random_operands(workload, second, 3)
    shapes = {"q": (3, 2, 2), "k": (3, 6, 2), "v": (3, 6, 5), "encode_q": (2, 3), "decode_q": (3, 2)}
    assert {name: operands[name].shape for name in shapes} == shapes
    assert all(a.dtype == np.int8 for a in operands.values())
    again = twin.random_operands(workload, second, 3)
    assert all(np.array_equal(again[name], operands[name]) for name in operands)
    assert not np.array_equal(twin.random_operands(workload, second, 4)["k"], operands["k"])
    assert not np.array_equal(twin.random_operands(workload, first, 3)["q"][0, :2, :2], operands["q"][0])


def test_bad_operands_are_refused():
    good = [np.zeros((1, 2, 2), np.int8)] * 3
    keep = np.ones((1, 2, 2), bool)
    with pytest.raises(InputError, match=r"operand k is float64 but must be int8\."):
        twin.attention(good[0], good[1].astype(float), good[2], keep, 1, 0)
    with pytest.raises(
        InputError, match=r"softmax mode is 'mx' but must be one of bounded, max \(did you mean 'max'\?\)\."
    ):
        twin.attention(*good, keep, 1, 0, None, "mx")
    with pytest.raises(InputError, match=r"softmax mode 'bounded' needs a bound, but bound is None\."):
        twin.attention(*good, keep, 1, 0, None, "bounded")
    with pytest.raises(InputError, match=r"softmax mode 'max' takes no bound, but bound is 3\."):
        twin.attention(*good, keep, 1, 0, 3, "max")
