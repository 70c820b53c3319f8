"""Dense layers on the MAC lines: what is special to them, the encoder behind a projection and its layouts in DRAM."""

from collections.abc import Iterator, Mapping
from functools import partial

from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.accelerators.vitcod.dataflow.shares import encoded_columns
from accelsim.accelerators.vitcod.tables import WINDOWS
from accelsim.dataflows.gemm import Columns, Tile
from accelsim.dataflows.program import Program, Wait
from accelsim.dataflows.steps import ArrayPorts, timed
from accelsim.dataflows.tiling import GemmPlan
from accelsim.dataflows.windows import Window, entry, lying
from accelsim.workload.layers import Attention, Gemm


def columns_of(layer: Gemm, attention: Attention | None, have: Resources) -> Iterator[Columns]:
    """The layer's output columns in groups: those of Q and of K, which the encoder compresses, and the others.

    Outputs are token-major, but for those of a projection to Q, K, V, which are packed feature tile by feature tile.
    """
    projected, column = layer.role in ("qkv", "q", "kv"), 0
    for count, heads, encoded in coded_groups(layer, attention, have.auto_encoder):
        yield Columns(
            count,
            packed=projected and (have.layout == "packed" or heads > 0),
            # Q, K and V are tensors of their own; so is V where Q and K are stored as runs of encoded bytes
            apart=projected and (have.layout == "token_major" or (have.layout == "fused_qkv" and column > 0)),
            heads=heads,
            encoded=encoded,
            leaves=partial(encoded_columns, heads=heads, encoded=encoded),
        )
        column += count


def coded_groups(layer: Gemm, attention: Attention | None, encoder: bool) -> list[tuple[int, int, int]]:
    """The layer's output columns in groups of (columns, heads the encoder mixes, heads after encoding)."""
    if attention is None or not encoder or attention.encoded_heads is None or layer.encodes is None:
        return [(layer.out_features, 0, 0)]
    coded = (attention.heads * attention.qk_dim, attention.heads, attention.encoded_heads)
    groups = [coded] * {"qkv": 2, "q": 1, "kv": 1}[layer.role]
    rest = layer.out_features - sum(columns for columns, _, _ in groups)
    return [*groups, (rest, 0, 0)] if rest else groups


def issue_tile(
    ports: ArrayPorts,
    window: Window | None,
    p: Program,
    plan: GemmPlan,
    some: Columns,
    tile: Tile,
    wait: Wait,
    wait2: Wait,
) -> None:
    """The instruction of a tile for an array with these ports, and what it frees; window: of a convolution."""
    p.enter("frees", weight=tile.weight, weight_read=tile.weight_read, act=tile.act, act_read=tile.act_read)
    cut = {
        "tokens": tile.rows,
        "features": tile.columns,
        "depth": tile.depth,
        "step_tokens": plan.step_tokens,
        "step_features": plan.step_features,
        "constants": tile.constants,
        "added": tile.added,
    }
    lies = {}
    if window:
        lies = {"window": window, "row": tile.row, "element": tile.element}
        p.enter("windows", **told(ports, window, plan, tile))
    p.issue(
        "engine",
        **cut,
        **timed(ports, **cut, **lies, adds=tile.adds),
        heads=some.heads,
        encoded=some.encoded,
        passes=tile.passes,
        token=tile.row,
        met=tile.column % some.heads if some.heads else 0,
        meets=plan.step_features % some.heads if some.heads else 0,
        wait=wait,
        wait2=wait2,
    )


def told(ports: ArrayPorts, window: Window, plan: GemmPlan, tile: Tile) -> Mapping[str, int]:
    """What the transposing stage is told of a tile's windows."""
    if not window.out:  # nothing is known of where they lie
        return dict.fromkeys(WINDOWS.names, 0)
    sizes = {"row": tile.row, "tokens": tile.rows, "element": tile.element, "depth": tile.depth}
    step_tokens, banks = min(plan.step_tokens, tile.rows), ports.act_banks
    chunk = lying(window, ports.act_port_bytes, banks, **sizes, step_tokens=step_tokens).chunk
    return entry(window, ports.act_port_bytes, chunk, tile.row, tile.element)
