"""The cut of a GEMM that is estimated to be best: orientation, tile sizes, order, residency (docs/mapping.md)."""

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache

import numpy as np

from accelsim.core.errors import InputError, suggest
from accelsim.dataflows.estimate import ArrayRates, Memory
from accelsim.dataflows.gemm_cuts import ORDERS, cuts, faults, plan_gemm, steps_of, traffic
from accelsim.dataflows.gemm_estimate import GemmWork, gemm_estimate, step_cycles, stored_segments
from accelsim.dataflows.gemm_shape import GemmShape
from accelsim.dataflows.mapping import RULE, Choice, best
from accelsim.dataflows.tiling import MOST_TILES, DenseResources, GemmPlan, ceil, pieces

# Cuts whose time is estimated: those that a rougher estimate puts first, and as many that move least near them.
LOOKED_AT, NEAR = 48, 1.02
DEPTHS = 3  # numbers of parts of the depth, of a tile
ROWS = (1, 2, 4)  # a tile has as many rows as fit, half of them or a quarter: what less room would allow, more does too
FIELDS = ("order", "rows", "features", "depth_tiles", "step_tokens", "step_features")


def cut_of(plan: GemmPlan) -> dict[str, object]:
    """A plan as data: the largest tile's rows and features, and how many parts of the depth there are."""
    return {
        "order": plan.order,
        "rows": plan.row_tiles[0],
        "features": plan.feature_tiles[0],
        "depth_tiles": len(plan.depth_tiles),
        "step_tokens": plan.step_tokens,
        "step_features": plan.step_features,
    }


def plan_of_cut(where: str, cut: object, shape: GemmShape, have: DenseResources) -> GemmPlan:
    """The plan of a cut that a user wrote. Raises InputError with all that is wrong with it."""
    if not isinstance(cut, Mapping) or set(cut) != set(FIELDS):
        found = cut if isinstance(cut, Mapping) else {}
        strange = next((name for name in found if name not in FIELDS), None)
        hint = suggest(strange, FIELDS) if strange is not None else ""
        raise InputError(f"{where}: the cut of a GEMM has {', '.join(FIELDS)}, not {', '.join(map(str, found))}{hint}")
    if cut["order"] not in ORDERS:
        raise InputError(f"{where}: order is {cut['order']!r} but must be one of {', '.join(ORDERS)}")
    sizes = {}
    for name, most in (
        ("rows", shape.tokens),
        ("features", shape.features),
        ("depth_tiles", shape.depth),
        ("step_tokens", None),
        ("step_features", None),
    ):
        try:
            sizes[name] = int(str(cut[name]))
        except ValueError:
            sizes[name] = 0
        if sizes[name] < 1 or (most is not None and sizes[name] > most):
            rule = f"from 1 to {most}" if most else "of at least 1"
            raise InputError(f"{where}: {name} is {cut[name]!r} but must be a whole number {rule}")
    tile = sizes["step_tokens"], sizes["step_features"], sizes["rows"], sizes["features"], str(cut["order"])
    plan = made(shape, tile, sizes["depth_tiles"])
    if wrong := faults(shape, plan, have):
        raise InputError(f"{where}: the cut does not fit: {'; '.join(wrong)}")
    return plan


def made(shape: GemmShape, cut: tuple[int, int, int, int, str], depths: int) -> GemmPlan:
    """The plan of (step tokens, step features, rows, features, order), with the depth in so many parts."""
    step_tokens, step_features, rows, features, order = cut
    row_tiles = tuple(min(rows, shape.tokens - at) for at in range(0, shape.tokens, rows))
    feature_tiles = tuple(min(features, shape.features - at) for at in range(0, shape.features, features))
    depth_tiles = tuple(pieces(shape.depth, ceil(shape.depth, depths)))
    moved = traffic(shape, order, len(row_tiles), len(feature_tiles), len(depth_tiles))
    return GemmPlan(order, row_tiles, feature_tiles, depth_tiles, step_tokens, step_features, moved)


def candidates(
    shape: GemmShape, work: GemmWork, have: DenseResources, rates: ArrayRates, memory: Memory
) -> Iterator[GemmPlan]:
    """Cuts worth an estimate: those that fit and are first by the array's steps, DRAM's bytes and stores' bursts."""
    found, rate = cuts(shape, have), memory.rate
    each, fewer = np.divmod(np.arange(len(ROWS) * len(found.rows)), len(ROWS))
    step_tokens, step_features, most, features, deep, order = found.only(each)
    fewer = np.array(ROWS)[fewer]
    rows = ceil(most, fewer)
    size = np.minimum(most, ceil(ceil(shape.tokens, ceil(shape.tokens, rows)), step_tokens) * step_tokens)
    n, across, depths = ceil(shape.tokens, size), ceil(shape.features, features), ceil(shape.depth, deep)
    steps = steps_of(shape, size, step_tokens, features, step_features)
    moved = traffic(shape, order, n, across, depths)
    first = (order != "stream") * np.minimum(size * shape.row_bytes, shape.inputs)
    wide, high, alone = np.minimum(step_features, features), np.minimum(step_tokens, size), depths == 1
    longer, array = shape.depth % depths, 0
    for often, part in ((longer, ceil(shape.depth, depths)), (depths - longer, shape.depth // depths)):
        array = array + steps * often * step_cycles(work, rates, high, wide, part, 2 * ~alone, alone)
    _, segments = stored_segments(work, features, high, wide, rates)
    key = np.maximum(np.maximum(array, moved / rate), segments * memory.burst_cycles)
    key = key + first / rate + 20 * n * across * depths / np.maximum(1, steps)
    useful = (fewer == 1) | (size >= step_tokens)
    useful &= n * across * depths <= MOST_TILES
    if have.double_buffer:  # rows that could stay are no quicker, and move no less
        useful &= (order != "rows") | (shape.inputs + 2 * features * shape.residual * size > have.act_bytes)
    columns = step_tokens, step_features, size, features, order, depths, key, moved
    for *cut, parts in first_of(*(column[useful] for column in columns)):
        yield made(shape, tuple(cut), parts)


def first_of(
    step_tokens: np.ndarray, step_features: np.ndarray, size: np.ndarray, features: np.ndarray, order: np.ndarray,
    depths: np.ndarray, score: np.ndarray, read: np.ndarray,
) -> Iterator[tuple[int, int, int, int, str, int]]:  # fmt: skip
    """Of cuts those of the least score, and of those near the least the ones that read least: (step tokens, step
    features, rows, features, order, parts of the depth). Of cuts that differ in the depth alone, the first ones."""
    cut = step_tokens, step_features, size, features, np.searchsorted(ORDERS, order)
    by_cut = np.lexsort((depths, *cut[::-1]))  # which keeps the order of equal ones
    differs = np.zeros(len(depths), bool)
    for column in cut:
        differs |= np.diff(column[by_cut], prepend=-1) != 0  # no size is negative
    apart = differs | (np.diff(depths[by_cut], prepend=-1) != 0)
    pairs = np.flatnonzero(apart)  # a cut with so many parts of the depth: where its rows begin in `by_cut`
    whose, first = np.cumsum(differs)[pairs], by_cut[pairs]
    place = np.empty(len(pairs), np.int64)  # among those of the same cut, by where each comes first
    place[np.lexsort((first, whose))] = np.arange(len(pairs)) - np.searchsorted(whose, whose)
    pair = np.empty(len(depths), np.int64)
    pair[by_cut] = np.cumsum(apart) - 1
    best = np.lexsort((read, score, pair))
    best = best[np.flatnonzero(np.diff(pair[best], prepend=-1))]
    best = best[place < DEPTHS]  # as deep as they fit, or half that; they come in this order
    ranked = best[np.lexsort((depths[best], *(column[best] for column in cut[::-1]), read[best], score[best]))]
    near = ranked[score[ranked] <= NEAR * score[ranked[:1]]]
    near = near[np.argsort(read[near], kind="stable")]
    wanted = list(dict.fromkeys([*ranked[:LOOKED_AT].tolist(), *near[:LOOKED_AT].tolist()]))
    columns = step_tokens, step_features, size, features, order, depths
    return zip(*(column[wanted].tolist() for column in columns))


@lru_cache(maxsize=1 << 12)
def choose(
    shape: GemmShape,
    run: int,
    have: DenseResources,
    rates: ArrayRates,
    memory: Memory,
    objective: str,
    early: bool = False,
    products: int = 1,
    behind: float = math.inf,
    reads: int | None = None,
) -> tuple[Choice, tuple[Choice, ...]]:
    """The best cut and the next best; of equals that of the smallest parts of weights, which keep DRAM from others for
    the shortest time."""
    rule = plan_gemm("", shape, have)
    work = work_of(shape, run, early, products, behind, reads)
    if objective == RULE:
        return choice(work, rule, rates, memory), ()
    found = [rule, *candidates(shape, work, have, rates, memory)]
    found.sort(key=lambda plan: plan.feature_tiles[0] * plan.depth_tiles[0])
    return best([choice(work, plan, rates, memory) for plan in found], objective)


def work_of(
    shape: GemmShape,
    run: int,
    early: bool = False,
    products: int = 1,
    behind: float = math.inf,
    reads: int | None = None,
) -> GemmWork:
    """What an estimate must know of a layer: its shape, how outputs lie, whether weights come while the
    layer before works, how many such products follow each other, what the layer behind leaves of DRAM, and how often
    weights are read if the cut does not say it."""
    sizes = vars(shape) | {"inputs": shape.inputs * (not shape.kept)}
    return GemmWork(**sizes, run=run, early=early, products=products, behind=behind, reads=reads)


def choice(work: GemmWork, plan: GemmPlan, rates: ArrayRates, memory: Memory) -> Choice:
    """A plan with its estimate."""
    return Choice(cut_of(plan), plan, gemm_estimate(work, plan, rates, memory))
