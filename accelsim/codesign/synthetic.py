"""Synthetic masks with the character of pruned vision transformers, for models whose trained masks are not published.

Attention maps are made from what the published DeiT-Tiny mask of ViTCoD shows (its statistics, none of its data), then
pruned by the paper's own rule with one threshold for the whole network. docs/workload-format.md lists what was matched
and how well.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

import accelsim
from accelsim.codesign.models import Model, model
from accelsim.codesign.polarize import polarize
from accelsim.codesign.prune import kept_entries, ranking
from accelsim.core.errors import InputError
from accelsim.workload.workload import Workload

RADIUS, RADIUS_SPREAD = 0.62, 0.72
"""Median width of a head's neighbourhood in patches of a 14 x 14 grid, and the spread of its logarithm over the
heads."""
GLOBAL_HEADS = (0.02, 0.72)
"""Share of heads with global tokens in the first and in the last block; it grows linearly between."""
GLOBAL_TOKENS = (3.0, 60.0)
"""Least and most attractive tokens of such a head (log-uniform), of 196."""
GLOBAL_MASS = (0.5, 0.95)
"""Share of a row's attention that they draw (uniform)."""
SHIFTED_HEADS = 0.15
"""Share of heads that look at a neighbouring patch instead of their own."""
DIFFUSE = 0.04
"""Share of attention spread over all tokens."""
NOISE = 0.55
"""Spread of the logarithm of the noise on every score."""
STEPS = 1 << 20
"""Maps are rounded to integers, so that masks do not depend on the last bit of a machine's exp()."""

SHIPPED = (
    *(("deit_tiny", sparsity) for sparsity in (0.6, 0.7, 0.8, 0.9, 0.95)),
    *((name, 0.9) for name in ("deit_small", "deit_base", "levit_128", "levit_192", "levit_256")),
)
"""What `workloads/` holds: synthesize(name, sparsity, seed=1) of each."""


def synthesize(name: str, sparsity: float, seed: int = 1) -> Workload:
    """A workload of a known model with synthetic masks: exactly round((1 - sparsity) * scores) entries kept over the
    network.

    sparsity: in [0, 1). seed: a whole number of at least 0. Same arguments, same workload.
    Errors: InputError for an unknown model, a bad argument, or a sparsity that the entries which must stay make
    unreachable.
    """
    network = model(name)
    if not isinstance(sparsity, int | float) or not 0 <= sparsity < 1:
        raise InputError(f"sparsity is {sparsity!r} but must be at least 0 and below 1, a fraction of the scores.")
    if not isinstance(seed, int) or seed < 0:
        raise InputError(f"seed is {seed!r} but must be a whole number of at least 0.")
    ranks = [ranking(maps, network.class_token) for maps in attention_maps(network, seed)]
    flat = np.concatenate([rank.ravel() for rank in ranks])
    keep = np.zeros(flat.size, bool)
    keep[np.argsort(flat, kind="stable")[: kept_entries(flat, sparsity, name)]] = True
    parts = np.split(keep, np.cumsum([rank.size for rank in ranks])[:-1])
    return Workload(
        name=f"{name}_s{round(sparsity * 100, 2):g}",
        model=name,
        layers=network.layers,
        masks={a.name: polarize(part.reshape(r.shape)) for a, part, r in zip(network.attention_layers, parts, ranks)},
        synthetic=True,
        provenance={
            "note": "Synthetic masks: made to resemble pruned vision transformers; not trained, accuracy unknown.",
            "made_by": f"accelsim {accelsim.__version__}, synthesize({name!r}, {sparsity:g}, seed={seed})",
            "seed": seed,
            "target_sparsity": float(sparsity),
            "layers_from": "the model's publication, sizes for 224 x 224 images",
        },
    )


def attention_maps(network: Model, seed: int) -> list[np.ndarray]:
    """Average attention maps in the manner of a trained network: int64[heads, q_tokens, kv_tokens] per attention layer.

    A head's row is a Gaussian neighbourhood on the patch grid (the width differs from head to head), mixed with a few
    attractive tokens (more of them in later blocks) and a diffuse rest, with log-normal noise. The CLS token, if any,
    is row and column 0.
    """
    rng = np.random.default_rng([seed, *network.name.encode()])
    attention = network.attention_layers
    heads = [(i, layer) for i, layer in enumerate(attention) for _ in range(layer.heads)]
    depth = np.array([i for i, _ in heads]) / max(len(attention) - 1, 1)
    radius = RADIUS * np.exp(RADIUS_SPREAD * _normal_quantiles(rng, len(heads)))
    first, last = GLOBAL_HEADS
    has_global = _quantiles(rng, len(heads)) < first + (last - first) * depth
    low, high = np.log(GLOBAL_TOKENS)
    tokens = np.exp(low + (high - low) * _quantiles(rng, len(heads)))
    mass = GLOBAL_MASS[0] + (GLOBAL_MASS[1] - GLOBAL_MASS[0]) * _quantiles(rng, len(heads))
    shifted = _quantiles(rng, len(heads)) < SHIFTED_HEADS
    maps = [[] for _ in attention]
    for h, (i, layer) in enumerate(heads):
        q_grid, kv_grid = network.grids[layer.name]
        count = tokens[h] * kv_grid[0] * kv_grid[1] / 196 if has_global[h] else 0
        maps[i].append(_head(rng, q_grid, kv_grid, radius[h], count, mass[h], bool(shifted[h]), network.class_token))
    return [np.stack(layer) for layer in maps]


def _head(
    rng, q_grid, kv_grid, radius: float, count: float, mass: float, shifted: bool, class_token: bool
) -> np.ndarray:
    q_at, kv_at = _places(q_grid), _places(kv_grid)
    offset = rng.integers(-1, 2, 2) / max(kv_grid) if shifted else np.zeros(2)
    distance = (((q_at + offset)[:, None] - kv_at[None]) ** 2).sum(axis=-1) * max(kv_grid) ** 2
    width = max(radius * max(kv_grid) / 14, 0.3)
    near = np.exp(-distance / (2 * width * width))
    near /= near.sum(axis=1, keepdims=True)
    attractive = np.zeros(len(kv_at))
    chosen = rng.permutation(len(kv_at))[: max(round(count), 1) if count else 0]
    attractive[chosen] = np.exp(0.6 * rng.standard_normal(len(chosen)))
    share = mass if chosen.size else 0.0
    far = attractive / max(attractive.sum(), 1e-9)
    scores = (1 - DIFFUSE) * ((1 - share) * near + share * far) + DIFFUSE / len(kv_at)
    scores *= np.exp(NOISE * rng.standard_normal(scores.shape))
    scores /= scores.sum(axis=1, keepdims=True)
    patches = np.maximum(np.rint(scores * STEPS), 1).astype(np.int64)
    if not class_token:
        return patches
    # the CLS row and column are kept in any case: their scores only have to be there
    return np.pad(patches, ((1, 0), (1, 0)), constant_values=1)


def _places(grid: tuple[int, int]) -> np.ndarray:
    """The patches' centres in the unit square, float64[rows * columns, 2]."""
    rows, columns = np.divmod(np.arange(grid[0] * grid[1]), grid[1])
    return np.stack([(rows + 0.5) / grid[0], (columns + 0.5) / grid[1]], axis=1)


def _quantiles(rng, count: int) -> np.ndarray:
    """The mid-points of `count` equal intervals of (0, 1), shuffled: a fair sample even of few heads."""
    return (rng.permutation(count) + 0.5) / count


def _normal_quantiles(rng, count: int) -> np.ndarray:
    return np.array([NormalDist().inv_cdf(u) for u in _quantiles(rng, count)])
