"""Attention replayed in integers as the array and the softmax unit did it: products block by block, rows as their
scores came; against the functional twin, bit for bit, and against float64."""

from typing import TYPE_CHECKING

import numpy as np

from accelsim.accelerators.systolic.checks.tiles import Tile
from accelsim.validation.report import FloatError, Report
from accelsim.workload import functional
from accelsim.workload.network import STEP

if TYPE_CHECKING:
    from accelsim.accelerators.systolic.checks.attention import AttentionProducts

LOWEST = np.iinfo(np.int64).min


def replay_layer(products: "AttentionProducts", report: Report) -> None:
    """Every head and row of a layer: outputs equal the functional twin's; and how far they are from float64."""
    layer, network = products.layer, products.judge.network
    workload, computed = network.workload, network.of(layer.name)
    scale = {n: workload.scales.get(f"{layer.name}.{n}", STEP) for n in "qkv"}
    rule, chosen = network.rule(layer), computed.operands["scaling"]
    keep, scaling = rule.keep, functional.Scaling(int(chosen[0]), int(chosen[1]))
    bound = int(chosen[2]) if rule.mode == "bounded" else None
    right, worst = np.zeros((workload.batch, layer.heads, layer.q_tokens), bool), None
    for image in range(workload.batch):
        q, k, v = (computed.operands[n][image] for n in "qkv")
        wanted = computed.sums[image]
        found = replay(products, image, (q, k, v), scaling, bound)
        right[image] = (found == wanted).all(axis=2)
        exact = functional.attention_reference(q, k, v, keep, *scale.values()) / scale["v"]
        error = np.abs(wanted / functional.FULL - exact)
        numbers = float(error.max()), float(np.sqrt((error**2).mean())), float(np.abs(exact).max())
        if worst is None or numbers[1] > worst.rms:
            worst = FloatError(layer.name, *numbers)
    for head in range(layer.heads):
        report.compare(
            "integers",
            f"layer {layer.name}, head {head}",
            "replayed outputs equal the reference",
            right[:, head].ravel(),
            lambda n, h=head: (
                f"layer {layer.name}, image {n // layer.q_tokens}, head {h}, row {n % layer.q_tokens}: values differ"
            ),
        )
    report.errors.append(worst)


def replay(
    products: "AttentionProducts",
    image: int,
    operands: tuple[np.ndarray, np.ndarray, np.ndarray],
    scaling: functional.Scaling,
    bound: int | None,
) -> np.ndarray:
    """int32[heads, q_tokens, v_dim]: what the array and the softmax unit make of int8 q, k, v of an image."""
    layer = products.layer
    first, v = image * layer.heads, operands[2].astype(np.int32)
    p = probabilities(products, image, operands, scaling, bound)
    out = np.zeros((layer.heads, layer.q_tokens, layer.v_dim), np.int32)
    for _, b in products.values.placed.values():
        head, deep = b.group - first, slice(b.depth, b.depth + b.deep)
        if 0 <= head < layer.heads:
            rows, columns = slice(b.row, b.row + b.rows), slice(b.column, b.column + b.columns)
            out[head, rows, columns] += p[head, rows, deep] @ v[head, deep, columns]
    return out


def probabilities(
    products: "AttentionProducts",
    image: int,
    operands: tuple[np.ndarray, np.ndarray, np.ndarray],
    scaling: functional.Scaling,
    bound: int | None,
) -> np.ndarray:
    """int32[heads, q_tokens, kv_tokens]: what they make of q and k alone, the probabilities that the array reads."""
    layer = products.layer
    q, k = (x.astype(np.int32) for x in operands[:2])
    first = image * layer.heads
    s = np.zeros((layer.heads, layer.q_tokens, layer.kv_tokens), np.int32)
    for _, b in products.logits.placed.values():
        head, deep = b.group - first, slice(b.depth, b.depth + b.deep)
        if 0 <= head < layer.heads:
            rows, columns = slice(b.row, b.row + b.rows), slice(b.column, b.column + b.columns)
            s[head, rows, columns] += q[head, rows, deep] @ k[head, columns, deep].T
    p = np.zeros_like(s)
    for tile in products.tiles.kept or products.tiles.fetched:
        head, rows = tile.group - first, slice(tile.row, tile.row + tile.rows)
        if 0 <= head < layer.heads:
            p[head, rows] = softmax(tile, functional.octaves(s[head, rows], *scaling), bound)
    return p


def softmax(tile: Tile, t: np.ndarray, bound: int | None) -> np.ndarray:
    """int32[rows, columns]: the probabilities of a tile of scores in octaves, block by block as they come."""
    blocks = [(b.row - tile.row, b.rows, b.column, b.columns) for _, b in tile.blocks] or [
        (0, tile.rows, 0, t.shape[1])
    ]
    places = [(slice(row, row + rows), slice(column, column + columns)) for row, rows, column, columns in blocks]
    highest, sums = np.full((tile.rows, 1), LOWEST if bound is None else bound), np.zeros((tile.rows, 1), np.int64)
    if bound is None:
        for rows, columns in places:
            highest[rows] = np.maximum(highest[rows], t[rows, columns].max(axis=1, keepdims=True))
    e = np.zeros(t.shape, np.int64)
    for rows, columns in places:
        below = np.maximum(highest[rows] - t[rows, columns], 0)
        whole, part = below >> functional.FRACTION, below & (2**functional.FRACTION - 1)
        e[rows, columns] = functional.EXP2[part] >> np.minimum(whole, functional.EXP_BITS + 1)
        sums[rows] += e[rows, columns].sum(axis=1, keepdims=True)
    reciprocal = np.where(sums > 0, (functional.FULL << functional.RECIPROCAL_BITS) // np.maximum(sums, 1), 0)
    half = 1 << (functional.RECIPROCAL_BITS - 1)
    return ((e * reciprocal + half) >> functional.RECIPROCAL_BITS).astype(np.int32)
