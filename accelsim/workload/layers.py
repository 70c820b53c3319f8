"""The layers of a network as work to be done: sizes per image, no hardware and no weights.

Every operator that costs multiply-accumulates is a `Gemm` (convolutions by im2col) or an `Attention`; the rest are
`Norm` and
`Elementwise`. Batch normalisation is taken as folded into the preceding GEMM.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from accelsim.core.errors import InputError
from accelsim.workload.bounds import scores_problem
from accelsim.workload.layer import ACTIVATIONS, HASHES, NORMS, OPERATIONS, ORDERS, ROLES, RULES, Layer


@dataclass(frozen=True)
class Gemm(Layer):
    """out[tokens, out_features] = x[tokens, in_features] W (+ bias) (+ residual), then the activation.

    A convolution is the GEMM of its im2col form: tokens = output pixels, in_features = in_channels * kernel area.
    `repeat` independent GEMMs of this shape, each with its own weights and input (the groups of a grouped convolution).
    `residual`: an operand of the output's shape is added before write-back. `encodes`: the Attention layer whose Q and
    K leave here, so that an encoder behind the array can compress them: role 'qkv' has heads * (2 qk_dim + v_dim)
    columns, Q then K then V; role 'q' has heads * qk_dim; role 'kv' has heads * (qk_dim + v_dim), K then V.
    `input_elements`: distinct input elements, for traffic (None: tokens * in_features * repeat; im2col repeats
    elements).
    """

    role: str
    tokens: int
    in_features: int
    out_features: int
    bias: bool = True
    activation: str | None = None
    residual: bool = False
    encodes: str | None = None
    repeat: int = 1
    input_elements: int | None = None

    kind: ClassVar[str] = "gemm"
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"role": ROLES, "activation": (*ACTIVATIONS, *HASHES)}

    def __post_init__(self):
        super().__post_init__()
        if self.encodes is not None and self.role not in ("qkv", "q", "kv"):
            self._refuse(
                "encodes", self.encodes, f"only roles qkv, q and kv feed an encoder; this role is {self.role!r}"
            )
        whole = self.tokens * self.in_features * self.repeat
        if self.input_elements is not None and self.input_elements > whole:
            rule = f"the GEMM reads tokens * in_features * repeat = {whole} elements and cannot have more distinct ones"
            self._refuse("input_elements", self.input_elements, rule)

    @property
    def macs(self) -> int:
        return self.repeat * self.tokens * self.in_features * self.out_features

    @property
    def weights(self) -> int:
        """Weight elements, bias not counted."""
        return self.repeat * self.in_features * self.out_features

    @property
    def inputs(self) -> int:
        """Distinct input elements per image (before im2col)."""
        return self.input_elements or self.repeat * self.tokens * self.in_features

    @property
    def kernel(self) -> int:
        """Rows and columns of a convolution's windows where they overlap: the least k whose area divides in_features,
        and with which a whole stride s says how often an element is read: k^2 / s^2 times. 1: there is none."""
        reads = self.repeat * self.tokens * self.in_features
        for kernel in range(2, math.isqrt(self.in_features) + 1) if reads > self.inputs else ():
            area, (stride_area, rest) = kernel**2, divmod(kernel**2 * self.inputs, reads)
            if not rest and self.in_features % area == 0 and math.isqrt(stride_area) ** 2 == stride_area > 0:
                return kernel
        return 1

    @property
    def outputs(self) -> int:
        """Output elements per image."""
        return self.repeat * self.tokens * self.out_features

    @property
    def shape(self) -> str:
        times = f"{self.repeat} x " if self.repeat > 1 else ""
        return f"{times}{self.tokens} x {self.in_features} x {self.out_features}"


@dataclass(frozen=True)
class Attention(Layer):
    """softmax(Q K^T) V per head: Q[heads, q_tokens, qk_dim], K[heads, kv_tokens, qk_dim], V[heads, kv_tokens, v_dim].

    `encoded_heads`: h' of the auto-encoder that compresses Q and K along the head axis (None: no auto-encoder).
    `activation`: applied to the attention's output (LeViT puts a hard-swish before its projection).
    `windows`: how many separate windows of an image the heads run in (Swin). `heads` counts all of them, windows x the
    network's heads, window by window; tokens are those of one window. Such a layer has no auto-encoder: it would mix
    the heads of each window apart, which no machine here does.
    `bias_offsets`: every score takes a learned bias, one for its head and relative position; how many distinct ones a
    head has (LeViT: as many as there are keys). None: scores take no bias.
    """

    heads: int
    q_tokens: int
    kv_tokens: int
    qk_dim: int
    v_dim: int
    encoded_heads: int | None = None
    activation: str | None = None
    windows: int = 1
    bias_offsets: int | None = None

    kind: ClassVar[str] = "attention"
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"activation": ACTIVATIONS}

    def __post_init__(self):
        super().__post_init__()
        if self.encoded_heads is not None and self.encoded_heads > self.heads:
            self._refuse(
                "encoded_heads", self.encoded_heads, f"an auto-encoder cannot have more than the {self.heads} heads"
            )
        if problem := scores_problem(self.heads, self.q_tokens, self.kv_tokens):
            raise InputError(f"{self.kind} layer {self.name!r}: {problem}.")
        if self.bias_offsets is not None and self.bias_offsets > self.q_tokens * self.kv_tokens:
            rule = f"a head has q_tokens * kv_tokens = {self.q_tokens * self.kv_tokens} scores and no more biases"
            self._refuse("bias_offsets", self.bias_offsets, rule)
        if self.heads % self.windows:
            self._refuse("heads", self.heads, f"must be a multiple of the {self.windows} windows it counts over")
        if self.windows > 1 and self.encoded_heads is not None:
            self._refuse("encoded_heads", self.encoded_heads, "attention in windows takes no auto-encoder")

    @property
    def macs(self) -> int:
        return self.heads * self.q_tokens * self.kv_tokens * (self.qk_dim + self.v_dim)

    @property
    def shape(self) -> str:
        heads = f"{self.heads} h" if self.windows == 1 else f"{self.windows} w x {self.heads // self.windows} h"
        return f"{heads}, {self.q_tokens} x {self.kv_tokens}, {self.qk_dim}/{self.v_dim}"


@dataclass(frozen=True)
class LinearAttention(Layer):
    """Attention without softmax, whose products can be taken in either order; operands are shaped as `Attention`'s.

    `rule`: taylor: weights 1 + x of centred scores x (ViTALiTy, HPCA 2023, Algorithm 1); l1: Q and K divided by their
    features' absolute sums over the tokens (SimA, WACV 2024); hash: Q and K are codes of qk_dim bits, -1 or 1, and
    weights qk_dim + 1 + q k (EcoFormer, NeurIPS 2022). `order` (l1 only): kv is Q (K^T V), qk is (Q K^T) V; None: qk
    where kv_tokens < qk_dim, as published. `coded_dim` (hash only): features that a code stands for. `activation`,
    `windows`: as of `Attention`.
    """

    rule: str
    heads: int
    q_tokens: int
    kv_tokens: int
    qk_dim: int
    v_dim: int
    order: str | None = None
    coded_dim: int | None = None
    activation: str | None = None
    windows: int = 1

    kind: ClassVar[str] = "linear_attention"
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"rule": RULES, "order": ORDERS, "activation": ACTIVATIONS}

    def __post_init__(self):
        super().__post_init__()
        if self.order is not None and self.rule != "l1":
            self._refuse("order", self.order, f"only rule l1 takes its products in an order; this rule is {self.rule}")
        if self.coded_dim is not None and self.rule != "hash":
            self._refuse("coded_dim", self.coded_dim, f"only rule hash has codes; this rule is {self.rule}")
        if self.heads % self.windows:
            self._refuse("heads", self.heads, f"must be a multiple of the {self.windows} windows it counts over")

    @property
    def scores_first(self) -> bool:
        """Whether Q K^T is computed, and not K^T V."""
        chosen = self.order or ("qk" if self.kv_tokens < self.qk_dim else "kv")
        return self.rule == "l1" and chosen == "qk"

    @property
    def macs(self) -> int:
        if self.scores_first:
            return self.softmax_macs
        both = (self.q_tokens + self.kv_tokens) * self.qk_dim * self.v_dim
        return self.heads * (both + (self.q_tokens * self.qk_dim if self.rule != "l1" else 0))

    @property
    def softmax_macs(self) -> int:
        """Multiply-accumulates of softmax attention of these sizes."""
        return self.heads * self.q_tokens * self.kv_tokens * ((self.coded_dim or self.qk_dim) + self.v_dim)

    @property
    def shape(self) -> str:
        return Attention.shape.fget(self)


@dataclass(frozen=True)
class Norm(Layer):
    """A normalisation of `tokens` vectors of `features` elements."""

    tokens: int
    features: int
    norm: str = "layernorm"

    kind: ClassVar[str] = "norm"
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"norm": NORMS}

    @property
    def shape(self) -> str:
        return f"{self.tokens} x {self.features}"


@dataclass(frozen=True)
class Elementwise(Layer):
    """An operation on `operands` inputs of tokens x features; 'mean' and 'max' reduce over the tokens to 1 x
    features."""

    op: str
    tokens: int
    features: int
    operands: int = 1

    kind: ClassVar[str] = "elementwise"
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"op": OPERATIONS}

    def __post_init__(self):
        super().__post_init__()
        least, most = (2, None) if self.op in ("add", "multiply") else (1, 1)
        if self.operands < least or (most is not None and self.operands > most):
            self._refuse("operands", self.operands, f"{self.op} takes {'two or more' if least == 2 else 'one'}")

    @property
    def out_tokens(self) -> int:
        return 1 if self.op in ("mean", "max") else self.tokens

    @property
    def shape(self) -> str:
        return f"{self.operands} x {self.tokens} x {self.features}"


LAYERS = {cls.kind: cls for cls in (Gemm, Attention, LinearAttention, Norm, Elementwise)}


def kinds(layers: Sequence[Layer]) -> tuple[int, ...]:
    """Of each layer a number that equal layers share: those that differ in nothing but names, nor in the sizes of the
    attention whose Q and K they encode."""
    by_name, seen = {layer.name: layer for layer in layers}, {}

    def bare(layer: Layer | None) -> tuple:
        values = vars(layer) if layer else {}
        return type(layer), *(v for k, v in values.items() if k not in ("name", "block", "encodes"))

    keys = [(bare(layer), bare(by_name.get(getattr(layer, "encodes", None)))) for layer in layers]
    return tuple(seen.setdefault(key, len(seen)) for key in keys)
