"""Random machines that have more of a resource. `python -m tests.accelerators.vitcod.monotone [N]` says how many of N
(1,000) are slower with it by more than 1 %, and which (docs/mapping.md)."""

import sys

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


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    found = of_machines(count)
    for line in found:
        print(line)
    print(f"{len(found)} of {count} machines are slower with more by over 1 %")


if __name__ == "__main__":
    main()
