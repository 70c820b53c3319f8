"""A whole network into one program: layer after layer, a mark after each."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from accelsim.accelerators.vitcod.dataflow.attention import AttentionLayer
from accelsim.accelerators.vitcod.dataflow.dense import columns_of, issue_tile
from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.accelerators.vitcod.dataflow.sizes import AttentionCut
from accelsim.core.errors import InputError, suggest
from accelsim.dataflows.gemm import emit_gemm
from accelsim.dataflows.program import Program
from accelsim.dataflows.tiling import GemmPlan
from accelsim.dataflows.vector import emit_vector
from accelsim.workload.layers import Attention, Gemm
from accelsim.workload.workload import Workload

Cuts = Mapping[str, Sequence[GemmPlan] | AttentionCut]  # layer -> how it is cut, a dense one group by group of columns


def compile_workload(p: Program, workload: Workload, have: Resources, cuts: Cuts = MappingProxyType({})) -> None:
    """The program of a workload on a machine of these sizes; mark n closes layer n.

    A layer's activations come from DRAM once the layer before has been stored there; weights are fetched ahead. A layer
    that `cuts` does not name is cut by rule. Raises InputError when a layer cannot be cut up to fit the buffers, when a
    given cut does not fit, and when one is given for a layer that there is not.
    """
    names = [layer.name for layer in workload.layers if isinstance(layer, Gemm | Attention)]
    for name in cuts:
        if name not in names:
            raise InputError(f"a cut is given for {name!r}, which is no layer that can be cut{suggest(name, names)}")
    encoded = {layer.name: layer for layer in workload.attention_layers}
    for number, layer in enumerate(workload.layers):
        if number:
            p.fence(have.act, p.all_of(have.store))
        if isinstance(layer, Gemm):
            groups = columns_of(layer, encoded.get(layer.encodes), have)
            emit_gemm(p, layer, groups, workload.batch, have, issue_tile, cuts.get(layer.name, ()))
        elif isinstance(layer, Attention):
            emitter = AttentionLayer(p, layer, workload.mask(layer.name), have, cuts.get(layer.name))
            for image in range(workload.batch):
                emitter.emit(image)
        else:
            emit_vector(p, layer, workload.batch, have)
        p.mark(number, wait=p.all_of(have.store))
