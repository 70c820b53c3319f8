"""Synthetic masks with the character of pruned vision transformers, for models whose trained masks are not published.

Attention maps are made from what the published DeiT-Tiny mask of ViTCoD shows (its statistics, none of its data), then
pruned by the paper's own rule with one threshold for the whole network. docs/workload-format.md lists what was matched
and how well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

import accelsim
from accelsim.codesign.models import Model, model
from accelsim.codesign.polarize import polarize
from accelsim.codesign.prune import kept_entries, ranking
from accelsim.core.errors import InputError
from accelsim.workload.linear import converted
from accelsim.workload.mask import AttentionMask
from accelsim.workload.pattern import WindowPattern
from accelsim.workload.windowed import windowed
from accelsim.workload.workload import Workload

RADIUS, RADIUS_SPREAD = 0.62, 0.62
"""Median width of a head's neighbourhood in patches of a 14 x 14 grid, and the spread of its logarithm over the
heads."""
GLOBAL_HEADS = (0.0, 0.6)
"""Share of heads with global tokens in the first and in the last block; it grows linearly between."""
GLOBAL_TOKENS = (3.0, 60.0)
"""Least and most attractive tokens of such a head (log-uniform), of 196."""
GLOBAL_MASS = (0.5, 0.95)
"""Share of a row's attention that they draw (uniform)."""
SHIFTED_HEADS = 0.15
"""Share of heads that look at a neighbouring patch instead of their own."""
DIFFUSE = (0.005, 0.75)
"""Least and most of a head's attention that is spread over all tokens (log-uniform)."""
TAIL, TAIL_REACH = 0.15, 3.0
"""Share of the neighbourhood's weight in a tail, and how many times wider that is."""
CONTRAST = 0.6
"""Spread of the logarithm of how much a token draws."""
NOISE = 0.55
"""Spread of the logarithm of the noise on every score."""
STEPS = 1 << 20
"""Maps are rounded to integers, so that masks do not depend on the last bit of a machine's exp()."""

SHIPPED = (
    *(("deit_tiny", sparsity) for sparsity in (0.6, 0.7, 0.8, 0.9, 0.95)),
    *((name, 0.9) for name in ("deit_small", "deit_base", "levit_128", "levit_192", "levit_256")),
)
"""What `workloads/` holds: synthesize(name, sparsity, seed=1) of each."""


class Traits(NamedTuple):
    """What maps are made of; the constants above say what each is."""

    radius: float = RADIUS
    radius_spread: float = RADIUS_SPREAD
    global_heads: tuple[float, float] = GLOBAL_HEADS
    global_tokens: tuple[float, float] = GLOBAL_TOKENS
    diffuse: tuple[float, float] = DIFFUSE
    noise: float = NOISE


PUBLISHED = Traits()
"""As the published mask shows them."""


def synthesize(name: str | Model, sparsity: float, seed: int = 1, traits: Traits = PUBLISHED) -> Workload:
    """A workload of a known model, or of one that is handed in, with synthetic masks: exactly
    round((1 - sparsity) * scores) entries kept over the network.

    sparsity: in [0, 1). seed: a whole number of at least 0. traits: other than the published mask's, for a question
    about them; such a workload's provenance names what was changed. Same arguments, same workload.
    Errors: InputError for an unknown model, a bad argument, or a sparsity that the entries which must stay make
    unreachable.
    """
    network = model(name) if isinstance(name, str) else name
    if not isinstance(sparsity, int | float) or not 0 <= sparsity < 1:
        raise InputError(f"sparsity is {sparsity!r} but must be at least 0 and below 1, a fraction of the scores.")
    if not isinstance(seed, int) or seed < 0:
        raise InputError(f"seed is {seed!r} but must be a whole number of at least 0.")
    ranks = [ranking(maps, network.class_token) for maps in attention_maps(network, seed, traits)]
    flat = np.concatenate([rank.ravel() for rank in ranks])
    keep = np.zeros(flat.size, bool)
    keep[np.argsort(flat, kind="stable")[: kept_entries(flat, sparsity, network.name)]] = True
    parts = np.split(keep, np.cumsum([rank.size for rank in ranks])[:-1])
    masks = {a.name: polarize(part.reshape(r.shape)) for a, part, r in zip(network.attention_layers, parts, ranks)}
    work = workload_of(network, sparsity, seed, masks)
    changed = ", ".join(f"{n} {v}" for n, v in traits._asdict().items() if v != getattr(PUBLISHED, n))
    if not changed:
        return work
    said = {n: v for n, v in work.provenance.items() if n != "target_sparsity"}  # no sweep can make it again
    return replace(work, provenance=said | {"traits": f"other than those of published masks: {changed}"})


def workload_of(network: Model, sparsity: float, seed: int, masks: dict[str, AttentionMask]) -> Workload:
    """The workload of a model with its synthetic masks, layer name -> mask."""
    return Workload(
        name=f"{network.name}_s{round(sparsity * 100, 2):g}",
        model=network.name,
        layers=network.layers,
        masks=masks,
        synthetic=True,
        provenance={
            "note": "Synthetic masks: made to resemble pruned vision transformers; not trained, accuracy unknown.",
            "made_by": f"accelsim {accelsim.__version__}, synthesize({network.name!r}, {sparsity:g}, seed={seed})",
            "seed": seed,
            "target_sparsity": float(sparsity),
            "layers_from": "the model's publication, sizes for 224 x 224 images",
        },
    )


def exchange_attention(name: str, rule: str) -> Workload:
    """A workload of a known model with linear attention of a rule (taylor, l1 or hash) in place of softmax: its sizes.

    Errors: InputError for an unknown model or rule.
    """
    return converted(sized(name, f"exchange_attention({name!r}, {rule!r})"), rule)


def window_masks(name: str, pattern: WindowPattern) -> Workload:
    """A workload of a known model under the masks of a pattern: its sizes.

    Errors: InputError for an unknown model, or one whose tokens are not of the pattern's grid.
    """
    return windowed(sized(name, f"window_masks({name!r}, {str(pattern)!r})"), pattern)


def sized(name: str, call: str) -> Workload:
    """A known model's layers; `call`: what makes a workload of them."""
    made_by = f"accelsim {accelsim.__version__}, {call}"
    sizes = {"made_by": made_by, "layers_from": "the model's publication, sizes for 224 x 224 images"}
    return Workload(name, name, model(name).layers, provenance=sizes)


def attention_maps(network: Model, seed: int, traits: Traits = PUBLISHED) -> list[np.ndarray]:
    """Average attention maps in the manner of a trained network: int64[heads, q_tokens, kv_tokens] per attention layer.

    A head's row is a Gaussian neighbourhood on the patch grid (the width differs from head to head), mixed with a few
    attractive tokens (more of them in later blocks) and a diffuse rest, with log-normal noise. The CLS token, if any,
    is row and column 0.
    """
    rng = np.random.default_rng([seed, *network.name.encode()])
    attention = network.attention_layers
    heads = [(i, layer) for i, layer in enumerate(attention) for _ in range(layer.heads)]
    maps, depth = [[] for _ in attention], np.array([i for i, _ in heads]) / max(len(attention) - 1, 1)
    for (i, layer), head in zip(heads, _heads(rng, depth, traits)):
        scores = _scores(rng, head, *network.grids[layer.name], traits.noise)
        # the CLS row and column are kept in any case: their scores only have to be there
        maps[i].append(np.pad(scores, ((1, 0), (1, 0)), constant_values=1) if network.class_token else scores)
    return [np.stack(layer) for layer in maps]


class _Head(NamedTuple):
    radius: float
    attractive: float
    mass: float
    diffuse: float
    shifted: bool


def _heads(rng, depth: np.ndarray, traits: Traits) -> Iterator[_Head]:
    """The traits of every head, given its place in the network from 0 (first block) to 1 (last)."""
    count = len(depth)
    radius = traits.radius * np.exp(
        traits.radius_spread * np.array([NormalDist().inv_cdf(u) for u in _quantiles(rng, count)])
    )
    first, last = traits.global_heads
    is_global = _quantiles(rng, count) < first + (last - first) * depth
    attractive = np.where(is_global, _log_uniform(rng, count, traits.global_tokens), 0)
    mass = GLOBAL_MASS[0] + (GLOBAL_MASS[1] - GLOBAL_MASS[0]) * _quantiles(rng, count)
    shifted = _quantiles(rng, count) < SHIFTED_HEADS
    diffuse = _log_uniform(rng, count, traits.diffuse)
    return map(_Head, radius, attractive, mass, diffuse, shifted)


def _scores(rng, head: _Head, q_grid: tuple[int, int], kv_grid: tuple[int, int], noise: float) -> np.ndarray:
    q_at, kv_at = _places(q_grid), _places(kv_grid)
    side, count = max(kv_grid), len(kv_at)
    offset = rng.integers(-1, 2, 2) / side if head.shifted else np.zeros(2)
    distance = (((q_at + offset)[:, None] - kv_at[None]) ** 2).sum(axis=-1) * side**2
    width = max(head.radius * side / 14, 0.3)
    scores = (1 - TAIL) * _gaussian(distance, width) + TAIL * _gaussian(distance, TAIL_REACH * width)
    if head.attractive:
        far = np.zeros(count)
        chosen = rng.permutation(count)[: max(round(head.attractive * count / 196), 1)]
        far[chosen] = np.exp(CONTRAST * rng.standard_normal(len(chosen)))
        scores = (1 - head.mass) * scores + head.mass * far / far.sum()
    rest = np.exp(CONTRAST * rng.standard_normal(count))
    scores = (1 - head.diffuse) * scores + head.diffuse * rest / rest.sum()
    scores *= np.exp(noise * rng.standard_normal(scores.shape))
    scores /= scores.sum(axis=1, keepdims=True)
    return np.maximum(np.rint(scores * STEPS), 1).astype(np.int64)


def _gaussian(distance: np.ndarray, width: float) -> np.ndarray:
    near = np.exp(-distance / (2 * width * width))
    return near / near.sum(axis=1, keepdims=True)


def _places(grid: tuple[int, int]) -> np.ndarray:
    """The patches' centres in the unit square, float64[rows * columns, 2]."""
    rows, columns = np.divmod(np.arange(grid[0] * grid[1]), grid[1])
    return np.stack([(rows + 0.5) / grid[0], (columns + 0.5) / grid[1]], axis=1)


def _quantiles(rng, count: int) -> np.ndarray:
    """The mid-points of `count` equal intervals of (0, 1), shuffled: a fair sample even of few heads."""
    return (rng.permutation(count) + 0.5) / count


def _log_uniform(rng, count: int, limits: tuple[float, float]) -> np.ndarray:
    low, high = np.log(limits)
    return np.exp(low + (high - low) * _quantiles(rng, count))
