"""Dense layers as products: where their operands lie in DRAM."""

from accelsim.dataflows.products.emit import Emitter
from accelsim.dataflows.products.product import Block, Place, Product
from accelsim.dataflows.tiling import ceil, constant_bytes, output_passes
from accelsim.dataflows.windows import beside_window
from accelsim.workload.layers import Gemm


def emit_gemm(emitter: Emitter, layer: Gemm, batch: int) -> None:
    """A dense layer, its repetitions one after the other.

    Weights lie in DRAM tile by tile, as the compiler packed them. Activations are token-major, and so are outputs, but
    those of a projection to Q, K, V: block after block as they leave.
    """
    for repetition in range(layer.repeat):
        emitter.product(dense_product(emitter, layer, repetition, batch))


def dense_product(emitter: Emitter, layer: Gemm, repetition: int, batch: int) -> Product:
    """One repetition of a dense layer, of all images of the batch."""
    p = emitter.p
    m, n, k = layer.tokens * batch, layer.out_features, layer.in_features
    inputs = ceil(layer.inputs * batch, layer.repeat)
    row_bytes = ceil(inputs, m)
    weights = p.allocate(f"{layer.name}.weight", layer.repeat * k * n) + repetition * k * n
    source = p.allocate(f"{layer.name}.input", inputs * layer.repeat) + repetition * inputs
    whole, pitch = m * n * layer.repeat, n * layer.repeat
    residual = p.allocate(f"{layer.name}.residual", whole) if layer.residual else 0
    target = p.allocate(f"{layer.name}.output", whole)
    each = constant_bytes(layer) * emitter.have.constants
    biases = p.allocate(f"{layer.name}.bias", each * n * layer.repeat) + each * n * repetition if each else 0
    packed = layer.role in ("qkv", "q", "kv")

    def a(row: int, rows: int, inner: int, inners: int) -> Place:
        start = min(inputs, row * row_bytes)
        span = min(inputs, (row + rows) * row_bytes) - start
        if inners == k:
            return source + start, span, 1, 0
        if layer.input_elements is None:
            return segments(source + start + inner, inners, rows, row_bytes)
        first = span * inner // k  # of the distinct elements of its rows, the part's share
        return source + start + first, span * (inner + inners) // k - first, 1, 0

    def b(column: int, columns: int, inner: int, inners: int) -> Place:
        return weights + column * k + inner * columns, columns * inners, 1, 0

    def outputs(base: int, block: Block) -> Place:
        start = base + block.row * pitch + repetition * n + block.column
        return segments(start, block.columns, block.rows, pitch)

    following = target + repetition * m * n

    def store(block: Block) -> list[Place]:
        nonlocal following
        if not packed:
            return [outputs(target, block)]
        # blocks differ in shape, so that no block's place follows from its row and column
        start, following = following, following + block.elements
        return [(start, block.elements, 1, 0)]

    def constants(column: int, columns: int) -> Place:
        return biases + each * column, each * columns, 1, 0

    return Product(
        layer.name,
        m,
        n,
        k,
        a,
        b,
        inputs,
        store,
        (lambda block: outputs(residual, block)) if layer.residual else None,
        passes=output_passes(layer),
        constants=constants if each else None,
        each=each,
        beside=beside_window(layer, emitter.have.vector_rates.port_bytes, emitter.have.model.dataflow != "ws"),
    )


def segments(start: int, size: int, count: int, pitch: int) -> Place:
    """So many runs of bytes; runs that touch are one."""
    return (start, size * count, 1, 0) if size == pitch or count == 1 else (start, size, count, pitch)
