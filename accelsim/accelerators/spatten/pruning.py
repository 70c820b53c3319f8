"""What is pruned where: importance, cascade, progressive decisions, and the smaller network that is left.

SpAtten, section III. Values are integers: probabilities of the functional twin where Q and K are stored, else the
columns of the workload's masks stand for them. The class token is not ranked and always stays [ours].
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from accelsim.accelerators.spatten.quick_select import kept
from accelsim.core.errors import InputError
from accelsim.workload import functional
from accelsim.workload.layers import Attention, Elementwise, Gemm, Layer, Norm
from accelsim.workload.network import STEP
from accelsim.workload.workload import Workload

LOW_BITS = 4  # of a key that progressive quantization fetches apart (RTL: requantBitCount)
UNTOUCHED = ("embed", "conv", "downsample")  # roles of layers whose tokens are pixels, not those of attention


@dataclass(frozen=True)
class Options:
    """The machine's options of pruning; keeps are in thousandths."""

    prune: str = "none"
    keep: int = 1000
    keep_heads: int = 1000
    first_layer: int = 3
    every: int = 3
    class_token: bool = True
    v_prune: str = "off"
    v_keep: int = 1000
    progressive: bool = False
    threshold: int = 100

    def selects_after(self, number: int, layers: int) -> bool:
        """Whether tokens are chosen when attention layer `number` of so many ends, for those after it."""
        behind = number + 1 - self.first_layer
        return self.prune == "stages" and number + 1 < layers and behind >= 0 and behind % self.every == 0


@dataclass(frozen=True)
class Selection:
    """A choice by the top-k engine: sums of those that are ranked, and how many of them stay."""

    sums: np.ndarray
    keep: int


@dataclass(frozen=True)
class Alive:
    """What is left of an attention layer: its queries, keys and heads, as numbers of the unpruned layer.

    chosen: what the top-k engine chooses when it has ended. again: bool[heads, queries], rows that are computed again.
    values: bool[heads, queries, keys], which probabilities are multiplied; None: all. source: of the importance.
    """

    queries: np.ndarray
    keys: np.ndarray
    heads: np.ndarray
    chosen: tuple[Selection, ...] = ()
    again: np.ndarray | None = None
    values: np.ndarray | None = None
    source: str = ""


@dataclass(frozen=True)
class Plan:
    """The network that is left, and what was pruned of each of its attention layers."""

    workload: Workload
    alive: Mapping[str, Alive]


def add_up(sums: np.ndarray, probabilities: np.ndarray, alive: np.ndarray) -> np.ndarray:
    """Importance of tokens after a layer: probabilities [heads, queries, keys] are added to their keys' sums."""
    found = sums.copy()
    found[alive] += probabilities.sum(axis=(0, 1), dtype=np.int64)
    return found


def still_alive(sums: np.ndarray, alive: np.ndarray, keep: int, class_token: bool) -> np.ndarray:
    """The tokens that stay alive, in order: `keep` of them, the most important; token 0 among them if it is the class
    token."""
    fixed = alive[:1] if class_token and len(alive) and alive[0] == 0 else alive[:0]
    ranked = alive[len(fixed) :]
    return np.concatenate([fixed, ranked[kept(sums[ranked], max(0, min(keep - len(fixed), len(ranked))))]])


def high_bits(k: np.ndarray, low: int = LOW_BITS) -> np.ndarray:
    """Keys as their most significant bits alone say: the low bits cleared."""
    return (k >> low) << low


def unsure(largest: np.ndarray, threshold: float) -> np.ndarray:
    """Whether rows must be computed again: their largest probability is strictly below the threshold."""
    return largest < threshold


def probabilities_of(workload: Workload, layer: Attention, x: Mapping[str, np.ndarray], options: Options):
    """(p int32[heads, queries, keys], again bool[heads, queries]) of the operands that are alive."""
    name = layer.name
    scale = {n: workload.scales.get(f"{name}.{n}", STEP) for n in "qk"}
    stored = workload.tensors.get(f"{name}.scaling")
    multiplier, shift = stored[:2] if stored is not None else functional.choose_scaling(*scale.values(), layer.qk_dim)
    s = functional.scores(x["q"], x["k"])
    again = np.zeros(s.shape[:2], bool)
    keep = np.ones(s.shape, bool)

    def softmax(scores: np.ndarray) -> np.ndarray:
        e = functional.exponentials(scores, keep, int(multiplier), int(shift), None, "max")
        return functional.probabilities(e)

    if options.progressive:
        first = functional.scores(x["q"], high_bits(x["k"]))
        p = softmax(first)
        again = unsure(p.max(axis=-1) * 1000, options.threshold * functional.FULL)
        s = np.where(again[..., None], s, first)
    return softmax(s), again


def kept_values(p: np.ndarray, options: Options) -> np.ndarray | None:
    """Which probabilities keep their values, bool as p; None: all. first_query: what the first row of a head keeps."""
    if options.v_prune == "off":
        return None
    keys = p.shape[-1]
    k = max(1, keys * options.v_keep // 1000)
    found = np.zeros(p.shape, bool)
    for head in range(p.shape[0]):
        for row in range(p.shape[1]):
            places = kept(p[head, 0 if options.v_prune == "first_query" else row], k)
            found[head, row, places] = True
    return found


def needed(workload: Workload, layer: Attention, options: Options) -> dict[str, np.ndarray] | None:
    """Q and K of a layer, where it has them. Raises InputError where an option needs them and they are not there."""
    if all(f"{layer.name}.{n}" in workload.tensors for n in "qk"):
        return {n: workload.tensors[f"{layer.name}.{n}"] for n in "qkv" if f"{layer.name}.{n}" in workload.tensors}
    for used, option in ((options.progressive, "quant: progressive"), (options.v_prune != "off", "v_prune")):
        if used:
            raise InputError(
                f"layer {layer.name}: {option} decides by probabilities, but the workload stores no q and k of it; "
                "export it with its operands, or switch the option off"
            )
    return None


@lru_cache(maxsize=4)  # a run asks for it when it compiles, and again for what it says of each layer
def plan(workload: Workload, options: Options) -> Plan:
    """Prune a network. Raises InputError when it cannot be pruned as the options say."""
    layers = workload.attention_layers
    if options.prune == "stages":
        shapes = {(a.q_tokens, a.kv_tokens, a.heads, a.windows) for a in layers}
        if len(shapes) > 1 or any(a.q_tokens != a.kv_tokens or a.windows > 1 for a in layers):
            raise InputError(
                "prune: stages follows tokens from layer to layer, but its attention layers have "
                f"{' and '.join(f'{q} x {k} tokens' for q, k, *_ in sorted(shapes))}; give prune: flat or none"
            )
    tokens = layers[0].kv_tokens if layers else 0
    sums, head_sums = np.zeros(tokens, np.int64), np.zeros(layers[0].heads if layers else 0, np.int64)
    alive, heads = np.arange(tokens), np.arange(len(head_sums))
    found: dict[str, Alive] = {}
    for number, layer in enumerate(layers):
        x = needed(workload, layer, options)
        if options.prune != "stages":
            share = options.keep if options.prune == "flat" else 1000
            queries, keys = (np.arange(max(1, n * share // 1000)) for n in (layer.q_tokens, layer.kv_tokens))
            mine = Alive(queries, keys, np.arange(layer.heads), source="none" if share == 1000 else "the first tokens")
        else:
            mine = Alive(alive, alive, heads)
        left = np.ix_(mine.heads, mine.queries), np.ix_(mine.heads, mine.keys)
        p = None
        if x is not None and (options.prune == "stages" or options.progressive or options.v_prune != "off"):
            p, again = probabilities_of(workload, layer, {"q": x["q"][left[0]], "k": x["k"][left[1]]}, options)
            mine = replace(mine, again=again if options.progressive else None, values=kept_values(p, options))
        if options.prune == "stages":
            source = "computed of stored q and k"
            if p is None:
                source = "columns of the mask stand for it"
                p = workload.mask(layer.name).keep[np.ix_(mine.heads, alive, alive)].astype(np.int32)
            sums = add_up(sums, p, alive)
            weights = p.sum(axis=(1, 2), dtype=np.int64)
            if x is not None and "v" in x:
                v = x["v"][left[1]].astype(np.int32)
                used = p if mine.values is None else np.where(mine.values, p, 0)
                weights = np.abs(np.matmul(used, v)).sum(axis=(1, 2), dtype=np.int64)
            head_sums[mine.heads] += weights
            mine = replace(mine, source=source)
            if options.selects_after(number, len(layers)):
                after = still_alive(sums, alive, max(1, len(alive) * options.keep // 1000), options.class_token)
                fixed = int(options.class_token and alive[0] == 0)
                chosen = [Selection(sums[alive[fixed:]], len(after) - fixed)] if len(alive) > fixed else []
                if options.keep_heads < 1000:
                    many = max(1, len(heads) * options.keep_heads // 1000)
                    chosen.append(Selection(head_sums[heads], many))
                    heads = heads[kept(head_sums[heads], many)]
                alive = after
                mine = replace(mine, chosen=tuple(one for one in chosen if one.keep))
        found[layer.name] = mine
    return Plan(smaller(workload, found, options), found)


def smaller(workload: Workload, alive: Mapping[str, Alive], options: Options) -> Workload:
    """The network with the tokens and heads that are left: from the block on whose attention has fewer of them."""
    layers: list[Layer] = []
    blocks = {layer.block: layer for layer in workload.attention_layers}
    current: Attention | None = None
    for layer in workload.layers:
        current = blocks.get(layer.block, current)
        if isinstance(layer, Attention):
            mine = alive[layer.name]
            heads = len(mine.heads)
            layer = replace(
                layer, heads=heads, q_tokens=len(mine.queries), kv_tokens=len(mine.keys), encoded_heads=None,
                bias_offsets=layer.bias_offsets and min(layer.bias_offsets, len(mine.queries) * len(mine.keys)),
            )  # fmt: skip
        elif current is not None and options.prune != "none":
            layer = fewer(layer, current, alive[current.name])
        if isinstance(layer, Gemm) and layer.encodes:
            layer = replace(layer, encodes=None)
        layers.append(layer)
    unpruned = all(len(a.queries) == workload.layer(n).q_tokens for n, a in alive.items())
    unpruned = unpruned and all(len(a.heads) == workload.layer(n).heads for n, a in alive.items())
    tensors = without_codes(workload.tensors) if unpruned else cut(workload, layers, alive)
    return replace(workload, layers=tuple(layers), masks={}, tensors=tensors, scales=without_codes(workload.scales))


def without_codes(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Stored operands, or their scales, without those of an auto-encoder, which this machine does not have."""
    coded = ("encode_", "decode_", "code_")
    return {n: one for n, one in stored.items() if not n.rpartition(".")[2].startswith(coded)}


def fewer(layer: Layer, attention: Attention, mine: Alive) -> Layer:
    """A layer of an attention's block, with the tokens and heads that are left of it."""
    counts = {attention.q_tokens * attention.windows: len(mine.queries) * attention.windows}
    counts |= {attention.kv_tokens * attention.windows: len(mine.keys) * attention.windows}
    if isinstance(layer, Gemm):
        changed = layer
        if layer.role not in UNTOUCHED and layer.repeat == 1 and layer.input_elements is None:
            changed = replace(layer, tokens=counts.get(layer.tokens, layer.tokens))
            heads = len(mine.heads) / attention.heads
            if heads < 1 and layer.role in ("qkv", "q", "kv"):
                changed = replace(changed, out_features=int(layer.out_features * heads), encodes=None)
            if heads < 1 and layer.role == "proj":
                changed = replace(changed, in_features=int(layer.in_features * heads))
        return changed
    if isinstance(layer, Norm | Elementwise):
        return replace(layer, tokens=counts.get(layer.tokens, layer.tokens))
    return layer


def cut(workload: Workload, layers: list[Layer], alive: Mapping[str, Alive]) -> dict[str, np.ndarray]:
    """The stored operands that still fit: attention's are cut to what is alive, others stay where no size changed."""
    found = without_codes(workload.tensors)
    for new in layers:
        old = workload.layer(new.name)
        names = [n for n in found if n.rpartition(".")[0] == new.name]
        if isinstance(new, Attention):
            mine = alive[new.name]
            for n in names:
                rows = {"q": mine.queries, "k": mine.keys, "v": mine.keys}.get(n.rpartition(".")[2])
                if rows is not None:
                    found[n] = np.ascontiguousarray(found[n][np.ix_(mine.heads, rows)])
        elif new != old:
            resized = {"x", "residual"}
            if isinstance(new, Gemm) and (new.in_features, new.out_features) != (old.in_features, old.out_features):
                resized |= {"weight", "bias", "requant"}
            for n in names:
                if n.rpartition(".")[2] in resized:
                    del found[n]
    return found
