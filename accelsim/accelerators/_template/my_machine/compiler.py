"""From layers to a program. Everything is a matrix product, cut into tiles, but for what the vector unit does alone."""

from dataclasses import dataclass

from accelsim.core import InputError
from accelsim.dataflows.program import Program
from accelsim.dataflows.tiling import PASSES, DenseResources, ceil
from accelsim.dataflows.vector import emit_vector
from accelsim.workload.layers import Attention, Gemm
from accelsim.workload.workload import Workload

SOFTMAX = 3  # operations on a score [ours]: its exponential, its row's sum, the division


@dataclass(frozen=True)
class Product:
    """rows x columns outputs of `depth` products each.

    The left operand's rows lie one after the other, `left_bytes` in all (fewer than rows x depth where windows of a
    convolution overlap), and so do the right one's columns. Rows of the output and of the `residual` added to it are
    `pitch` bytes apart. `whole`: rows are not cut, as the vector unit needs all of one at once.
    """

    name: str
    rows: int
    columns: int
    depth: int
    left: int
    left_bytes: int
    right: int
    target: int
    pitch: int
    passes: int
    residual: int | None = None
    whole: bool = False


def compile_workload(p: Program, workload: Workload, have: DenseResources) -> None:
    """The program of a workload; mark n closes layer n. Raises InputError when a layer does not fit the buffers."""
    for number, layer in enumerate(workload.layers):
        if number:
            p.fence(have.act, p.all_of(have.store))  # a layer reads what those before it have written
        if isinstance(layer, Gemm):
            emit_gemm(p, layer, workload.batch, have)
        elif isinstance(layer, Attention):
            emit_attention(p, layer, workload.batch, have)
        else:
            emit_vector(p, layer, workload.batch, have)
        p.mark(number, wait=p.all_of(have.store))


def emit_gemm(p: Program, layer: Gemm, batch: int, have: DenseResources) -> None:
    """A dense layer: as many products as it is repeated, side by side in the output."""
    rows, columns, depth = layer.tokens * batch, layer.out_features, layer.in_features
    pitch, inputs = columns * layer.repeat, ceil(layer.inputs * batch, layer.repeat)
    passes = PASSES["requantise"] + PASSES["residual"] * layer.residual + PASSES["activation"] * bool(layer.activation)
    left = p.allocate(f"{layer.name}.input", inputs * layer.repeat)
    right = p.allocate(f"{layer.name}.weight", layer.weights)
    target = p.allocate(f"{layer.name}.output", rows * pitch)
    added = p.allocate(f"{layer.name}.residual", rows * pitch) if layer.residual else None
    for n in range(layer.repeat):
        mine, weights, out = left + n * inputs, right + n * columns * depth, target + n * columns
        residual = None if added is None else added + n * columns
        work = Product(layer.name, rows, columns, depth, mine, inputs, weights, out, pitch, passes, residual)
        emit_product(p, work, have)


def emit_attention(p: Program, layer: Attention, batch: int, have: DenseResources) -> None:
    """Of every head all scores and, when they are in DRAM, the values; no mask is applied."""
    heads, rows, keys = layer.heads * batch, layer.q_tokens, layer.kv_tokens
    q_bytes, k_bytes, v_bytes = rows * layer.qk_dim, keys * layer.qk_dim, keys * layer.v_dim
    q, k = p.allocate(f"{layer.name}.q", heads * q_bytes), p.allocate(f"{layer.name}.k", heads * k_bytes)
    v, scores = p.allocate(f"{layer.name}.v", heads * v_bytes), p.allocate(f"{layer.name}.scores", heads * rows * keys)
    target, pitch = p.allocate(f"{layer.name}.output", heads * rows * layer.v_dim), layer.heads * layer.v_dim
    for n in range(heads):
        left, right, out, passes = q + n * q_bytes, k + n * k_bytes, scores + n * rows * keys, 1 + SOFTMAX
        work = Product(layer.name, rows, keys, layer.qk_dim, left, q_bytes, right, out, keys, passes, whole=True)
        emit_product(p, work, have)
    p.fence(have.act, p.all_of(have.store))
    passes = PASSES["requantise"] + PASSES["activation"] * bool(layer.activation)
    for n in range(heads):
        image, head = divmod(n, layer.heads)
        left, right, out = scores + n * rows * keys, v + n * v_bytes, target + image * rows * pitch + head * layer.v_dim
        work = Product(layer.name, rows, layer.v_dim, keys, left, rows * keys, right, out, pitch, passes)
        emit_product(p, work, have)


def emit_product(p: Program, work: Product, have: DenseResources) -> None:
    """Tile by tile. The rows of a tile stay in the buffer while all columns pass by."""
    most_rows, most_columns = largest_tile(work, have)
    for row in range(0, work.rows, most_rows):
        rows = min(most_rows, work.rows - row)
        begin, end = (work.left_bytes * n // work.rows for n in (row, row + rows))
        if end > begin:
            p.load(have.act, work.left + begin, end - begin)
        for column in range(0, work.columns, most_columns):
            columns, corner = min(most_columns, work.columns - column), row * work.pitch + column
            frees = columns * work.depth + (end - begin if column + columns == work.columns else 0)
            loaded = p.load(have.act, work.right + column * work.depth, columns * work.depth)
            if work.residual is not None:
                loaded = p.load(have.act, work.residual + corner, columns, rows, work.pitch)
                frees += rows * columns
            size = {"rows": rows, "columns": columns, "depth": work.depth}
            p.issue(have.array, **size, passes=work.passes, frees=frees, wait=loaded)
            p.store(have.store, work.target + corner, columns, rows, work.pitch)


def largest_tile(work: Product, have: DenseResources) -> tuple[int, int]:
    """(rows, columns) of a tile: two fit each buffer, so that one is fetched while the other is in work. InputError if
    not even one row fits."""
    room, results = have.act_bytes // 2, have.store_bytes // 2
    columns = work.columns if work.whole else max(1, min(work.columns, room // (2 * work.depth), results))
    row_bytes = work.depth + (0 if work.residual is None else columns)
    rows = min(work.rows, (room - columns * work.depth) // row_bytes, results // columns)
    if rows < 1:
        raise InputError(
            f"layer {work.name}: a row of {columns} outputs needs 2 x {columns * work.depth + row_bytes} bytes of "
            f"{have.act} ({have.act_bytes}) and 2 x {columns} of {have.store} ({have.store_bytes}); make their "
            "capacity_bytes larger"
        )
    return rows, columns
