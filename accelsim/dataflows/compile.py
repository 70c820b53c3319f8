"""A whole network into one program: layer after layer, a mark after each."""

from accelsim.dataflows.attention import AttentionLayer
from accelsim.dataflows.gemm import emit_gemm
from accelsim.dataflows.program import Program
from accelsim.dataflows.resources import Resources
from accelsim.dataflows.vector import emit_vector
from accelsim.isa import instructions as isa
from accelsim.workload.layers import Attention, Gemm
from accelsim.workload.workload import Workload


def compile_workload(workload: Workload, have: Resources) -> Program:
    """The program of a workload on a machine of these sizes; mark n closes layer n.

    A layer's activations come from DRAM once the layer before has been stored there; weights are fetched ahead.
    Raises InputError when a layer cannot be cut up to fit the buffers.
    """
    p = Program()
    encoded = {layer.name: layer for layer in workload.attention_layers}
    for number, layer in enumerate(workload.layers):
        if number:
            p.fence("act")
        if isinstance(layer, Gemm):
            emit_gemm(p, layer, encoded.get(layer.encodes), workload.batch, have)
        elif isinstance(layer, Attention):
            emitter = AttentionLayer(p, layer, workload.mask(layer.name), have)
            for image in range(workload.batch):
                emitter.emit(image)
        else:
            emit_vector(p, layer, workload.batch, have)
        p.issue(isa.MARK, number, wait=p.all_of(isa.STORED))
    return p
