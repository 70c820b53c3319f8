"""The kernels that PyTorch launches for a layer: how many, with how much work and traffic in each.

Counted with its profiler on timm's DeiT and LeViT; docs/machines/platforms.md has the list.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from accelsim.core import InputError
from accelsim.workload.layers import Attention, Elementwise, Gemm, Layer, Norm
from accelsim.workload.workload import Workload

BYTES = {"float32": 4, "float16": 2}
BATCHNORM = 3  # kernels of a batch normalisation that is not folded: it flattens, normalises and unflattens
MASKING = 2  # of a mask that is applied to dense scores: it is inverted, and fills


@dataclass(frozen=True)
class Kernel:
    """Some equal kernels, one after another; the figures are of all of them.

    macs: multiply-accumulates. weights: bytes of weights read. read, written: bytes of all else. depth: of the product,
    or the keys of fused attention. kind: product, move, fused or sparse. kept: scores that sparse attention keeps.
    """

    kind: str
    macs: int = 0
    weights: int = 0
    read: int = 0
    written: int = 0
    depth: int = 0
    count: int = 1
    kept: int = 0


@dataclass(frozen=True)
class Style:
    """How the network is run. attention: separate, masked, fused or sparse; copies: heads are brought into the order
    that products want; batchnorm: normalisations that the workload has folded away are kernels; `kernels`: of sparse
    attention, a head."""

    precision: str
    attention: str
    copies: bool
    batchnorm: bool
    kernels: int

    @property
    def bytes(self) -> int:
        return BYTES[self.precision]


def kernels(layer: Layer, work: Workload, style: Style) -> list[Kernel]:
    """Those of a layer, in their order. Raises InputError for sparse attention without a mask."""
    makers = {Gemm: gemm, Attention: attention, Norm: norm, Elementwise: elementwise}
    return list(makers[type(layer)](layer, work, style))


def move(read: int, written: int, style: Style) -> Kernel:
    """A kernel that does little with each element: elements read and written."""
    return Kernel("move", read=read * style.bytes, written=written * style.bytes)


def product(macs: int, read: int, written: int, depth: int, style: Style, weights: int = 0) -> Kernel:
    """A dense product; sizes in elements."""
    each = style.bytes
    return Kernel("product", macs, weights * each, read * each, written * each, depth)


def gemm(layer: Gemm, work: Workload, style: Style) -> Iterator[Kernel]:
    """A product with its bias; what follows it is a kernel by itself."""
    inputs, outputs = layer.inputs * work.batch, layer.outputs * work.batch
    yield product(layer.macs * work.batch, inputs, outputs, layer.in_features, style, layer.weights)
    if style.batchnorm and not any(isinstance(each, Norm) for each in work.layers):
        yield from [move(outputs, outputs, style)] * BATCHNORM
    if layer.activation:
        yield move(outputs, outputs, style)
    if layer.residual:
        yield move(2 * outputs, outputs, style)


def norm(layer: Norm, work: Workload, style: Style) -> Iterator[Kernel]:
    size = layer.tokens * layer.features * work.batch
    yield move(size, size, style)


def elementwise(layer: Elementwise, work: Workload, style: Style) -> Iterator[Kernel]:
    each = layer.features * work.batch
    yield move(layer.operands * layer.tokens * each, layer.out_tokens * each, style)


def attention(layer: Attention, work: Workload, style: Style) -> Iterator[Kernel]:
    """From Q, K and V to the joined heads."""
    heads = layer.heads * work.batch
    q, k = heads * layer.q_tokens * layer.qk_dim, heads * layer.kv_tokens * layer.qk_dim
    v, out = heads * layer.kv_tokens * layer.v_dim, heads * layer.q_tokens * layer.v_dim
    scores = heads * layer.q_tokens * layer.kv_tokens
    if style.attention == "fused":
        yield replace(product(layer.macs * work.batch, q + k + v, out, layer.kv_tokens, style), kind="fused")
    elif style.attention == "sparse":
        yield sparse(layer, work, style, q + k + v, out)
    else:
        if style.copies and work.batch > 1:  # of one image, strides say the order
            yield from (move(size, size, style) for size in (q, k, v))
        yield product(scores * layer.qk_dim, q + k, scores, layer.qk_dim, style)
        yield move(scores, scores, style)  # the scale
        if layer.bias_offsets:
            yield move(scores, scores, style)
        if style.attention == "masked":
            yield from [move(scores, scores, style)] * MASKING
        yield move(scores, scores, style)  # softmax
        yield product(scores * layer.v_dim, scores + v, out, layer.kv_tokens, style)
        if style.copies:
            yield move(out, out, style)
    if layer.activation:
        yield move(out, out, style)


def sparse(layer: Attention, work: Workload, style: Style, read: int, written: int) -> Kernel:
    """Sampled product, softmax and product in compressed rows, head by head."""
    if layer.name not in work.masks:
        raise InputError(
            f"attention: sparse runs a layer under its mask, but {layer.name} has none; choose separate or fused"
        )
    kept = int(work.masks[layer.name].nnz.sum()) * work.batch
    each = style.bytes
    return Kernel(
        "sparse", kept * (layer.qk_dim + layer.v_dim), 0, read * each, written * each,
        count=style.kernels * layer.heads * work.batch, kept=kept,
    )  # fmt: skip
