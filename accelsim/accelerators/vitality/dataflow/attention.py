"""Linear attention, head by head: sums and means, the product that is computed first, divisors, the second product.

What is prepared of a head, and in which order the arrays are given heads, is in `Resources.lead`. Q, K and V of a head
are on chip together, and are given back when its second product has been computed.
"""

from dataclasses import dataclass

from accelsim.accelerators.vitality.dataflow.prepare import Prepared, prepare
from accelsim.accelerators.vitality.dataflow.resources import Resources
from accelsim.components.lane_unit import MODE
from accelsim.core.errors import InputError
from accelsim.dataflows.products.dense import segments
from accelsim.dataflows.products.emit import Emitter
from accelsim.dataflows.products.plan import Sizes, longest_stream, output_item
from accelsim.dataflows.products.product import Block, Place, Product
from accelsim.dataflows.products.tiles import NOT_HELD, Held, until
from accelsim.dataflows.program import NOW, Wait, heads_said
from accelsim.dataflows.tiling import PASSES, pieces
from accelsim.workload.layers import LinearAttention

TO_ADDERS = 2  # the array's `to`


def emit_linear(emitter: Emitter, layer: LinearAttention, batch: int) -> None:
    """A linear attention layer of all images of the batch."""
    p, have = emitter.p, emitter.have
    check(layer, have)
    p.fence(have.weight, p.all_of(have.store))
    rest = {"takes": 0, "source": 0, "reads": 0, "writes": 0, "kind": MODE}
    rows = layer.rule != "l1"
    after = layer.rule == "taylor" and have.after
    p.issue("add", rows=after, columns=rows, gives=0, **rest)
    p.issue("divide", rows=0, columns=rows, gives=have.turned(layer), **rest)
    heads = [Head(emitter, layer, image, head) for image in range(batch) for head in range(layer.heads)]
    lead = have.lead(layer)
    if not lead:
        for head in heads:
            head.prepare()
            head.first()
            head.divisors()
            head.second()
        return
    for head in heads[:lead]:
        head.prepare()
    for head in heads[: lead - 1]:
        head.first()
    for number, head in enumerate(heads):
        for one in heads[number + lead - 1 : number + lead]:
            one.first()
        head.divisors()
        for one in heads[number + lead : number + lead + 1]:  # before the array's queue is full of what follows
            one.prepare()
        head.second()


def check(layer: LinearAttention, have: Resources) -> None:
    """Raise InputError for a head that the machine cannot hold."""
    where = f"layer {layer.name}"
    act, weight = have.operand_bytes(layer)
    for part, room, size in ((have.act, have.act_bytes, act), (have.weight, have.weight_bytes, weight)):
        if size > room:
            raise InputError(
                f"{where}: a head's operands need {size} bytes of {part}.capacity_bytes, which is {room}; make it at "
                "least that. Linear attention is not cut along the tokens."
            )
    longest = max(layer.qk_dim, layer.v_dim)
    if longest > have.features:
        raise InputError(
            f"{where}: a head of {longest} features does not fit accumulate.features, divide.features and add.features "
            f"({have.features} at least); make them {longest}"
        )
    if (size := have.first_bytes(layer)) > have.g_bytes:
        what = "scores, which are computed first" if layer.scores_first else "values of K^T V"
        raise InputError(
            f"{where}: a head has {size} {what}, but {have.g}.capacity_bytes is {have.g_bytes}; make it {size}"
        )
    if have.divided(layer) and 8 * layer.q_tokens > have.divisor_bytes:
        raise InputError(
            f"{where}: the divisors of two heads need {8 * layer.q_tokens} bytes of divisors.capacity_bytes, which is "
            f"{have.divisor_bytes}; make it at least that"
        )


@dataclass
class Head:
    """One head of one image: Q, K and V lie head by head, outputs token-major."""

    emitter: Emitter
    layer: LinearAttention
    image: int
    head: int

    def __post_init__(self) -> None:
        p, layer, image = self.emitter.p, self.layer, self.image
        self.have: Resources = self.emitter.have
        self.turned = self.have.turned(layer)
        sizes = {"q": layer.q_tokens * layer.qk_dim, "k": layer.kv_tokens * layer.qk_dim}
        sizes["v"] = layer.kv_tokens * layer.v_dim
        self.at = {
            n: (p.allocate(f"{layer.name}.{n}.{image}", layer.heads * size) + self.head * size, size)
            for n, size in sizes.items()
        }
        self.pitch = layer.heads * layer.v_dim
        whole = p.allocate(f"{layer.name}.output.{image}", layer.q_tokens * self.pitch)
        self.target = whole + self.head * layer.v_dim
        self.ready: Prepared | None = None
        self.g: Wait = NOW
        self.divided: Wait = NOW

    def saying(self, phase: str) -> None:
        """What follows is for a phase of this head."""
        self.emitter.p.saying(phase, heads_said([self.head], self.image))

    def prepare(self) -> None:
        """Operands are fetched; sums, means, what is subtracted or divided."""
        p, have = self.emitter.p, self.have
        in_weight = "kv" if self.layer.scores_first else "qv" if self.turned else "v"
        loads = {}
        self.saying("preparation")
        for n in "qkv":  # Q before K, so that it is there when K is
            loads[n] = p.load(have.weight if n in in_weight else have.act, *self.at[n])
        alone = NOW if have.pipeline else p.all_of(have.array)
        self.ready = prepare(p, have, self.layer, loads, alone)
        p.fence(have.act, loads["v"])  # else Q and K of later heads would come before the values of this one

    def first(self) -> None:
        """K^T V, or Q K^T, into the buffer of what is computed first."""
        p, layer, have = self.emitter.p, self.layer, self.have
        self.saying("first product")
        q, k, v = (self.at[n][1] for n in "qkv")
        if self.layer.scores_first:
            shape = layer.q_tokens, layer.kv_tokens, layer.qk_dim
            sizes, waits = (q, k), (self.ready.q, self.ready.k)
        else:
            shape = layer.qk_dim, layer.v_dim, layer.kv_tokens
            sizes, waits = (k, v), (self.ready.k, self.ready.v)
        product = Product(layer.name, *shape, nowhere, nowhere, sizes[0], None, to=TO_ADDERS, passes=0, tag=0)
        stream, _ = self.stream(product, 2 * shape[0] * shape[1])
        p.issue(have.g, elements=shape[0] * shape[1], reads=self.reads())
        a, b = (Held(size, ((0, wait),)) for size, wait in zip(sizes, waits))
        self.emitter.tile(product, Block(0, shape[0], 0, shape[1]), a, b, shape[0] * shape[1], stream)
        self.g = p.will(have.g)

    def reads(self) -> int:
        """Bytes of what is computed first that the array reads: once where it stays in the PEs."""
        product = self.last_product()
        size = self.have.first_bytes(self.layer)
        if product.resident:
            return size * len(pieces(product.n, self.stream(product, self.have.store_bytes)[0]))
        return size * self.have.groups(product.m)

    def last_product(self) -> Product:
        """Q G or S V; transposed where G stays in the PEs."""
        layer = self.layer
        passes = PASSES["requantise"] + PASSES["activation"] * bool(layer.activation)
        said = {"to": TO_ADDERS, "passes": passes, "tag": passes}
        if self.turned:
            shape = layer.v_dim, layer.q_tokens, layer.qk_dim
            return Product(layer.name, *shape, nowhere, nowhere, 0, self.turned_outputs, resident=True, **said)
        if self.layer.scores_first:
            shape = layer.q_tokens, layer.v_dim, layer.kv_tokens
            return Product(layer.name, *shape, nowhere, nowhere, 0, self.outputs, resident=True, **said)
        shape = layer.q_tokens, layer.v_dim, layer.qk_dim
        return Product(layer.name, *shape, nowhere, nowhere, self.at["q"][1], self.outputs, b_resident=True, **said)

    def second(self) -> None:
        """The product that leaves."""
        layer, have = self.layer, self.have
        self.saying("second product")
        product = self.last_product()
        stream, item = self.stream(product, have.store_bytes)
        group = max(item, min(have.store_bytes * 3 // 4, have.store_bytes - item))
        act, weight = have.operand_bytes(layer)
        q = Held(self.at["q"][1], ((0, self.divided),))
        if self.turned:
            a, b = NOT_HELD, q
        elif self.layer.scores_first:
            a, b = NOT_HELD, until(self.ready.v)
        else:
            a, b = q, until(self.g)
        block = Block(0, product.m, 0, product.n)
        self.emitter.tile(product, block, a, b, group, stream, free_a=act, free_b=weight, wait_a=self.g)
        self.emitter.flush()

    def divisors(self) -> None:
        """Where rows have any: Q times the sum of K, in SA-Diag; n sqrt(d) enters at its top."""
        p, layer, have = self.emitter.p, self.layer, self.have
        self.saying("divisors")
        self.divided = self.ready.q
        if not have.divided(layer):
            return
        most = have.diag_bytes // 4  # what waits behind SA-Diag has that room, too
        after = NOW if have.pipeline else self.g
        for rows in pieces(layer.q_tokens, most):
            read = rows * layer.qk_dim
            p.enter(
                "diagonal", weight=0, weight_read=read if self.turned else 0, act=0, act_read=0 if self.turned else read
            )
            p.issue(
                "diagonal", rows=layer.qk_dim, columns=1, stream=rows, first=1, last=1, adds=0, to=1, passes=0, row=0,
                constants=0, added=0, wait=self.ready.sums, wait2=after,
            )  # fmt: skip
            p.will("diagonal")
            self.divided = p.will("divisors")

    def stream(self, product: Product, room: int) -> tuple[int, int]:
        """The longest stream of a product, and the most outputs that leave at once; `room`: bytes where they go."""
        have = self.have
        s = Sizes(product.name, product.m, product.n, product.k, 0, 0, False, 1, room, have.store)
        stream = longest_stream(s, have)
        return stream, output_item(s, stream, have)

    def outputs(self, block: Block) -> list[Place]:
        """Where a block of outputs goes."""
        return [segments(self.target + block.row * self.pitch + block.column, block.columns, block.rows, self.pitch)]

    def turned_outputs(self, block: Block) -> list[Place]:
        """The same of a transposed product, whose rows are features."""
        return [segments(self.target + block.column * self.pitch + block.row, block.rows, block.columns, self.pitch)]


def nowhere(*_: int) -> Place:
    """Operands that are on chip when a product begins."""
    return 0, 0, 0, 0
