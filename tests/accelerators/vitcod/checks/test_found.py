"""What validation has found: the smallest runs that showed it."""

import pytest

from accelsim.core.errors import InputError
from accelsim.workload import Attention, Gemm, Workload
from tests.accelerators.small import one_of_each
from tests.accelerators.vitcod.small import small_machine
from tests.validation.faults import validated


def network(*layers) -> Workload:
    return Workload("found", "found", layers)


def test_a_single_line_is_not_used_by_both_engines_at_once():
    report = validated(small_machine("engine.lines=1"), one_of_each())
    assert report.failed == []
    turns = [c for c in report.checks if c.compared == "in turns where they share lines"]
    assert len(turns) == 2 and all(check.count for check in turns)


def test_rows_of_different_length_leave_in_order():
    report = validated(small_machine("merge.places=17"), one_of_each())
    assert report.failed == []


def test_stores_of_a_tile_that_is_wider_than_a_step():
    # steps of 12 rows x 4 columns, tiles of 12 columns, room for stores of 6 rows
    layer = Gemm("wide", "b", "mlp", 12, 5, 16)
    assert validated(small_machine("act_gb1.capacity_bytes=150"), network(layer)).failed == []


def test_groups_of_a_convolution_have_residuals_and_outputs_of_their_own():
    layers = (
        Gemm("grouped", "b", "conv", 6, 9, 5, repeat=3, residual=True),
        Gemm("projected", "b", "kv", 6, 9, 5, repeat=2),
    )
    assert validated(small_machine(), network(*layers)).failed == []


@pytest.mark.parametrize("elements", [1, 50, 600, 1200])
def test_inputs_of_a_convolution_whose_accumulation_is_cut(elements):
    layer = Gemm("conv", "b", "conv", 16, 75, 30, input_elements=elements)
    arch = small_machine("weight_gb.capacity_bytes=300", "act_gb0.capacity_bytes=200")
    assert validated(arch, network(layer)).failed == []


def test_an_activation_buffer_that_cannot_hold_the_queries_of_a_pass():
    layer = Attention("attention", "b", 1, 40, 40, 10, 4)
    arch = small_machine("act_gb0.capacity_bytes=350", "softmax.score_bytes=4000")
    sentence = r"layer attention: 40 queries and a piece of keys need 400 bytes of act_gb0 \(350\); make its capacity"
    with pytest.raises(InputError, match=sentence):
        validated(arch, network(layer))


def test_an_output_buffer_that_cannot_hold_two_steps_of_the_array():
    layer = Gemm("dot", "b", "mlp", 12, 5, 16)
    sentence = r"the array's outputs of one step need 2 x 48 bytes of act_gb1 \(90\); make its capacity_bytes larger or"
    with pytest.raises(InputError, match=sentence):
        validated(small_machine("act_gb1.capacity_bytes=90"), network(layer))
