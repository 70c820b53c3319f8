"""A whole network into one program: layer after layer, a mark after each.

Dense layers hold their weights in the lines of both SRAMs, which attention needs for keys and values: fences keep the
one out while the other is there.
"""

from functools import partial

from accelsim.accelerators.spatten.dataflow.attention import Heads
from accelsim.accelerators.spatten.dataflow.resources import Resources
from accelsim.accelerators.spatten.pruning import Plan
from accelsim.core.errors import InputError
from accelsim.dataflows.gemm import Columns, Tile, emit_gemm
from accelsim.dataflows.program import Program, Wait
from accelsim.dataflows.tiling import GemmPlan, ceil
from accelsim.dataflows.vector import emit_vector
from accelsim.workload.gathered import gathered
from accelsim.workload.layers import Attention, Gemm

PIECE = 1024  # outputs that leave the arrays together, at most


def compile_plan(p: Program, plan: Plan, have: Resources) -> None:
    """The program of a pruned network; mark n closes layer n. Raises InputError when a layer does not fit."""
    heads, workload = Heads(p, have), gathered(plan.workload)
    for number, layer in enumerate(workload.layers):
        if isinstance(layer, Attention):
            stored = p.all_of(have.store)
            for buffer in (have.k, have.l, have.v, have.q):
                p.fence(buffer, stored)
            for buffer in (have.k, have.l, have.v):
                p.fence(buffer, p.all_of(have.array))
            heads.emit(workload, layer, plan.alive[layer.name])
            p.fence(have.weight, p.all_of("pv_array"))
            if plan.alive[layer.name].chosen:
                p.fence(have.act, p.all_of("top_k"))
        else:
            if number:
                p.fence(have.act, p.all_of(have.store))
            if isinstance(layer, Gemm):
                emit_gemm(
                    p, layer, (Columns(layer.out_features),), workload.batch, have, partial(issue, layer.name, have)
                )
            else:
                emit_vector(p, layer, workload.batch, have)
        p.mark(number, wait=p.all_of(have.store))


def check_store(layer: str, plan: GemmPlan, columns: int, have: Resources) -> None:
    """Raise InputError where a store cannot hold whole rows of a tile, which leave the arrays together."""
    least = 2 * columns * plan.step_tokens
    if columns > plan.step_features and have.store_bytes < least:
        raise InputError(
            f"layer {layer}: rows of a tile leave together, which takes {least} bytes of {have.store}, but its "
            f"capacity_bytes is {have.store_bytes}; make it at least {least}"
        )


def issue(
    name: str, have: Resources, p: Program, plan: GemmPlan, some: Columns, tile: Tile, wait: Wait, wait2: Wait
) -> None:
    """The instruction of a tile: both arrays take a token's features for as many columns as their lines hold, and read
    a tile's weights for each of its tokens."""
    check_store(name, plan, tile.columns, have)
    read = tile.rows * tile.depth * ceil(tile.columns, have.lines) + tile.added * tile.rows * tile.columns
    constants = tile.weight_read - tile.columns * tile.depth * ceil(tile.rows, plan.step_tokens)
    p.enter(
        "frees",
        weight=tile.weight,
        weight_read=tile.columns * tile.depth * tile.rows + max(0, constants),
        act=tile.act,
        act_read=read,
    )
    p.issue(
        have.array,
        rows=tile.rows,
        columns=tile.columns,
        depth=tile.depth,
        last=tile.last,
        passes=tile.passes,
        row=tile.row,
        step=max(1, min(PIECE, have.store_bytes // 2) // tile.columns),
        wait=wait,
        wait2=wait2,
    )
