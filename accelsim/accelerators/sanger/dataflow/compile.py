"""A whole network into one program: layer after layer, a mark after each."""

from accelsim.accelerators.sanger.dataflow.attention import AttentionLayer
from accelsim.accelerators.sanger.dataflow.dense import TileIssuer, columns_of
from accelsim.accelerators.sanger.dataflow.resources import Resources
from accelsim.accelerators.sanger.masks import kept
from accelsim.core.errors import InputError
from accelsim.dataflows.gemm import emit_gemm
from accelsim.dataflows.program import Program
from accelsim.dataflows.vector import emit_vector
from accelsim.workload.layers import Attention, Gemm
from accelsim.workload.workload import Workload


def compile_workload(p: Program, workload: Workload, have: Resources) -> None:
    """The program of a workload on a machine of these sizes; mark n closes layer n.

    A layer's activations come from DRAM once the layer before has been stored there; weights are fetched ahead.
    Raises InputError when a layer cannot be cut up to fit the buffers, and for attention without a mask.
    """
    for number, layer in enumerate(workload.layers):
        if number:
            p.fence(have.act, p.all_of(have.store))
        if isinstance(layer, Attention):
            keep = kept(workload, layer, have.mask_source, have.threshold, have.lengths)
            AttentionLayer(p, layer, keep, workload.batch, have).emit()
        elif have.operand_bytes > 1:
            raise InputError(
                f"layer {layer.name}: operand_bits is 16, which is modelled of attention alone, but it is a "
                f"{layer.kind} layer; use operand_bits: 8, or a workload of its attention layers only"
            )
        elif isinstance(layer, Gemm):
            emit_gemm(p, layer, columns_of(layer), workload.batch, have, TileIssuer())
        else:
            emit_vector(p, layer, workload.batch, have)
        p.mark(number, wait=p.all_of(have.store))
