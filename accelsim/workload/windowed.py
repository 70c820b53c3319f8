"""A network with the masks of a window pattern in the place of its own."""

from __future__ import annotations

from dataclasses import replace

from accelsim.core.errors import InputError
from accelsim.workload.mask import AttentionMask
from accelsim.workload.pattern import WindowPattern
from accelsim.workload.workload import Workload


def windowed(workload: Workload, pattern: WindowPattern) -> Workload:
    """The network with a pattern as the mask of every attention layer whose tokens see each other; named NAME_PATTERN.

    Layers whose queries are fewer than their keys (LeViT's, between stages) have no such pattern and become dense.
    Operands stay. Errors: InputError for a network without a layer of that kind, or tokens that are not of its grid.
    """
    masks = {}
    for layer in workload.attention_layers:
        if layer.q_tokens == layer.kv_tokens:
            try:
                masks[layer.name] = AttentionMask.of_pattern(pattern, layer.heads, layer.kv_tokens)
            except InputError as error:
                raise InputError(f"layer {layer.name}: {error}") from None
    if not masks:
        raise InputError(f"workload {workload.name!r} has no attention layer whose tokens see each other.")
    dense = len(workload.attention_layers) - len(masks)
    rest = f"; {dense} layers of fewer queries than keys are dense" if dense else ""
    return replace(
        workload,
        name=f"{workload.name}_{pattern.short}",
        masks=masks,
        synthetic=True,
        source="",
        provenance={
            **workload.provenance,
            "masks": f"{pattern}: the pattern, not a trained network; accuracy unknown{rest}",
        },
    )
