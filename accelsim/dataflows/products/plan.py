"""How a product is cut up: which operand stays on chip, in tiles of what size, in which order; the least time wins.

A tile is m x n outputs. An operand of it is whole (all of the inner dimension at once) or comes in parts along the
inner dimension, each for one command of the array; then the tile is no larger than its accumulators.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from accelsim.core.errors import InputError
from accelsim.dataflows.products.folds import Fold
from accelsim.dataflows.products.product import Product, added
from accelsim.dataflows.products.resources import ProductResources
from accelsim.dataflows.tiling import ceil

PIECES = 4  # in which a tile of A arrives, and one of B that has no room beside the next
# [ours] Plans of a product that are no further apart are alike, and of these the one that moves least is taken: with
# 0.99, ViTALiTy's DeiT-Small moved half as much again for 0.8 % of its cycles, and DeiT-Base a quarter for none.
ALIKE = 0.98
LINE_BYTES = 64  # what DRAM moves at once: shorter segments of a store cost as much


@dataclass(frozen=True)
class Plan:
    """`outer`: m or n, whose tiles are the outer loop. `a_whole`, `b_whole`: see above. `part`: inner dimension of a
    part. `stream`: the longest stream of a command that holds weights or inputs in the PEs. `group`: outputs of a store
    at most. `cycles`: estimated; `dram_bytes`: A and B read."""

    outer: str
    m: int
    n: int
    a_whole: bool
    b_whole: bool
    part: int
    stream: int
    group: int
    cycles: float
    dram_bytes: int


@dataclass(frozen=True)
class Sizes:
    """What a plan depends on: so that equal products are planned once. each: bytes of constants of a column of B, which
    are on chip when its outputs leave. beside: see Product."""

    name: str = field(compare=False)
    m: int
    n: int
    k: int
    row_bytes: int
    inputs: int
    residual: bool
    width: int
    store_bytes: int
    store: str
    each: int = 0
    beside: int = 0


def plan_product(product: Product, have: ProductResources) -> Plan:
    """The plan with the least estimated time. Raises InputError when even the smallest tile does not fit."""
    spilled = product.width > 1
    return planned(
        Sizes(
            product.name,
            product.m,
            product.n,
            product.k,
            ceil(product.inputs, product.m),
            product.inputs,
            product.residual is not None,
            product.width,
            have.spill_bytes if spilled else have.store_bytes,
            have.spill if spilled else have.store,
            product.each,
            product.beside,
        ),
        have,
    )


@lru_cache(maxsize=512)
def planned(s: Sizes, have: ProductResources) -> Plan:
    """As `plan_product`."""
    array = have.model
    stream = longest_stream(s, have)
    at_once = output_item(s, stream, have)
    room = s.store_bytes // s.width
    group = max(at_once, min(room * 7 // 8, room - at_once))
    found = [plan for plan in candidates(s, stream, group, have) if not exact_only(plan, s, array)]
    if not found:
        raise InputError(
            f"layer {s.name}: no part of the product {s.m} x {s.k} x {s.n} fits twice into {have.act}.capacity_bytes = "
            f"{have.act_bytes} and {have.weight}.capacity_bytes = {have.weight_bytes}; make them at least "
            f"{2 * array.rows + 2 * array.rows * array.columns * s.residual} and "
            f"{2 * max(array.rows, array.columns) * (1 + s.each)}."
        )
    least = min(plan.cycles for plan in found)
    alike = [plan for plan in found if ALIKE * plan.cycles <= least]
    return min(alike, key=lambda plan: (plan.dram_bytes, plan.cycles, -plan.m * plan.n))


def longest_stream(s: Sizes, have: ProductResources) -> int:
    """The longest stream whose partial sums the accumulators hold, and whose outputs the output buffer and what waits
    behind the array take (WS, IS).

    Raises InputError when not even one does.
    """
    array = have.model
    if not array.stationary:
        return s.k
    across = {"ws": s.n, "is": s.m}[array.dataflow]
    columns = min(array.columns, across)
    most = s.store_bytes // 2 // s.width // columns
    if array.timing == "exact":
        most = min(most, array.item_rows)
    if s.k > array.rows and array.timing == "exact":  # a column has no wires to the accumulators of an idle one
        most = min(most, have.accumulator_bytes // (4 * array.columns))
    if most < 1:
        raise InputError(
            f"layer {s.name}: one partial sum a column needs 4 x {array.columns} bytes of "
            f"{have.array}.accumulator_bytes ({have.accumulator_bytes}) and 2 x {s.width * columns} bytes of "
            f"{s.store}.capacity_bytes ({s.store_bytes}); make them larger or {have.array}.columns smaller."
        )
    return min(most, s.m if array.dataflow == "ws" else s.n)


def output_item(s: Sizes, stream: int, have: ProductResources) -> int:
    """The most outputs that leave the array at once. Raises InputError when the output buffer is too small for two."""
    array = have.model
    rows = stream if array.stationary else min(array.rows, s.m)
    across = s.m if array.dataflow == "is" else s.n
    item = rows * min(array.columns, across)
    if 2 * item * s.width > s.store_bytes:
        raise InputError(
            f"layer {s.name}: the outputs of a fold need 2 x {item * s.width} bytes of {s.store}.capacity_bytes "
            f"({s.store_bytes}); make it larger or the array smaller."
        )
    return item


def exact_only(plan: Plan, s: Sizes, array) -> bool:
    """Whether a plan orders or cuts folds otherwise than SCALE-Sim does, where that is asked for."""
    if array.timing == "exact":
        return False
    whole = plan.a_whole and plan.b_whole
    if array.dataflow == "os":
        return plan.outer != "n" or not (plan.m == s.m or plan.n <= array.columns)
    if array.dataflow == "ws":
        return plan.outer != "n" or plan.m < s.m or (whole and plan.stream < s.m)
    return plan.outer != "m" or plan.n < s.n or (whole and plan.stream < s.n)


def tile(total: int, unit: int, most: int) -> int:
    """The size of equal tiles of at most `most`, multiples of `unit` unless there is only one; 0 if none fits."""
    if total <= most:
        return total
    if most < unit:
        return 0
    count = ceil(total, most // unit * unit)
    return ceil(ceil(total, count), unit) * unit


def candidates(s: Sizes, stream: int, group: int, have: ProductResources) -> Iterator[Plan]:
    """Plans that fit."""
    array, columns = have.model, have.model.columns
    unit_m = {"os": array.rows, "ws": 1, "is": columns}[array.dataflow]
    unit_n = {"os": columns, "ws": columns, "is": 1}[array.dataflow]
    per_row = 2 * columns if s.residual and array.dataflow == "os" else 0  # bytes of residual operand beside a row of A
    beside = 2 * columns * stream if s.residual and array.stationary else 0
    act = have.act_bytes - beside
    if act < 1:
        return
    rows = {tile(s.m, unit_m, act // (copies * s.row_bytes + per_row)) for copies in (1, 2)} - {0}
    if s.residual and array.dataflow == "os" and s.m * s.row_bytes + 2 * s.m * min(s.n, columns) <= act:
        rows.add(s.m)
    deep = s.k + s.each
    wide = {tile(s.n, unit_n, have.weight_bytes // (copies * deep)) for copies in (1, 2)} - {0}
    for outer in "mn":
        for m in rows:
            for n in wide | ({columns} if columns * deep <= have.weight_bytes and columns < s.n else set()):
                yield costed(s, have, outer, m, n, True, True, s.k, stream, group)
        yield from in_parts(s, outer, stream, group, act, per_row, have)


def in_parts(
    s: Sizes, outer: str, stream: int, group: int, act: int, per_row: int, have: ProductResources
) -> Iterator[Plan]:
    """Plans in which an operand comes in parts along the inner dimension; the tile is what is accumulated at once."""
    array, columns = have.model, have.model.columns
    scalesim = array.timing == "scalesim"
    for length in {stream, ceil(stream, 2), min(stream, array.rows), 1}:
        if array.dataflow == "os":
            m, n, t = min(s.m, array.rows), min(s.n, columns), s.k
            if length != stream:
                continue
        elif array.dataflow == "ws":
            m, n, t = s.m if scalesim else length, min(s.n, columns), length
        else:
            m, n, t = min(s.m, columns), s.n if scalesim else length, length
        a_high, b_wide = (t if array.dataflow == "ws" else m), (t if array.dataflow == "is" else n)
        uncut = not array.stationary or t == (m if array.dataflow == "ws" else n)
        for a_whole, b_whole in ((False, False), (True, False), (False, True), (True, True)):
            a_room = (act - per_row * m) - m * s.row_bytes if a_whole else (act - per_row * m) // 2 // a_high
            b_room = have.weight_bytes - n * (s.k + s.each) if b_whole else have.weight_bytes // 2 // b_wide - s.each
            if a_room < (0 if a_whole else 1) or b_room < (0 if b_whole else 1) or (a_whole and b_whole and uncut):
                continue
            part = min([s.k] + [a_room] * (not a_whole) + [b_room] * (not b_whole))
            if array.stationary:
                if not uncut:
                    part = min(part, array.rows)
                if part >= array.rows:
                    part = part // array.rows * array.rows
                elif scalesim and part < s.k:  # a fold may not be cut along its rows
                    continue
            yield costed(s, have, outer, m, n, a_whole, b_whole, part, t, group)


def costed(
    s: Sizes,
    have: ProductResources,
    outer: str,
    m: int,
    n: int,
    a_whole: bool,
    b_whole: bool,
    part: int,
    stream: int,
    group: int,
) -> Plan:
    """A plan with its traffic and its estimated time: the array's or DRAM's, and what does not overlap."""
    array = have.model
    tall, broad = ceil(s.m, m), ceil(s.n, n)
    a_loads = 1 if a_whole and (outer == "m" or tall == 1) else broad
    b_loads = 1 if b_whole and (outer == "n" or broad == 1) else tall
    deep = s.k + s.each
    traffic = s.inputs * a_loads + deep * s.n * b_loads
    if array.dataflow == "os":
        folds, length, across = ceil(s.m, array.rows) * ceil(s.n, array.columns), s.k, s.n
        high, ends = m, folds
    else:
        along, over = (m, s.n) if array.dataflow == "ws" else (n, s.m)
        times = tall if array.dataflow == "ws" else broad
        chunks = ceil(along, stream) if array.timing == "exact" else 1
        length = ceil(along, chunks)
        inner = s.k // part * ceil(part, array.rows) + ceil(s.k % part, array.rows)
        ends = times * chunks * ceil(over, array.columns)
        folds, across = ends * inner, over
        high = length
    rows, columns = min(array.rows, s.m if array.dataflow == "os" else s.k), min(array.columns, across)
    features, tokens = (length, columns) if array.dataflow == "is" else (columns, length)
    more = added(s.residual, s.beside, features)
    beside = features * s.each, features * (rows if array.dataflow == "os" else tokens) * more
    busy = 0
    for some, more in ((folds - ends, (0, 0)), (ends, beside)):
        streaming = array.streaming(Fold(rows, columns, length), *more)
        alone = streaming + array.load(rows, columns) + array.tail(rows)
        busy += some * (max(streaming, array.rows) if array.overlap == "shadow" else alone)
    if s.residual:  # its blocks come beside A, two at a time
        least = min(across, array.columns) * (m if array.dataflow == "os" else length)
        held = (m * s.row_bytes if a_loads == 1 else 2 * m * s.row_bytes) if a_whole else have.act_bytes
        group = min(group, max(least, (have.act_bytes - held) // 2))
    if array.dataflow == "is":
        segment = length
    else:
        segment = min(s.n, max(1, group // high // array.columns) * array.columns)
        line = LINE_BYTES // s.width
        if line < segment < s.n and line % array.columns == 0:  # whole lines of DRAM
            segment -= segment % line
            group = high * segment
    written = s.m * s.n * s.width * ceil(segment * s.width, LINE_BYTES) * LINE_BYTES / (segment * s.width)
    exposed = 0
    if a_whole and a_loads * tall > 1 and 2 * m * s.row_bytes > have.act_bytes:
        exposed += s.inputs * a_loads
    pieces = PIECES if array.dataflow == "os" and n <= array.columns else 1
    if b_whole and b_loads * broad > 1 and n * (deep + ceil(s.k, pieces)) > have.weight_bytes:
        exposed += deep * s.n * b_loads
    cycles = max(busy, (traffic + written) / have.dram_bytes) + exposed / have.dram_bytes
    return Plan(outer, m, n, a_whole, b_whole, part, stream, group, cycles, traffic)
