"""What the judge of windows counts."""

from accelsim.accelerators.vitcod.checks.windows import words_read
from accelsim.workload.layers import Gemm


def test_where_a_picture_is_not_square_each_run_lies_in_its_worst_place():
    """By hand: nine elements in runs of three, eight to a word of the stage; three bytes can lie in two words of eight,
    and so can two of the last run's; its third goes to the next word of the stage, and lies in one."""
    layer = Gemm("conv", "b", "conv", 2, 9, 1, input_elements=2)
    assert words_read(layer, 0, 1, 0, 9, 8, 8) == ([0, 0, 0, 1], [2, 2, 2, 1])
    assert words_read(layer, 0, 2, 0, 9, 8, 8) == ([0, 0, 0, 1], [4, 4, 4, 2])
