"""A whole network on a systolic array into one program: layer after layer, a mark after each."""

from collections.abc import Callable

from accelsim.dataflows.products.dense import emit_gemm
from accelsim.dataflows.products.emit import Emitter
from accelsim.dataflows.products.resources import ProductResources
from accelsim.dataflows.program import Program
from accelsim.dataflows.vector import emit_vector
from accelsim.workload.layers import Attention, Gemm, LinearAttention
from accelsim.workload.workload import Workload

Attend = Callable[[Emitter, Attention | LinearAttention, int], None]


def emit_network(p: Program, workload: Workload, have: ProductResources, attend: Attend) -> None:
    """The program of a workload on a machine of these sizes; mark n closes layer n. `attend` emits an attention layer
    for so many images.

    A layer's activations come from DRAM once the layer before has been stored there; weights are fetched ahead.
    Raises InputError when a layer cannot be cut up to fit the buffers.
    """
    emitter = Emitter(p, have)
    for number, layer in enumerate(workload.layers):
        if number:
            p.fence(have.act, p.all_of(have.store))
        if isinstance(layer, Gemm):
            emit_gemm(emitter, layer, workload.batch)
        elif isinstance(layer, Attention | LinearAttention):
            attend(emitter, layer, workload.batch)
        else:
            emit_vector(p, layer, workload.batch, have)
        p.mark(number, wait=p.all_of(have.store))
