"""A network in integers, from its first layer to its last: one layer's output is the next one's input.

Operands and constants that the workload carries are used. What it lacks is made up, the same for the same name:
weights, biases and class tokens are drawn from the names of workload and layer; multipliers of requantisation are
chosen from the sums of the first image, so that outputs fill their 8 bits. A network with made-up constants computes
nothing sensible, but every integer depends on every layer before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from accelsim.workload import functional, shaping
from accelsim.workload.layers import ACTIVATIONS, HASHES, Attention, Elementwise, Gemm, Layer, LinearAttention, Norm
from accelsim.workload.linear import LinearRule, linear_attention
from accelsim.workload.wiring import Reads, wiring
from accelsim.workload.workload import Workload, stored_shapes

LEVEL = 25  # mean magnitude that made-up requantisation aims at: 1/32 a step, about standard normal
STEP = 1 / 32


class Rule(NamedTuple):
    """How a machine runs an attention layer. keep: bool[heads, q_tokens, kv_tokens], the scores that count. coded: its
    Q and K go through the auto-encoder. mode: of the softmax. attend: a machine's own arithmetic instead, with what
    `functional.attention` is given: (q, k, v, multiplier, shift) of an image -> int32[heads, q_tokens, v_dim]. late:
    the softmax's division comes behind the values."""

    keep: np.ndarray
    coded: bool
    mode: str
    attend: Callable[..., np.ndarray] | None = None
    late: bool = False


@dataclass(frozen=True)
class Computed:
    """A layer's operands, by name, and its output int8[batch, tokens, features]. Of a gemm: x int8[batch, repeat,
    tokens, in_features] in its im2col form, weight; sums int32[batch, repeat, tokens, out_features], without bias;
    residual, int8, of that shape, and table (None without). Element-wise: x int8[operands, batch, tokens, features]. Of
    attention: q, k, v int8[batch, heads, tokens, dim], as the engines are given them; sums int32[batch, heads,
    q_tokens, v_dim]; scaling int64[3] (multiplier, shift, bound)."""

    layer: Layer
    operands: Mapping[str, np.ndarray | None]
    output: np.ndarray
    sums: np.ndarray | None = None


@dataclass
class Network:
    """rule: how the machine runs an attention layer. made: what was not stored, 'LAYER.OPERAND' -> 'seeded' or
    'calibrated'. loose: layers whose input is made up, since no output before them has its shape."""

    workload: Workload
    rule: Callable[[Attention | LinearAttention], Rule | LinearRule]
    made: dict[str, str] = field(default_factory=dict)
    loose: list[str] = field(default_factory=list)
    outputs: dict[str, np.ndarray] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.reads: Mapping[str, Reads] = wiring(self.workload)
        self.next = 0
        self.classed: dict[tuple[str, ...], np.ndarray] = {}  # the class token put before what these layers computed
        self.attentions: dict[str, Computed] = {}
        self.last: Computed | None = None

    def of(self, name: str) -> Computed:
        """A layer's operands and output. Layers are asked for in order, and one again only before the next; attention
        layers at any time."""
        if name in self.attentions:
            return self.attentions[name]
        while self.last is None or self.last.layer.name != name:
            layer = self.workload.layers[self.next]
            self.next += 1
            self.last = self.compute(layer)
            self.outputs[layer.name] = self.last.output
            if isinstance(layer, Attention | LinearAttention):
                self.attentions[layer.name] = self.last
        return self.last

    def remarks(self) -> list[str]:
        """What of the values was made up, in sentences."""
        found = []
        if self.made:
            kinds = sorted({name.rpartition(".")[2] for name in self.made})
            found.append(
                f"The workload has no {', '.join(kinds)} for some layers; these {len(self.made)} were made up "
                "(synthetic)."
            )
        if self.loose:
            some = ", ".join(self.loose[:3]) + (", ..." if len(self.loose) > 3 else "")
            found.append(
                f"{len(self.loose)} layers read made-up values, since no layer before gives their shape: {some}"
            )
        return found

    def compute(self, layer: Layer) -> Computed:
        """One layer; the layers it reads have been computed."""
        if isinstance(layer, Gemm):
            return self.gemm(layer)
        if isinstance(layer, Attention):
            return self.attention(layer)
        if isinstance(layer, LinearAttention):
            return Computed(layer, *linear_attention(self, layer, LEVEL))
        return self.norm(layer) if isinstance(layer, Norm) else self.elementwise(layer)

    def read(self, layer: Layer) -> list[np.ndarray]:
        """What a layer reads, int8[batch, tokens, features] each; the image for the first."""
        return [self.outputs[name] for name in self.reads[layer.name].inputs] or [self.image(layer)]

    def image(self, layer: Layer) -> np.ndarray:
        """The picture: three channels where that is what the layer reads, else as many features as it takes."""
        tokens, features = shaping.wanted(layer)
        distinct = layer.inputs if isinstance(layer, Gemm) else tokens * features
        channels = 3 if isinstance(layer, Gemm) and distinct < tokens * features and distinct % 3 == 0 else features
        if distinct % channels:
            channels = 1
        return self.draw(layer, "image", (self.workload.batch, distinct // channels, channels))

    def shaped(self, layer: Layer, x: np.ndarray) -> np.ndarray:
        """What a layer reads, in the layer's own shape: int8[batch, tokens, features]."""
        tokens, features = shaping.wanted(layer)
        token = None
        if x.shape[1] + 1 == tokens and x.shape[2] == features:
            token = self.constant(layer, "class_token", lambda: self.draw(layer, "class_token", (features,)))
            self.classed[self.reads[layer.name].inputs] = token
        found = shaping.fit(x, tokens, features, token, repeat=layer.repeat if isinstance(layer, Gemm) else 1)
        if found is None:
            self.loose.append(layer.name)
            return self.draw(layer, "input", (self.workload.batch, tokens, features))
        return found

    def gemm(self, layer: Gemm) -> Computed:
        """A dense layer."""
        batch, name = self.workload.batch, layer.name
        if f"{name}.x" in self.workload.tensors:
            x = np.repeat(self.workload.tensors[f"{name}.x"][None], batch, axis=0)
        else:
            whole = self.shaped(layer, self.read(layer)[0])
            x = whole.reshape(batch, layer.tokens, layer.repeat, layer.in_features).transpose(0, 2, 1, 3)
        weight = self.constant(layer, "weight", lambda: self.draw(layer, "weight", stored_shapes(layer)["weight"][1]))
        sums = functional.product(x, weight[None])
        bias = np.zeros((layer.repeat, layer.out_features), np.int32)
        if layer.bias:
            most = 1 << (8 + math.isqrt(layer.in_features).bit_length())  # a quarter of a sum
            bias = self.constant(layer, "bias", lambda: self.integers(layer, "bias", bias.shape, most).astype(np.int32))
        residual, residual_requant = None, None
        if layer.residual:
            residual = self.residual(layer).reshape(batch, layer.tokens, layer.repeat, layer.out_features)
            residual = residual.transpose(0, 2, 1, 3)
            level = LEVEL * 2 // 3
            residual_requant = self.constant(
                layer, "residual_requant", lambda: functional.calibrated(residual[:1], level)
            )
        level = LEVEL * 2 // 3 if layer.residual else LEVEL
        requant = self.constant(
            layer,
            "requant",
            lambda: np.broadcast_to(functional.calibrated(sums[:1] + bias[:, None], level), (*bias.shape, 2)),
        )
        table = self.table(layer)
        y = functional.dense(sums, bias[:, None], requant[:, None], residual, residual_requant, table)
        output = y.transpose(0, 2, 1, 3).reshape(batch, layer.tokens, -1)
        operands = {"x": x, "weight": weight, "bias": bias, "requant": requant, "table": table}
        operands |= {"residual": residual, "residual_requant": residual_requant}
        return Computed(layer, operands, output, sums)

    def residual(self, layer: Gemm) -> np.ndarray:
        """int8[batch, tokens, repeat * out_features]: what is added to a dense layer's outputs."""
        batch, name = self.workload.batch, layer.name
        source = self.reads[name].residual
        shape = (layer.tokens, layer.repeat * layer.out_features)
        if f"{name}.residual" in self.workload.tensors or source is None:
            made = self.constant(layer, "residual", lambda: self.draw(layer, "residual", shape) // 4)
            return np.broadcast_to(made, (batch, *shape))
        found = shaping.fit(self.outputs[source], *shape, self.classed.get((source,)))
        return found if found is not None else np.broadcast_to(self.draw(layer, "residual", shape), (batch, *shape))

    def attention(self, layer: Attention) -> Computed:
        """Attention under the machine's rule."""
        workload, name = self.workload, layer.name
        rule, batch = self.rule(layer), workload.batch
        x = shaping.split(layer, self.read(layer))
        if x is None:
            self.loose.append(name)
            shapes = stored_shapes(layer)
            x = {n: self.draw(layer, n, (batch, *shapes[n][1])) for n in "qkv"}
        stored = {n: workload.tensors[f"{name}.{n}"] for n in "qkv" if f"{name}.{n}" in workload.tensors}
        for n in "qk":
            if rule.coded and n not in stored:
                x[n] = self.coded(layer, n, x[n])
        x |= {n: np.repeat(array[None], batch, axis=0) for n, array in stored.items()}
        scale = {n: workload.scales.get(f"{name}.{n}", STEP) for n in "qkv"}

        def scaling() -> np.ndarray:
            chosen = functional.choose_scaling(scale["q"], scale["k"], layer.qk_dim)
            bounds = [functional.calibrate_bound(q, k, rule.keep, *chosen) for q, k in zip(x["q"], x["k"])]
            return np.array([*chosen, max(bounds)], np.int64)

        chosen = self.constant(layer, "scaling", scaling, "calibrated")
        bound = int(chosen[2]) if rule.mode == "bounded" else None
        arguments = rule.keep, int(chosen[0]), int(chosen[1]), bound, rule.mode, rule.late
        attend = rule.attend
        images = zip(x["q"], x["k"], x["v"])
        sums = np.stack(
            [attend(*i, *arguments[1:3]) if attend else functional.attention(*i, *arguments) for i in images]
        )
        requant = self.constant(layer, "requant", lambda: functional.calibrated(sums[:1], LEVEL))
        y = functional.requantise(sums, *requant)
        table = self.table(layer)
        output = shaping.join(layer, y if table is None else functional.look_up(table, y))
        return Computed(layer, x | {"scaling": chosen, "requant": requant}, output, sums)

    def coded(self, layer: Attention, n: str, x: np.ndarray) -> np.ndarray:
        """Q or K, int8[batch, heads, tokens, dim], through the auto-encoder."""
        return self.mixed(layer, f"decode_{n}", self.mixed(layer, f"encode_{n}", x))

    def mixed(self, layer: Attention, operand: str, x: np.ndarray) -> np.ndarray:
        """int8[batch, heads, tokens, dim] through the half of the auto-encoder that an operand has the weights of."""
        weight = self.constant(layer, operand, lambda: self.draw(layer, operand, stored_shapes(layer)[operand][1]))
        bias = self.workload.tensors.get(f"{layer.name}.{operand}_bias")
        sums = np.einsum("oh,bhnd->bond", weight.astype(np.int32), x[:1].astype(np.int32))
        requant = self.constant(layer, f"{operand}_requant", lambda: functional.calibrated(sums, LEVEL))
        return np.stack([functional.encode(image, weight, *map(int, requant), bias) for image in x])

    def norm(self, layer: Norm) -> Computed:
        """A normalisation, image by image."""
        x = self.shaped(layer, self.read(layer)[0])
        n = layer.features * (layer.tokens if layer.norm == "groupnorm" else 1)
        gamma = self.constant(
            layer,
            "gamma",
            lambda: (
                (128 + self.integers(layer, "gamma", (layer.features,), 32)).astype(np.int16)
                << (3 * (layer.norm == "batchnorm"))
            ),
        )
        shift = int(
            self.constant(layer, "shift", lambda: np.array([12 - 2 * (layer.norm == "batchnorm")], np.int32))[0]
        )
        beta = self.constant(
            layer, "beta", lambda: self.integers(layer, "beta", (layer.features,), 16).astype(np.int32) << shift
        )
        # PyTorch's 1e-6 in steps of (n * STEP)^2
        epsilon = self.constant(layer, "epsilon", lambda: np.array([n * n * 1024 // 10**6 + 1], np.int64))
        made = [functional.normalise(image, layer.norm, gamma, beta, shift, int(epsilon[0])) for image in x]
        constants = {"gamma": gamma, "beta": beta, "shift": np.int32(shift), "epsilon": epsilon[0]}
        return Computed(layer, {"x": x} | constants, np.stack(made))

    def elementwise(self, layer: Elementwise) -> Computed:
        """An operation on outputs of earlier layers."""
        x = [self.shaped(layer, one) for one in self.read(layer)]
        while len(x) < layer.operands:
            x.append(self.draw(layer, f"operand{len(x)}", x[0].shape))
        first = [one[0].astype(np.int64) for one in x]

        def requant() -> np.ndarray:
            if layer.op == "add":
                return np.stack([functional.calibrated(one, LEVEL // 2) for one in first])
            wide = math.prod(first[1:], start=first[0]) if layer.op == "multiply" else first[0].sum(axis=0)
            return np.repeat(functional.calibrated(wide, LEVEL)[None], layer.operands, axis=0)

        needed = layer.op not in ("max", *ACTIVATIONS)
        constants = self.constant(layer, "requant", requant) if needed else np.zeros((0, 2))
        table = self.table(layer)
        output = functional.elementwise(layer.op, x, constants, table)
        return Computed(layer, {"x": np.stack(x), "requant": constants, "table": table}, output)

    def table(self, layer: Layer) -> np.ndarray | None:
        """The table of a layer's activation, if it has one."""
        name = layer.op if isinstance(layer, Elementwise) else getattr(layer, "activation", None)
        if name not in (*ACTIVATIONS, *HASHES):
            return None
        return self.constant(layer, "table", lambda: functional.activation_table(name, STEP, STEP), "calibrated")

    def constant(self, layer: Layer, operand: str, make: Callable[[], np.ndarray], how: str = "") -> np.ndarray:
        """A stored operand, or one made up."""
        key = f"{layer.name}.{operand}"
        if key in self.workload.tensors:
            return self.workload.tensors[key]
        self.made[key] = how or ("calibrated" if operand.endswith("requant") else "seeded")
        return make()

    def rng(self, layer: Layer, what: str) -> np.random.Generator:
        """Numbers that belong to an operand."""
        return np.random.default_rng([*f"{self.workload.name}/{layer.name}/{what}".encode()])

    def draw(self, layer: Layer, what: str, shape: tuple[int, ...]) -> np.ndarray:
        """int8 from -64 to 64."""
        return self.rng(layer, what).integers(-64, 65, shape, np.int8)

    def integers(self, layer: Layer, what: str, shape: tuple[int, ...], most: int) -> np.ndarray:
        """int64 from -most to most."""
        return self.rng(layer, what).integers(-most, most + 1, shape)
