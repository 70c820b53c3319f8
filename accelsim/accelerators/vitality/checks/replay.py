"""Linear attention replayed in integers as the machine did it: means, keys, products block by block in their order,
rows by their divisors; against the functional twin, bit for bit, and against the rule in float64."""

from typing import TYPE_CHECKING

import numpy as np

from accelsim.validation.coverage import Coverage
from accelsim.validation.report import FloatError, Report
from accelsim.workload import functional
from accelsim.workload.functional import linear
from accelsim.workload.linear import STEP

if TYPE_CHECKING:
    from accelsim.accelerators.vitality.checks.attention import LinearProducts


def in_blocks(coverage: Coverage, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """int64[group, row, column]: a[group, row, depth] times b[group, depth, column], in the order of the blocks, in 32
    bits that wrap around."""
    out = np.zeros((coverage.groups, coverage.rows, coverage.columns), np.int64)
    a, b = a.astype(np.float64), b.astype(np.float64)
    for one in coverage.blocks:
        deep = slice(one.depth, one.depth + one.deep)
        rows, columns = slice(one.row, one.row + one.rows), slice(one.column, one.column + one.columns)
        out[one.group, rows, columns] += (a[one.group, rows, deep] @ b[one.group, deep, columns]).astype(np.int64)
    return out.astype(np.int32).astype(np.int64)


def turn(x: np.ndarray) -> np.ndarray:
    """Every head's matrix transposed."""
    return np.swapaxes(x, 1, 2)


def replay_layer(products: "LinearProducts", report: Report) -> None:
    """Every head: outputs equal the functional twin's; and how far these are from float64."""
    layer, network = products.layer, products.judge.network
    computed = network.of(layer.name)
    given = computed.operands
    q, k, v = (given[n].reshape(-1, *given[n].shape[2:]) for n in "qkv")
    found = outputs(products, q, k, v)
    y = functional.requantise(found, *given["requant"])
    table = network.table(layer)
    y = y if table is None else functional.look_up(table, y)
    batch, windows, heads = network.workload.batch, layer.windows, layer.heads // layer.windows
    wanted = computed.output.reshape(batch, windows, layer.q_tokens, heads, layer.v_dim)
    wanted = wanted.transpose(0, 1, 3, 2, 4).reshape(y.shape)
    right = (y == wanted).all(axis=2)
    report.compare(
        "integers",
        products.course.scope,
        "every row equals the functional twin",
        right.reshape(-1),
        lambda n: f"head {n // layer.q_tokens}, row {n % layer.q_tokens} differs",
    )
    scale = {n: network.workload.scales.get(f"{layer.name}.{n}", STEP) for n in "qkv"}
    report.errors.append(float_error(products, q, k, v, found, scale))


def outputs(products: "LinearProducts", q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    """int64[head, q_tokens, v_dim]: what is requantised to the outputs, of int8 operands [head, tokens, dim]."""
    layer, have, judge = products.layer, products.have, products.judge
    given = judge.network.of(layer.name).operands
    keys, mean = k.astype(np.int64), np.zeros((len(k), layer.qk_dim), np.int64)
    if layer.rule == "l1":
        q, keys = linear.l1_normalised(q), linear.l1_normalised(k)
    if layer.rule == "taylor":
        mean = linear.mean(k)
    total, vsum = keys.astype(np.int64).sum(axis=1), v.astype(np.int64).sum(axis=1)
    after = layer.rule == "taylor" and have.after
    if layer.rule == "taylor" and not after:
        keys = keys - mean[:, None]
        if judge.rule(layer).key_bits == linear.NARROW:
            keys = np.clip(keys, -128, 127)
        total = keys.sum(axis=1)
    elif after:
        total = total - layer.kv_tokens * mean
    if layer.scores_first:
        first = in_blocks(products.first.coverage, q, turn(keys))
    else:
        first = in_blocks(products.first.coverage, turn(keys), v)
    if after:
        first = first - mean[:, :, None] * vsum[:, None]
    g = functional.requantise(first, *given["g_requant"]).astype(np.int64)
    if layer.scores_first:
        last = in_blocks(products.last.coverage, g, v)
    elif products.turned:
        last = turn(in_blocks(products.last.coverage, turn(g), turn(q)))
    else:
        last = in_blocks(products.last.coverage, q, g)
    if layer.rule == "l1":
        return last
    multiplier, shift, offset, fraction = map(int, given["scaling"])
    num = last + functional.rescale(vsum, multiplier, shift)[:, None]
    ksum = total if have.divided(layer) else np.zeros_like(total)
    den = np.maximum(1, offset + (q.astype(np.int64) * ksum[:, None]).sum(axis=2))
    return linear.divide(num, den[..., None], fraction)


def float_error(products, q, k, v, found: np.ndarray, scale: dict[str, float]) -> FloatError:
    """How far the integers are from the rule in float64, in steps of V; the scale between them is the best there is."""
    layer = products.layer
    if layer.rule == "taylor":
        exact = linear.taylor(q * scale["q"], k * scale["k"], v).z
    elif layer.rule == "hash":
        exact = linear.weighted(linear.hash_weights(q, k), v)
    else:
        exact = linear.l1(q, k, v, layer.scores_first)
    norm = float((found.astype(np.float64) ** 2).sum())
    error = np.abs(found * (float((found * exact).sum()) / norm if norm else 0.0) - exact)
    return FloatError(layer.name, float(error.max()), float(np.sqrt((error**2).mean())), float(np.abs(exact).max()))
