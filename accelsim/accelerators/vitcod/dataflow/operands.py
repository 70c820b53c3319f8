"""Where Q, K and V of an attention layer lie in DRAM, and the pieces they are loaded in."""

from itertools import zip_longest

from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.accelerators.vitcod.dataflow.sizes import AttentionCut, Pass, coded_heads, token_bytes
from accelsim.core.errors import InputError
from accelsim.dataflows.program import Program, Wait
from accelsim.dataflows.tiling import ceil
from accelsim.workload.layers import Attention

K, Q, Q_STAYS = range(3)  # what a DECODE instruction is about
TABLES, VALUES = "tables", "values"  # what else is loaded for a pass
# [ours, measured] K and Q of a pass are asked for when V of the one so many before is there: DRAM serves them first,
# and V would come late where much of K and Q finds room, or is asked for at once.
AHEAD = 2
FETCHED = 3  # vectors that the query fetcher must hold: two that the decoder may still read, and one more


def check_fetches(layer: Attention, have: Resources) -> None:
    """Raise InputError unless the query fetcher has room to fetch a layer's queries."""
    least = FETCHED * layer.qk_dim * (coded_heads(layer, have) or 1)
    if have.fetch_bytes < least:
        raise InputError(
            f"layer {layer.name}: queries.capacity_bytes is {have.fetch_bytes}, but a query of this layer, and two "
            f"that the decoder reads, have {least} bytes; make it at least that large"
        )


class Operands:
    """The tensors of one layer, of one image at a time."""

    def __init__(
        self, p: Program, layer: Attention, cut: AttentionCut, have: Resources, images: int, apart: bool
    ) -> None:
        self.p, self.layer, self.cut, self.have, self.images = p, layer, cut, have, images
        self.q_apart = apart or layer.q_tokens != layer.kv_tokens
        self.coded = coded_heads(layer, have)
        self.token_bytes = token_bytes(layer, have, layer.heads)
        self.found: dict[tuple, tuple[tuple[int, int, int], ...]] = {}  # pieces

    def place(self, image: int) -> None:
        """Where Q, K and V stand in DRAM: (address, bytes a token, bytes from a token to the next)."""
        p, layer = self.p, self.layer
        self.before = image * len(self.cut.passes)  # passes of the images before
        widths = {"q": self.token_bytes, "k": self.token_bytes, "v": layer.heads * layer.v_dim}
        tokens = {"q": layer.q_tokens, "k": layer.kv_tokens, "v": layer.kv_tokens}
        self.places = {}
        if self.have.layout == "fused_qkv":  # Q stands apart where it has tokens, or a projection, of its own
            together = "kv" if self.q_apart else "qkv"
            row = sum(widths[name] for name in together)
            at = p.allocate(f"{layer.name}.{together}.{image}", layer.kv_tokens * row)
            for name in together:
                self.places[name] = at, widths[name], row
                at += widths[name]
        for name in widths:
            if name not in self.places:
                at = p.allocate(f"{layer.name}.{name}.{image}", tokens[name] * widths[name])
                self.places[name] = at, widths[name], widths[name]
        self.output = p.allocate(f"{layer.name}.output.{image}", layer.q_tokens * layer.heads * layer.v_dim)

    def tile(self, name: str, one: Pass, first: int, tokens: int) -> tuple[int, int, int, int]:
        """The tile of an operand: `tokens` tokens of the pass's heads (all compressed heads, if there are any)."""
        at, width, pitch = self.places[name]
        if self.coded and name != "v":
            return (at + first * pitch, *self.run_of(width, tokens, pitch))
        dim, count = (self.layer.v_dim, self.layer.kv_tokens) if name == "v" else (self.layer.qk_dim, 0)
        count = count or (self.layer.q_tokens if name == "q" else self.layer.kv_tokens)
        head, heads = one.heads[0], len(one.heads)
        if self.have.layout == "packed":  # head by head, all tokens of a head together
            return (at + (head * count + first) * dim, *self.run_of(tokens * dim, heads, count * dim))
        return (at + first * pitch + head * dim, *self.run_of(heads * dim, tokens, pitch))

    def queries(self, one: Pass) -> dict[str, int]:
        """Where single queries of a pass are fetched from (tables.QUERIES)."""
        at, width, pitch = self.places["q"]
        layer, head, dim = self.layer, one.heads[0], self.layer.qk_dim
        if self.coded:
            return {"address": at + one.row0 * pitch, "token_pitch": pitch, "head_pitch": 0, "bytes": width}
        if self.have.layout == "packed":
            at, pitch, apart = at + (head * layer.q_tokens + one.row0) * dim, dim, layer.q_tokens * dim
        else:
            at, apart = at + one.row0 * pitch + head * dim, dim
        return {"address": at, "token_pitch": pitch, "head_pitch": apart, "bytes": dim}

    @staticmethod
    def run_of(size: int, segments: int, pitch: int) -> tuple[int, int, int]:
        """Segments that touch are one."""
        return (size * segments, 1, 0) if size == pitch else (size, segments, pitch)

    def pieces(self, keys: tuple[int, int], queries: tuple[int, int]) -> tuple[tuple[int, int, int], ...]:
        """(K or Q, first token, tokens) of so many keys and queries from a first on: a piece of K and one of Q in
        turn."""
        if (keys, queries) not in self.found:
            size = self.cut.piece_tokens
            both = [
                [(kind, at, min(size, first + tokens - at)) for at in range(first, first + tokens, size)]
                for kind, (first, tokens) in ((K, keys), (Q, queries))
            ]
            self.found[keys, queries] = tuple(piece for turn in zip_longest(*both) for piece in turn if piece)
        return self.found[keys, queries]

    def waits(self, n: int) -> bool:
        """Whether K and Q of a pass of this image are held back."""
        return self.have.double_buffer and AHEAD <= self.before + n < self.images * len(self.cut.passes)

    def begin(self, n: int) -> None:
        """Before the loads of K and Q of a pass."""
        if self.waits(n):
            self.p.hold("act_gb0")

    def give_queries(self, n: int, loaded: bool, done: tuple[Wait, Wait]) -> None:
        """Give Q of a pass back, if it was loaded, for any of which the sparser engine may have asked until its scores
        were done; V of the pass was waited for before, so that K and Q of a later one may come."""
        size = self.piece_bytes(self.cut.passes[n], self.cut.passes[n].rows * loaded)
        self.p.issue("act_gb0", bytes=size, fences=int(self.waits(n + AHEAD)), wait=done[0], wait2=done[1])

    def piece_bytes(self, one: Pass, tokens: int) -> int:
        """Bytes of a piece of a pass's Q or K."""
        return tokens * token_bytes(self.layer, self.have, len(one.heads))

    def store(self, one: Pass, begin: int, end: int) -> None:
        """The stores of outputs begin to end of a pass, token-major, head by head."""
        layer, p = self.layer, self.p
        width, pitch = layer.v_dim, layer.heads * layer.v_dim
        most = max(1, self.have.store_bytes // 2 // width)
        at = begin
        while at < end:
            head, row = one.heads[at // one.rows], one.row0 + at % one.rows
            some = min(end - at, one.rows - at % one.rows, most, ceil(one.rows, 4))
            p.store("act_gb1", self.output + row * pitch + head * width, width, some, pitch)
            at += some
