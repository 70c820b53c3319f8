"""Random cases for ViTCoD's memory side: that of any machine, and the way from one activation buffer to the other."""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from accelsim.accelerators.vitcod.rtl.modules import PACKAGE, TWINS
from accelsim.rtl import memory_cases
from accelsim.rtl.cosim import Case
from accelsim.rtl.far_ends import make, script
from accelsim.rtl.netlist import alone
from accelsim.rtl.twins import Draw


def hand_over(count: int, seed: int) -> Iterator[Case]:
    """Stores of any shape, on their way between two buffers."""
    for n in range(count):
        rng = np.random.default_rng([seed, n, 66])
        stores = [tuple(rng.integers(1, 1000, 2).tolist()) for _ in range(int(rng.integers(1, 100)))]
        net = alone(PACKAGE, TWINS["hand_over"], {}, dict.fromkeys(("keep", "out"), 1 + n % 2), {})
        yield make(rng, f"hand_over {n}", net, {}, {"keep": script(rng, stores, 2)})


MEMORY: Mapping[str, Draw] = {
    **{name: partial(memory_cases.cases, PACKAGE, name) for name in memory_cases.SETTINGS},
    "hand_over": hand_over,
}
