"""A whole network into one program: layer after layer, a mark after each."""

from dataclasses import replace

from accelsim.accelerators.vitality.dataflow.attention import emit_linear
from accelsim.accelerators.vitality.dataflow.resources import Resources
from accelsim.dataflows.products.dense import emit_gemm
from accelsim.dataflows.products.emit import Emitter
from accelsim.dataflows.program import Program
from accelsim.dataflows.vector import emit_vector
from accelsim.workload.layers import Gemm, LinearAttention
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


def compile_workload(p: Program, workload: Workload, have: Resources) -> None:
    """The program of a workload without softmax on a machine of these sizes; mark n closes layer n.

    A layer's activations come from DRAM once the layer before has been stored there; weights are fetched ahead.
    Raises InputError when a layer cannot be cut up to fit the buffers.
    """
    emitter = Emitter(p, have)
    for number, layer in enumerate(workload.layers):
        if number:
            p.fence(have.act, p.all_of(have.store))
        if isinstance(layer, Gemm):
            emit_gemm(emitter, layer, workload.batch)
        elif isinstance(layer, LinearAttention):
            emit_linear(emitter, layer, workload.batch)
        else:
            emit_vector(p, layer, workload.batch, have)
        p.mark(number, wait=p.all_of(have.store))
