"""Dense layers on the MAC array: output-stationary tiles, operands streamed through the global buffers."""

from collections.abc import Iterator

from accelsim.dataflows.program import NOW, Program, Wait
from accelsim.dataflows.resources import Resources
from accelsim.dataflows.tiling import PASSES, GemmPlan, ceil, encoded_columns, pieces, plan_gemm
from accelsim.isa import instructions as isa
from accelsim.workload.layers import Attention, Gemm


def columns_of(layer: Gemm, attention: Attention | None, encoder: bool) -> list[tuple[int, int, int]]:
    """The layer's output columns in groups of (columns, heads the encoder mixes, heads after encoding)."""
    if attention is None or not encoder or attention.encoded_heads is None or layer.encodes is None:
        return [(layer.out_features, 0, 0)]
    coded = (attention.heads * attention.qk_dim, attention.heads, attention.encoded_heads)
    groups = [coded] * {"qkv": 2, "q": 1, "kv": 1}[layer.role]
    rest = layer.out_features - sum(columns for columns, _, _ in groups)
    return [*groups, (rest, 0, 0)] if rest else groups


def emit_gemm(p: Program, layer: Gemm, attention: Attention | None, batch: int, have: Resources) -> None:
    """Instructions, loads and stores of a dense layer.

    Weights lie in DRAM tile by tile, as the compiler packed them. Activations are token-major. Outputs are token-major,
    but for those of a projection to Q, K, V, which are packed feature tile by feature tile.
    """
    for group in range(layer.repeat):
        column = 0
        for features, heads, encoded in columns_of(layer, attention, have.auto_encoder):
            emit_columns(p, layer, group, column, features, heads, encoded, batch, have)
            column += features


def emit_columns(
    p: Program, layer: Gemm, group: int, column: int, features: int, heads: int, encoded: int, batch: int,
    have: Resources,
) -> None:  # fmt: skip
    """One group of output columns that the encoder treats alike."""
    tokens, depth = layer.tokens * batch, layer.in_features
    inputs = ceil(layer.inputs * batch, layer.repeat)
    plan = plan_gemm(layer.name, tokens, depth, features, inputs, layer.residual, have)
    passes = PASSES["requantise"] + PASSES["residual"] * layer.residual + PASSES["activation"] * bool(layer.activation)
    weights = p.allocate(f"{layer.name}.weight", layer.repeat * depth * layer.out_features)
    weights += (group * layer.out_features + column) * depth
    source = p.allocate(f"{layer.name}.input", inputs * layer.repeat) + group * inputs
    whole = tokens * layer.out_features * layer.repeat
    residual = p.allocate(f"{layer.name}.residual", whole) if layer.residual else 0
    target = p.allocate(f"{layer.name}.output", whole)
    packed = layer.role in ("qkv", "q", "kv") and (have.layout == "packed" or heads > 0)
    pitch = layer.out_features * layer.repeat
    corner = group * layer.out_features + column  # the first of these columns in a row of the output
    # Q, K and V are tensors of their own; so is V where Q and K are stored as runs of encoded bytes
    apart = have.layout == "token_major" or (have.layout == "fused_qkv" and column > 0)
    if layer.role in ("qkv", "q", "kv") and apart:
        target, pitch, corner = target + corner * tokens, features, 0
    row_bytes = ceil(inputs, tokens)
    resident: Wait = NOW
    outer_rows = plan.order == "rows"
    row_at = [sum(plan.row_tiles[:i]) for i in range(len(plan.row_tiles))]
    feature_at = [sum(plan.feature_tiles[:i]) for i in range(len(plan.feature_tiles))]
    tiles = [(m, n) for m in range(len(row_at)) for n in range(len(feature_at))]
    if not outer_rows:
        tiles.sort(key=lambda t: (t[1], t[0]))
    weights_stay = plan.order == "resident" and len(plan.depth_tiles) == 1
    if plan.order == "resident":
        resident = p.load("act", source, inputs)
    for nth, (m, n) in enumerate(tiles):
        rows, columns = plan.row_tiles[m], plan.feature_tiles[n]
        last_tile = nth + 1 == len(tiles)
        last_of_row = last_tile or tiles[nth + 1][0] != m
        if outer_rows and (nth == 0 or tiles[nth - 1][0] != m):
            first = min(inputs, row_at[m] * row_bytes)
            tile_bytes = min(inputs, (row_at[m] + rows) * row_bytes) - first
            resident = p.load("act", source + first, tile_bytes) if tile_bytes else resident
        addition: Wait = NOW
        if layer.residual:
            start = residual + row_at[m] * pitch + group * layer.out_features + column + feature_at[n]
            addition = p.load("act", start, columns, rows, pitch)
        depth_at = 0
        for d, deep in enumerate(plan.depth_tiles):
            last = d + 1 == len(plan.depth_tiles)
            size = deep * columns
            fresh = not weights_stay or m == 0
            if fresh:
                loaded = p.load("weight", weights + feature_at[n] * depth + depth_at * columns, size)
            frees = size if not weights_stay or m + 1 == len(row_at) else 0
            acts = 0
            if plan.order == "stream":
                start = source + min(inputs, row_at[m] * row_bytes)
                if len(plan.depth_tiles) > 1 and layer.input_elements is None:
                    resident, acts = p.load("act", start + depth_at, deep, rows, row_bytes), deep * rows
                else:  # of the distinct elements of its rows, the part's share
                    span = source + min(inputs, (row_at[m] + rows) * row_bytes) - start
                    first = span * depth_at // depth
                    acts = span * (depth_at + deep) // depth - first
                    resident = p.load("act", start + first, acts) if acts else resident
            elif last and outer_rows and last_of_row:
                acts = min(inputs, (row_at[m] + rows) * row_bytes) - min(inputs, row_at[m] * row_bytes)
            elif last and last_tile and plan.order == "resident":
                acts = inputs
            if last and layer.residual:
                acts += rows * columns
            # an operand spread over the array is read once a step; what the step shares is broadcast
            act_read = rows * deep * ceil(columns, plan.step_features)
            if last and layer.residual:
                act_read += rows * columns
            weight_read = columns * deep * ceil(rows, plan.step_tokens)
            acts_here = addition if addition[1] > resident[1] else resident
            p.frees.append((frees, weight_read, acts, act_read))
            p.issue(
                isa.ARRAY, rows, columns, deep, plan.step_tokens, plan.step_features, last, heads, encoded, passes,
                row_at[m], feature_at[n] % heads if heads else 0, wait=loaded, wait2=acts_here,
            )  # fmt: skip
            p.will(isa.ARRAY_DONE)
            depth_at += deep
        if packed:
            before, wide = (encoded_columns(*c, heads, encoded) for c in ((0, feature_at[n]), (feature_at[n], columns)))
            store_run(p, have, target + (corner + before) * tokens + row_at[m] * wide, rows * wide)
        else:
            store_tile(p, have, plan, target + row_at[m] * pitch + corner + feature_at[n], rows, columns, pitch)


def store_run(p: Program, have: Resources, at: int, elements: int) -> None:
    """The stores of a tile that is kept as one run of bytes."""
    for piece in pieces(elements, have.store_bytes // 2) if elements else []:
        p.store(at, piece)
        at += piece


def store_tile(p: Program, have: Resources, plan: GemmPlan, at: int, rows: int, columns: int, pitch: int) -> None:
    """The stores of a tile of a row-major tensor, each small enough for half the output buffer."""
    for first, some, side, wide in blocks(rows, columns, plan, have.store_bytes // 2):
        p.store(at + first * pitch + side, wide, some, pitch)


def blocks(rows: int, columns: int, plan: GemmPlan, most: int) -> Iterator[tuple[int, int, int, int]]:
    """(first row, rows, first column, columns) of a tile's parts of at most `most` bytes, in the order they leave the
    array: step by step, all steps of some rows before those of the next. A step leaves as a whole.
    """
    if columns <= plan.step_features:  # steps are rows
        for first, some in runs(rows, most // columns):
            yield first, some, 0, columns
        return
    bands = most // (columns * plan.step_tokens)
    for first, some in runs(rows, max(1, bands) * plan.step_tokens):
        if bands:
            yield first, some, 0, columns
            continue
        for side in range(0, columns, plan.step_features):
            wide = min(plan.step_features, columns - side)
            for begin, few in runs(some, most // wide):
                yield first + begin, few, side, wide


def runs(total: int, most: int) -> Iterator[tuple[int, int]]:
    """(begin, length) of runs of `most`, the last one shorter."""
    for at in range(0, total, most):
        yield at, min(most, total - at)
