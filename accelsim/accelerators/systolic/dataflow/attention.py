"""Attention, head by head, as two products with a softmax between: one after the other through DRAM, or fused.

Unfused: all heads' scores, then all softmax, then all values; scores (2 bytes) and probabilities (1 byte) cross DRAM.
Fused (FLAT, ASPLOS 2023): a tile of complete rows of scores at a time stays in the softmax unit's score buffer.
"""

from dataclasses import dataclass

from accelsim.accelerators.systolic.dataflow.resources import Resources
from accelsim.components.row_softmax import FETCH, KEEP, PASS, SCORE_BYTES
from accelsim.core.errors import InputError
from accelsim.dataflows.products.dense import segments
from accelsim.dataflows.products.emit import Emitter
from accelsim.dataflows.products.plan import Sizes, longest_stream, output_item
from accelsim.dataflows.products.product import SCORES_TO_SOFTMAX, Block, Place, Product
from accelsim.dataflows.products.tiles import NOT_HELD, Held
from accelsim.dataflows.program import NOW, Wait, heads_said
from accelsim.dataflows.tiling import PASSES, ceil, pieces
from accelsim.workload.layers import Attention


@dataclass(frozen=True)
class Head:
    """The products of one head of one image, and where its scores and probabilities lie if they cross DRAM."""

    logits: Product
    values: Product
    scores: int
    probabilities: int
    said: str  # which head


def emit_attention(emitter: Emitter, layer: Attention, batch: int) -> None:
    """An attention layer of all images of the batch; masks are not applied."""
    p, have = emitter.p, emitter.have
    p.fence(have.weight, p.all_of(have.store))
    heads = [head_of(emitter, layer, image, head) for image in range(batch) for head in range(layer.heads)]
    (emit_fused if have.fused else emit_unfused)(emitter, layer, heads)


def head_of(emitter: Emitter, layer: Attention, image: int, head: int) -> Head:
    """One head: Q, K and V lie head by head, outputs token-major."""
    p, fused = emitter.p, emitter.have.fused
    queries, keys, dim, wide = layer.q_tokens, layer.kv_tokens, layer.qk_dim, layer.v_dim
    q = p.allocate(f"{layer.name}.q.{image}", layer.heads * queries * dim) + head * queries * dim
    k = p.allocate(f"{layer.name}.k.{image}", layer.heads * keys * dim) + head * keys * dim
    v = p.allocate(f"{layer.name}.v.{image}", layer.heads * keys * wide) + head * keys * wide
    pitch = layer.heads * wide
    target = p.allocate(f"{layer.name}.output.{image}", queries * pitch) + head * wide
    scores = probabilities = 0
    if not fused:
        each = queries * keys
        scores = p.allocate(f"{layer.name}.scores.{image}", layer.heads * each * SCORE_BYTES)
        scores += head * each * SCORE_BYTES
        probabilities = p.allocate(f"{layer.name}.probabilities.{image}", layer.heads * each) + head * each

    def rows_of(base: int, width: int):
        def place(row: int, rows: int, inner: int, inners: int) -> Place:
            return segments(base + row * width + inner, inners, rows, width)

        return place

    def columns_of_v(column: int, columns: int, inner: int, inners: int) -> Place:
        return segments(v + inner * wide + column, columns, inners, wide)

    def spill(block: Block) -> list[Place]:
        start = scores + SCORE_BYTES * (block.row * keys + block.column)
        return [segments(start, SCORE_BYTES * block.columns, block.rows, SCORE_BYTES * keys)]

    def outputs(block: Block) -> list[Place]:
        return [segments(target + block.row * pitch + block.column, block.columns, block.rows, pitch)]

    logits = Product(
        layer.name,
        queries,
        keys,
        dim,
        rows_of(q, dim),
        rows_of(k, dim),
        queries * dim,
        None if fused else spill,
        to=SCORES_TO_SOFTMAX,
        width=SCORE_BYTES,
    )
    passes = PASSES["requantise"] + PASSES["activation"] * bool(layer.activation)
    values = Product(
        layer.name,
        queries,
        wide,
        keys,
        rows_of(probabilities, keys),
        columns_of_v,
        queries * keys,
        outputs,
        passes=passes,
        resident=fused,
    )
    return Head(logits, values, scores, probabilities, heads_said([head], image))


def emit_unfused(emitter: Emitter, layer: Attention, heads: list[Head]) -> None:
    """All scores, all softmax, all values."""
    p, have = emitter.p, emitter.have
    queries, keys = layer.q_tokens, layer.kv_tokens
    for head in heads:
        p.saying("scores", head.said)
        p.issue(have.softmax, kind=PASS, rows=queries, columns=keys, reads=0)
        emitter.product(head.logits)
    p.fence(have.act, p.all_of(have.spill))
    most = min(have.act_bytes // 2, have.score_bytes) // SCORE_BYTES // keys
    most = min(most, have.spill_bytes // 2 // keys)
    if most < 1:
        raise InputError(
            f"layer {layer.name}: a row of {keys} scores needs {2 * SCORE_BYTES * keys} bytes of {have.act}."
            f"capacity_bytes ({have.act_bytes}), {SCORE_BYTES * keys} of {have.softmax}.score_bytes "
            f"({have.score_bytes}) and {2 * keys} of {have.spill}.capacity_bytes ({have.spill_bytes}); make them "
            "larger."
        )
    before: tuple[int, Wait] | None = None
    for head in heads:
        p.saying("softmax", head.said)
        row = 0
        for rows in pieces(queries, most):
            size = SCORE_BYTES * rows * keys
            loaded = p.load(have.act, head.scores + SCORE_BYTES * row * keys, size)
            p.issue(have.softmax, kind=FETCH, rows=rows, columns=keys, reads=0, wait=loaded)
            done = p.will(have.softmax, rows)
            p.store(have.spill, head.probabilities + row * keys, rows * keys)
            if before:
                p.free(have.act, before[0], wait=before[1])
            before = size, done
            row += rows
    p.free(have.act, before[0], wait=before[1])
    p.fence(have.act, p.all_of(have.spill))
    for head in heads:
        p.saying("values", head.said)
        emitter.product(head.values)


def tile_rows(layer: Attention, have: Resources) -> tuple[int, int]:
    """Rows of a tile of fused attention, and tiles of scores that are held at once (2: softmax beside the array).

    Raises InputError when not even one block of rows fits; columns of scores are never cut.
    """
    array = have.model
    unit = min(layer.q_tokens, array.columns if array.dataflow == "is" else array.rows)
    row = SCORE_BYTES * layer.kv_tokens
    held = layer.kv_tokens * (layer.qk_dim + layer.v_dim)
    if held > have.weight_bytes:
        raise InputError(
            f"layer {layer.name}: attention: fused holds the keys and values of a head, {held} bytes, but "
            f"{have.weight}.capacity_bytes is {have.weight_bytes}; make it at least that, or use attention: unfused."
        )
    for tiles in (2, 1):
        most = min(have.score_bytes // (tiles * row), have.act_bytes // layer.qk_dim, layer.q_tokens)
        wanted = min(have.tile_rows, layer.q_tokens)
        if wanted and wanted <= most:
            return wanted, tiles
        if not wanted and most >= unit:
            return (layer.q_tokens if most == layer.q_tokens else most // unit * unit), tiles
    wanted = wanted or unit
    raise InputError(
        f"layer {layer.name}: attention: fused needs {wanted * row} bytes of {have.softmax}.score_bytes "
        f"({have.score_bytes}) and {wanted * layer.qk_dim} of {have.act}.capacity_bytes ({have.act_bytes}) for a tile "
        f"of {wanted} rows x {layer.kv_tokens} scores; make them larger, tile_rows at most {most}, or use attention: "
        "unfused. A tile holds complete rows of scores."
    )


def emit_fused(emitter: Emitter, layer: Attention, heads: list[Head]) -> None:
    """Tile after tile; with room for two tiles of scores the array works on one while the other is in the softmax."""
    rows, tiles = tile_rows(layer, emitter.have)
    ahead = [
        FusedTile(emitter, layer, head, row, min(rows, layer.q_tokens - row))
        for head in heads
        for row in range(0, layer.q_tokens, rows)
    ]
    loaded: dict[int, tuple[Held, Held]] = {}
    if tiles == 1:
        for tile in ahead:
            tile.logits(loaded)
            tile.values(loaded)
        return
    for tile, following in zip(ahead, [*ahead[1:], None]):
        if tile is ahead[0]:
            tile.logits(loaded)
        if following:
            following.logits(loaded)
        tile.values(loaded)


class FusedTile:
    """A tile of complete rows of scores of one head."""

    def __init__(self, emitter: Emitter, layer: Attention, head: Head, row: int, rows: int) -> None:
        self.emitter, self.layer, self.head, self.row, self.rows = emitter, layer, head, row, rows
        self.last = row + rows == layer.q_tokens
        self.scored: Wait = NOW

    def logits(self, loaded: dict[int, tuple[Held, Held]]) -> None:
        """Q K^T, into the softmax unit; the head's keys and values are fetched with its first tile."""
        emitter, layer = self.emitter, self.layer
        p, have = emitter.p, emitter.have
        keys, product, values = layer.kv_tokens, self.head.logits, self.head.values
        p.saying("scores", self.head.said)
        if self.row == 0:
            k, v = product.b(0, keys, 0, product.k), values.b(0, layer.v_dim, 0, keys)
            loaded[id(self.head)] = (
                Held(k[1] * k[2], ((0, p.load(have.weight, *k)),)),
                Held(v[1] * v[2], ((0, p.load(have.weight, *v)),)),
            )
        k = loaded[id(self.head)][0]
        block = Block(self.row, self.rows, 0, keys)
        p.issue(have.softmax, kind=KEEP, rows=self.rows, columns=keys, reads=self.reads())
        q = emitter.load_rows(product, block, NOT_HELD)
        stream, _ = self.stream(product, 2 * have.score_bytes)  # a block is taken whole
        emitter.tile(product, block, q, k, 0, stream, free_a=q.bytes, free_b=k.bytes * self.last, fresh=True)
        self.scored = p.will(have.softmax, self.rows)

    def values(self, loaded: dict[int, tuple[Held, Held]]) -> None:
        """P V, from the score buffer."""
        have, product = self.emitter.have, self.head.values
        v = loaded[id(self.head)][1]
        self.emitter.p.saying("values", self.head.said)
        block = Block(self.row, self.rows, 0, self.layer.v_dim)
        stream, item = self.stream(product, have.store_bytes)
        group = max(item, min(have.store_bytes * 3 // 4, have.store_bytes - item))
        self.emitter.tile(product, block, NOT_HELD, v, group, stream, free_b=v.bytes * self.last, wait_a=self.scored)
        self.emitter.flush()

    def stream(self, product: Product, room: int) -> tuple[int, int]:
        """The longest stream of this tile, and the most outputs that leave at once; `room`: bytes where they go."""
        have = self.emitter.have
        s = Sizes(product.name, self.rows, product.n, product.k, 0, 0, False, product.width, room, have.store)
        stream = longest_stream(s, have)
        return stream, output_item(s, stream, have)

    def reads(self) -> int:
        """How often the array reads a probability."""
        array, wide = self.emitter.have.model, self.layer.v_dim
        if array.dataflow == "is":
            return ceil(wide, self.stream(self.head.values, self.emitter.have.store_bytes)[0])
        return ceil(wide, array.columns)
