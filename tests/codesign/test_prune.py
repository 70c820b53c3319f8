import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.codesign.prune import information_before, prune
from accelsim.core.errors import InputError


@st.composite
def maps(draw):
    heads, q, kv = draw(st.integers(1, 3)), draw(st.integers(1, 6)), draw(st.integers(1, 8))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    return rng.integers(1, 20, (heads, q, kv))


def row_by_hand(row, theta, one_more):
    """Keep the largest until their sum reaches theta of the row's sum; the public code keeps one more."""
    order = sorted(range(len(row)), key=lambda j: (-row[j], j))
    kept, total = [], 0
    for j in order:
        if total / sum(row) >= theta:
            break
        kept.append(j)
        total += row[j]
    if one_more and len(kept) < len(row):
        kept.append(order[len(kept)])
    return [j in kept for j in range(len(row))]


@settings(max_examples=80, deadline=None)
@given(maps(), st.floats(0.01, 1.0), st.booleans(), st.booleans())
def test_the_rule_row_by_row(layer, theta, class_token, one_more):
    (keep,) = prune([layer], theta=theta, class_token=class_token, one_more=one_more)
    for h, i in np.ndindex(layer.shape[:2]):
        expected = np.array(row_by_hand([int(x) for x in layer[h, i]], theta, one_more))
        if class_token:
            expected[0] = True
            expected |= i == 0
        assert np.array_equal(keep[h, i], expected)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 0.75), st.sampled_from(["global", "layer", "head"]))
def test_a_sparsity_is_reached_as_closely_as_the_entries_allow(seed, sparsity, scope):
    rng = np.random.default_rng(seed)
    layers = [rng.random((2, 8, 8)), rng.random((3, 5, 9))]
    kept = prune(layers, sparsity=sparsity, scope=scope)
    groups = {
        "global": [np.concatenate([k.ravel() for k in kept])],
        "layer": kept,
        "head": [h for k in kept for h in k],
    }[scope]
    for group in groups:
        # random scores have no ties, except among those that must stay
        assert np.count_nonzero(group) == round(group.size * (1 - sparsity))


def test_equal_scores_never_leave_more_than_asked():
    (keep,) = prune([np.ones((2, 4, 8))], sparsity=0.4)
    assert keep.sum() <= round(64 * 0.6) and np.array_equal(keep[0, 0], keep[1, 3])


def test_information_before_of_one_row():
    row = np.array([[1, 5, 2, 2]])
    assert information_before(row).tolist() == [[0.9, 0.0, 0.5, 0.7]]
    assert information_before(row, one_more=True).tolist() == [[0.7, 0.0, 0.0, 0.5]]


@pytest.mark.parametrize(
    "how, text",
    [
        ({}, r"^prune needs either theta or sparsity: give one of the two\.$"),
        ({"theta": 0.5, "sparsity": 0.5}, r"^prune needs either theta or sparsity"),
        ({"theta": 0}, r"^theta is 0 but must be above 0 and at most 1, a fraction of a row's attention\.$"),
        ({"sparsity": 1.0}, r"^sparsity is 1\.0 but must be at least 0 and below 1, a fraction of the scores\.$"),
        (
            {"sparsity": 0.5, "scope": "heads"},
            r"^scope is 'heads' but must be one of global, layer, head \(did you mean 'head'\?\)\.$",
        ),
        (
            {"sparsity": 0.8},
            r"^sparsity 0\.8 cannot be reached in the network: 8 of 32 scores must stay .*; the most is 0\.75\.$",
        ),
        ({"sparsity": 0.8, "scope": "layer"}, r"cannot be reached in layer 0: 8 of 32"),
        ({"sparsity": 0.8, "scope": "head"}, r"cannot be reached in layer 0, head 0: 4 of 16"),
    ],
)
def test_bad_arguments_are_refused(how, text):
    with pytest.raises(InputError, match=text):
        prune([np.random.default_rng(0).random((2, 4, 4))], **how)


def test_bad_maps_are_refused():
    for bad in (-np.ones((1, 2, 2)), np.full((1, 2, 2), np.nan)):
        with pytest.raises(
            InputError, match=r"holds a negative or not finite score; give the scores after the softmax\."
        ):
            prune([bad], theta=0.5)
    with pytest.raises(InputError, match=r"has a row of zeros only"):
        prune([np.zeros((1, 2, 2))], theta=0.5)
    with pytest.raises(InputError, match=r"an attention map has the shape \[3\] but must be"):
        prune([np.ones(3)], theta=0.5)
