"""More of any resource is never slower: over random machines and random small networks of several layers."""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from accelsim.accelerators import schema
from accelsim.accelerators.run import run
from accelsim.config import load_arch
from accelsim.core.errors import InputError
from tests.accelerators.small import workloads
from tests.accelerators.vitcod.small import overrides
from tests.accelerators.vitcod.test_bounds import RESOURCES, SLOWER
from tests.accelerators.vitcod.test_mapping import BUFFERS

# sums that a line holds grow with its multipliers, which have one that grows and one that leaves
MULTIPLIERS = ("engine.macs", "engine.row_values")
MORE = [*((name,) for name in RESOURCES), *BUFFERS, MULTIPLIERS]
FEW, MANY = 10, 1000


def never_slower(over, workload, names, times):
    """Cycles with more of some parameters, against those of the machine as it is."""
    try:
        arch = load_arch("vitcod", schema, over)
        assume(all(name.split(".")[1] in arch.parts[name.split(".")[0]] for name in names))  # a pipe's, or a buffer's
        before = run(arch, workload).result.cycles()
        more = [f"{name}={times * arch.parts[name.split('.')[0]][name.split('.')[1]]}" for name in names]
        after = run(load_arch("vitcod", schema, [*over, *more]), workload).result.cycles()
    except InputError:  # too small for the network, or more than another part's ports give
        assume(False)
    assert after <= SLOWER * before, (more, before, after)


def asked(examples: int):
    """The property over so many examples, always the same."""
    drawn = given(overrides(), workloads(), st.sampled_from(MORE), st.sampled_from((2, 16)))
    return settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )(drawn(never_slower))


def test_more_of_a_resource_is_never_slower_on_a_random_machine():
    asked(FEW)()


@pytest.mark.slow
def test_more_of_a_resource_is_never_slower_on_many_random_machines():
    asked(MANY)()
