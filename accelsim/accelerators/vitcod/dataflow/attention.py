"""Sparse attention: K-stationary scores on both engines at once, softmax, output-stationary values, merged on write."""

from accelsim.accelerators.vitcod.dataflow.passes import Pass, PassTables, plan_passes, split_heads, tabulate
from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.accelerators.vitcod.dataflow.shares import CHUNK_TOKENS
from accelsim.core.errors import InputError
from accelsim.dataflows.program import NOW, Program, Wait
from accelsim.dataflows.tiling import ceil
from accelsim.workload.layers import Attention
from accelsim.workload.mask import AttentionMask

K, Q, Q_STAYS = range(3)  # what a DECODE instruction is about


class AttentionLayer:
    """Emits one attention layer; `image` selects the operands of one image of the batch."""

    def __init__(self, p: Program, layer: Attention, mask: AttentionMask, have: Resources) -> None:
        self.p, self.layer, self.have = p, layer, have
        self.coded = layer.encoded_heads if have.auto_encoder and layer.encoded_heads else 0
        self.work = split_heads(layer, mask, have)
        self.split, self.passes, self.halves = plan_passes(layer, self.work, have)
        self.tables = [tabulate(layer, one, self.work, have) for one in self.passes]
        self.token_bytes = (self.coded or layer.heads) * layer.qk_dim
        whole = (layer.q_tokens + layer.kv_tokens) * self.token_bytes
        # The auto-encoder mixes heads: every pass needs all compressed heads. They stay on chip if they fit.
        self.stays = bool(self.coded) and whole <= have.act_bytes
        self.loaded: dict[tuple[int, int], Wait] = {}
        self.leaving: tuple[int, Wait] = (0, NOW)
        if not self.stays:
            self.check_room()

    def check_room(self) -> None:
        """Raise InputError when the activation buffer does not hold a pass's Q and the piece that is being fetched."""
        for one in self.passes:
            held = most = 0
            for kind, _, tokens in self.pieces(one):
                size = self.piece_bytes(one, tokens)
                most = max(most, held + size)
                held += size if kind == Q else 0
            if most > self.have.act_bytes:
                raise InputError(
                    f"layer {self.layer.name}: {one.rows} queries and a piece of keys need {most} bytes of act_gb0 "
                    f"({self.have.act_bytes}); make its capacity_bytes larger"
                )

    def emit(self, image: int) -> None:
        """The whole layer for one image."""
        p, layer = self.p, self.layer
        self.place(image)
        p.fence("weight_gb", p.all_of("act_gb1"))
        numbers = []
        for one, table in zip(self.passes, self.tables):
            numbers.append(self.tabulate(one, table))
        if self.have.double_buffer:
            for n, one in enumerate(self.passes):
                self.load(n, one)
        # the operand buffers may still serve the image before
        p.free("act_gb0", 0, wait=p.all_of("denser"), wait2=p.all_of("sparser"))
        self.decode(0, numbers)
        for n in range(len(self.passes)):
            self.run(n, numbers)
        self.give_back()
        if self.stays:
            whole = (layer.q_tokens + layer.kv_tokens) * self.token_bytes
            p.free("act_gb0", whole, wait=p.all_of("decoder"), wait2=p.all_of("sparser"))

    def place(self, image: int) -> None:
        """Where Q, K and V stand in DRAM: (address, bytes a token, bytes from a token to the next)."""
        p, layer = self.p, self.layer
        widths = {"q": self.token_bytes, "k": self.token_bytes, "v": layer.heads * layer.v_dim}
        tokens = {"q": layer.q_tokens, "k": layer.kv_tokens, "v": layer.kv_tokens}
        self.places = {}
        if self.have.layout == "fused_qkv":  # Q stands apart where it has tokens of its own
            together = "qkv" if layer.q_tokens == layer.kv_tokens else "kv"
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

    def operand(self, name: str, one: Pass, first: int, tokens: int) -> tuple[int, int, int, int]:
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

    @staticmethod
    def run_of(size: int, segments: int, pitch: int) -> tuple[int, int, int]:
        """Segments that touch are one."""
        return (size * segments, 1, 0) if size == pitch else (size, segments, pitch)

    def tabulate(self, one: Pass, table: PassTables) -> int:
        """Enter a pass into the pass table; its number."""
        p, have = self.p, self.have
        first_index = p.add("index", table.index)
        columns, rows = table.columns.copy(), table.rows.copy()
        columns["first"] += first_index
        rows["first"] += first_index
        entry = {
            "heads": len(one.heads),
            "rows": one.rows,
            "row0": one.row0,
            "dim": self.layer.qk_dim,
            "value_dim": self.layer.v_dim,
            "denser_lines": table.denser_lines,
            "sparser_lines": table.sparser_lines,
            "tile_rows": max(1, min(table.denser_lines, self.split.places)),
            "places": self.split.places,
            "first_dense": p.add("dense", table.dense),
            "dense": len(table.dense),
            "first_column": p.add("columns", columns),
            "sparse_columns": len(columns),
            "first_row": p.add("rows", rows),
            "scores": int(rows["scores"].sum()),
            "encoded": self.coded,
            "forward": have.forward and len(table.dense) > 0,
        }
        return p.enter("passes", **entry)

    def phase(
        self, unit: str, number: int, begin: int = 0, end: int | None = None, wait: Wait = NOW, wait2: Wait = NOW
    ) -> None:
        """Have a unit do the scores of a pass, or its values from an output to another."""
        values = end is not None
        self.p.issue(unit, phase=values, number=number, begin=begin, end=end or 0, wait=wait, wait2=wait2)

    def chunks(self, tokens: int, first: int = 0) -> list[tuple[int, int]]:
        """(first token, tokens) of the pieces operands are loaded in."""
        return [(at, min(CHUNK_TOKENS, first + tokens - at)) for at in range(first, first + tokens, CHUNK_TOKENS)]

    def pieces(self, one: Pass) -> list[tuple[int, int, int]]:
        """(K or Q, first token, tokens), a chunk of K and a chunk of Q in turn."""
        keys = [(K, *c) for c in self.chunks(self.layer.kv_tokens)]
        queries = [(Q, *c) for c in self.chunks(one.rows, one.row0)]
        longer = max(len(keys), len(queries))
        return [piece for n in range(longer) for piece in (*keys[n : n + 1], *queries[n : n + 1])]

    def load(self, n: int, one: Pass, operands: bool = True) -> None:
        """The loads of a pass: its tables, then K and Q by chunks, then V."""
        p, layer = self.p, self.layer
        table = self.tables[n]
        at = p.allocate(f"{layer.name}.index.{n}", table.index_bytes)
        self.loaded[n, -1] = p.load("index_buffer", at, table.index_bytes)
        if operands and (n == 0 or not self.stays):
            for piece in self.pieces(one) if not self.stays else self.pieces(Pass(one.heads, 0, layer.q_tokens)):
                self.load_piece(n, one, *piece)
        self.loaded[n, -2] = p.load("weight_gb", *self.operand("v", one, 0, layer.kv_tokens))

    def load_alone(self, n: int) -> None:
        """Without double buffering: the loads of a pass when the one before is done. K and Q that do not stay on chip
        come with the decoder's commands, a piece when the one before has been taken in."""
        p = self.p
        for buffer in ("index_buffer", "act_gb0", "weight_gb"):
            p.fence(buffer, p.all_of("merge"))
        self.load(n, self.passes[n], operands=self.stays and n == 0)
        p.free("index_buffer", 0, wait=self.loaded[n, -1], wait2=self.loaded[n, -2])
        if self.stays:
            p.free("act_gb0", 0, wait=p.all_of("act_gb0"))

    def decode(self, n: int, numbers: list[int]) -> None:
        """Have the operands of a pass moved into the engines' buffers, chunk by chunk as they arrive."""
        p, alone = self.p, not self.have.double_buffer
        one, table = self.passes[n], self.tables[n]
        fills = Q if len(table.dense) else Q_STAYS
        source = 0 if self.stays else n
        if alone:
            self.load_alone(n)
        for kind, first, tokens in self.pieces(one):
            if alone and not self.stays:
                p.fence("act_gb0", p.all_of("decoder"))
                self.load_piece(n, one, kind, first, tokens)
            wait = self.loaded[source, 2 * (first + tokens - 1) + kind]
            what = K if kind == K else fills
            number = numbers[n]
            p.issue(
                "decoder", kind=what, first=first, tokens=tokens, number=number, wait=wait, wait2=self.loaded[n, -1]
            )
            done = p.will("decoder")
            if kind == K and not self.stays:
                p.free("act_gb0", self.piece_bytes(one, tokens), wait=done)

    def load_piece(self, n: int, one: Pass, kind: int, first: int, tokens: int) -> None:
        """The load of a piece of K or Q."""
        wait = self.p.load("act_gb0", *self.operand("k" if kind == K else "q", one, first, tokens))
        for token in range(first, first + tokens):
            self.loaded[n, 2 * token + kind] = wait

    def piece_bytes(self, one: Pass, tokens: int) -> int:
        return tokens * (self.token_bytes if self.coded else len(one.heads) * self.layer.qk_dim)

    def run(self, n: int, numbers: list[int]) -> None:
        """Scores and values of a pass; the next pass's operands are fetched on the way."""
        p, have = self.p, self.have
        one, table, number = self.passes[n], self.tables[n], numbers[n]
        dense, sparse = len(table.dense) > 0, len(table.columns) > 0
        # with a single line the engines take turns, as they do when they are not to work at the same time
        together = have.two_engines and table.denser_lines + table.sparser_lines <= have.lines
        before, before2 = p.all_of("denser"), p.all_of("sparser")
        self.phase("softmax", number, wait=before, wait2=before2)
        self.phase("merge", number)
        scored: Wait = NOW
        if dense:
            self.phase("denser", number)
            scored = p.will("denser")
        if sparse:
            self.phase("walker", number, wait=self.loaded[n, -1], wait2=NOW if together else scored)
            self.phase("sparser", number)
            p.will("sparser")
        finished = p.all_of("denser"), p.all_of("sparser")
        outputs = one.rows * len(one.heads)
        step = outputs if together else self.split.places
        for begin in range(0, outputs, step):
            end = min(begin + step, outputs)
            wait, wait2 = NOW, self.loaded[n, -2]
            if not together:
                wait = p.all_of("sparser")
            if dense:
                self.phase("denser", number, begin, end, wait=wait, wait2=wait2)
                wait = p.will("denser")
            if sparse:
                self.phase("sparser", number, begin, end, wait=NOW if together else wait, wait2=wait2)
                p.will("sparser")
            self.store(one, begin, end)
        self.give_back()
        self.leaving = table.index_bytes, p.will("merge")
        fetch_first = have.double_buffer and self.halves and (self.stays or 2 * self.held(n) <= have.act_bytes)
        if n + 1 < len(self.passes) and fetch_first:
            self.decode(n + 1, numbers)
        if not self.stays:  # the sparser engine may have asked for any Q until its scores were done
            p.free("act_gb0", self.piece_bytes(one, one.rows), wait=finished[0], wait2=finished[1])
        size = self.layer.kv_tokens * self.layer.v_dim * len(one.heads)
        if not have.double_buffer:
            p.free("weight_gb", size, wait=p.all_of("denser"), wait2=p.all_of("sparser"))
            self.give_back()
        if n + 1 < len(self.passes) and not fetch_first:
            p.free("act_gb0", 0, wait=finished[0], wait2=finished[1])  # operand buffers are free
            self.decode(n + 1, numbers)
        if have.double_buffer:
            p.free("weight_gb", size, wait=p.all_of("denser"), wait2=p.all_of("sparser"))

    def give_back(self) -> None:
        """The tables of the pass before are free when its last row has left the merge; there is room for two passes',
        so that this need not be waited for before the next pass is begun."""
        size, wait = self.leaving
        if size:
            self.p.free("index_buffer", size, wait=wait)
        self.leaving = 0, NOW

    def held(self, n: int) -> int:
        """Bytes of the activation buffer a pass and the next one need, the larger of the two."""
        return max(self.piece_bytes(one, one.rows + self.layer.kv_tokens) for one in self.passes[n : n + 2])

    def store(self, one: Pass, begin: int, end: int) -> None:
        """The stores of outputs begin to end of a pass, token-major, head by head."""
        layer, p = self.layer, self.p
        width, pitch = layer.v_dim, layer.heads * layer.v_dim
        if width > self.have.store_bytes:
            raise InputError(
                f"layer {layer.name}: an output row of a head has {width} bytes, but act_gb1.capacity_bytes = "
                f"{self.have.store_bytes} holds none; make it at least {width} bytes, better {2 * width}"
            )
        most = max(1, self.have.store_bytes // 2 // width)
        at = begin
        while at < end:
            head, row = one.heads[at // one.rows], one.row0 + at % one.rows
            some = min(end - at, one.rows - at % one.rows, most, ceil(one.rows, 4))
            p.store("act_gb1", self.output + row * pitch + head * width, width, some, pitch)
            at += some
