"""A whole network into one program: layer after layer, a mark after each."""

from accelsim.accelerators.salo.dataflow.attention import AttentionLayer
from accelsim.accelerators.salo.dataflow.resources import Resources
from accelsim.accelerators.salo.masks import plans
from accelsim.dataflows.products.dense import emit_gemm
from accelsim.dataflows.products.emit import Emitter
from accelsim.dataflows.program import Program
from accelsim.dataflows.vector import emit_vector
from accelsim.workload.layers import Attention, Gemm
from accelsim.workload.workload import Workload


def compile_workload(p: Program, workload: Workload, have: Resources) -> None:
    """The program of a workload on a machine of these sizes; mark n closes layer n.

    A layer's activations come from DRAM once the layer before has been stored there; weights are fetched ahead.
    Raises InputError when a layer cannot be cut up to fit, or has a remainder that is refused.
    """
    emitter = Emitter(p, have)
    for number, layer in enumerate(workload.layers):
        if number:
            p.fence(have.act, p.all_of(have.store))
        if isinstance(layer, Gemm):
            emit_gemm(emitter, layer, workload.batch)
        elif isinstance(layer, Attention):
            found = plans(workload, layer, have.rows, have.columns, have.globals)
            AttentionLayer(p, layer, found, workload.batch, have).emit()
        else:
            emit_vector(p, layer, workload.batch, have)
        p.mark(number, wait=p.all_of(have.store))
