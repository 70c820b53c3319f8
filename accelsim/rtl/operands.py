"""What co-simulated passes compute on: random operands, or a workload's own."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from accelsim.rtl.values import Operands
from accelsim.workload.functional import (
    RANDOM_SCALE,
    Scaling,
    calibrate_bound,
    choose_requantization,
    choose_scaling,
    random_operands,
)
from accelsim.workload.layers import Attention
from accelsim.workload.workload import Workload

Rng = np.random.Generator


def draw_operands(
    rng: Rng, heads: int, rows: int, tokens: int, dims: tuple[int, int], keep: np.ndarray, bounded: bool
) -> Operands:
    """Operands from a few steps to the whole of int8, with scores whose spread is from less than an octave to far more;
    sometimes with a bound that is not the largest score. keep: bool[heads, the last rows of q, tokens]."""
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
        bound = calibrate_bound(q[:, -keep.shape[1] :], k, keep, multiplier, shift) if keep.any() else 0
        bound += int(rng.choice([0, 0, -100, 300]))
    out = Scaling(int(rng.integers(2**14, 2**15)), int(rng.integers(14, 24)))
    return Operands(q, k, v, keep, Scaling(multiplier, shift), bound, out)


def draw_keep(rng: Rng, dense: list[np.ndarray], sparse: np.ndarray) -> np.ndarray:
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


def workload_operands(workload: Workload, prune: bool, bounded: bool) -> Iterator[Operands]:
    """Of every attention layer and image: the workload's own, random ones where it carries none; `prune`: its mask
    counts, else every score does; `bounded`: the softmax has a static bound."""
    for layer in workload.layers:
        if not isinstance(layer, Attention):
            continue
        keep = workload.mask(layer.name).keep
        scales = {n: workload.scales.get(f"{layer.name}.{n}", RANDOM_SCALE) for n in "qkv"}
        for image in range(workload.batch):
            made = random_operands(workload, layer, image)
            x = {n: workload.tensors.get(f"{layer.name}.{n}", made[n]) for n in "qkv"}
            yield layer_operands(x, scales, keep if prune else np.ones_like(keep), bounded)


def pass_operands(passes: np.recarray, layers: Iterable[Operands]) -> Iterator[Operands]:
    """The part that each pass needs of its layer's operands. Passes go through a layer head by head, and through the
    rows of heads that are cut into blocks; a pass counts its queries from the layer's first, and has them all."""
    every = iter(passes)
    for x in layers:
        head = row = 0
        while head < len(x.q):
            one = next(every)
            heads, row = slice(head, head + int(one.heads)), row + int(one.rows)
            keep = x.keep[heads, int(one.row0) : int(one.row0 + one.rows)]
            yield Operands(x.q[heads], x.k[heads], x.v[heads], keep, x.scaling, x.bound, x.out)
            if row == x.q.shape[1]:
                head, row = head + int(one.heads), 0
