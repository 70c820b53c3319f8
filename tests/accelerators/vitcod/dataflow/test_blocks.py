"""Blocks of keys, and cuts that are given."""

from dataclasses import replace

import pytest

from accelsim.accelerators.vitcod.dataflow.head_work import split_heads
from accelsim.accelerators.vitcod.dataflow.passes import plan_attention
from accelsim.accelerators.vitcod.dataflow.sizes import faults
from tests.accelerators.vitcod.dataflow.machines import machine
from tests.accelerators.vitcod.dataflow.test_passes import compiled, layer


@pytest.mark.parametrize(
    ("change", "halves", "rows", "keys"),
    [
        ({"k_bytes": 39}, True, 8, [4, 3, 3]),  # half of it holds four keys
        ({"k_bytes": 7}, False, 8, [1] * 10),
        ({"weight_bytes": 39}, True, 8, [4, 3, 3]),  # two blocks fit
        ({"weight_bytes": 7}, True, 8, [1] * 10),
        ({"k_bytes": 39, "score_bytes": 60}, True, 3, [4, 3, 3]),  # three rows of ten scores
        ({"k_bytes": 39, "places": 3}, True, 3, [4, 3, 3]),
        ({"k_bytes": 39, "q_bytes": 16}, True, 2, [4, 3, 3]),
        ({"k_bytes": 39, "act_bytes": 15}, True, 2, [4, 3, 3]),  # beside two queries a key
        ({"k_bytes": 39, "psum_bytes": 100}, True, 2, [4, 3, 3]),
        ({"index_bytes": 260}, True, 1, [1] * 10),
    ],
)
def test_blocks_of_keys_are_as_large_as_the_buffers_allow(change, halves, rows, keys):
    cut = compiled(layer(heads=1), machine(**change))[2]
    assert cut.halves == halves and {tuple(k for _, k in one.blocks) for one in cut.passes} == {tuple(keys)}
    assert max(one.rows for one in cut.passes) == -(-10 // -(-10 // rows))


def test_a_cut_that_does_not_fit_is_refused():
    one, mask = layer(heads=1)
    have = machine()
    work = split_heads(one, mask, have)
    cut = plan_attention(one, work, have)
    (whole,) = cut.passes

    def said(**change) -> str:
        return "; ".join(faults(one, work, replace(cut, passes=(whole._replace(**change),)), have))

    assert said() == ""
    assert "the blocks of keys ((0, 9),) do not go through 10 keys once" in said(blocks=((0, 9),))
    assert "do not go through 10 keys once" in said(blocks=((0, 5), (6, 4)))
    assert "no pass has head 0 from row 9 on" in said(rows=9)
    assert "the pass's places, where keys are cut holds 8, not 10" in said(blocks=((0, 5), (5, 5)))
    assert "merge.places holds 8, not 9" in said(places=9)
    assert "denser.k_bytes holds 39, not 40" in "; ".join(faults(one, work, cut, replace(have, k_bytes=39)))
