"""More of any resource is never slower: over random machines and random small networks of several layers."""

from tests.accelerators.vitcod.monotone import of_machines

FEW = 60  # of more some are: layers of some hundred cycles, in which one refresh of DRAM is 178 (docs/mapping.md)
# Attention in passes of three rows and blocks of seven keys: with twice the room for activations their loads run
# farther ahead of the rest, and the layer takes 14,460 cycles instead of 13,995.
KNOWN = ["30: ['act_gb0.capacity_bytes=5414'] 36042 36411"]


def test_more_of_a_resource_is_never_slower_on_a_random_machine():
    assert of_machines(FEW) == KNOWN
