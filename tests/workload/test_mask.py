import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.core.errors import InputError
from accelsim.workload import AttentionMask
from accelsim.workload.mask import Bits


@st.composite
def masks(draw):
    heads, q, kv = draw(st.integers(1, 3)), draw(st.integers(1, 9)), draw(st.integers(1, 11))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    keep = rng.random((heads, q, kv)) < draw(st.floats(0, 1))
    keep[:, np.arange(q), rng.integers(0, kv, q)] = True
    order = np.stack([rng.permutation(kv) for _ in range(heads)])
    return AttentionMask(keep, order, rng.integers(0, kv + 1, heads))


@settings(max_examples=60, deadline=None)
@given(masks())
def test_denser_and_sparser_are_the_mask(mask):
    pointers, rows = mask.flat_csc()
    row_pointers, positions = mask.flat_csr()
    assert pointers.dtype == rows.dtype == row_pointers.dtype == positions.dtype == np.int32
    assert pointers[-1, -1] == rows.size == mask.sparser_nnz.sum() == positions.size
    for h in range(mask.heads):
        g = mask.global_tokens[h]
        rebuilt = np.zeros((mask.q_tokens, mask.kv_tokens), bool)
        rebuilt[:, mask.order[h, :g]] = mask.denser(h)
        by_row = rebuilt.copy()
        csc, csr = rebuilt.copy(), rebuilt.copy()
        column_pointers, column_rows = mask.csc(h)
        csr_pointers, csr_columns = mask.csr(h)
        for p in range(mask.kv_tokens):
            rebuilt[rows[pointers[h, p] : pointers[h, p + 1]], mask.order[h, p]] = True
        for p in range(mask.kv_tokens - g):
            csc[column_rows[column_pointers[p] : column_pointers[p + 1]], mask.order[h, g + p]] = True
        for i in range(mask.q_tokens):
            by_row[i, mask.order[h, positions[row_pointers[h, i] : row_pointers[h, i + 1]]]] = True
            csr[i, mask.order[h, g + csr_columns[csr_pointers[i] : csr_pointers[i + 1]]]] = True
        assert (pointers[h, : g + 1] == pointers[h, 0]).all()
        for other in (rebuilt, by_row, csc, csr):
            assert np.array_equal(other, mask.keep[h])
    assert np.array_equal(mask.nnz, mask.denser_nnz + mask.sparser_nnz)
    assert np.allclose(mask.sparsity, 1 - mask.keep.mean(axis=(1, 2)))


@settings(max_examples=30, deadline=None)
@given(masks())
def test_a_large_mask_is_the_same_a_bit_each(mask):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("accelsim.workload.mask.MOST_PLAIN", 0)
        large = AttentionMask(mask.keep, mask.order, mask.global_tokens)
        again = AttentionMask(Bits(mask.bits, mask.kv_tokens), mask.order, mask.global_tokens)
    small = AttentionMask(Bits(mask.bits, mask.kv_tokens), mask.order, mask.global_tokens)
    assert isinstance(mask.held, np.ndarray) and isinstance(small.held, np.ndarray)
    for one in (large, again, small, pickle.loads(pickle.dumps(large))):
        assert one.keep.dtype == bool and np.array_equal(one.keep, mask.keep) and one.shape == mask.keep.shape
        assert all(np.array_equal(one.head(h), mask.keep[h]) for h in range(mask.heads))
        assert np.array_equal(one.bits, np.packbits(mask.keep, axis=2)) and not one.head(0).flags.writeable
        assert all(map(np.array_equal, one.flat_csc(), mask.flat_csc())) and one.kept == mask.keep.sum()
    assert (isinstance(large.held, Bits) and large.held.packed.nbytes < mask.keep.nbytes) or mask.kv_tokens < 2


def test_a_dense_mask_prunes_nothing():
    mask = AttentionMask.dense(2, 3, 5)
    assert mask.nnz.tolist() == [15, 15] and mask.sparser_nnz.tolist() == [0, 0] and mask.denser(1).shape == (3, 5)


def test_a_mask_is_read_only_and_its_own():
    keep = np.ones((1, 2, 2), bool)
    mask = AttentionMask(keep, np.array([[0, 1]]), np.array([0]))
    keep[0, 0, 0] = False
    assert mask.keep.all()
    with pytest.raises(ValueError, match="read-only"):
        mask.keep[0, 0, 0] = False


@pytest.mark.parametrize(
    "change, text",
    [
        (
            {"keep": np.ones((1, 2, 3), np.int8)},
            r"^keep is int8\[1, 2, 3\] but must be bool\[heads, q_tokens, kv_tokens\], none 0\.$",
        ),
        ({"keep": np.ones((1, 0, 3), bool)}, r"^keep is bool\[1, 0, 3\] but must be"),
        (
            {"keep": np.array([[[1, 1, 1], [0, 0, 0]]], bool)},
            r"^row 1 of head 0 keeps no score, so that its softmax is undefined",
        ),
        ({"order": np.array([[0, 1]])}, r"^order is int64\[1, 2\] but must be int32\[1, 3\]\.$"),
        (
            {"order": np.array([[0, 1, 1]])},
            r"^order of head 0 must name every token 0 to 2 once, but is no permutation\.$",
        ),
        ({"order": np.array([[0, 1, 3]])}, r"is no permutation"),
        (
            {"global_tokens": np.array([4])},
            r"^global_tokens of head 0 is 4 but must be between 0 and 3, its columns\.$",
        ),
        ({"global_tokens": np.array([-1])}, r"^global_tokens of head 0 is -1 but"),
        ({"global_tokens": np.array([0.0])}, r"^global_tokens is float64\[1\] but must be int32\[1\]\.$"),
    ],
)
def test_a_bad_mask_is_refused(change, text):
    good = {"keep": np.ones((1, 2, 3), bool), "order": np.array([[2, 0, 1]]), "global_tokens": np.array([1])}
    with pytest.raises(InputError, match=text):
        AttentionMask(**{**good, **change})
