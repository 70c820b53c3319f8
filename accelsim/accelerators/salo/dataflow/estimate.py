"""How long a layer takes on the diagonal array, in closed form: its tiles back to back, DRAM; fill and drain."""

from collections.abc import Sequence

from accelsim.accelerators.salo.dataflow.attention import AttentionLayer
from accelsim.accelerators.salo.dataflow.resources import Resources
from accelsim.accelerators.salo.masks import plans
from accelsim.accelerators.salo.schedule import Schedule
from accelsim.dataflows.estimate import ArrayRates, Estimate, Memory, vector_estimate
from accelsim.dataflows.mapping import Choice, LayerMapping, Part
from accelsim.dataflows.products.estimate import gemm_mapping
from accelsim.workload.layers import Attention, Gemm, Layer
from accelsim.workload.workload import Workload


def mapping(workload: Workload, have: Resources, memory: Memory, vector: ArrayRates) -> tuple[LayerMapping, ...]:
    """Every layer of a workload."""
    return tuple(mapped(workload, layer, have, memory, vector) for layer in workload.layers)


def mapped(workload: Workload, layer: Layer, have: Resources, memory: Memory, vector: ArrayRates) -> LayerMapping:
    """A layer with the plan of its product, or the tiles of its heads."""
    if isinstance(layer, Gemm):
        return gemm_mapping(layer, workload.batch, have, memory)
    if isinstance(layer, Attention):
        found = plans(workload, layer, have.rows, have.columns, have.globals)
        part = Part("tiles", attention_choice(layer, found, workload.batch, have, memory))
    else:
        estimate = vector_estimate(layer, workload.batch, vector, memory, have.constants)
        part = Part("rows", Choice({}, None, estimate))
    return LayerMapping(layer.name, layer.kind, layer.shape, (part,))


def attention_choice(
    layer: Attention, found: Sequence[Schedule], batch: int, have: Resources, memory: Memory
) -> Choice:
    """All heads: 2 d + 4 + C + g - 1 cycles a tile, for d features of keys and of values."""
    made = AttentionLayer(None, layer, found, batch, have)
    tiles = sum(len(plan.tiles) for plan in found)
    wait = have.columns + have.globals - 1
    read = layer.heads * layer.q_tokens * layer.qk_dim + made.starts[-1]
    if made.whole:
        first = made.heads[0]
        read += layer.heads * layer.kv_tokens * made.token
    else:
        first = made.spans[0][0].held * made.token
        read += sum(one.count for spans in made.spans for s in spans for one in s.fresh) * made.token
    written = layer.heads * layer.q_tokens * layer.v_dim
    terms = {
        "array": float(batch * tiles * (layer.qk_dim + layer.v_dim + 4 + wait)),
        "DRAM": batch * (read + written) / memory.rate,
    }
    exposed = {
        "fill": memory.fetch(first + min(have.rows, layer.q_tokens) * layer.qk_dim),
        "drain": wait + memory.fetch(min(have.rows, layer.q_tokens) * layer.v_dim),
    }
    steps = sorted({tile.step for plan in found for tile in plan.tiles})
    cut = {"tiles": tiles, "apart": steps if len(steps) > 1 else steps[0], "heads": "whole" if made.whole else "cut"}
    return Choice(cut, None, Estimate(terms, exposed, batch * (read + written)))
