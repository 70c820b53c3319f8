"""A network into one program: dense layers in tiles of M columns, attention head by head, the rest on the cores."""

from collections.abc import Mapping
from dataclasses import dataclass

from accelsim.accelerators.ita.components.block import AV, PLAIN, QK
from accelsim.core.errors import InputError
from accelsim.dataflows.gemm import Columns, Tile, emit_gemm
from accelsim.dataflows.program import NOW, Program, Wait, heads_said
from accelsim.dataflows.tiling import PASSES, DenseResources, GemmPlan, ceil, pieces
from accelsim.dataflows.vector import emit_vector
from accelsim.workload.gathered import gathered
from accelsim.workload.layers import Attention, Gemm
from accelsim.workload.workload import Workload

STEPS = {PLAIN: 8, QK: 3, AV: 4}  # which phase of its layer a kind is, as the block counts them


@dataclass(frozen=True, kw_only=True)
class Resources(DenseResources):
    """length: M. columns: N. logit_bytes: room for the logits of a row tile. sum_bits: bit length of a row sum."""

    length: int
    columns: int
    logit_bytes: int
    sum_bits: int


def compile_workload(p: Program, workload: Workload, have: Resources) -> None:
    """The program of a workload; mark n closes layer n. Raises InputError when a layer does not fit the buffers."""
    for _ in range(have.length):
        p.enter("sums", bits=have.sum_bits)
    for number, layer in enumerate(gathered(workload).layers):
        if number:
            p.fence(have.act, p.all_of(have.store))
        if isinstance(layer, Gemm):
            emit_gemm(p, layer, [Columns(layer.out_features)], workload.batch, have, tile_of(layer, have))
        elif isinstance(layer, Attention):
            emit_attention(p, layer, workload.batch, have)
        else:
            emit_vector(p, layer, workload.batch, have)
        p.mark(number, wait=p.all_of(have.store))


def issue(
    p: Program, have: Resources, given: Mapping[str, int], *, wait: Wait = NOW, wait2: Wait = NOW, **phase
) -> None:
    """The instruction of a phase, and what it gives back and reads."""
    row = 1 + p.enter("frees", **{name: given.get(name, 0) for name in ("weight", "weight_read", "act", "act_read")})
    defaults = {"first": 1, "last": 1, "bias": 0, "bits": 0, "passes": 0}
    step = STEPS[phase["kind"]]
    p.issue(have.array, wait=wait, wait2=wait2, **(defaults | phase), step=step, frees=row)


def tile_of(layer: Gemm, have: Resources):
    """What issues a tile of a dense layer: requantisation and activation are the block's own, a residual operand is
    added by the cores."""
    done = {"depth": 0}

    def issue_tile(p: Program, plan: GemmPlan, some: Columns, tile: Tile, wait: Wait, wait2: Wait) -> None:
        given = {"weight": tile.weight, "act": tile.act}
        given |= {"weight_read": weights_read(tile.rows, tile.columns, tile.depth, have.length)}
        given |= {
            "act_read": inputs_read(tile.rows, tile.columns, tile.depth, have) + tile.added * tile.rows * tile.columns
        }
        first = done["depth"] == 0
        done["depth"] = 0 if tile.last else done["depth"] + tile.depth
        issue(
            p,
            have,
            given,
            wait=wait,
            wait2=wait2,
            kind=PLAIN,
            rows=tile.rows,
            columns=tile.columns,
            depth=tile.depth,
            first=int(first),
            last=int(tile.last),
            bias=int(layer.bias),
            passes=PASSES["residual"] * tile.added,
            row=tile.row,
        )

    return issue_tile


def weights_read(rows: int, columns: int, depth: int, length: int) -> int:
    """Bytes of weights that a phase reads: all of them for every row tile."""
    return ceil(rows, length) * columns * depth


def inputs_read(rows: int, columns: int, depth: int, have: Resources) -> int:
    """Bytes of inputs that a phase reads: all of them for every group of N columns."""
    return rows * depth * ceil(columns, have.columns)


def emit_attention(p: Program, layer: Attention, batch: int, have: Resources) -> None:
    """Head by head: of every row tile Q K^T, whose logits stay beside the block, then A V. No mask is applied.

    Q, K and V lie head by head, outputs token-major. Raises InputError when a head does not fit.
    """
    queries, keys, dim, wide, m = layer.q_tokens, layer.kv_tokens, layer.qk_dim, layer.v_dim, have.length
    logits = m * ceil(keys, m) * m
    if logits > have.logit_bytes:
        raise InputError(
            f"layer {layer.name}: the logits of {m} rows and {keys} keys need {logits} bytes of {have.array}."
            f"logit_bytes ({have.logit_bytes}); make it at least that"
        )
    if keys * (dim + wide) > have.weight_bytes:
        raise InputError(
            f"layer {layer.name}: keys and values of a head are {keys * (dim + wide)} bytes, but {have.weight}."
            f"capacity_bytes is {have.weight_bytes}; make it at least that"
        )
    if queries * dim > have.act_bytes:
        raise InputError(
            f"layer {layer.name}: the queries of a head are {queries * dim} bytes, but {have.act}.capacity_bytes is "
            f"{have.act_bytes}; make it at least that"
        )
    if 2 * min(wide, m) > have.store_bytes:
        raise InputError(
            f"layer {layer.name}: a row of outputs needs 2 x {min(wide, m)} bytes of {have.store}.capacity_bytes "
            f"({have.store_bytes}); make it larger"
        )
    p.fence(have.weight, p.all_of(have.store))
    for image in range(batch):
        for head in range(layer.heads):
            emit_head(p, layer, image, head, have)


def emit_head(p: Program, layer: Attention, image: int, head: int, have: Resources) -> None:
    """One head of one image."""
    queries, keys, dim, wide, m = layer.q_tokens, layer.kv_tokens, layer.qk_dim, layer.v_dim, have.length

    def loaded(buffer: str, name: str, size: int) -> Wait:
        return p.load(buffer, p.allocate(f"{layer.name}.{name}.{image}", layer.heads * size) + head * size, size)

    pitch = layer.heads * wide
    target = p.allocate(f"{layer.name}.output.{image}", queries * pitch) + head * wide
    p.saying("operands", heads_said([head], image))
    q = loaded(have.act, "q", queries * dim)
    k = loaded(have.weight, "k", keys * dim)
    v = loaded(have.weight, "v", keys * wide)
    passes = PASSES["activation"] * bool(layer.activation)
    for row in range(0, queries, m):
        rows, ends = min(m, queries - row), row + m >= queries
        given = {"weight": keys * dim * ends, "weight_read": keys * dim}
        given |= {"act": queries * dim * ends, "act_read": inputs_read(rows, keys, dim, have)}
        p.saying("scores", heads_said([head], image))
        issue(p, have, given, kind=QK, row=row, rows=rows, columns=keys, depth=dim, wait=q, wait2=k)
        p.will(have.array)
        p.saying("values", heads_said([head], image))
        for column in range(0, wide, m):
            columns = min(m, wide - column)
            last = ends and column + m >= wide
            given = {"weight": keys * wide * last, "weight_read": keys * columns}
            issue(p, have, given, kind=AV, row=row, rows=rows, columns=columns, depth=keys, passes=passes, wait=v)
            p.will(have.array)
            at = target + row * pitch + column
            for few in pieces(rows, max(1, have.store_bytes // 2 // columns)):
                p.store(have.store, at, columns, few, pitch)
                at += few * pitch
