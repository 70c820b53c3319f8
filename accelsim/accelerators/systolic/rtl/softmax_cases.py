"""Random tiles of scores for the softmax unit to be co-simulated on."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from accelsim.accelerators.systolic.rtl.modules import PACKAGE, ROWS, SEEN, SOFTMAX, WIDE
from accelsim.components.row_softmax import FETCH, SCORE_BYTES
from accelsim.dataflows.tiling import pieces
from accelsim.rtl.cosim import Case
from accelsim.rtl.far_ends import Rng, make, script
from accelsim.rtl.netlist import Netlist, alone

UNITS = [
    {"lanes": 16, "mode": 0, "exp_cycles": 4, "divide_cycles": 16, "divide_interval": 1, "ahead": 64},
    {"lanes": 5, "mode": 1, "exp_cycles": 2, "divide_cycles": 3, "divide_interval": 4, "ahead": 2},
    {"lanes": 1, "mode": 1, "exp_cycles": 1, "divide_cycles": 1, "divide_interval": 2, "ahead": 5},
]
MEMORY = {"score_bytes": 4096, "banks": 2, "port_bytes": 32}
DEPTHS = [4, 1, 2]


def seen(values: Mapping[str, int]) -> np.ndarray:
    """The scores seen of each row of a tile, when time begins."""
    return np.zeros(values["score_bytes"] // SCORE_BYTES + 1, SEEN).view(np.recarray)


def softmax_bench(values: Mapping[str, int], depth: int) -> Netlist:
    """The softmax unit between its channels."""
    rows = {"seen": len(seen(values))}
    return replace(alone(PACKAGE, ROWS, dict(values), dict.fromkeys(ROWS.ports(), depth), rows), bits=WIDE)


def cases(count: int, seed: int) -> Iterator[Case]:
    """Random cases on all of them."""
    for n in range(count):
        which = n % len(UNITS)
        yield row_softmax(np.random.default_rng([seed, n, 92]), f"{SOFTMAX} {n}", UNITS[which] | MEMORY, DEPTHS[which])


def row_softmax(rng: Rng, name: str, values: Mapping[str, int], depth: int) -> Case:
    """Tiles of any kind; scores come in blocks, of all rows for some columns after the other."""
    tiles, blocks = [], []
    for _ in range(int(rng.integers(1, 12))):
        kind, rows, columns = int(rng.integers(0, 3)), int(rng.integers(1, 30)), int(rng.integers(1, 40))
        tiles.append((kind, rows, columns, int(rng.integers(0, 3))))
        if kind == FETCH:
            continue
        high = pieces(rows, int(rng.integers(1, rows + 1)))
        for wide in pieces(columns, int(rng.integers(1, columns + 1))):
            blocks += [(at, size, wide) for at, size in zip(np.cumsum([0, *high]).tolist(), high)]
    scripts = {"command": script(rng, tiles, 4), "scores": script(rng, blocks, 3)}
    return make(rng, name, softmax_bench(values, depth), {"seen": seen(values)}, scripts)
