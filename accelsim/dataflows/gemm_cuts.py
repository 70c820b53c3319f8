"""GEMMs cut until they fit: tiles of fewer rows than an array has lines, features and depth cut, down to a single
output of a depth of one. Lines and MACs that a buffer cannot feed, or hold the sums of, stand idle.

A cut is a `GemmPlan`, whoever chose it; `faults` says why one does not fit, `plan_gemm` chooses one by rule.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from accelsim.core.errors import InputError
from accelsim.dataflows.gemm_shape import GemmShape, part_bytes
from accelsim.dataflows.tiling import MOST_TILES, DenseResources, GemmPlan, ceil, pieces, step_shape

# [ours] What a byte of DRAM traffic counts in cycles of the array where a cut is chosen by rule: an order of magnitude.
TRAFFIC_BYTES_PER_CYCLE = 64
ORDERS = ("resident", "rows", "stream")
SHARES = (2, 3, 4)  # tiles of even features too, where the weight buffer holds more
PARTS = (2, 4, 8, 16)  # of the array's places that a step fills too: what a smaller array would do, a larger one can


def orders(shape: GemmShape, have: DenseResources, features: int, deep: int) -> Iterator[tuple[str, int]]:
    """(order, most rows of a tile) with so many features and so much depth at a time, by the activation buffer."""
    spare = 2 * features * shape.residual
    beside = have.act_bytes - shape.inputs
    if beside >= 0:
        yield "resident", beside // spare if spare else shape.tokens
    if shape.kept:
        return
    yield "rows", have.act_bytes // (shape.row_bytes + spare)
    yield "stream", have.act_bytes // (2 * part_bytes(shape, deep) + spare)


def traffic(shape: GemmShape, order, row_tiles, feature_tiles, depth_tiles):
    """Bytes of weights and activations that are read of DRAM: of one cut, or arrays of many."""
    stay = (order == "resident") & (depth_tiles == 1)
    weights = shape.depth * shape.features * (row_tiles - stay * (row_tiles - 1))
    return weights + (not shape.kept) * shape.inputs * (1 + (order == "stream") * (feature_tiles - 1))


def faults(shape: GemmShape, plan: GemmPlan, have: DenseResources) -> list[str]:
    """Why a cut does not fit its layer or the machine; empty if it does."""
    rows, columns, deep = max(plan.row_tiles), max(plan.feature_tiles), max(plan.depth_tiles)
    step = min(plan.step_tokens, rows), min(plan.step_features, columns)
    found = []
    whole = (
        ("row_tiles", shape.tokens, plan.row_tiles),
        ("feature_tiles", shape.features, plan.feature_tiles),
        ("depth_tiles", shape.depth, plan.depth_tiles),
    )
    for name, size, tiles in whole:
        if sum(tiles) != size or min(tiles) < 1:
            found.append(f"{name} add up to {sum(tiles)}, not to the layer's {size}")
    if not any(step[0] <= a and step[1] <= b for a, b in ((have.lines, have.macs), (have.macs, have.lines))):
        found.append(f"a step of {step[0]} x {step[1]} outputs is more than {have.lines} lines x {have.macs} MACs")
    least_act = dict(orders(shape, have, columns, deep)).get(plan.order, 0)
    for part, size, needed in (
        (f"{have.store}.capacity_bytes", have.store_bytes, 2 * step[0] * shape.leaving(step[1])),
        (f"{have.weight}.capacity_bytes", have.weight_bytes, 2 * columns * (deep + shape.constants)),
        (f"{have.array}.psum_bytes", have.psum_bytes, 4 * rows * columns * (len(plan.depth_tiles) > 1)),
        (f"{have.encoder}.sum_bytes", have.sum_bytes, int(most_sums(shape, plan))),
    ):
        if needed > size:
            found.append(f"it needs {needed} bytes of {part} ({size})")
    if rows > least_act:
        found.append(f"{have.act}.capacity_bytes ({have.act_bytes}) holds {least_act} rows of a tile, not {rows}")
    return found


def most_sums(shape: GemmShape, plan: GemmPlan) -> int:
    """Most bytes of sums that a cut keeps behind the array."""
    if not shape.encoded:
        return 0
    order, rows, step = np.array(plan.order), max(plan.row_tiles), (plan.step_tokens, plan.step_features)
    return max(int(shape.kept_sums(order, np.array(size), rows, *step)) for size in plan.feature_tiles)


class Cuts(NamedTuple):
    """Cuts of a layer: of each the tokens and features of a step, the rows, features and depth of a tile (int64), and
    the order."""

    step_tokens: np.ndarray
    step_features: np.ndarray
    rows: np.ndarray
    features: np.ndarray
    deep: np.ndarray
    order: np.ndarray

    def only(self, some: np.ndarray) -> "Cuts":
        """Those that a mask or numbers name."""
        return Cuts(*(column[some] for column in self))


def cuts(shape: GemmShape, have: DenseResources) -> Cuts:
    """Cuts that fit.

    Both ways round; feature tiles of whole steps, or halves of a step, or as many as the weight buffer holds in their
    whole depth, and halves, thirds and quarters of all; depths as deep as it holds, or halves of that; rows as many as
    the buffers hold, in whole steps, or fewer than a step has; steps of all the rows the array has places for, half of
    them to a 16th, or so few that the store buffer collects a tile's features, which leave together. Where the sums of
    all tokens' cut features do not fit behind the array, tiles of whole features besides, or of as many rows as fit.
    """
    found = []  # step tokens, step features, features, depth
    few = max(1, have.sum_bytes // (4 * shape.encoded)) if shape.heads else shape.tokens  # whose sums are kept
    whole_heads = shape.kept_sums(np.array(""), 1, 1, 1, 1) > have.sum_bytes
    fit = have.weight_bytes // 2 // (shape.depth + shape.constants)
    fewest = ceil(shape.features, fit) if fit else 0
    whole = [ceil(shape.features, n) for n in {fewest, *SHARES} if n >= fewest] if fit else []
    for across, down in dict.fromkeys([(have.macs, have.lines), (have.lines, have.macs)][: 1 + have.either_way]):
        step_tokens, step_features = min(across, shape.tokens), min(down, shape.features)
        sizes = {*feature_tiles(step_features, shape.features), *whole}
        if whole_heads:
            sizes |= {size - size % shape.heads for size in sizes if size > shape.heads}
        for features in sorted(sizes):
            wide = min(step_features, features)
            room, collected = (have.store_bytes // 2 // shape.leaving(size) for size in (wide, features))
            some = room, max(1, collected), few, *(ceil(across, part) for part in PARTS)
            steps = dict.fromkeys(min(step_tokens, most) for most in some if most <= room)
            deep = min(shape.depth, have.weight_bytes // 2 // features - shape.constants)
            while deep >= 1 and room:
                found += [(step, wide, features, deep) for step in steps]
                deep //= 2
    step, wide, features, deep = np.array(found, np.int64).reshape(-1, 4).T[:, :, None]
    spare, beside = 2 * features * shape.residual, have.act_bytes - shape.inputs
    most = np.concatenate(
        [
            (beside // spare if shape.residual else np.full_like(deep, shape.tokens)) * (beside >= 0),
            have.act_bytes // (shape.row_bytes + spare) * (not shape.kept),
            have.act_bytes // (2 * part_bytes(shape, deep) + spare) * (not shape.kept),
        ],
        axis=1,
    )
    sums = np.where(deep == shape.depth, shape.tokens, have.psum_bytes // (4 * features))
    rows = np.minimum(np.minimum(most, sums), shape.tokens)
    rows = rows - np.where((rows > step) & (rows < shape.tokens), rows % step, 0)
    order = np.array(ORDERS)
    if shape.heads:
        rows = np.where((order == "rows") & (features % shape.heads > 0), np.minimum(rows, few), rows)
    found = Cuts(*np.broadcast_arrays(np.minimum(step, rows), wide, rows, features, deep, order))
    kept = shape.kept_sums(found.order, found.features, found.rows, found.step_tokens, found.step_features)
    return found.only((found.rows >= 1) & (kept <= have.sum_bytes))


def feature_tiles(step: int, features: int) -> list[int]:
    """Sizes of feature tiles worth a look: a step's halves, and 1, 2, 3, 4, 6, 8, 12, ... whole steps."""
    sizes, times = {features}, 1
    while times * step < features:
        sizes |= {times * step, min(3 * times * step, features)}
        times *= 2
    while step > 1:
        step //= 2
        sizes.add(step)
    return sorted(sizes)


def plan_gemm(name: str, shape: GemmShape, have: DenseResources) -> GemmPlan:
    """The cut of a layer: where the whole array fits the buffers the one that moves least, else the one of the least
    time by rule. Raises InputError when not even a single output fits, or when there would be too many tiles."""
    plan = rule(shape, have)
    if plan is None:
        raise InputError(refusal(name, shape, have))
    return plan


@lru_cache(maxsize=4096)
def rule(shape: GemmShape, have: DenseResources) -> GemmPlan | None:
    """What `plan_gemm` chooses; None: nothing fits."""
    return least_traffic(shape, have) or smaller_array(shape, have)


def least_traffic(shape: GemmShape, have: DenseResources) -> GemmPlan | None:
    """The cut with the least DRAM traffic among those of steps as large as the array, the way round that needs fewer
    steps, and of feature tiles as wide as there are lines; among equals the one with fewest tiles. None: none fits."""
    step_tokens, step_features = step_shape(shape.tokens, shape.features, have)
    high, wide = min(step_tokens, shape.tokens), min(step_features, shape.features)
    if high * max(wide, shape.leaving(wide)) > have.store_bytes // 2:
        return None
    feature_tile = min(max(have.lines, step_features), shape.features)
    deep = have.weight_bytes // 2 // feature_tile - shape.constants
    least = ceil(shape.features, feature_tile) * ceil(shape.depth, max(1, deep))
    if deep < 1 or least > MOST_TILES:
        return None
    feature_tiles = tuple(min(feature_tile, shape.features - at) for at in range(0, shape.features, feature_tile))
    depth_tiles = tuple(pieces(shape.depth, deep))
    sums = shape.tokens if len(depth_tiles) == 1 else have.psum_bytes // (4 * feature_tile)
    plans = []
    for order, most in orders(shape, have, feature_tile, depth_tiles[0]):
        rows = min(most, sums, shape.tokens)
        if rows < high:
            continue
        rows = shape.tokens if rows == shape.tokens else rows // step_tokens * step_tokens
        if (n := ceil(shape.tokens, rows)) * least > MOST_TILES:
            continue
        size = min(shape.tokens, ceil(ceil(shape.tokens, n), step_tokens) * step_tokens)
        row_tiles = tuple(min(size, shape.tokens - at) for at in range(0, shape.tokens, size))
        moved = traffic(shape, order, len(row_tiles), len(feature_tiles), len(depth_tiles))
        plan = GemmPlan(order, row_tiles, feature_tiles, depth_tiles, step_tokens, step_features, moved)
        plans.append((moved, len(row_tiles), plan))
    fit = [one for one in plans if most_sums(shape, one[2]) <= have.sum_bytes]
    return min(fit, key=lambda p: p[:2], default=(0, 0, None))[2]


def steps_of(shape: GemmShape, rows, step_tokens, features, step_features):
    """Steps of all tiles of so many rows and features, the last ones smaller: of one cut, or arrays of many."""
    down, across = ceil(shape.tokens, rows), ceil(shape.features, features)
    high = ceil(rows, step_tokens) * (down - 1) + ceil(shape.tokens - rows * (down - 1), step_tokens)
    wide = ceil(features, step_features) * (across - 1)
    return high * (wide + ceil(shape.features - features * (across - 1), step_features))


def smaller_array(shape: GemmShape, have: DenseResources) -> GemmPlan | None:
    """Of all cuts that fit the one of the least time by rule: the array's cycles, or DRAM's where that is longer. None:
    not even a single output fits, or all cuts have more tiles than memory is taken for."""
    found = cuts(shape, have)
    # tiles of similar size, of whole steps where they are larger than one
    even = ceil(ceil(shape.tokens, ceil(shape.tokens, found.rows)), found.step_tokens) * found.step_tokens
    found = found._replace(rows=np.minimum(found.rows, even))
    down, across = ceil(shape.tokens, found.rows), ceil(shape.features, found.features)
    if not (few := down * across * ceil(shape.depth, found.deep) <= MOST_TILES).any():
        return None
    found, down, across = found.only(few), down[few], across[few]
    step_tokens, step_features, size, features, deep, order = found
    depths = ceil(shape.depth, deep)
    steps = steps_of(shape, size, step_tokens, features, step_features)
    moved = traffic(shape, order, down, across, depths)
    sums = 8 * step_tokens * step_features * (depths > 1)  # bytes fetched and put away
    busy = steps * np.maximum(shape.depth, depths * ceil(sums, have.psum_cycle_bytes))
    time = np.maximum(busy, moved // TRAFFIC_BYTES_PER_CYCLE)
    best = np.lexsort((down * across * depths, moved, busy, time))[:1]  # the first of equals
    step_tokens, step_features, size, features, deep, order = (column.item() for column in found.only(best))
    return GemmPlan(
        order,
        tuple(min(size, shape.tokens - at) for at in range(0, shape.tokens, size)),
        tuple(min(features, shape.features - at) for at in range(0, shape.features, features)),
        tuple(pieces(shape.depth, deep)),
        step_tokens,
        step_features,
        int(moved[best[0]]),
    )


def refusal(name: str, shape: GemmShape, have: DenseResources) -> str:
    """Why a layer cannot be cut to fit, and the smallest sizes of all buffers that would do."""
    token = min(shape.row_bytes, 2 * part_bytes(shape, 1))  # all of it, or two parts of a depth of one
    needed = (
        (f"{have.weight}.capacity_bytes", have.weight_bytes, 2 * (1 + shape.constants)),
        (f"{have.act}.capacity_bytes", have.act_bytes, token + 2 * shape.residual),
        (f"{have.store}.capacity_bytes", have.store_bytes, 2 * shape.leaving(1)),
        (f"{have.array}.psum_bytes", have.psum_bytes, 4 * (shape.depth > 1)),
        (f"{have.encoder}.sum_bytes", have.sum_bytes, 4 * shape.encoded * (shape.heads > 1)),
    )
    small = [f"{part} of {least} (it has {size})" for part, size, least in needed if size < least]
    if small:
        return f"layer {name}: a single output at a time needs {', '.join(small)}; make them at least that large"
    return (
        f"layer {name}: {shape.tokens} x {shape.depth} x {shape.features} would be cut into more than {MOST_TILES:,} "
        "tiles, more than memory is taken for; make the layer smaller or the buffers larger"
    )
