"""Every fold, every tile, every ceil.

Sizes are in elements; operands are one byte an element (8-bit integers), accumulators four.
"""

from dataclasses import dataclass

from accelsim.core.errors import InputError

# Passes of the vector unit over an element, by operation [ours]: requantisation with bias is one; an activation is a
# table look-up more; a residual addition one more; LayerNorm takes the mean, the variance, and the normalisation.
PASSES = {"requantise": 1, "activation": 1, "residual": 1, "layernorm": 3, "rmsnorm": 2, "batchnorm": 1, "groupnorm": 3}

# Constants of a feature, beside its weights [ours]: a 32-bit multiplier and shift of the requantisation, an int32 bias;
# 16 bits each of a norm's gamma and beta.
SCALE_BYTES, BIAS_BYTES = 4, 4
NORM_BYTES = {"layernorm": 4, "rmsnorm": 2, "batchnorm": 4, "groupnorm": 4}

MOST_TILES = 1 << 17  # of a layer


def ceil(a: int, b: int) -> int:
    """The least integer not below a / b."""
    return -(-a // b)


def pieces(total: int, most: int) -> list[int]:
    """`total` in as few parts as possible, none above `most`, as equal as can be."""
    n = ceil(total, most)
    return [total // n + (i < total % n) for i in range(n)]


@dataclass(frozen=True, kw_only=True)
class DenseResources:
    """What dense and vector layers run on: the sizes that decide how they are cut, and the parts' names.

    Sizes in bytes; `lines` x `macs` multipliers that spread one of an output's two axes each (see GemmPlan).
    double_buffer: whether tiles are fetched while others are in use; they are the same either way.
    constants: whether biases, scales and the constants of norms are loaded. either_way: whether lines may spread
    tokens and a line's MACs features as well.
    """

    lines: int
    macs: int
    weight_bytes: int
    act_bytes: int
    store_bytes: int
    psum_bytes: int
    double_buffer: bool = True
    constants: bool = False
    either_way: bool = True
    array: str = "engine"
    vector: str = "vector"
    weight: str = "weight_gb"
    act: str = "act_gb0"
    store: str = "act_gb1"


@dataclass(frozen=True)
class GemmPlan:
    """How a GEMM is cut up.

    `order`: resident (all activations stay; weights stream once a row tile), rows (a row tile of activations stays
    while all weights stream by), stream (both stream for every tile). `row_tiles`, `feature_tiles`, `depth_tiles`:
    sizes of the tiles along each axis. `step_tokens` x `step_features`: outputs the array computes at once.
    `dram_bytes`: weights and activations read in all.
    """

    order: str
    row_tiles: tuple[int, ...]
    feature_tiles: tuple[int, ...]
    depth_tiles: tuple[int, ...]
    step_tokens: int
    step_features: int
    dram_bytes: int


def step_shape(tokens: int, features: int, have: DenseResources) -> tuple[int, int]:
    """Tokens x features computed at once: features over the lines and tokens over a line's MACs, or the other way."""
    ways = [(have.macs, have.lines), (have.lines, have.macs)][: 1 + have.either_way]
    return min(ways, key=lambda w: ceil(tokens, w[0]) * ceil(features, w[1]))


def plan_gemm(
    name: str,
    tokens: int,
    depth: int,
    features: int,
    inputs: int,
    residual: bool,
    have: DenseResources,
    constants: int = 0,
) -> GemmPlan:
    """The plan with the least DRAM traffic that fits the buffers; among equals the one with fewest tiles.

    `inputs`: distinct input elements (fewer than tokens x depth when a convolution's windows overlap). `constants`:
    bytes beside a feature's weights, which stay until its tile is done.
    Raises InputError when even the smallest tile does not fit.
    """
    step_tokens, step_features = step_shape(tokens, features, have)
    step = min(step_tokens, tokens) * min(step_features, features)
    if step > have.store_bytes // 2:
        raise InputError(
            f"layer {name}: the array's outputs of one step need 2 x {step} bytes of {have.store} "
            f"({have.store_bytes}); make its capacity_bytes larger or {have.array}.lines smaller"
        )
    feature_tile = min(max(have.lines, step_features), features)
    room = have.weight_bytes // 2
    most_depth = room // feature_tile - constants
    least = ceil(features, feature_tile) * ceil(depth, max(1, most_depth))
    too_many = (
        f"layer {name}: {tokens} x {depth} x {features} would be cut into more than {MOST_TILES:,} tiles, more than "
        "memory is taken for; make the layer smaller or the buffers larger"
    )
    if least > MOST_TILES:
        raise InputError(too_many)
    feature_tiles = tuple(feature_tile for _ in range(features // feature_tile))
    if features % feature_tile:
        feature_tiles += (features % feature_tile,)
    if most_depth < 1:
        raise InputError(
            f"layer {name}: one row of {feature_tile} weights does not fit {have.weight}.capacity_bytes = "
            f"{have.weight_bytes}; make it at least {2 * feature_tile * (1 + constants)} bytes"
        )
    depth_tiles = tuple(pieces(depth, most_depth))
    row_bytes = ceil(inputs, tokens)
    spare = feature_tile if residual else 0  # bytes of residual operand a row of a tile needs
    psum_rows = tokens if len(depth_tiles) == 1 else have.psum_bytes // (4 * feature_tile)
    weights = depth * features
    plans, refused = [], []

    def consider(order: str, most_rows: int, weight_loads: int | None, act_loads: int) -> None:
        most_rows = min(most_rows, psum_rows, tokens)
        if most_rows >= min(step_tokens, tokens):
            most_rows = tokens if most_rows == tokens else most_rows // step_tokens * step_tokens
            n = ceil(tokens, most_rows)
            if n * least > MOST_TILES:
                refused.append(order)
                return
            size = min(tokens, ceil(ceil(tokens, n), step_tokens) * step_tokens)
            rows = tuple(min(size, tokens - at) for at in range(0, tokens, size))
            traffic = weights * (weight_loads or len(rows)) + inputs * act_loads
            plans.append(
                (
                    traffic,
                    len(rows),
                    GemmPlan(order, rows, feature_tiles, depth_tiles, step_tokens, step_features, traffic),
                )
            )

    beside = have.act_bytes - inputs
    if beside >= 0:
        consider("resident", beside // (2 * spare) if residual else tokens, 1 if len(depth_tiles) == 1 else None, 1)
    consider("rows", have.act_bytes // (row_bytes + 2 * spare), None, 1)
    chunk = ceil(row_bytes * depth_tiles[0], depth)
    consider("stream", have.act_bytes // (2 * chunk + 2 * spare), None, len(feature_tiles))
    if not plans and refused:
        raise InputError(too_many)
    if not plans:
        need = (2 * chunk + 2 * spare) * step_tokens
        raise InputError(
            f"layer {name}: a tile of {step_tokens} tokens needs {need} bytes of activations "
            f"({have.act}.capacity_bytes = {have.act_bytes}) and {4 * feature_tile * step_tokens} bytes of partial sums"
            f" ({have.array}.psum_bytes = {have.psum_bytes}); make the buffers larger or {have.array}.lines smaller"
        )
    return min(plans, key=lambda p: p[:2])[2]
