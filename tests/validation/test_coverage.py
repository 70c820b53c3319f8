"""Blocks of a matrix product, in any order."""

import numpy as np
import pytest

from accelsim.validation.coverage import Block, Coverage

X, WEIGHT = (np.random.default_rng(1).integers(-128, 128, s, np.int8) for s in ((2, 5, 9), (2, 9, 7)))
PRODUCT = np.matmul(X.astype(np.int32), WEIGHT.astype(np.int32))


def folded(order: str) -> Coverage:
    """Two products of 5 rows, 7 columns and depth 9 in blocks of 2 x 3 and depth 4; `order`: which axis runs fastest,
    last."""
    made = Coverage(2, 5, 7, 9)
    axes = {"r": range(0, 5, 2), "c": range(0, 7, 3), "d": range(0, 9, 4)}
    for group in range(2):
        spots = [{}]
        for axis in order:
            spots = [spot | {axis: at} for spot in spots for at in axes[axis]]
        for spot in spots:
            r, c, d = spot["r"], spot["c"], spot["d"]
            made.blocks.append(Block(group, r, min(2, 5 - r), c, min(3, 7 - c), d, min(4, 9 - d)))
    return made


@pytest.mark.parametrize("order", ["rcd", "crd", "dcr", "drc", "cdr"])
def test_blocks_in_any_order_are_the_product(order):
    made = folded(order)
    assert made.faults() == []
    assert np.array_equal(made.replay(X, WEIGHT), PRODUCT)


def test_a_block_that_is_lost():
    made = folded("dcr")
    lost = made.blocks.pop(7)
    assert made.faults() == [
        f"{lost.rows * lost.columns} outputs are never computed, 0 more than once, of 70, at depths {lost.depth} to "
        f"{lost.depth + lost.deep}"
    ]
    differs = made.replay(X, WEIGHT) != PRODUCT
    assert differs.any() and not np.delete(differs, np.s_[lost.row : lost.row + lost.rows], axis=1).any()


def test_a_block_that_comes_twice():
    made = folded("dcr")
    made.blocks.append(made.blocks[7])
    twice = made.blocks[7].rows * made.blocks[7].columns
    assert f"0 outputs are never computed, {twice} more than once" in made.faults()[0]


def test_a_block_that_reaches_beyond():
    made = folded("dcr")
    made.blocks.append(Block(0, 4, 2, 0, 1, 0, 9))
    assert "is not of a product of 5 x 7 outputs of depth 9" in made.faults()[0]


def test_nothing_at_all():
    assert Coverage(1, 2, 3, 4).faults() == ["6 outputs are never computed, 0 more than once, of 6"]
