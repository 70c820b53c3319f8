"""What co-simulated passes compute on: random operands, or a workload's own."""

from collections.abc import Mapping

import numpy as np

from accelsim.rtl.values import Operands
from accelsim.workload.functional import Scaling, calibrate_bound, choose_requantization, choose_scaling

Rng = np.random.Generator


def random_operands(
    rng: Rng, heads: int, rows: int, tokens: int, dims: tuple[int, int], keep: np.ndarray, bounded: bool
) -> Operands:
    """Operands from a few steps to the whole of int8, with scores whose spread is from less than an octave to far more;
    sometimes with a bound that is not the largest score."""
    most = int(rng.choice([2, 20, 128]))
    q, k, v = (
        rng.integers(-most, most, (heads, n, dim)).astype(np.int8)
        for n, dim in ((rows, dims[0]), (tokens, dims[0]), (tokens, dims[1]))
    )
    spread = max(1.0, most**2 / 3 * dims[0] ** 0.5)  # of the scores
    octaves = 64 * 2.0 ** rng.integers(-2, 5)
    multiplier = int(rng.integers(2**14, 2**15))
    shift = int(np.clip(np.rint(np.log2(multiplier * spread / octaves)), 0, 62))
    bound = None
    if bounded:
        bound = calibrate_bound(q, k, keep, multiplier, shift) if keep.any() else 0
        bound += int(rng.choice([0, 0, -100, 300]))
    out = Scaling(int(rng.integers(2**14, 2**15)), int(rng.integers(14, 24)))
    return Operands(q, k, v, keep, Scaling(multiplier, shift), bound, out)


def random_keep(rng: Rng, dense: list[np.ndarray], sparse: np.ndarray) -> np.ndarray:
    """bool[heads, rows, tokens]: the sparse scores, and of the dense columns all or some."""
    keep = sparse.copy()
    density = rng.choice([1.0, 0.7, 0.1])
    for head, columns in enumerate(dense):
        keep[head][:, columns] = rng.random((sparse.shape[1], len(columns))) < density
    return keep


def layer_operands(
    x: Mapping[str, np.ndarray], scales: Mapping[str, float], keep: np.ndarray, bounded: bool
) -> Operands:
    """A layer's: x int8 q, k, v of all heads, scales their real step, keep bool[heads, q_tokens, tokens]. Outputs are
    written in V's own step: they are averages of V."""
    scaling = choose_scaling(scales["q"], scales["k"], x["q"].shape[2])
    bound = calibrate_bound(x["q"], x["k"], keep, *scaling) if bounded else None
    return Operands(x["q"], x["k"], x["v"], keep, scaling, bound, choose_requantization(1 / 127, 1))


def of_pass(layer: Operands, one: np.record, first_head: int) -> Operands:
    """The part of a layer's operands that a pass needs; all its queries, since a pass counts them from the layer's
    first."""
    heads = slice(first_head, first_head + int(one.heads))
    keep = layer.keep[heads, int(one.row0) : int(one.row0 + one.rows)]
    return Operands(
        layer.q[heads], layer.k[heads], layer.v[heads], keep, layer.scaling, layer.bound, layer.out
    )  # fmt: skip
