"""The integers: exponentials, pieces and their merge, score by score and against float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.accelerators.salo.arithmetic import LOWEST, MANTISSAS, ONE, Piece, attention, merged, nothing, piece
from accelsim.accelerators.salo.schedule import scheduled
from accelsim.workload import AttentionMask
from accelsim.workload.functional import attention_reference, choose_scaling
from tests.accelerators.salo.machines import masks

WORST = 0.0129  # of an exponential, as a share of it; see docs/machines/salo.md


def test_the_exponential_is_four_straight_pieces():
    exact = 2.0 ** (np.arange(64) / 64)
    found = MANTISSAS / 1024
    assert np.abs(found / exact - 1).max() == pytest.approx(WORST, abs=5e-5)
    assert (np.diff(MANTISSAS, 2)[np.arange(62) % 16 < 14] == 0).all()  # straight within a quarter
    assert MANTISSAS[0] == 1020 and MANTISSAS[63] == 2000


def by_hand(t: list[int], v: list[list[int]]) -> tuple[int, int, list[int]]:
    """A piece of one row as a person would do it."""
    m, total = LOWEST, 0
    for score in t:
        e, x = score >> 6, int(MANTISSAS[score % 64])
        if e > m:
            total >>= min(62, e - m)
            m = e
        total += x >> (m - e)
    r = (128 << 24) // total
    p = [((int(MANTISSAS[s % 64]) >> (m - (s >> 6))) * r + (1 << 23)) >> 24 for s in t]
    return m, total, [sum(a * b for a, b in zip(p, column)) for column in zip(*v)]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-4000, 4000), min_size=1, max_size=9), st.integers(0, 1 << 20))
def test_a_piece_is_what_a_person_gets(t, seed):
    rng = np.random.default_rng(seed)
    v = rng.integers(-127, 128, (len(t), 3))
    more = np.concatenate([t, rng.integers(-4000, 4000, 2)])  # two that do not count
    values = np.concatenate([v, rng.integers(-127, 128, (2, 3))])
    on = np.arange(len(more)) < len(t)
    found = piece(more[None], on[None], values[None])
    m, total, o = by_hand(t, v.tolist())
    assert (found.m[0], found.l[0], found.o[0].tolist()) == (m, total, o)
    assert abs(int(found.o[0].max())) <= 127 * (ONE + len(t))


def test_the_neutral_piece_and_one_without_a_score_change_nothing():
    some = piece(np.array([[70, -3, 200]]), np.ones((1, 3), bool), np.arange(6).reshape(1, 3, 2))
    empty = piece(np.array([[900, 900, 900]]), np.zeros((1, 3), bool), np.arange(6).reshape(1, 3, 2))
    for pair in ((nothing(1, 2), some), (some, empty), (some, nothing(1, 2)), (empty, some)):
        for found, wanted in zip(merged(*pair), some):
            assert (found == wanted).all()


def test_a_piece_far_below_has_no_weight_and_one_far_above_all_of_it():
    low, high = (Piece(np.array([m]), np.array([1024]), np.array([[o]])) for m, o in ((-300, 1000), (300, -500)))
    for pair in ((low, high), (high, low)):
        assert merged(*pair).o[0, 0] == -500 and merged(*pair).m[0] == 300


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 24), st.integers(0, 1 << 20), st.data())
def test_merged_pieces_are_softmax_attention_over_their_union(tokens, seed, data):
    """Of any cut into tiles: within the bound of the exponential and the roundings of probabilities and merges."""
    mask = data.draw(masks(2, tokens, tokens)) or AttentionMask.dense(2, tokens, tokens)
    rng = np.random.default_rng(seed)
    q, k, v = (rng.integers(-64, 65, (2, tokens, 16), np.int8) for _ in range(3))
    scaling = choose_scaling(1 / 32, 1 / 32, 16)
    exact = attention_reference(q, k, v, mask.keep, 1 / 32, 1 / 32, 1.0)
    for shape in ((32, 32, 1), (4, 3, 1), (3, 5, 0)):
        found = attention(scheduled(mask, *shape), q, k, v, *scaling) / ONE
        tiles = max(len(plan.tiles) for plan in scheduled(mask, *shape))
        kept = mask.keep.sum(axis=2).max()
        largest = np.abs(v).max()
        # weights are off by twice the exponential's error and a 64th of an octave, each probability by half a 128th
        bound = largest * (2 * (2 * WORST + np.log(2) / 64) + kept / (2 * ONE)) + tiles / ONE
        assert np.abs(found - exact).max() <= bound


def test_softmax_over_the_union_in_float():
    """The merge itself, without roundings: any pieces in any order, scores of +-1000, empty ones among them."""
    rng = np.random.default_rng(3)
    s, v = rng.uniform(-1000, 1000, 30), rng.standard_normal((30, 4))
    s[:5] = 1000
    exact = np.exp2(s - s.max())
    exact = exact @ v / exact.sum()
    for _ in range(5):
        m, total, o = -np.inf, 0.0, np.zeros(4)
        for some in np.split(rng.permutation(30), sorted(rng.integers(0, 31, 6))):
            if not len(some):
                continue
            top = s[some].max()
            e = np.exp2(s[some] - top)
            high = max(m, top)
            a, b = total * np.exp2(m - high), e.sum() * np.exp2(top - high)
            o = (a * o + b * (e @ v[some] / e.sum())) / (a + b)
            m, total = high, a + b
        assert np.abs(o - exact).max() < 1e-12
