"""How long a layer takes on the systolic array, in closed form: its products' folds, softmax, DRAM; fill and drain."""

from dataclasses import asdict

from accelsim.accelerators.systolic.dataflow.attention import tile_rows
from accelsim.accelerators.systolic.dataflow.resources import Resources
from accelsim.components.row_softmax import SCORE_BYTES
from accelsim.dataflows.estimate import ArrayRates, Estimate, Memory, vector_estimate
from accelsim.dataflows.mapping import Choice, LayerMapping, Part
from accelsim.dataflows.products.plan import Plan, Sizes, planned
from accelsim.dataflows.tiling import ceil, constant_bytes
from accelsim.workload.layers import Attention, Gemm, Layer
from accelsim.workload.workload import Workload


def mapping(
    workload: Workload, have: Resources, memory: Memory, softmax_lanes: int, vector: ArrayRates
) -> tuple[LayerMapping, ...]:
    """Every layer of a workload."""
    return tuple(mapped(layer, workload.batch, have, memory, softmax_lanes, vector) for layer in workload.layers)


def mapped(
    layer: Layer, batch: int, have: Resources, memory: Memory, softmax_lanes: int, vector: ArrayRates
) -> LayerMapping:
    """A layer with the plan of its product, or of its scores and its values."""
    if isinstance(layer, Gemm):
        inputs = ceil(layer.inputs * batch, layer.repeat)
        m = layer.tokens * batch
        sizes = Sizes(
            layer.name, m, layer.out_features, layer.in_features, ceil(inputs, m), inputs, layer.residual, 1,
            have.store_bytes, have.store, constant_bytes(layer) * have.constants,
        )  # fmt: skip
        plan = planned(sizes, have)
        choice = Choice(cut_of(plan), plan, product_estimate(sizes, plan, have, memory))
        return LayerMapping(layer.name, layer.role, layer.shape, (Part("product", choice),), layer.repeat)
    if isinstance(layer, Attention):
        parts = attention_parts(layer, batch, have, memory, softmax_lanes)
        return LayerMapping(layer.name, layer.kind, layer.shape, parts)
    estimate = vector_estimate(layer, batch, vector, memory, have.constants)
    return LayerMapping(layer.name, layer.kind, layer.shape, (Part("rows", Choice({}, None, estimate)),))


def cut_of(plan: Plan) -> dict[str, object]:
    """A plan as data."""
    return {n: value for n, value in asdict(plan).items() if n not in ("cycles", "dram_bytes")}


def product_estimate(s: Sizes, plan: Plan, have: Resources, memory: Memory, heads: int = 1) -> Estimate:
    """`heads` products of the same sizes, one after the other: only the first one's fill shows, and the last drain."""
    array = have.model
    rows = min(array.rows, s.m if array.dataflow == "os" else s.k)
    moved = heads * (plan.dram_bytes + s.m * s.n * (s.width + s.residual))
    first = (plan.m if plan.a_whole else array.rows) * s.row_bytes + min(plan.n, array.columns) * s.k
    exposed = {
        "fill": memory.fetch(min(first, s.inputs + s.k * s.n)),
        "drain": array.tail(rows) + memory.fetch(min(plan.group * s.width, s.m * s.n * s.width)),
    }
    terms = {"array": heads * plan.cycles, "DRAM": moved / memory.rate}
    return Estimate(terms, exposed, moved)


def attention_parts(
    layer: Attention, batch: int, have: Resources, memory: Memory, softmax_lanes: int
) -> tuple[Part, ...]:
    """Scores, softmax and values, through DRAM or, fused, a tile of rows at a time."""
    heads, queries, keys = layer.heads * batch, layer.q_tokens, layer.kv_tokens
    scores = heads * queries * keys
    rows, tiles = tile_rows(layer, have) if have.fused else (queries, 1)
    store, name = (have.store_bytes, have.store) if have.fused else (have.spill_bytes, have.spill)
    width = SCORE_BYTES
    logits = Sizes(
        layer.name, queries, keys, layer.qk_dim, layer.qk_dim, queries * layer.qk_dim, False, width, store, name
    )
    values = Sizes(layer.name, queries, layer.v_dim, keys, keys, queries * keys, False, 1, have.store_bytes, have.store)
    if have.fused:
        array = have.model
        each = sum(
            array.gemm_cycles(min(rows, queries - at), n, k)
            for at in range(0, queries, rows)
            for n, k in ((keys, layer.qk_dim), (layer.v_dim, keys))
        )
        moved = heads * (queries + keys) * (layer.qk_dim + layer.v_dim)
        terms = {"array": float(heads * each), "softmax": scores / softmax_lanes, "DRAM": moved / memory.rate}
        exposed = {"fill": memory.fetch(rows * layer.qk_dim + keys * layer.qk_dim), "drain": memory.fetch(store // 2)}
        estimate = Estimate(terms, exposed, moved, serial=False)
        if tiles == 1:  # the array waits for the softmax of its only tile
            terms["array"] += terms.pop("softmax")
        return (Part("fused", Choice({"tile_rows": rows, "tiles": tiles}, None, estimate)),)
    found = []
    for part, sizes in (("scores", logits), ("values", values)):
        plan = planned(sizes, have)
        found.append(Part(part, Choice(cut_of(plan), plan, product_estimate(sizes, plan, have, memory, heads))))
    crossing = scores * (SCORE_BYTES + 1)
    soft = Estimate(
        {"softmax": scores / softmax_lanes, "DRAM": crossing / memory.rate},
        {"turn": 2 * memory.fetch(min(have.act_bytes // 2, have.score_bytes))},
        crossing,
    )
    return found[0], Part("softmax", Choice({}, None, soft)), found[1]
