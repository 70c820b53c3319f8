import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.codesign.balance import balanced_threshold
from accelsim.codesign.polarize import polarize


def work(keep: np.ndarray, threshold: int) -> int:
    """The longer of the two engines' work, by its definition."""
    mask = polarize(keep, threshold)
    return max(int(mask.global_tokens.sum()) * keep.shape[1], int(mask.sparser_nnz.sum()))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_no_other_threshold_is_better(heads, rows, columns, density, seed):
    rng = np.random.default_rng(seed)
    keep = rng.random((heads, rows, columns)) < density
    keep[:, :, 0] = True
    best = work(keep, balanced_threshold(keep))
    assert best == min(work(keep, t) for t in range(rows + 1))


def test_by_hand():
    keep = np.eye(10, dtype=bool)[None].copy()
    keep[:, :, :2] = True
    # two dense columns of 10 and 8 scores beside them; nothing dense would leave 28 to the sparser engine
    assert balanced_threshold(keep) == 1 and work(keep, 1) == 20 and work(keep, 10) == 28
