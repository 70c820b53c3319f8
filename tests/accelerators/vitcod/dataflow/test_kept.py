"""What a point of a sweep finds of the points before it."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.accelerators.vitcod.dataflow.head_work import LARGEST_FOUND, HeadWork
from accelsim.core.errors import InputError
from accelsim.workload import AttentionMask
from tests.accelerators.vitcod.dataflow.machines import attentions, machines, program_of, workload


def test_what_was_made_last_is_made_again_of_other_things_only():
    one, made = HeadWork.of(np.zeros(0, np.int64), np.ones((2, 2), bool)), []

    def make():
        made.append(len(made))
        return made[-1]

    asked = [("a", 1), ("a", 1), ("b", 1), ("a", 2), ("a", 2), ("a", 1), ("b", 1)]
    assert [one.last((key,), of, make) for key, of in asked] == [0, 0, 1, 2, 2, 3, 1]
    assert [one.last(("c",), 1, make, LARGEST_FOUND + 1) for _ in range(2)] == [4, 5]


@settings(max_examples=30, deadline=None)
@given(case=attentions(), have=machines(), segment=st.integers(1, 6))
def test_what_is_kept_of_another_machine_changes_no_program(case, have, segment):
    layer, mask = case

    def made(mask, have):
        try:
            return program_of(workload(layer, masks={layer.name: mask}), have).finish()
        except InputError as error:
            return {"error": str(error)}

    for each in (have, replace(have, segment=segment), have):  # of a mask nobody has seen before nothing is kept
        fresh = made(AttentionMask(mask.keep, mask.order, mask.global_tokens), each)
        found = made(mask, each)
        assert found.keys() == fresh.keys()
        assert all(np.array_equal(found[name], fresh[name]) for name in found)
