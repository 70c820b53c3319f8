"""Random machines that have more of a resource. `python -m tests.accelerators.vitcod.monotone [N]` says how many of N
(1,000) are slower with it by more than 1 %, and which; and how many are so in the mean, where the first refresh of DRAM
comes at any time (docs/mapping.md)."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from unittest.mock import patch

from accelsim.accelerators import schema
from accelsim.accelerators.run import run
from accelsim.components.dram import memory
from accelsim.config import load_arch
from accelsim.core.errors import InputError
from accelsim.workload import Workload
from tests.accelerators.small import Seeded, workload_of
from tests.accelerators.vitcod.small import overrides_of
from tests.accelerators.vitcod.test_bounds import RESOURCES, SLOWER
from tests.accelerators.vitcod.test_mapping import BUFFERS

# sums that a line holds grow with its multipliers, which have one that grows and one that leaves
MULTIPLIERS = ("engine.macs", "engine.row_values")
MORE = [*((name,) for name in RESOURCES), *BUFFERS, MULTIPLIERS]
PHASES = 16  # of the refresh


class Case(NamedTuple):
    """A random machine's settings, those with which it has more of a resource, and what it runs."""

    settings: list[str]
    more: list[str]
    workload: Workload


def case(seed: int) -> Case | None:
    """The case of a seed. None: it has no such resource (a pipe's, or a buffer's), or is no machine."""
    drawn = Seeded(seed)
    over, workload, names = overrides_of(drawn), workload_of(drawn), drawn.one_of(MORE)
    times = drawn.one_of((2, 16))
    try:
        parts = load_arch("vitcod", schema, over).parts
        more = [f"{name}={times * parts[name.split('.')[0]][name.split('.')[1]]}" for name in names]
    except (InputError, KeyError):
        return None
    return Case(over, more, workload)


@contextmanager
def refreshed(phase: int) -> Iterator[None]:
    """Have the first refresh of the exact DRAM come earlier by so many PHASES-ths of the time between two."""
    build = memory.build

    def earlier(*args, **sizes):
        made = build(*args, **sizes)
        made.channel["refresh_at"] -= made.channel["refresh_at"] * phase // PHASES
        return made

    with patch.object(memory, "build", earlier):
        yield


def cycles(one: Case, phase: int = 0) -> tuple[int, int]:
    """Cycles without and with more."""
    with refreshed(phase):
        before, after = (
            run(load_arch("vitcod", schema, over), one.workload).result.cycles()
            for over in (one.settings, [*one.settings, *one.more])
        )
    return before, after


def slower(seed: int) -> str | None:
    """With what a random machine is slower that has more of it, if it is; empty: it is not. None: there is no such
    case, or the machine is too small for its network, or has more than another part's ports give."""
    one = case(seed)
    try:
        before, after = cycles(one) if one else (0, 0)
    except InputError:
        one = None
    if one is None:
        return None
    return f"{seed}: {one.more} {before} {after}" if after > SLOWER * before else ""


def of_machines(count: int) -> list[str]:
    """The same of so many machines, always the same ones."""
    found, seed = [], 0
    while len(found) < count:
        said = slower(seed)
        found += [said] * (said is not None)
        seed += 1
    return [said for said in found if said]


def in_the_mean(seed: int) -> float:
    """How many times as long it takes with more, whenever the first refresh comes."""
    one = case(seed)
    exact = "dram.model=exact" in one.settings
    times = [cycles(one, phase) for phase in range(PHASES if exact else 1)]
    return sum(after for _, after in times) / sum(before for before, _ in times)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    found = of_machines(count)
    still = 0
    for line in found:
        mean = in_the_mean(int(line.split(":")[0]))
        still += mean > SLOWER
        print(f"{line}, {mean - 1:+.2%} in the mean")
    print(
        f"{len(found)} of {count} machines are slower with more by over 1 %, {still} in the mean over {PHASES} phases"
    )


if __name__ == "__main__":
    main()
