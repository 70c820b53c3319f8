"""More of any resource is never slower: over random machines and random small networks of several layers."""

import pytest

from accelsim.accelerators import schema
from accelsim.accelerators.run import run
from accelsim.config import load_arch
from accelsim.core.errors import InputError
from tests.accelerators.small import Seeded, workload_of
from tests.accelerators.vitcod.small import overrides_of
from tests.accelerators.vitcod.test_bounds import RESOURCES, SLOWER
from tests.accelerators.vitcod.test_mapping import BUFFERS

# sums that a line holds grow with its multipliers, which have one that grows and one that leaves
MULTIPLIERS = ("engine.macs", "engine.row_values")
MORE = [*((name,) for name in RESOURCES), *BUFFERS, MULTIPLIERS]
FEW, MANY = 60, 1000
RARE = 0.025  # of many: layers of some hundred cycles, in which one refresh of DRAM is 178 (docs/mapping.md)


def slower(seed: int) -> str | None:
    """With what a random machine is slower that has more of it, if it is; empty: it is not. None: this one is too small
    for its network, or has more than another part's ports give."""
    drawn = Seeded(seed)
    over, workload, names = overrides_of(drawn), workload_of(drawn), drawn.one_of(MORE)
    times = drawn.one_of((2, 16))
    try:
        arch = load_arch("vitcod", schema, over)
        if not all(name.split(".")[1] in arch.parts[name.split(".")[0]] for name in names):  # a pipe's, or a buffer's
            return None
        before = run(arch, workload).result.cycles()
        more = [f"{name}={times * arch.parts[name.split('.')[0]][name.split('.')[1]]}" for name in names]
        after = run(load_arch("vitcod", schema, [*over, *more]), workload).result.cycles()
    except InputError:
        return None
    return f"{seed}: {more} {before} {after}" if after > SLOWER * before else ""


def of_machines(count: int) -> list[str]:
    """The same of so many machines, always the same ones."""
    found, seed = [], 0
    while len(found) < count:
        one = slower(seed)
        found += [one] * (one is not None)
        seed += 1
    return [one for one in found if one]


def test_more_of_a_resource_is_never_slower_on_a_random_machine():
    assert of_machines(FEW) == []


@pytest.mark.slow
def test_more_of_a_resource_is_rarely_slower_on_many_random_machines():
    found = of_machines(MANY)
    assert len(found) <= RARE * MANY, found
