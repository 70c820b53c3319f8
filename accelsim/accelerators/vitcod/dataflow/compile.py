"""A whole network into one program: layer after layer, a mark after each."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from accelsim.accelerators.vitcod.dataflow.attention import AttentionLayer
from accelsim.accelerators.vitcod.dataflow.dense import columns_of, issue_tile
from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.accelerators.vitcod.dataflow.sizes import AttentionCut
from accelsim.accelerators.vitcod.tables import FUNCTION_BYTES, FUNCTION_ROWS
from accelsim.core.errors import InputError, suggest
from accelsim.dataflows.gemm import emit_gemm
from accelsim.dataflows.program import NOW, Program
from accelsim.dataflows.residency import output_bytes, send
from accelsim.dataflows.tiling import NOWHERE, GemmPlan, Stay
from accelsim.dataflows.vector import emit_vector
from accelsim.dataflows.windows import Window
from accelsim.isa.tables import TO_DRAM
from accelsim.workload.layers import Attention, Gemm, Layer
from accelsim.workload.workload import Workload

Cuts = Mapping[str, Sequence[GemmPlan] | AttentionCut]  # layer -> how it is cut, a dense one group by group of columns
Stays = Mapping[str, Stay]  # layer -> where its activations are


def compile_workload(
    p: Program,
    workload: Workload,
    have: Resources,
    cuts: Cuts = MappingProxyType({}),
    stays: Stays = MappingProxyType({}),
) -> None:
    """The program of a workload on a machine of these sizes; mark n closes layer n.

    A layer's activations come from DRAM, or are found on chip, once the layer before has stored them there; weights are
    fetched ahead. A layer that `cuts` does not name is cut by rule, of one that `stays` does not name nothing stays on
    chip. Raises InputError when a layer cannot be cut up to fit the buffers, when a
    given cut does not fit, and when one is given for a layer that there is not.
    """
    names = [layer.name for layer in workload.layers if isinstance(layer, Gemm | Attention)]
    for name in cuts:
        if name not in names:
            raise InputError(f"a cut is given for {name!r}, which is no layer that can be cut{suggest(name, names)}")
    encoded = {layer.name: layer for layer in workload.attention_layers}
    freed = 0  # bytes of weights that the dense layer before gives back with its last tile, if it is stored then
    for number, layer in enumerate(workload.layers):
        stay = stays.get(layer.name, NOWHERE)
        left = beside(layer, workload.batch, have, stay)
        send(p, have.store, have.act, stay.output, have.act_bytes - left.act_bytes)
        if number or stay.output != TO_DRAM:  # the first layer's loads would take the room that is to be reserved
            p.fence(have.act, p.all_of(have.store))
        if isinstance(layer, Gemm | Attention) and layer.activation:
            for n in range(FUNCTION_ROWS):
                p.enter("functions", layer=number, entry=n * FUNCTION_BYTES)
        if isinstance(layer, Gemm):
            groups = columns_of(layer, encoded.get(layer.encodes), left)
            issue = partial(issue_tile, left.ports, Window.of(layer))
            behind = have.double_buffer and number > 0 and isinstance(workload.layers[number - 1], Attention)
            if behind:
                p.lift(have.weight, NOW)
            freed = emit_gemm(p, layer, groups, workload.batch, left, issue, cuts.get(layer.name, ()), stay)
            freed *= have.double_buffer and stay.stored
            if behind:  # weights farther ahead, that came while values are read, would keep their stores waiting
                p.hold(have.weight)
        elif isinstance(layer, Attention):
            emitter = AttentionLayer(p, layer, workload.mask(layer.name), left, cuts.get(layer.name))
            for image in range(workload.batch):
                emitter.emit(image, last=image + 1 == workload.batch)
            freed = 0
        else:
            if freed:  # weights that find room only then would be in DRAM before the last store of the layer before
                p.hold_after(have.weight, have.weight_bytes - freed)
                p.lift(have.weight, NOW)
                freed = 0
            emit_vector(p, layer, workload.batch, left, stay)
        after = workload.layers[number + 1] if number + 1 < len(workload.layers) else None
        if have.double_buffer and isinstance(after, Attention) and not isinstance(layer, Attention):
            p.lift("index_buffer", NOW)  # earlier its tables would be in the way of this layer's activations
            p.hold("index_buffer")
        p.mark(number, wait=p.all_of(have.store))


def beside(layer: Layer, batch: int, have: Resources, stay: Stay) -> Resources:
    """What a layer has to run in beside its output, if that stays on chip. Raises InputError if there is none."""
    size = output_bytes(layer, batch)
    if stay.output == TO_DRAM:
        return have
    if size >= have.act_bytes:
        raise InputError(
            f"layer {layer.name}: {have.act}.capacity_bytes ({have.act_bytes}) does not hold its output of {size} "
            "bytes and what it is computed from; make it larger, or let the next layer's input go through DRAM"
        )
    return replace(have, act_bytes=have.act_bytes - size)
