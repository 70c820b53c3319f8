"""The performance models that were published with SALO and SALOv2 (github.com/sjtu-zhao-lab/SALO), by their formulas.

They know no memory, no borders and no rows of global tokens, and take a window in two dimensions for one of as many
keys in a row. They are here to be compared with; the machine follows its own tiles.
"""

from typing import NamedTuple

from accelsim.dataflows.tiling import ceil

PROJECTIONS = 0.14  # share of the multiply-accumulates of projections that SALOv2's model charges


class Pattern(NamedTuple):
    """What is computed: tokens, keys of a window, global tokens, keys chosen at random; features of all heads."""

    tokens: int
    window: int
    globals: int
    randoms: int
    dim: int
    heads: int


class Pes(NamedTuple):
    """What computes it: rows, and columns for windows, global tokens and random keys."""

    rows: int
    columns: int
    globals: int
    randoms: int = 0


class Model(NamedTuple):
    """What a model says: cycles of attention, the share of the peak it calls utilization; SALOv2's also the cycles of
    the projections to Q, K and V."""

    cycles: float
    utilization: float
    projection_cycles: float = 0.0


def v1(has: Pattern, on: Pes) -> Model:
    """Of SALO."""
    d = has.dim // has.heads
    tiles = ceil(has.tokens, on.rows) * ceil(has.window, on.columns) * has.heads
    cycles = (2 * d + 3 + on.columns) * tiles + (tiles - 1) + on.columns + on.globals - 1
    operations = has.tokens * (has.window + 2 * has.globals) * (4 * has.dim + 4)
    pes = on.rows * (on.columns + on.globals) + on.columns
    return Model(cycles, operations / (2 * pes * cycles))


def v2(has: Pattern, on: Pes, block: int) -> Model:
    """Of SALOv2, which takes every block of block x block scores for one with a window in it."""
    d, blocks = has.dim // has.heads, has.tokens / block
    tiles = blocks**2 * ceil(block, on.rows) * ceil(has.window, on.columns) * has.heads
    cycles = (2 * d + 2) * tiles + (tiles - 1) + on.columns + on.randoms + on.globals - 1
    operations = blocks * has.tokens * (has.window + 2 * has.globals + has.randoms) * (4 * has.dim + 3)
    pes = on.rows * (on.columns + 2 * on.globals + on.randoms)
    share = operations / (2 * pes * cycles)
    return Model(cycles, share, PROJECTIONS * 3 * has.tokens * has.dim**2 / (pes * share))


def matching(tokens: int, block: int, dim: int, heads: int) -> int:
    """Cycles of SALOv2's array that looks for patterns, block by block."""
    blocks = ceil(tokens, block) ** 2 * heads
    return (dim // heads + 1) * blocks + (blocks - 1) + 2 * block + 2
