"""What the machine runs for a workload: linear attention for softmax, in the order that is asked for."""

from dataclasses import replace

from accelsim.workload.layers import LinearAttention
from accelsim.workload.linear import exchanged
from accelsim.workload.workload import Workload


def network(workload: Workload, l1_order: str) -> Workload:
    """What the machine runs for a workload: Taylor attention for softmax, and rule l1 in the order that is asked for
    (auto: the layers' own)."""
    made = exchanged(workload)
    if l1_order == "auto":
        return made
    layers = (
        replace(layer, order=l1_order) if isinstance(layer, LinearAttention) and layer.rule == "l1" else layer
        for layer in made.layers
    )
    return replace(made, layers=tuple(layers))
