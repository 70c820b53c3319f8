"""Small random vision transformers for the machine to run with values."""

from collections.abc import Iterator

import numpy as np

from accelsim.accelerators.trial import draw, draw_mask
from accelsim.workload.layers import Attention, Gemm, Layer, Norm
from accelsim.workload.workload import Workload

TOKENS, DIM, MORE = 20, 16, 24  # most tokens, most features of a head, and of a row beyond the vector unit's lanes


def draw_transformer(seed: int, lanes: int) -> Workload:
    """A network of one or two blocks on embedded patches, with a class token before them or none: norms of rows that
    `lanes` lanes can take, projections with and without an encoder behind them, attention under a mask, residual
    operands, a table, biases or scales alone."""
    rng = np.random.default_rng([seed, 4713])
    tokens, width = draw(rng, TOKENS), lanes + int(rng.integers(0, MORE))
    biases = bool(rng.random() < 0.7)
    layers: list[Layer] = [
        Gemm("embed", "embed", "embed", tokens, draw(rng, 80), width, bias=biases, residual=bool(rng.random() < 0.5))
    ]
    tokens += int(rng.random() < 0.5)
    masks = {}
    for n in range(int(rng.integers(1, 3))):
        layers += block(rng, f"b{n}", tokens, width, biases)
        for layer in layers[-7:]:
            if isinstance(layer, Attention):
                masks[layer.name] = draw_mask(rng, layer)
    layers += [
        Norm("norm", "head", tokens, width, "layernorm"),
        Gemm("head", "head", "head", 1, width, draw(rng, 30), bias=biases),
    ]
    return Workload(f"transformer {seed}", "random", tuple(layers), masks)


def block(rng: np.random.Generator, name: str, tokens: int, width: int, biases: bool) -> Iterator[Layer]:
    """Attention, most of the time, and an MLP."""
    norm = str(rng.choice(["layernorm", "batchnorm"]))
    if rng.random() < 0.8:
        heads, dim, values = draw(rng, 4), draw(rng, DIM), draw(rng, DIM)
        coded = draw(rng, heads) if rng.random() < 0.7 else None
        attention = Attention(f"{name}.attention", name, heads, tokens, tokens, dim, values, coded)
        columns = heads * (2 * dim + values)
        yield Norm(f"{name}.norm1", name, tokens, width, norm)
        yield Gemm(f"{name}.qkv", name, "qkv", tokens, width, columns, bias=biases, encodes=attention.name)
        yield attention
        yield Gemm(f"{name}.proj", name, "proj", tokens, heads * values, width, bias=biases, residual=True)
    wide = draw(rng, 3 * width)
    yield Norm(f"{name}.norm2", name, tokens, width, norm)
    yield Gemm(f"{name}.fc1", name, "mlp", tokens, width, wide, bias=biases, activation="gelu")
    yield Gemm(f"{name}.fc2", name, "mlp", tokens, wide, width, bias=biases, residual=True)
