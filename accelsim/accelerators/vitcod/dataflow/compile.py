"""A whole network into one program: layer after layer, a mark after each."""

from collections.abc import Sequence

from accelsim.accelerators.vitcod.dataflow.attention import AttentionLayer
from accelsim.accelerators.vitcod.dataflow.dense import columns_of, issue_tile
from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.dataflows.gemm import emit_gemm
from accelsim.dataflows.mapping import LayerMapping
from accelsim.dataflows.program import Program
from accelsim.dataflows.vector import emit_vector
from accelsim.workload.layers import Attention, Gemm
from accelsim.workload.workload import Workload


def compile_workload(p: Program, workload: Workload, have: Resources, mappings: Sequence[LayerMapping] = ()) -> None:
    """The program of a workload on a machine of these sizes; mark n closes layer n. mappings: how each layer is cut
    (none: by rule).

    A layer's activations come from DRAM once the layer before has been stored there; weights are fetched ahead.
    Raises InputError when a layer cannot be cut up to fit the buffers.
    """
    encoded = {layer.name: layer for layer in workload.attention_layers}
    for number, layer in enumerate(workload.layers):
        if number:
            p.fence(have.act, p.all_of(have.store))
        if isinstance(layer, Gemm):
            groups = columns_of(layer, encoded.get(layer.encodes), have)
            plans = [part.chosen.plan for part in mappings[number].parts] if mappings else ()
            emit_gemm(p, layer, groups, workload.batch, have, issue_tile, plans)
        elif isinstance(layer, Attention):
            emitter = AttentionLayer(p, layer, workload.mask(layer.name), have)
            for image in range(workload.batch):
                emitter.emit(image)
        else:
            emit_vector(p, layer, workload.batch, have)
        p.mark(number, wait=p.all_of(have.store))
