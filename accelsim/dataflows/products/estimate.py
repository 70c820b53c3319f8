"""How long a product takes on a systolic array, in closed form: its folds, DRAM, fill and drain."""

from dataclasses import asdict

from accelsim.dataflows.estimate import Estimate, Memory
from accelsim.dataflows.mapping import Choice, LayerMapping, Part
from accelsim.dataflows.products.plan import Plan, Sizes, planned
from accelsim.dataflows.products.resources import ProductResources
from accelsim.dataflows.tiling import ceil, constant_bytes
from accelsim.dataflows.windows import beside_window
from accelsim.workload.layers import Gemm


def gemm_mapping(layer: Gemm, batch: int, have: ProductResources, memory: Memory) -> LayerMapping:
    """A dense layer with the plan of its product."""
    inputs = ceil(layer.inputs * batch, layer.repeat)
    m = layer.tokens * batch
    sizes = Sizes(
        layer.name, m, layer.out_features, layer.in_features, ceil(inputs, m), inputs, layer.residual, 1,
        have.store_bytes, have.store, constant_bytes(layer) * have.constants,
        beside_window(layer, have.vector_rates.port_bytes, have.model.dataflow != "ws"),
    )  # fmt: skip
    plan = planned(sizes, have)
    choice = Choice(cut_of(plan), plan, product_estimate(sizes, plan, have, memory))
    return LayerMapping(layer.name, layer.role, layer.shape, (Part("product", choice),), layer.repeat)


def cut_of(plan: Plan) -> dict[str, object]:
    """A plan as data."""
    return {n: value for n, value in asdict(plan).items() if n not in ("cycles", "dram_bytes")}


def product_estimate(s: Sizes, plan: Plan, have: ProductResources, memory: Memory, heads: int = 1) -> Estimate:
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
