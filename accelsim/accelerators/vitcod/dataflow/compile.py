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
from accelsim.dataflows.fusion import Piece, pieces, shortened
from accelsim.dataflows.gemm import emit_gemm
from accelsim.dataflows.program import NOW, Program, Wait
from accelsim.dataflows.residency import output_bytes
from accelsim.dataflows.sections import Sections
from accelsim.dataflows.tiling import GemmPlan, Stay
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
    *,
    alike: bool = True,
) -> None:
    """The program of a workload on a machine of these sizes; mark n closes layer n, or what is done of it at a time.

    A layer's activations come from DRAM, or are found on chip, once the layer before has stored them there; weights are
    fetched ahead. A layer that `cuts` does not name is cut by rule, of one that `stays` does not name nothing stays on
    chip. `alike`: columns that are issued alike are emitted once; else every load goes through `p.load`. Raises
    InputError when a layer cannot be cut up to fit the buffers, when a given cut does not fit, and when one is given
    for a layer that there is not.
    """
    names = [layer.name for layer in workload.layers if isinstance(layer, Gemm | Attention)]
    for name in cuts:
        if name not in names:
            raise InputError(f"a cut is given for {name!r}, which is no layer that can be cut{suggest(name, names)}")
    encoded = {layer.name: layer for layer in workload.attention_layers}
    sections = Sections() if alike else None
    freed = 0  # bytes of weights that the dense layer before gives back with its last tile, if it is stored then
    told = -1  # the layer whose activation function the vector unit has
    for piece in pieces(workload, stays):
        number, layer, batch, stay = piece.number, piece.layer, piece.batch, piece.stay
        left = beside(layer, batch, have, stay)
        begin(p, piece, have, workload)
        if isinstance(layer, Gemm | Attention) and layer.activation and told != number:
            told = number
            for n in range(FUNCTION_ROWS):
                p.enter("functions", layer=number, entry=n * FUNCTION_BYTES)
        if isinstance(layer, Gemm):
            groups = columns_of(layer, encoded.get(layer.encodes), left)
            issue = partial(issue_tile, left.ports, Window.of(layer))
            behind = have.double_buffer and number > 0 and isinstance(workload.layers[number - 1], Attention)
            if behind:
                p.lift(have.weight, NOW)
            plans = [shortened(plan, layer.tokens) if stay.rows else plan for plan in cuts.get(layer.name, ())]
            freed = emit_gemm(p, layer, groups, batch, left, issue, plans, stay, piece.part, sections)
            freed *= have.double_buffer and stay.stored and piece.ends
            if behind:  # weights farther ahead, that came while values are read, would keep their stores waiting
                p.hold(have.weight)
        elif isinstance(layer, Attention):
            q_apart = any(isinstance(g, Gemm) and (g.encodes, g.role) == (layer.name, "q") for g in workload.layers)
            emitter = AttentionLayer(p, layer, workload.mask(layer.name), left, cuts.get(layer.name), batch, q_apart)
            for image in range(batch):
                emitter.emit(image)
            freed = 0
        else:
            if freed:  # weights that find room only then would be in DRAM before the last store of the layer before
                p.hold_after(have.weight, have.weight_bytes - freed)
                p.lift(have.weight, NOW)
                freed = 0
            emit_vector(p, layer, batch, left, stay, piece.part)
        after = workload.layers[number + 1] if piece.ends and number + 1 < len(workload.layers) else None
        if have.double_buffer and isinstance(after, Attention) and not isinstance(layer, Attention):
            p.lift("index_buffer", NOW)  # earlier its tables would be in the way of this layer's activations
            p.hold("index_buffer")
        p.mark(number, wait=p.all_of(have.store) if piece.ends or piece.followed else last_begun(p, layer, have))


def begin(p: Program, piece: Piece, have: Resources, workload: Workload) -> None:
    """Before a layer, or some rows of it: say where its output goes, and have its loads wait until all is stored that
    they may read. Room for an output that stays is taken first: loads that came before it would leave too little."""
    stay, again = piece.stay, piece.part is not None and piece.part.first > 0
    size = 0
    if stay.output != TO_DRAM and piece.followed:
        size = output_bytes(piece.layer, piece.batch)
    elif stay.output != TO_DRAM and not again:  # of all rows at once: the next layer finds them together
        size = output_bytes(workload.layers[piece.number], workload.batch)
    # The first of fused layers need not wait for what the last one has of the rows before: it reads nothing of it. But
    # what that loads must have come: the room that is taken here may be all there is.
    wait = p.all_of(have.act if again and not stay.joined else have.store)
    if size:
        p.issue(have.act, bytes=-size, fences=0, wait=wait)
    p.goes[have.store] = stay.output
    if piece.number or stay.output != TO_DRAM:  # the first layer's loads would take the room that is to be reserved
        p.fence(have.act, wait)


def last_begun(p: Program, layer: Layer, have: Resources) -> Wait:
    """What to wait for until the last instruction of a layer's rows has been begun."""
    counter, count = p.all_of(have.array if isinstance(layer, Gemm) else have.vector)
    return counter, count - 1


def beside(layer: Layer, batch: int, have: Resources, stay: Stay) -> Resources:
    """What a layer, or some rows of it, has to run in beside its output, if that stays on chip, and what other layers
    have there. Raises InputError if there is none."""
    size = output_bytes(layer, batch) * (stay.output != TO_DRAM) + stay.others
    if not size:
        return have
    if size >= have.act_bytes:
        raise InputError(
            f"layer {layer.name}: {have.act}.capacity_bytes ({have.act_bytes}) does not hold its output of {size} "
            "bytes and what it is computed from; make it larger, or let the next layer's input go through DRAM"
        )
    return replace(have, act_bytes=have.act_bytes - size)
