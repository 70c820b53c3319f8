"""ITA's integers: softmax as the logits pass, its saturation, requantisation, activations."""

import numpy as np
import pytest

from accelsim.accelerators.ita import arithmetic
from accelsim.core import InputError


def slow_softmax(row: list[int], columns: int) -> list[int]:
    """A row at a time, in Python's own integers."""
    most, total = -128, 0
    for at in range(0, len(row), columns):
        group = row[at : at + columns]
        now = max(most, *group)
        total = (total >> (now - most)) + sum(256 >> (now - x) for x in group)
        most = now
    inverse = 65280 // total
    return [inverse >> (most - x) for x in row]


@pytest.mark.parametrize("columns", [1, 4, 16])
def test_softmax(columns):
    logits = np.random.default_rng(1).integers(-128, 128, (20, 37)).astype(np.int8)
    found = arithmetic.softmax(logits, columns)
    assert found.tolist() == [slow_softmax(row, columns) for row in logits.tolist()]
    assert found.max() == 255


@pytest.mark.parametrize(("equal", "each"), [(1, 255), (2, 127), (64, 3), (255, 1), (256, 0), (512, 0)])
def test_rows_of_equal_logits_vanish_from_256_on(equal, each):
    assert (arithmetic.softmax(np.full((3, equal), 5, np.int8), 16) == each).all()


def test_tiles_pass_one_after_the_other():
    logits = np.random.default_rng(2).integers(-20, 20, (9, 96)).astype(np.int8)
    rows = None
    for at in (0, 32, 64):
        rows = arithmetic.passed(logits[:, at : at + 32], 16, rows)
    whole = arithmetic.passed(logits, 16)
    assert all((a == b).all() for a, b in zip(rows, whole, strict=True))


def test_the_published_tree_of_maxima_looks_at_16_columns():
    logits = np.full((1, 32), -100, np.int8)
    logits[0, 20] = 100
    assert arithmetic.passed(logits, 32).largest.tolist() == [100]
    flawed = arithmetic.passed(logits, 32, wired=16)
    assert flawed.largest.tolist() == [-100] and flawed.sums.tolist() == [31 * 256]


@pytest.mark.parametrize(
    ("sums", "multiplier", "shift", "add", "wanted"),
    [(100, 1, 1, 0, 50), (101, 1, 1, 0, 51), (-101, 1, 1, 0, -50), (1000, 255, 0, 0, 127), (-9, 3, 2, 4, -3),
     ((1 << 25) + 64, 1, 0, 0, -128), (7, 1, 0, 0, 7)],
)  # fmt: skip
def test_requantisation(sums, multiplier, shift, add, wanted):
    assert arithmetic.requantise(np.array([sums]), multiplier, shift, add).tolist() == [wanted]


def test_activations():
    x = np.array([-100, -3, 0, 3, 100], np.int8)
    assert arithmetic.relu(x, 1, 0).tolist() == [0, 0, 0, 3, 100]
    b, c = -50, -4000
    slow = [n * ((n > 0) - (n < 0)) * ((min(abs(n), -b) + b) ** 2 + c) + n * c for n in x.tolist()]
    assert arithmetic.gelu(x, b, c, 1, 12).tolist() == [max(-128, min(127, (n + 2048) >> 12)) for n in slow]


def test_logits_are_octaves():
    assert arithmetic.logit_scaling(1 << 14, 14) == (128, 13)  # score / 64
    with pytest.raises(InputError, match="more than the requantiser can"):
        arithmetic.logit_scaling(1 << 14, 0)
    q = np.array([[[64], [0]]], np.int8)
    k = np.array([[[2], [1], [0]]], np.int8)
    v = np.array([[[100], [10], [1]]], np.int8)
    first = [100, 10, 1] @ arithmetic.softmax(np.array([[2, 1, 0]], np.int8), 16)[0]
    second = 111 * arithmetic.softmax(np.zeros((1, 3), np.int8), 16)[0, 0]
    assert arithmetic.attention(q, k, v, 1 << 14, 14, 16)[0, :, 0].tolist() == [first, second]
