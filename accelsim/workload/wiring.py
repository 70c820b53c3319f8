"""Which layer reads whose output. A workload may say so (`reads`); else it follows from the order of its layers.

A layer reads the one before it, but

- a projection (roles q, kv, qkv) reads what the other projections of its attention layer read;
- attention reads its projections: the layers that encode it, else the dense layers just before it;
- classifiers (role head) side by side read the same;
- an element-wise layer of n operands reads the n layers before it;
- the first layer reads the image.

A residual operand is the newest output of its shape that no norm, no attention and not the layer it belongs to, or is
read by it, has computed: in front of a block that ends in it. Where there is none it is a constant.
"""

from __future__ import annotations

from typing import NamedTuple

from accelsim.workload.layers import Attention, Elementwise, Gemm, Layer, LinearAttention, Norm
from accelsim.workload.workload import Workload

PROJECTIONS = ("q", "kv", "qkv")


class Reads(NamedTuple):
    """inputs: the layers read, none for the image. residual: the layer whose output is added (None: a constant, or
    there is no residual operand)."""

    inputs: tuple[str, ...]
    residual: str | None = None


def wiring(workload: Workload) -> dict[str, Reads]:
    """Of every layer, in order."""
    layers, found = workload.layers, {}
    for number, layer in enumerate(layers):
        said = workload.reads.get(layer.name)
        wants_residual = isinstance(layer, Gemm) and layer.residual
        if said is not None:
            inputs, rest = (said[:-1], said[-1]) if wants_residual and len(said) > 1 else (said, None)
            found[layer.name] = Reads(tuple(inputs), rest)
            continue
        inputs = _inputs(layers, number, found)
        found[layer.name] = Reads(inputs, _residual(layers, number, inputs) if wants_residual else None)
    return found


def size(layer: Layer) -> tuple[int, int]:
    """Tokens and features of a layer's output."""
    if isinstance(layer, Gemm):
        return layer.tokens, layer.repeat * layer.out_features
    if isinstance(layer, Attention | LinearAttention):
        return layer.q_tokens * layer.windows, layer.heads // layer.windows * layer.v_dim
    if isinstance(layer, Elementwise):
        return layer.out_tokens, layer.features
    return layer.tokens, layer.features


def _inputs(layers: tuple[Layer, ...], number: int, found: dict[str, Reads]) -> tuple[str, ...]:
    layer = layers[number]
    if not number:
        return ()
    before = layers[number - 1]
    if isinstance(layer, Attention | LinearAttention):
        mine = [g.name for g in layers[:number] if isinstance(g, Gemm) and g.encodes == layer.name]
        return tuple(mine) or _projections(layers, number)
    if isinstance(layer, Elementwise):
        return tuple(one.name for one in layers[max(0, number - layer.operands) : number])
    if isinstance(layer, Gemm) and isinstance(before, Gemm):
        alike = layer.role in PROJECTIONS and before.role in PROJECTIONS and before.encodes == layer.encodes
        if alike or layer.role == before.role == "head":
            return found[before.name].inputs
    return (before.name,)


def _projections(layers: tuple[Layer, ...], number: int) -> tuple[str, ...]:
    """The dense layers just before an attention layer that make its operands."""
    mine: list[str] = []
    for layer in reversed(layers[:number]):
        if not isinstance(layer, Gemm) or layer.role not in (*PROJECTIONS, "other"):
            break
        mine.insert(0, layer.name)
        if layer.role in ("qkv", "other"):
            break
    return tuple(mine) or (layers[number - 1].name,)


def _residual(layers: tuple[Layer, ...], number: int, inputs: tuple[str, ...]) -> str | None:
    (tokens, features), seen = size(layers[number]), []
    for other in reversed(layers[:number]):
        if other.name not in inputs and not isinstance(other, Norm | Attention | LinearAttention):
            seen.append((size(other), other.name))
    # the embedded patches are a class token short of the blocks they go through
    for wanted in ((tokens, features), (tokens - 1, features)):
        for found, name in seen:
            if found == wanted:
                return name
    return None
