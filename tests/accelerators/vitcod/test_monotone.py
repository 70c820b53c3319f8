"""More of any resource is never slower: over random machines and random small networks of several layers."""

from tests.accelerators.vitcod.monotone import of_machines

FEW = 60  # of more some are: layers of some hundred cycles, in which one refresh of DRAM is 178 (docs/mapping.md)
# Two loads of weights at once, which come beside those of a norm whose rows go five at a time.
KNOWN = ["58: ['weight_gb.outstanding=2'] 17863 18045"]


def test_more_of_a_resource_is_never_slower_on_a_random_machine():
    assert of_machines(FEW) == KNOWN
