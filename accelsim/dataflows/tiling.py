"""Every fold, every tile, every ceil.

Sizes are in elements; operands are one byte an element (8-bit integers), accumulators four.
"""

from dataclasses import dataclass

from accelsim.core.errors import InputError
from accelsim.dataflows.resources import Resources

# Passes of the vector unit over an element, by operation [ours]: requantisation with bias is one; an activation is a
# table look-up more; a residual addition one more; LayerNorm takes the mean, the variance, and the normalisation.
PASSES = {"requantise": 1, "activation": 1, "residual": 1, "layernorm": 3, "rmsnorm": 2, "batchnorm": 1, "groupnorm": 3}

CHUNK_TOKENS = 32  # tokens of Q and K that are loaded, and handed to the decoder, at a time [ours]


def ceil(a: int, b: int) -> int:
    """The least integer not below a / b."""
    return -(-a // b)


def pieces(total: int, most: int) -> list[int]:
    """`total` in as few parts as possible, none above `most`, as equal as can be."""
    n = ceil(total, most)
    return [total // n + (i < total % n) for i in range(n)]


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


def step_shape(tokens: int, features: int, have: Resources) -> tuple[int, int]:
    """Tokens x features computed at once: features over the lines and tokens over a line's MACs, or the other way."""
    ways = [(have.macs, have.lines), (have.lines, have.macs)]
    return min(ways, key=lambda w: ceil(tokens, w[0]) * ceil(features, w[1]))


def plan_gemm(
    name: str, tokens: int, depth: int, features: int, inputs: int, residual: bool, have: Resources
) -> GemmPlan:
    """The plan with the least DRAM traffic that fits the buffers; among equals the one with fewest tiles.

    `inputs`: distinct input elements (fewer than tokens x depth when a convolution's windows overlap).
    Raises InputError when even the smallest tile does not fit.
    """
    step_tokens, step_features = step_shape(tokens, features, have)
    step = min(step_tokens, tokens) * min(step_features, features)
    if step > have.store_bytes // 2:
        raise InputError(
            f"layer {name}: the array's outputs of one step need 2 x {step} bytes of act_gb1 ({have.store_bytes}); "
            "make its capacity_bytes larger or engine.lines smaller"
        )
    feature_tile = min(max(have.lines, step_features), features)
    feature_tiles = tuple(feature_tile for _ in range(features // feature_tile))
    if features % feature_tile:
        feature_tiles += (features % feature_tile,)
    weight_room = have.weight_bytes // 2 if have.double_buffer else have.weight_bytes
    most_depth = weight_room // feature_tile
    if most_depth < 1:
        raise InputError(
            f"layer {name}: one row of {feature_tile} weights does not fit weight_gb.capacity_bytes = "
            f"{have.weight_bytes}; make it at least {feature_tile * (2 if have.double_buffer else 1)} bytes"
        )
    depth_tiles = tuple(pieces(depth, most_depth))
    row_bytes = ceil(inputs, tokens)
    spare = feature_tile if residual else 0  # bytes of residual operand a row of a tile needs
    psum_rows = tokens if len(depth_tiles) == 1 else have.psum_bytes // (4 * feature_tile)
    weights = depth * features
    plans = []

    def consider(order: str, most_rows: int, weight_loads: int | None, act_loads: int) -> None:
        most_rows = min(most_rows, psum_rows, tokens)
        if most_rows >= min(step_tokens, tokens):
            most_rows = tokens if most_rows == tokens else most_rows // step_tokens * step_tokens
            n = ceil(tokens, most_rows)
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
    if not plans:
        need = (2 * chunk + 2 * spare) * step_tokens
        raise InputError(
            f"layer {name}: a tile of {step_tokens} tokens needs {need} bytes of activations (act_gb0.capacity_bytes = "
            f"{have.act_bytes}) and {4 * feature_tile * step_tokens} bytes of partial sums (engine.psum_bytes = "
            f"{have.psum_bytes}); make the buffers larger or engine.lines smaller"
        )
    return min(plans, key=lambda p: p[:2])[2]


def encoded_columns(first: int, columns: int, heads: int, encoded: int) -> int:
    """Values a token that leave the encoder while columns first to first + columns - 1 of its projection go in; all of
    them where it mixes no heads."""
    return ((first + columns) // heads - first // heads) * encoded if heads else columns


def share_lines(lines: int, denser_work: int, sparser_work: int) -> tuple[int, int]:
    """MAC lines for the two engines, in proportion to their work [paper]; at least one for an engine that has any.

    With a single line both engines take turns on it.
    """
    if not denser_work or not sparser_work:
        return (lines if denser_work else 0), (lines if sparser_work else 0)
    if lines == 1:
        return 1, 1
    denser = round(lines * denser_work / (denser_work + sparser_work))
    denser = min(max(denser, 1), lines - 1)
    return denser, lines - denser
