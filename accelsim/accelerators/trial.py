"""Small random networks to try a machine with: every kind of layer, masks from empty to full."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from accelsim.workload import Attention, AttentionMask, Elementwise, Gemm, LinearAttention, Norm, Workload
from accelsim.workload.layers import RULES
from accelsim.workload.linear import exchange

Rng = np.random.Generator


def draw_workload(seed: int, largest: int = 20, kinds: Collection[str] = ()) -> Workload:
    """A network of one or two blocks: normalisation, projection, attention under a mask, a GEMM with a residual
    operand, a repeated one with an activation, pooling. `largest` bounds tokens and features of a
    head. `kinds`: where linear_attention is among them, most attention layers are of that kind."""
    rng = np.random.default_rng([seed, 4711])
    layers, masks = [], {}
    for n in range(int(rng.integers(1, 3))):
        block = f"b{n}"
        tokens, heads = draw(rng, largest), draw(rng, 4)
        queries = tokens if rng.random() < 0.7 else draw(rng, largest)
        width, dim, values = draw(rng, 24), draw(rng, largest), draw(rng, largest)
        coded = draw(rng, heads) if rng.random() < 0.5 else None
        attention = Attention(f"{block}.attention", block, heads, queries, tokens, dim, values, coded)
        layers.append(Norm(f"{block}.norm", block, tokens, width, str(rng.choice(["layernorm", "batchnorm"]))))
        if queries == tokens:
            columns = heads * (2 * dim + values)
            layers.append(Gemm(f"{block}.qkv", block, "qkv", tokens, width, columns, encodes=attention.name))
        else:
            columns = heads * (dim + values)
            layers.append(Gemm(f"{block}.kv", block, "kv", tokens, width, columns, encodes=attention.name))
            layers.append(Gemm(f"{block}.q", block, "q", queries, width, heads * dim, encodes=attention.name))
        layers.append(attention)
        masks[attention.name] = draw_mask(rng, attention)
        layers.append(Gemm(f"{block}.proj", block, "proj", queries, heads * values, width, residual=True))
        repeat = draw(rng, 3)
        layers.append(
            Gemm(f"{block}.conv", block, "conv", queries, 9, draw(rng, 30), repeat=repeat, activation="gelu",
                 input_elements=repeat * draw(rng, 9 * queries) if rng.random() < 0.5 else None)
        )  # fmt: skip
        layers.append(Elementwise(f"{block}.mean", block, "mean", queries, width))
    made = Workload(f"trial {seed}", "random", tuple(layers), masks, batch=int(rng.integers(1, 3)))
    return exchange_some(made, seed) if LinearAttention.kind in kinds else made


def exchange_some(workload: Workload, seed: int) -> Workload:
    """The network with linear attention of a random rule in two of three attention layers."""
    rng = np.random.default_rng([seed, 4712])
    chosen = {a.name: exchange(a, str(rng.choice(RULES))) for a in workload.attention_layers if rng.random() < 0.67}
    layers = tuple(
        replace(layer, encodes=None) if getattr(layer, "encodes", None) in chosen else chosen.get(layer.name, layer)
        for layer in workload.layers
    )
    masks = {name: mask for name, mask in workload.masks.items() if name not in chosen}
    return replace(workload, layers=layers, masks=masks)


def draw(rng: Rng, most: int) -> int:
    """A size; the smallest and the largest are as likely as all others together."""
    return int(rng.choice([1, most, rng.integers(1, most + 1)], p=[0.2, 0.3, 0.5]))


def draw_mask(rng: Rng, layer: Attention) -> AttentionMask:
    """No row without a score; any number of global tokens."""
    keep = rng.random((layer.heads, layer.q_tokens, layer.kv_tokens)) < rng.choice([0.0, 0.1, 0.5, 1.0])
    heads, rows = np.indices(keep.shape[:2])
    keep[heads, rows, rng.integers(0, layer.kv_tokens, keep.shape[:2])] = True
    order = np.stack([rng.permutation(layer.kv_tokens) for _ in range(layer.heads)])
    counts = rng.choice([0, 1, layer.kv_tokens // 2, layer.kv_tokens], layer.heads)
    return AttentionMask(keep, order, counts)
