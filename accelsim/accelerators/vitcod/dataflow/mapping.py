"""How every layer is cut on ViTCoD: chosen by estimated time, or pinned by a user."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from accelsim.accelerators.vitcod.dataflow.attention_choice import attention
from accelsim.accelerators.vitcod.dataflow.compile import Cuts
from accelsim.accelerators.vitcod.dataflow.dense import columns_of
from accelsim.accelerators.vitcod.dataflow.rates import Rates
from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.core.errors import InputError, suggest
from accelsim.dataflows.estimate import vector_estimate
from accelsim.dataflows.gemm import shape_of
from accelsim.dataflows.gemm_choice import choice, choose, plan_of_cut
from accelsim.dataflows.mapping import Choice, LayerMapping, Part
from accelsim.dataflows.tiling import GemmPlan, output_passes
from accelsim.workload.layers import Attention, Gemm, Layer
from accelsim.workload.workload import Workload

Pinned = Mapping[str, Mapping[str, object]]
NOTHING: Pinned = MappingProxyType({})


def mapping(
    workload: Workload, have: Resources, to: Rates, objective: str = "cycles", pinned: Pinned = NOTHING
) -> tuple[LayerMapping, ...]:
    """Every layer of a workload, in order. Raises InputError when one cannot be cut to fit."""
    encoded = {layer.name: layer for layer in workload.attention_layers}
    found = []
    for layer in workload.layers:
        mine = dict(pinned.get(layer.name, {}))
        if isinstance(layer, Gemm):
            one = gemm(layer, encoded.get(layer.encodes), workload.batch, have, to, objective, mine)
        elif isinstance(layer, Attention):
            one = attention(layer, workload.batch, workload.mask(layer.name), have, to, objective, mine)
        else:
            one = vector(layer, workload.batch, have, to)
        known = [part.name for part in one.parts if part.chosen.plan is not None]
        if mine and (strange := [name for name in mine if name not in known]):
            raise InputError(
                f"the mapping of layer {layer.name} names {strange[0]!r}, but of it "
                f"{', '.join(known) or 'nothing'} can be pinned{suggest(strange[0], known)}"
            )
        found.append(one)
    return tuple(found)


def cuts_of(found: Sequence[LayerMapping]) -> Cuts:
    """What the compiler takes."""
    cuts = {}
    for one in found:
        plans = [part.chosen.plan for part in one.parts]
        if plans[0] is not None:
            cuts[one.layer] = plans if isinstance(plans[0], GemmPlan) else plans[0]
    return cuts


def gemm(
    layer: Gemm,
    attention: Attention | None,
    batch: int,
    have: Resources,
    to: Rates,
    objective: str,
    pinned: Mapping[str, object],
) -> LayerMapping:
    """A dense layer: a part for each group of output columns that are treated alike."""
    parts, passes = [], output_passes(layer)
    groups = tuple(columns_of(layer, attention, have))
    for n, some in enumerate(groups):
        shape = shape_of(layer, some, batch, have)
        name = "outputs" if len(groups) == 1 else f"outputs_{n}"
        if name in pinned:
            plan = plan_of_cut(f"mapping of layer {layer.name}, {name}", pinned[name], shape, have)
            made = choice(shape, passes, some.packed, plan, to.array, to.memory)
            parts.append(Part(name, made, pinned=True))
            continue
        try:
            parts.append(Part(name, *choose(shape, passes, some.packed, have, to.array, to.memory, objective)))
        except InputError as error:
            raise InputError(str(error).replace("layer :", f"layer {layer.name}:", 1)) from None
    return LayerMapping(layer.name, layer.role, layer.shape, tuple(parts), layer.repeat)


def vector(layer: Layer, batch: int, have: Resources, to: Rates) -> LayerMapping:
    """A layer of the vector unit, whose blocks of rows follow from the buffers."""
    estimate = vector_estimate(layer, batch, to.array, to.memory, have.constants)
    return LayerMapping(layer.name, layer.kind, layer.shape, (Part("rows", Choice({}, None, estimate)),))
