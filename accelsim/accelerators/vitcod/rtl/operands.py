"""What co-simulated passes compute on: random operands, or a workload's own."""

from collections.abc import Iterator, Mapping

import numpy as np

from accelsim.accelerators.vitcod.rtl.loads import Coded, Operands
from accelsim.workload.functional import (
    RANDOM_SCALE,
    Scaling,
    calibrate_bound,
    choose_requantization,
    choose_scaling,
    encode,
    random_operands,
)
from accelsim.workload.layers import Attention
from accelsim.workload.workload import Workload

Rng = np.random.Generator


def draw_operands(
    rng: Rng, heads: int, encoded: int, tokens: tuple[int, int], dims: tuple[int, int], keep: np.ndarray, bounded: bool
) -> Operands:
    """Operands from a few steps to the whole of int8, with scores whose spread is from less than an octave to far more;
    sometimes with a bound that is not the largest score. encoded: compressed heads of Q and K (0: no auto-encoder).
    tokens: of Q, of K and V. dims: of Q and K, of V. keep: bool[heads, q_tokens, tokens]."""
    most = int(rng.choice([2, 20, 128]))
    q, k, v = (
        rng.integers(-most, most, (heads, n, dim)).astype(np.int8)
        for n, dim in ((tokens[0], dims[0]), (tokens[1], dims[0]), (tokens[1], dims[1]))
    )
    coded = None
    if encoded:
        coded = tuple(draw_coded(rng, heads, encoded, n, dims[0], most) for n in reversed(tokens))
        k, q = (one.decoded() for one in coded)
    spread = max(1.0, most**2 / 3 * dims[0] ** 0.5)  # of the scores
    octaves = 64 * 2.0 ** rng.integers(-2, 5)
    multiplier = int(rng.integers(2**14, 2**15))
    shift = int(np.clip(np.rint(np.log2(multiplier * spread / octaves)), 0, 62))
    bound = None
    if bounded:
        bound = calibrate_bound(q, k, keep, multiplier, shift) if keep.any() else 0
        bound += int(rng.choice([0, 0, -100, 300]))
    out = Scaling(int(rng.integers(2**14, 2**15)), int(rng.integers(14, 24)))
    return Operands(q, k, v, keep, Scaling(multiplier, shift), bound, out, coded)


def draw_coded(rng: Rng, heads: int, encoded: int, tokens: int, dim: int, most: int) -> Coded:
    """Codes and a decoder whose results have about `most` steps to each side, some of them more than int8 holds."""
    code = rng.integers(-128, 128, (encoded, tokens, dim)).astype(np.int8)
    weights = rng.integers(-128, 128, (heads, encoded)).astype(np.int8)
    bias = rng.integers(-4096, 4096, heads).astype(np.int32)
    multiplier = int(rng.integers(2**14, 2**15))
    shift = int(np.rint(np.log2(multiplier * 128**2 / 3 * encoded**0.5 / (0.5 * most))))
    return Coded(code, weights, bias, Scaling(multiplier, shift))


def draw_keep(rng: Rng, dense: list[np.ndarray], sparse: np.ndarray) -> np.ndarray:
    """bool[heads, rows, tokens]: the sparse scores, and of the dense columns all or some."""
    keep = sparse.copy()
    density = rng.choice([1.0, 0.7, 0.1])
    for head, columns in enumerate(dense):
        keep[head][:, columns] = rng.random((sparse.shape[1], len(columns))) < density
    return keep


def layer_operands(
    x: Mapping[str, np.ndarray],
    scales: Mapping[str, float],
    keep: np.ndarray,
    bounded: bool,
    coded: tuple[Coded, Coded] | None = None,
) -> Operands:
    """A layer's: x int8 q, k, v of all heads, scales their real step, keep bool[heads, q_tokens, tokens]. Outputs are
    written in V's own step: they are averages of V."""
    k, q = (one.decoded() for one in coded) if coded else (x["k"], x["q"])
    scaling = choose_scaling(scales["q"], scales["k"], q.shape[2])
    bound = calibrate_bound(q, k, keep, *scaling) if bounded else None
    return Operands(q, k, x["v"], keep, scaling, bound, choose_requantization(1 / 127, 1), coded)


def layer_coded(workload: Workload, layer: Attention, made: Mapping[str, np.ndarray], operand: str) -> Coded:
    """What K or Q of a layer is decoded from: the workload's own codes and decoder; where it carries none, a random
    tensor that a random encoder (`made`) compresses, and a random decoder."""
    name = layer.name
    if f"{name}.code_{operand}" in workload.tensors:
        scales, own = workload.scales, workload.tensors
        sums = scales[f"{name}.decode_{operand}"] * scales[f"{name}.code_{operand}"]
        scaling = choose_requantization(sums, scales[f"{name}.{operand}"])
        return Coded(
            own[f"{name}.code_{operand}"],
            own[f"{name}.decode_{operand}"],
            own[f"{name}.decode_{operand}_bias"],
            scaling,
        )
    weights = made[f"encode_{operand}"], made[f"decode_{operand}"]
    # random weights have the spread of the operands, 1 / RANDOM_SCALE steps: so shall what comes out
    there, back = (choose_requantization(RANDOM_SCALE / w.shape[1] ** 0.5, 1) for w in weights)
    code = encode(made[operand], weights[0], *there)
    return Coded(code, weights[1], np.zeros(layer.heads, np.int32), back)


def workload_operands(
    workload: Workload, bounded: bool, prune: bool = True, auto_encoder: bool = True
) -> Iterator[Operands]:
    """Of every attention layer and image: the workload's own, random ones where it carries none; `prune`: its mask
    counts, else every score does; `bounded`: the softmax has a static bound; `auto_encoder`: K and Q come as codes,
    where the layer has them."""
    for layer in workload.layers:
        if not isinstance(layer, Attention):
            continue
        keep = workload.mask(layer.name).keep
        scales = {n: workload.scales.get(f"{layer.name}.{n}", RANDOM_SCALE) for n in "qkv"}
        for image in range(workload.batch):
            made = random_operands(workload, layer, image)
            x = {n: workload.tensors.get(f"{layer.name}.{n}", made[n]) for n in "qkv"}
            coded = None
            if auto_encoder and layer.encoded_heads is not None:
                coded = tuple(layer_coded(workload, layer, made, n) for n in "kq")
            yield layer_operands(x, scales, keep if prune else np.ones_like(keep), bounded, coded)
