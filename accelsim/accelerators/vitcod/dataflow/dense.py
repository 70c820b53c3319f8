"""Dense layers on the MAC lines: what is special to them, the encoder behind a projection and its layouts in DRAM."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.accelerators.vitcod.dataflow.shares import encoded_columns
from accelsim.accelerators.vitcod.dataflow.sizes import coded_heads
from accelsim.accelerators.vitcod.tables import WINDOWS
from accelsim.dataflows.gemm import Columns, Tile
from accelsim.dataflows.program import Program, Wait
from accelsim.dataflows.steps import ArrayPorts, timed
from accelsim.dataflows.stores import Kept, parts
from accelsim.dataflows.tiling import GemmPlan
from accelsim.dataflows.windows import Window, entry, lying
from accelsim.workload.layers import Attention, Gemm


def columns_of(layer: Gemm, attention: Attention | None, have: Resources) -> Iterator[Columns]:
    """The layer's output columns in groups: those of Q and of K, which the encoder compresses, and the others.

    Outputs are token-major, but for those of a projection to Q, K, V, which lie as attention reads them.
    """
    feeds = attention is not None and layer.encodes == attention.name and layer.repeat == 1
    whole, value = [*kept(layer, attention, have)] if feeds else [], 0
    for count, heads, encoded in coded_groups(layer, attention, have.auto_encoder):
        leaving = encoded_columns(0, count, heads, encoded)
        yield Columns(
            count,
            kept=joined(one for one, first, _ in parts(whole, value, leaving)),
            heads=heads,
            encoded=encoded,
            leaves=partial(encoded_columns, heads=heads, encoded=encoded),
        )
        value += leaving


def kept(layer: Gemm, attention: Attention, have: Resources) -> Iterator[Kept]:
    """Where a projection leaves what attention reads, in its output: of each image Q, K and V one behind the other, or
    in one tensor; of each of these head by head all tokens, or token by token all heads (of all windows)."""
    windows, coded, before = attention.windows, coded_heads(attention, have), 0
    heads, rows = attention.heads // windows, attention.q_tokens if layer.role == "q" else attention.kv_tokens
    dims = {"q": attention.qk_dim, "k": attention.qk_dim, "v": attention.v_dim}
    widths = {name: dims[name] * (coded if coded and name != "v" else heads) for name in layer.role}
    tokens, row = rows * windows, sum(widths.values())
    for name, width in widths.items():
        again = rows, width, tokens, tokens * row
        if have.layout == "fused_qkv":
            yield Kept(width, windows * before, windows * row, *again)
        elif have.layout == "token_major" or (coded and name != "v"):
            yield Kept(width, tokens * before, windows * width, *again)
        else:
            head = dims[name]
            for n in range(heads):
                yield Kept(head, tokens * before + n * rows * head, head, rows, rows * width, *again[2:])
        before += width


def joined(some: Iterable[Kept]) -> tuple[Kept, ...]:
    """Those that lie side by side in every token are one."""
    found: list[Kept] = []
    for one in some:
        last = found[-1] if found else None
        if last and last.at + last.count == one.at and last[2:] == one[2:] and one.rows == one.tokens:
            found[-1] = last._replace(count=last.count + one.count)
        else:
            found.append(one)
    return tuple(found)


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
    return entry(window, ports.act_port_bytes, banks, chunk, tile.row, tile.element)
