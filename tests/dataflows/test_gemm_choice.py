"""Which cuts of a GEMM are looked at closely."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from accelsim.dataflows import gemm_choice
from accelsim.dataflows.gemm_choice import DEPTHS, LOOKED_AT, NEAR, first_of
from accelsim.dataflows.gemm_cuts import ORDERS

SMALL = st.integers(1, 3)
SCORE = st.sampled_from([1.0, 1.01, 1.02, 2.5])
ROWS = st.lists(
    st.tuples(SMALL, SMALL, SMALL, SMALL, st.sampled_from(ORDERS), SMALL, SCORE, SMALL),
    max_size=60,
)  # fmt: skip


def one_by_one(rows):
    """The same, said plainly."""
    rough = {}
    for *cut, parts, score, read in rows:
        scored = rough.setdefault(tuple(cut), {})
        if parts in scored or len(scored) < DEPTHS:
            scored[parts] = min((score, read), scored.get(parts, (score, read)))
    ranked = sorted((*scores, cut, depths) for cut, scored in rough.items() for depths, scores in scored.items())
    near = sorted((one for one in ranked if one[0] <= NEAR * ranked[0][0]), key=lambda one: one[1])
    looked_at = gemm_choice.LOOKED_AT
    return [(*cut, depths) for _, _, cut, depths in dict.fromkeys([*ranked[:looked_at], *near[:looked_at]])]


@given(ROWS, st.sampled_from([1, 3, LOOKED_AT]))
def test_the_cuts_looked_at_are_those_of_the_least_score_and_near_it_of_the_least_read(rows, looked_at):
    types = [np.int64] * 4 + ["U8", np.int64, float, np.int64]
    columns = [np.array([row[n] for row in rows], kind) for n, kind in enumerate(types)]
    before, gemm_choice.LOOKED_AT = gemm_choice.LOOKED_AT, looked_at
    try:
        assert list(first_of(*columns)) == one_by_one(rows)
    finally:
        gemm_choice.LOOKED_AT = before


def test_orders_stand_in_the_order_of_their_names():
    assert sorted(ORDERS) == list(ORDERS)  # first_of finds them so
