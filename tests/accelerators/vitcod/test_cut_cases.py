"""`benchmarks/mapping.py`: what it leaves out of the simulation could not have been the best cut."""

import random
from itertools import islice

from accelsim.accelerators.vitcod.dataflow.dense import columns_of
from accelsim.accelerators.vitcod.dataflow.rates import rates
from accelsim.accelerators.vitcod.machine import resources
from accelsim.dataflows.gemm import shape_of
from accelsim.dataflows.gemm_choice import plan_of_cut, work_of
from accelsim.dataflows.gemm_estimate import array_cycles
from benchmarks.mapping import case, cases, quick_cuts, simulated


def test_no_cut_is_quicker_than_its_steps_in_the_array():
    rng = random.Random(3)
    _, arch, work = case(rng)
    layer, have = work.layers[1], resources(arch)
    (some,) = columns_of(layer, None, have)
    shape = shape_of(layer, some, 1, have)
    every, count = quick_cuts(arch, work, float("inf"))
    some_cuts = rng.sample(every, 60)
    sizes = work_of(shape, some.run)
    steps = [array_cycles(sizes, plan_of_cut("", c, shape, have), rates(arch).array)[0] for c in some_cuts]
    times = simulated(arch, work, some_cuts)
    assert all(a < b for a, b in zip(steps, times, strict=True)) and len(every) <= count
    limit = sorted(steps)[30]
    quick, _ = quick_cuts(arch, work, limit)
    assert [cut in quick for cut in some_cuts] == [n < limit for n in steps]


def test_cases_end_with_the_chosen_cut_beside_the_best():
    for one in islice(cases(random.Random(1)), 1):
        assert 0 < one.simulated < one.cuts and str(one.chosen) in one.times and len(one.times) > 1
        assert min(one.times.values()) > 0
