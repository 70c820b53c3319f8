"""How long a GEMM takes that is cut into tiles, on an output-stationary array behind two buffers, in closed form."""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from accelsim.dataflows.estimate import ArrayRates, Estimate, Memory
from accelsim.dataflows.gemm_shape import GemmShape
from accelsim.dataflows.steps import Reads, longest, step_length
from accelsim.dataflows.tiling import GemmPlan, ceil
from accelsim.dataflows.windows import usual
from accelsim.isa.instructions import instruction_bytes
from accelsim.isa.tables import DESCRIPTOR_BYTES

TILE_BYTES = instruction_bytes(1)  # of the array's, in its short form
SHARING = 6  # [ours, measured] array and DRAM wait for each other where neither is much longer: exponent of their norm
SHORT_BURSTS = 1.2  # [ours, measured] short runs take so many times a burst's cycles: several meet in a channel of DRAM


@dataclass(frozen=True)
class GemmWork(GemmShape):
    """A group of output columns as `dataflows.gemm` emits them: see `GemmPlan` and `Columns`. inputs: 0 where they do
    not come from DRAM. run: values of a token that lie beside the next token's, as one head's do; 0: all of a token's
    lie together. early: whether weights come while the layer before works, which has none. products: independent
    ones that follow each other, whose ends overlap: each has its share of the first one's fill and of the last one's
    drain.
    behind: cycles of DRAM that a layer of the vector unit behind leaves for weights, while it works; infinite: none is.
    reads: how often weights are read of DRAM; None: as the cut has it.
    """

    run: int = 0
    early: bool = False
    products: int = 1
    behind: float = math.inf
    reads: int | None = None


def counted(sizes: Iterable[int]) -> list[tuple[int, int]]:
    """(size, how often)."""
    return list(Counter(sizes).items())


def halves(total: int, step: int) -> list[tuple[int, int]]:
    """(size, how often) of steps over a length."""
    whole = [(min(step, total), total // min(step, total))]
    return [*whole, (total % step, 1)] if total > step and total % step else whole


def step_cycles(work: GemmWork, rates: ArrayRates, high, wide, deep, moves, last):
    """Cycles from one step of high x wide outputs to the next: multipliers, ports, or what is behind the array. Of one
    step, or int64 arrays of many.

    moves: how often the partial sums are moved; last: whether the accumulation ends with it.
    """
    reads = window_reads(work, rates, high, deep) if work.window and rates.windows else None
    cycles = step_length(rates, high, wide, deep, work.constants * last, work.residual & last, moves, reads)
    leaves = wide * work.encoded // work.heads if work.heads else wide
    behind = ceil(high * leaves, rates.vector_lanes)
    if work.heads and rates.encoder_macs:
        behind = longest(behind, ceil(high * wide * work.encoded, rates.encoder_macs))
        cut = wide % work.heads > 0  # sums of a feature that is begun and not ended are put away, and fetched
        behind = longest(behind, ceil(8 * high * work.encoded * cut, rates.encoder_sum_bytes))
    return longest(cycles, behind * last)


def window_reads(work: GemmWork, rates: ArrayRates, high, deep) -> Reads:
    """What a step of a convolution reads, with so many tokens and so much of the depth: of one, or arrays of many."""

    def of(rows: int, depth: int) -> Reads:
        lies = usual(work.window, rates.act_port_bytes, rates.act_banks, work.tokens, rows, depth)
        return Reads.windows(rates, depth, lies.chunk, lies.words, lies.halves)

    if isinstance(high, int) and isinstance(deep, int):
        return of(high, deep)
    several, place = np.unique(np.stack(np.broadcast_arrays(high, deep)), axis=1, return_inverse=True)
    return Reads(*np.array([of(*one) for one in several.T.tolist()], np.int64).T[:, place.ravel()])


@lru_cache(64)
def kept_step_cycles(work: GemmWork, rates: ArrayRates) -> Callable[..., int]:
    """`step_cycles` of one step of a layer on an array, which keeps what it has found: steps differ less than cuts."""
    return lru_cache(1 << 14)(partial(step_cycles, work, rates))


def array_cycles(work: GemmWork, plan: GemmPlan, rates: ArrayRates) -> tuple[int, int]:
    """Cycles of all steps of all tiles, and those in which every multiplier that has a place is used."""
    depths, total, ideal, length = plan.depth_tiles, 0, 0, kept_step_cycles(work, rates)
    if len(depths) == 1:
        parts = [(depths[0], 0, True, 1)]  # depth, moves of partial sums, whether it is the last, how often
    else:
        parts = [(depths[0], 1, False, 1), (depths[-1], 1, True, 1)]
        parts += [(deep, 2, False, often) for deep, often in counted(depths[1:-1])]
    for rows, n in counted(plan.row_tiles):
        for columns, m in counted(plan.feature_tiles):
            for high, down in halves(rows, plan.step_tokens):
                for wide, across in halves(columns, plan.step_features):
                    steps = n * m * down * across
                    ideal += steps * work.depth
                    for deep, moves, last, often in parts:
                        total += often * steps * length(high, wide, deep, moves, last)
    return total, ideal


def steps_share(plan: GemmPlan, rows: int, columns: int) -> float:
    """What a tile of so many rows and columns has of all steps."""
    down, across = (
        (len(tiles) - 1) * ceil(tiles[0], step) + ceil(tiles[-1], step)  # equal ones, and the rest
        for tiles, step in ((plan.row_tiles, plan.step_tokens), (plan.feature_tiles, plan.step_features))
    )
    return ceil(rows, plan.step_tokens) * ceil(columns, plan.step_features) / (down * across)


def stored_segments(work: GemmWork, widest, step_tokens, step_features, rates: ArrayRates):
    """(bytes, how many) of the outputs that are stored at a time and lie together: of a token a tile's, where a step
    has them or the store buffer collects them; of a head that a tile has as a whole those of a step's tokens. Of one
    tile, or int64 arrays of many."""
    whole = (step_features >= widest) | (rates.store_bytes // 2 >= widest * step_tokens)
    columns, each = step_features + whole * (widest - step_features), work.features
    if work.heads:
        columns, each = np.maximum(1, columns * work.encoded // work.heads), each * work.encoded // work.heads
    head = (columns >= work.run) & (work.run > 0)
    segment = columns + head * (work.run * step_tokens - columns)
    apart = work.tokens * ceil(each, columns)
    return segment, apart + head * (ceil(work.tokens * each, segment) - apart)


def gemm_estimate(work: GemmWork, plan: GemmPlan, rates: ArrayRates, memory: Memory) -> Estimate:
    """The time of a GEMM cut by `plan` on an output-stationary array whose operands stream through two buffers.

    Exposed are the activations of the first tile and its residual operand, activations of later row tiles that find no
    room beside the one in use, and the last tile's way to DRAM. A weight tile is fetched while as many others as have
    room are used.
    """
    busy, ideal = array_cycles(work, plan, rates)
    n, m, d = len(plan.row_tiles), len(plan.feature_tiles), len(plan.depth_tiles)
    stays = plan.order == "resident" and d == 1
    reads = (1 if stays else n) if work.reads is None else work.reads
    weights = reads * work.features * (work.depth + work.constants)
    acts = work.inputs * (m if plan.order == "stream" else 1)
    beside = work.tokens * work.features * work.residual
    leaving = work.tokens * (work.features * work.encoded // work.heads if work.heads else work.features)
    widest = min(plan.feature_tiles[0], work.features)
    segment, segments = map(int, stored_segments(work, widest, plan.step_tokens, plan.step_features, rates))
    tile = plan.depth_tiles[0] * widest + work.constants * widest * (d == 1)
    loads = reads * m * d
    deep, rows = plan.depth_tiles[0], plan.row_tiles[0]
    parts = plan.order == "stream" and d > 1 and work.inputs == work.tokens * work.depth  # a segment a token and part
    segmented = m * d * work.tokens * parts
    # constants are a load of their own
    bursts = loads * memory.bursts(plan.depth_tiles[0] * widest) + reads * m * memory.bursts(work.constants * widest)
    bursts += memory.bursts(deep, segmented) if parts else memory.bursts(acts)
    bursts += work.tokens * m * memory.bursts(widest) * work.residual
    stored = segments * memory.bursts(segment) * work.stored
    moved = weights + (memory.moved(deep, segmented) if parts else acts)
    moved += memory.moved(widest, work.tokens * m) * work.residual
    moved += memory.moved(segment, segments) * work.stored
    said = program_bytes(work, plan, rates, loads, leaving)
    moved, bursts = moved + said, bursts + memory.bursts(said)
    first = {
        "resident": min(work.inputs, rows * work.row_bytes) if rates.double_buffer else work.inputs,
        "rows": min(work.inputs, rows * work.row_bytes),
        "stream": ceil(rows * work.row_bytes * plan.depth_tiles[0], work.depth),
    }[plan.order]
    # a residual operand of the first tile comes token by token behind its activations, and is added with the last part
    asked = memory.bursts(deep, rows) if parts else memory.bursts(first)
    fill = memory.fetch(first, asked)
    first_bytes = first
    if work.residual:
        added, runs = memory.moved(widest, rows), rows * memory.bursts(widest)
        before = 0.0 if plan.order == "stream" else busy * (d - 1) / (n * m * d)
        behind = max(
            added / memory.bytes_per_cycle, runs * memory.burst_cycles
        )  # answers come in their order, one a cycle
        fill = max(fill, (fill or memory.latency) + behind - before)
        first_bytes, asked = first + added, asked + runs
    exposed = {"fill": fill}
    if plan.order == "rows" and n > 1:
        extra = widest * rows * work.residual
        both = (plan.row_tiles[0] + plan.row_tiles[1]) * work.row_bytes + extra
        if both > rates.act_bytes or not rates.double_buffer:
            exposed["activations"] = sum(memory.fetch(r * work.row_bytes) for r in plan.row_tiles[1:])
    # until the first store has been computed, with the last part of the first tile
    begun = steps_share(plan, rows, widest) * (1 - (1 - min(1.0, rates.store_bytes // 2 / (rows * widest))) / d)
    last = min(rates.store_bytes // 2, plan.row_tiles[-1] * plan.feature_tiles[-1])
    last = min(last, leaving)
    narrow = min(segment, last if work.run else plan.feature_tiles[-1])
    left = ceil(last, narrow) * memory.bursts(narrow)
    exposed["drain"] = memory.store(last, left) if work.stored else rates.hand_on(narrow, ceil(last, narrow))
    for end in ("fill", "drain"):
        exposed[end] /= work.products if rates.double_buffer else 1
    last, left = last * work.stored, left * work.stored
    held = work.constants * widest * (d > 1)  # they stay while the parts of their tile stream by
    room = rates.weight_bytes - held
    come = min(loads, max(1, room // max(1, tile))) * work.early  # before it begins
    interval = tile_interval(memory, tile, room, rates.outstanding)
    fetching = (loads - come) * interval
    # a small tile, as of the last rows, does not hide what is fetched meanwhile, beyond what was fetched ahead
    low, ahead = plan.row_tiles[-1], min(rates.outstanding, max(1, room // max(1, tile) - 1))
    hurried = max(0, m * d - ahead) * (reads > 1 and loads > come)
    small = hurried * max(0.0, interval - busy * steps_share(plan, low, widest) / d)
    if plan.order == "stream":
        part = memory.moved(deep, rows) if parts else ceil(rows * work.row_bytes * deep, work.depth)
        each = tile_interval(memory, part, rates.act_bytes, rates.outstanding)
        fetching = max(fetching, n * m * d * max(each, memory.bursts(deep, rows) * memory.burst_cycles * parts))
    # activations come before weights, and more are asked for until their buffer is full: what weights there are lasts
    if plan.order != "rows" and (rates.outstanding * rows * memory.burst_bytes > memory.in_flight_bytes or not parts):
        ahead = min(acts, rates.act_bytes)
        filled = max(ahead / memory.rate, SHORT_BURSTS * (ahead // deep) * memory.burst_cycles * parts)
        there = min(rates.outstanding, rates.weight_bytes // max(1, tile))
        if loads and filled - fill > there * busy / loads:
            exposed["ahead"] = filled - fill - there * busy / loads
    # what the last tile gives back is fetched for later layers, while one behind works that stores before it goes on
    freed = plan.feature_tiles[-1] * (plan.depth_tiles[-1] + work.constants) * work.stored
    if rates.double_buffer and freed / memory.rate > work.behind:
        exposed["weights behind"] = freed / memory.rate - work.behind
    terms = {
        "MACs": float(ideal),
        "ports": float(busy),
        "weights": fetching,
        "DRAM": max(0, moved - first_bytes - last) / memory.bytes_per_cycle,  # beside the fill and the drain
        "bursts": max(0, bursts - asked) * memory.burst_cycles + max(0, stored - left) * memory.store_cycles,
        # none leaves before the first store has been computed
        "stores": busy * begun + max(0, stored - left) * memory.store_cycles,
    }
    if small:
        terms["small tiles"] = busy + small
    if work.handed:
        terms["hand over"] = busy * begun + handed_cycles(work, plan, rates, segment, segments)
    if work.stored:
        terms["store buffer"] = store_cycles(work, plan, rates, memory, busy, leaving)
    if not rates.double_buffer:
        exposed["loads"] = loads * memory.fetch(tile)
        terms.pop("weights")
    sharing = [terms["ports"], terms.get("weights", 0.0), terms["DRAM"], terms["bursts"]]
    exposed["waiting"] = sum(cycles**SHARING for cycles in sharing) ** (1 / SHARING) - max(sharing)
    return Estimate(terms, exposed, weights + acts + beside + leaving * work.stored + said)


def program_bytes(work: GemmWork, plan: GemmPlan, rates: ArrayRates, loads: int, leaving: int) -> int:
    """Bytes of the program that come of DRAM, where it lies there: each part's instruction, so many loads of weights,
    the others, and the stores."""
    if not rates.told:
        return 0
    n, m, d = len(plan.row_tiles), len(plan.feature_tiles), len(plan.depth_tiles)
    lists = loads + ceil(loads, d) * (work.constants > 0) + n * m * work.residual
    lists += n * m * d if plan.order == "stream" else n * (work.inputs > 0)
    lists += max(n * m, ceil(leaving, max(1, rates.store_bytes // 2)))
    return TILE_BYTES * n * m * d + DESCRIPTOR_BYTES * lists


def handed_cycles(work: GemmWork, plan: GemmPlan, rates: ArrayRates, segment: int, segments: int) -> float:
    """Cycles in which the activation buffer takes results that are handed on to it: each segment begins a word of its
    ports, of which the array leaves what the steps of a tile do not read."""
    high, deep = min(plan.step_tokens, plan.row_tiles[0]), plan.depth_tiles[0]
    reads = window_reads(work, rates, high, deep) if work.window and rates.windows else Reads.rows(rates, high, deep)
    step = kept_step_cycles(work, rates)(high, min(plan.step_features, plan.feature_tiles[0]), deep, 0, True)
    port = rates.act_port_bytes
    free = max(rates.act_banks * port - ceil(reads.words * port, step), ceil(port, 2))
    return segments * ceil(segment, port) * port / free


def store_cycles(work: GemmWork, plan: GemmPlan, rates: ArrayRates, memory: Memory, busy: float, leaving: int) -> float:
    """Cycles of all stores, by their buffer alone: one is written by the array, then on its way, and gives its room
    back with the reply; so many find room at once."""
    half, widest, rows = rates.store_bytes // 2, plan.feature_tiles[0], plan.row_tiles[0]
    segment, _ = stored_segments(work, min(widest, work.features), plan.step_tokens, plan.step_features, rates)
    if work.run and segment >= work.run * plan.step_tokens:
        block, runs = min(half, int(segment)), 1
    elif widest <= plan.step_features or half >= widest * plan.step_tokens:  # some rows of a tile
        whole = 1 if widest <= plan.step_features else plan.step_tokens
        runs = min(rows, max(1, half // (widest * whole)) * whole)
        block = runs * widest
    else:  # of a step
        runs = min(rows, plan.step_tokens, max(1, half // plan.step_features))
        block = runs * plan.step_features
    block = min(block, leaving)
    at_once = max(1, rates.store_bytes // max(1, block))
    return leaving / at_once * (busy / leaving + memory.store(block, runs) / max(1, block))


def tile_interval(memory: Memory, tile: int, capacity: int, outstanding: int) -> float:
    """Cycles from one tile of a stream to the next, by its buffer alone: what is freed is asked for again, and so many
    are on their way."""
    ahead = min(outstanding, max(1, capacity // max(1, tile) - 1))
    return max(tile / memory.rate, memory.fetch(tile) / ahead)
