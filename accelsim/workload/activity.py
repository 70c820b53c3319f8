"""What the operands of a layer are like: how much a multiplier's inputs change from one to the next, in classes.

`dense`: two operands of either sign, distributed like weights and normalised activations. `rectified`: one of them is 0
for a large share, as behind ReLU, GELU and the like. `attention`: Q with K, and probabilities with V.
"""

from typing import NamedTuple

import numpy as np

from accelsim.workload.layers import Attention, Gemm, Layer, LinearAttention
from accelsim.workload.workload import Workload

MANY = 0.35  # share of zeros from which on an operand counts as rectified: between 0.1 of normal 8-bit values and 0.5


class Operands(NamedTuple):
    """The class of a layer's operands, and how it is known: `measured` on tensors of the workload, or `assumed` from
    what the layer is."""

    kind: str
    known: str


def classes(workload: Workload) -> dict[str, dict[str, str] | None]:
    """The operands of every layer by its name, JSON-able; None of a layer without multiply-accumulates."""
    found: dict[str, dict[str, str] | None] = {}
    before: Layer | None = None
    for layer in workload.layers:
        mine = operands(workload, layer, before)
        found[layer.name] = mine and mine._asdict()
        before = layer
    return found


def operands(workload: Workload, layer: Layer, before: Layer | None) -> Operands | None:
    """What the operands of a layer that follows another are like."""
    if isinstance(layer, Attention | LinearAttention):
        names, usual = "qkv", "attention"
    elif isinstance(layer, Gemm):
        names, usual = ("x", "weight"), "dense"
    else:
        return None
    tensors = [workload.tensors.get(f"{layer.name}.{name}") for name in names]
    if all(t is not None for t in tensors):
        zeros = max(float(np.mean(t == 0)) for t in tensors)
        return Operands("rectified" if zeros >= MANY else usual, "measured")
    rectified = (
        isinstance(layer, Gemm)
        and isinstance(before, Gemm | Attention | LinearAttention)
        and before.activation is not None
    )
    return Operands("rectified" if rectified else usual, "assumed")
