"""Attention layers as linear ones: a network with its attention exchanged, and its values in integers."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from accelsim.core.errors import InputError, shown, suggest
from accelsim.workload import functional, shaping
from accelsim.workload.constants import MOST_FRACTION, MOST_MULTIPLIER, MOST_SHIFT
from accelsim.workload.functional import linear
from accelsim.workload.functional.requantise import Scaling, scaling_of
from accelsim.workload.layers import RULES, Attention, Gemm, LinearAttention
from accelsim.workload.workload import Workload, stored_shapes

if TYPE_CHECKING:
    from accelsim.workload.network import Network

ANCHORS, BITS = 25, 16  # of EcoFormer's released configuration
STEP = 1 / 32  # of operands whose scale is not known
QUOTIENT_BITS = 15
NAMES = {"taylor": "Taylor attention (ViTALiTy)", "l1": "SimA's l1 attention", "hash": "EcoFormer's attention of codes"}


@dataclass(frozen=True)
class LinearRule:
    """How a machine computes a linear attention layer. divided: rows have divisors of their own (False: the constant).
    key_bits: of centred keys, 9, or 8: they saturate."""

    divided: bool = True
    key_bits: int = linear.WIDE


def exchange(layer: Attention, rule: str) -> LinearAttention:
    """The layer with another attention of the same sizes; its mask, auto-encoder and biases have no meaning there."""
    sizes = {name: getattr(layer, name) for name in ("heads", "q_tokens", "kv_tokens", "qk_dim", "v_dim", "windows")}
    return LinearAttention(layer.name, layer.block, rule, activation=layer.activation, **sizes)


def converted(workload: Workload, rule: str, bits: int = BITS) -> Workload:
    """The network with every softmax attention layer exchanged for one of a rule; named NAME_RULE.

    Rule hash: Q and K become codes of `bits` bits, made by two dense layers a head (distances to 25 anchors, then the
    codes), once where Q and K are of the same tokens; the projection keeps its columns. Masks go, and constants that
    belong to the softmax. Errors: InputError for an unknown rule or a network without softmax attention.
    """
    if rule not in RULES:
        raise InputError(f"attention is {shown(rule)} but must be one of {', '.join(RULES)}{suggest(rule, RULES)}.")
    old = {layer.name: layer for layer in workload.attention_layers}
    if not old:
        raise InputError(f"workload {workload.name!r} has no softmax attention layer to be exchanged.")
    made = []
    for layer in workload.layers:
        if isinstance(layer, Gemm) and layer.encodes is not None:
            made.append(replace(layer, encodes=None))
        elif layer.name in old:
            new = exchange(layer, rule)
            if rule == "hash":
                codes = hash_layers(layer, bits)
                made += codes
                new = replace(new, qk_dim=bits, coded_dim=layer.qk_dim)
            made.append(new)
        else:
            made.append(layer)
    new = {layer.name: layer for layer in made}
    kept = {}
    for field in ("tensors", "scales"):
        found = getattr(workload, field)
        kept[field] = {key: value for key, value in found.items() if belongs(key, old, new, rule)}
    what = f"{NAMES[rule]} in place of softmax: the same sizes, not a trained network; accuracy unknown"
    return replace(
        workload,
        name=f"{workload.name}_{rule}",
        layers=tuple(made),
        masks={},
        provenance={**workload.provenance, "attention": what},
        **kept,
    )


def belongs(key: str, old: Mapping[str, Attention], new: Mapping[str, object], rule: str) -> bool:
    """Whether an operand of the network with softmax is one of that without."""
    name, _, operand = key.rpartition(".")
    if name not in old:
        return True
    return operand in (() if rule == "hash" else ("q", "k", "v")) and operand in stored_shapes(new[name])


def hash_layers(layer: Attention, bits: int) -> list[Gemm]:
    """The dense layers that make the codes of Q and K: distances to anchors behind an exponential, then signs."""
    heads, name = layer.heads // layer.windows, layer.name
    tokens = layer.kv_tokens + (layer.q_tokens if layer.q_tokens != layer.kv_tokens else 0)  # else Q and K share codes
    tokens *= layer.windows
    return [
        Gemm(f"{name}.anchors", layer.block, "other", tokens, layer.qk_dim, ANCHORS, activation="exp", repeat=heads),
        Gemm(f"{name}.codes", layer.block, "other", tokens, ANCHORS, bits, activation="sign", repeat=heads),
    ]


@lru_cache(maxsize=4)
def exchanged(workload: Workload) -> Workload:
    """The network that a machine without softmax runs: Taylor attention of the dense layers, under the same name."""
    if not workload.attention_layers:
        return workload
    return replace(converted(workload, "taylor"), name=workload.name)


def warning(layers: Sequence[Attention], masks: Collection[str]) -> str:
    """What a machine that has no softmax says of a network with it."""
    encoded = sum(layer.encoded_heads is not None for layer in layers)
    masked = sum(layer.name in masks for layer in layers)
    dropped = [f"{masked} masks"] * bool(masked) + [f"auto-encoders of {encoded} layers"] * bool(encoded)
    ignored = f", {' and '.join(dropped)} not applied" if dropped else ""
    return (
        f"Warning: {len(layers)} softmax attention layers were computed as Taylor attention of the dense layer"
        f"{ignored}; that is another network, whose accuracy is not the workload's"
    )


def linear_attention(
    network: Network, layer: LinearAttention, level: int
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Operands by name, output int8[batch, tokens, features] and sums of Q G, or of S V, int64[batch, heads, q_tokens,
    v_dim]. `level`: mean magnitude that made-up requantisation aims at."""
    workload, name = network.workload, layer.name
    x = operands(network, layer)
    rule = network.rule(layer)
    rule = rule if isinstance(rule, LinearRule) else LinearRule()
    q, k, v = (x[n] for n in "qkv")
    if layer.rule == "l1":
        q, k = linear.l1_normalised(q), linear.l1_normalised(k)
    turned = np.swapaxes(k.astype(np.int64), -1, -2)
    if layer.scores_first:
        first = q.astype(np.int64) @ turned
    else:
        found = linear.sums(k, v, centred=layer.rule == "taylor", key_bits=rule.key_bits)
        first = found.g
    g_requant = network.constant(layer, "g_requant", lambda: functional.calibrated(first[:1], level))
    g = functional.requantise(first, *g_requant)
    second = g.astype(np.int64) @ v.astype(np.int64) if layer.scores_first else q.astype(np.int64) @ g.astype(np.int64)
    constants = {"g_requant": g_requant, "g": g, "first": first}
    wide = second
    if layer.rule != "l1":

        def scaling() -> np.ndarray:
            steps = [workload.scales.get(f"{name}.{n}", STEP) for n in "qk"]
            return choose(layer, q[:1], found, second[:1], g_requant, steps[0] * steps[1])

        scaling = network.constant(layer, "scaling", scaling, "calibrated")
        multiplier, shift, offset, fraction = map(int, scaling)
        num = linear.numerator(q, g, found.vsum, multiplier, shift)
        den = linear.divisors(q, found.ksum if rule.divided else np.zeros_like(found.ksum), offset)
        wide = linear.divide(num, den[..., None], fraction)
        constants |= {"scaling": scaling, "keys": found.keys, "divisors": den, "vsum": found.vsum, "ksum": found.ksum}
    requant = network.constant(layer, "requant", lambda: functional.calibrated(wide[:1], level))
    y = functional.requantise(wide, *requant)
    table = network.table(layer)
    output = shaping.join(layer, y if table is None else functional.look_up(table, y))
    used = {"used_q": q, "used_k": k} if layer.rule == "l1" else {}
    return x | used | constants | {"requant": requant}, output, second


def operands(network: Network, layer: LinearAttention) -> dict[str, np.ndarray]:
    """q, k, v int8[batch, heads, tokens, dim]: stored, else of the layers it reads, else made up."""
    batch, stored, shapes = network.workload.batch, network.workload.tensors, stored_shapes(layer)
    x = None if layer.rule == "hash" else shaping.split(layer, network.read(layer))
    if x is None:
        network.loose.append(layer.name)
        x = {n: network.draw(layer, n, (batch, *shapes[n][1])) for n in "qkv"}
        if layer.rule == "hash":
            x |= {n: np.where(x[n] >= 0, 1, -1).astype(np.int8) for n in "qk"}
    mine = {n: stored[f"{layer.name}.{n}"] for n in "qkv" if f"{layer.name}.{n}" in stored}
    return x | {n: np.repeat(array[None], batch, axis=0) for n, array in mine.items()}


def choose(
    layer: LinearAttention, q: np.ndarray, found: linear.Sums, second: np.ndarray, g_requant: np.ndarray, step: float
) -> np.ndarray:
    """int64[4], the scaling of a layer (see `constants`) whose scores have `step` as their real value, from its first
    image: a quotient has QUOTIENT_BITS bits."""
    ratio, tokens = int(g_requant[0]) / 2.0 ** int(g_requant[1]), layer.kv_tokens
    # the weight of a score of 0, in steps of the scores
    weight = math.sqrt(layer.qk_dim) / step if layer.rule == "taylor" else layer.qk_dim + 1
    multiplier, shift = fitted(scaling_of(ratio * weight)) if ratio else (0, 0)
    offset = max(1, round(tokens * weight))
    num = second + functional.rescale(found.vsum[:1], multiplier, shift)[..., None, :]
    most = int(np.abs(num).max()) // offset
    fraction = min(MOST_FRACTION, max(0, QUOTIENT_BITS - 1 - most.bit_length()))
    return np.array([multiplier, shift, offset, fraction], np.int64)


def fitted(scaling: Scaling) -> Scaling:
    """The nearest that a requantiser's registers hold."""
    multiplier, shift = scaling
    if shift < 0:
        return Scaling(min(MOST_MULTIPLIER, multiplier << -shift), 0)
    return Scaling(multiplier, shift) if shift <= MOST_SHIFT else Scaling(0, MOST_SHIFT)


def negative_weights(q: np.ndarray, k: np.ndarray, step: float) -> tuple[int, int]:
    """How many of the Taylor weights 1 + x of integer operands [.., tokens, qk_dim] are below 0, and of how many."""
    weights = linear.taylor_weights(q * step, k.astype(np.float64))
    return int((weights < 0).sum()), weights.size
