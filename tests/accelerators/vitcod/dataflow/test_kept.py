"""What a point of a sweep finds of the points before it."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.accelerators import machine
from accelsim.accelerators.vitcod.dataflow.head_work import LARGEST_FOUND, HeadWork
from accelsim.accelerators.vitcod.tables import INDEX, LONG_INDEX, MOST_SHORT
from accelsim.api.loading import load_machine
from accelsim.codesign.polarize import polarize
from accelsim.core.errors import InputError
from accelsim.workload import Attention, AttentionMask, Workload
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


def test_rows_that_a_byte_cannot_number_have_more():
    """A program's index has a byte for a row's number in its pass, and four in all of it where a pass has more rows."""
    masks = [np.ones((1, rows, 2), bool) for rows in (MOST_SHORT, MOST_SHORT + 1)]
    found = []
    for keep in masks:
        sizes = {"heads": 1, "q_tokens": keep.shape[1], "kv_tokens": 2, "qk_dim": 1, "v_dim": 1}
        work = Workload("w", "m", (Attention("a", "b", **sizes),), {"a": polarize(keep)})
        index = {"walker.index_bytes": 2, "options.reorder": "false", "index_buffer.capacity_bytes": "64 KiB"}
        arch = load_machine("vitcod", [f"{name}={value}" for name, value in index.items()])
        _, program = machine("vitcod").build(arch, work)
        found.append((program.kinds["index"], np.bincount(program.finish()["index"]["row"])))
    assert [kind for kind, _ in found] == [INDEX, LONG_INDEX]
    assert [counts.tolist() for _, counts in found] == [[2] * keep.shape[1] for keep in masks]
