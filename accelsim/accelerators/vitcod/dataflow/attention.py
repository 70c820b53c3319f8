"""Sparse attention: K-stationary scores on both engines at once, softmax, output-stationary values, merged on write."""

from functools import partial

from accelsim.accelerators.vitcod.dataflow.head_work import forget, split_heads
from accelsim.accelerators.vitcod.dataflow.key_blocks import load_block_alone, run_blocks
from accelsim.accelerators.vitcod.dataflow.operands import Q_STAYS, TABLES, VALUES, K, Operands, Q, check_fetches
from accelsim.accelerators.vitcod.dataflow.pass_tables import PassTables, PassTold, pass_rows, tabulate
from accelsim.accelerators.vitcod.dataflow.passes import plan_attention
from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.accelerators.vitcod.dataflow.sizes import AttentionCut, Pass, faults
from accelsim.accelerators.vitcod.tables import LONG_INDEX, MOST_SHORT
from accelsim.core.errors import InputError
from accelsim.dataflows.program import NOW, Program, Wait, heads_said
from accelsim.workload.layers import Attention
from accelsim.workload.mask import AttentionMask

Cut = AttentionCut | None


class AttentionLayer:
    """Emits one attention layer, image by image. cut: how it is cut into passes; None: by rule. apart: whether Q has a
    projection of its own."""

    def __init__(
        self, p: Program, layer: Attention, mask: AttentionMask, have: Resources, cut: Cut, images: int, apart: bool
    ) -> None:
        self.p, self.layer, self.have, self.images = p, layer, have, images
        self.work = split_heads(layer, mask, have)
        forget(layer, mask)
        if cut is not None and (wrong := faults(layer, self.work, cut, have)):
            raise InputError(f"layer {layer.name}: the cut it is given does not fit: {'; '.join(wrong[:3])}")
        self.cut = cut or plan_attention(layer, self.work, have)
        if have.q_from_dram:
            check_fetches(layer, have)
        self.passes, self.stays = self.cut.passes, self.cut.stays
        self.operands = Operands(p, layer, self.cut, have, images, apart)
        self.loaded: dict[tuple, Wait] = {}
        self.decoded: Wait = NOW  # all that the decoder was told so far
        self.leaving: tuple[int, Wait] = (0, NOW)

    def tabulated(self, n: int, one: Pass) -> PassTables:
        """The tables of a pass, which the next point of a sweep mostly has too."""
        of, size = (self.layer, one, self.have), self.layer.heads * self.layer.q_tokens
        return self.work[one.heads[0]].last(("tables", n), of, partial(tabulate, *of[:2], self.work, self.have), size)

    def emit(self, image: int) -> None:
        """The whole layer for one image; of the last one, heads whose tables are written are let go."""
        p, layer, self.image = self.p, self.layer, image
        self.operands.place(image)
        stored = p.all_of("act_gb1")
        p.hold("weight_gb")  # V, and the weights behind it
        if not self.have.double_buffer:
            p.lift("weight_gb", stored)
        if any(one.rows > MOST_SHORT for one in self.passes):
            p.widen("index", LONG_INDEX)
        self.tables, self.said, self.numbers = list[PassTold](), list[str](), list[range]()
        for n, one in enumerate(self.passes):  # of whose tables only what is told of them is held until the end
            table = self.tabulated(n, one)
            self.tables.append(table.told)
            self.said.append(self.heads_of(one, table.told))
            self.numbers.append(self.enter(one, table))
            if image + 1 == self.images and (n + 1 == len(self.passes) or self.passes[n + 1].heads != one.heads):
                self.work = [None if h in one.heads else work for h, work in enumerate(self.work)]
        if self.have.q_from_dram:
            for one in self.passes:
                for _ in one.blocks:
                    p.enter("queries", **self.operands.queries(one))
        if self.have.double_buffer:
            for n in range(len(self.passes)):
                self.load(n)
        # the operand buffers may still serve the image before
        p.free("act_gb0", 0, wait=p.all_of("denser"), wait2=p.all_of("sparser"))
        self.decode(0)
        if self.have.double_buffer:  # the engines wait for K and Q first
            p.lift("weight_gb", stored)
        for n in range(len(self.passes)):
            self.run(n)
        self.give_back()
        if self.stays:
            whole = (layer.q_tokens * self.loads_all_q + layer.kv_tokens) * self.operands.token_bytes
            p.free("act_gb0", whole, wait=p.all_of("decoder"), wait2=p.all_of("sparser"))

    def enter(self, one: Pass, table: PassTables) -> range:
        """Enter a pass into the tables; the numbers of its blocks of keys in the pass table."""
        p = self.p
        first_index = p.add("index", table.index)
        columns, rows = table.columns.copy(), table.rows.copy()
        columns["first"] += first_index
        rows["first"] += first_index
        places = p.add("dense", table.dense), p.add("columns", columns), p.add("rows", rows)
        entries = pass_rows(self.layer, one, table, *places)
        entries["encoded"] = self.operands.coded
        entries["forward"] = self.have.forward and len(table.dense) > 0
        first = p.add("passes", entries)
        return range(first, first + len(entries))

    def phase(
        self, unit: str, number: int, begin: int = 0, end: int | None = None, wait: Wait = NOW, wait2: Wait = NOW
    ) -> None:
        """Have a unit do the scores of a block of keys, or its values from an output to another."""
        values = end is not None
        self.p.issue(unit, phase=values, number=number, begin=begin, end=end or 0, wait=wait, wait2=wait2)

    def saying(self, n: int, phase: str) -> None:
        """What follows is for a phase of a pass."""
        self.p.saying(phase, self.said[n], n)

    def heads_of(self, one: Pass, table: PassTold) -> str:
        """The heads and rows of a pass, for a reader."""
        heads, tokens = heads_said(one.heads, self.image, (one.row0, one.rows, self.layer.q_tokens)), table.dense
        return f"{heads} ({tokens} global token{'s' * (tokens != 1)})"

    def load(self, n: int, operands: bool = True) -> None:
        """The loads of a pass: its tables, then K and Q by pieces, then V; of all blocks of keys."""
        one, table = self.passes[n], self.tables[n]
        self.saying(n, "operands")
        self.load_tables(n, TABLES, table.bytes.stays)
        for b, size in enumerate(table.bytes.scores):
            self.load_tables(n, b, size)
        if self.stays and operands and n == 0:
            self.load_whole()
        elif not self.stays and operands:
            self.operands.begin(n)
            for b in range(len(one.blocks)):
                for piece in self.pieces(n, b, fresh=True):
                    self.load_piece(n, *piece)
        for b in table.worked if len(one.blocks) > 1 else ():
            self.load_tables(n, (VALUES, b), table.bytes.values[b])
        for b in table.worked:
            self.load_values(n, b)

    def loads_q(self, n: int) -> bool:
        """Whether Q of a pass comes to the activation buffer: where misses go to DRAM, only if the denser engine has
        work."""
        return not self.have.q_from_dram or self.tables[n].dense > 0

    @property
    def loads_all_q(self) -> bool:
        """Whether the Q that stays does: if any pass needs it there."""
        return any(self.loads_q(n) for n in range(len(self.passes)))

    def load_whole(self) -> None:
        """The loads of all Q and K."""
        for piece in self.operands.pieces((0, self.layer.kv_tokens), (0, self.layer.q_tokens * self.loads_all_q)):
            self.load_piece(0, *piece)

    def load_tables(self, n: int, which: object, size: int) -> None:
        """The load of some tables of a pass: TABLES, those that stay; b, those of the scores of a block of keys;
        (VALUES, b), those of its values."""
        name = f"{self.layer.name}.index.{n}"
        if which != TABLES:
            name += f".values.{which[1]}" if isinstance(which, tuple) else f".scores.{which}"
        self.loaded[n, which] = self.p.load("index_buffer", self.p.allocate(name, size), size)

    def load_values(self, n: int, b: int) -> None:
        """The load of V of a block of keys."""
        one = self.passes[n]
        self.loaded[n, VALUES, b] = self.p.load("weight_gb", *self.operands.tile("v", one, *one.blocks[b]))

    def pieces(self, n: int, b: int, *, fresh: bool = False) -> list[tuple[int, int, int]]:
        """(K or Q, first token, tokens) of what is decoded for a block of keys, and, if `fresh`, loaded for it: Q is
        decoded with each block anew, but loaded once."""
        one = self.passes[n]
        queries = (one.row0, one.rows if (b == 0 or not fresh) and self.loads_q(n) else 0)
        return self.operands.pieces(one.blocks[b], queries)

    def load_piece(self, n: int, kind: int, first: int, tokens: int) -> None:
        """The load of a piece of K or Q."""
        tile = self.operands.tile("k" if kind == K else "q", self.passes[n], first, tokens)
        self.loaded[n, kind, first] = self.p.load("act_gb0", *tile)

    def arrival(self, n: int, kind: int, first: int, tokens: int) -> Wait:
        """What to wait for for a piece of K or Q."""
        if not self.stays:
            return self.loaded[n, kind, first]
        size = self.cut.piece_tokens
        return self.loaded[0, kind, (first + tokens - 1) // size * size]

    def load_alone(self, n: int) -> None:
        """Without double buffering: the loads of a pass when the one before is done. K and Q that do not stay on chip
        come with the decoder's commands, a piece when the one before has been taken in."""
        p = self.p
        for buffer in ("index_buffer", "act_gb0", "weight_gb"):
            p.fence(buffer, p.all_of("merge"))
        self.load(n, operands=self.stays and n == 0)
        p.free("index_buffer", 0, wait=self.loaded[n, TABLES], wait2=self.loaded[n, VALUES, 0])
        if self.stays:
            p.free("act_gb0", 0, wait=p.all_of("act_gb0"))

    def decode(self, n: int, b: int = 0) -> None:
        """Have the operands of a block of keys moved into the engines' buffers, piece by piece as they arrive."""
        p, alone = self.p, not self.have.double_buffer
        one, table = self.passes[n], self.tables[n]
        self.saying(n, "operands")
        several = len(one.blocks) > 1
        fills = Q if table.dense else Q_STAYS
        if alone and several:
            load_block_alone(self, n, b)
        elif alone:
            self.load_alone(n)
        for kind, first, tokens in self.pieces(n, b):
            if alone and not self.stays and (kind == K or b == 0):
                p.fence("act_gb0", p.all_of("decoder"))
                self.load_piece(n, kind, first, tokens)
            p.issue(
                "decoder",
                kind=K if kind == K else fills,
                first=first,
                tokens=tokens,
                number=self.numbers[n][b],
                wait=self.arrival(n, kind, first, tokens),
                wait2=self.loaded[n, b if several else TABLES],
            )
            done = p.will("decoder")
            if kind == K and not self.stays:
                p.free("act_gb0", self.operands.piece_bytes(one, tokens), wait=done)
        self.decoded = p.all_of("decoder")

    def run(self, n: int) -> None:
        """Scores and values of a pass; the next pass's operands are fetched on the way."""
        if len(self.passes[n].blocks) > 1:
            run_blocks(self, n)
            return
        p, have = self.p, self.have
        one, table, number = self.passes[n], self.tables[n], self.numbers[n][0]
        before, before2 = p.all_of("denser"), p.all_of("sparser")
        self.saying(n, "whole pass")
        self.phase("softmax", number, wait=before, wait2=before2)
        self.phase("merge", number)
        self.scores(n, 0)
        finished = p.all_of("denser"), p.all_of("sparser")
        self.values(n, 0)
        self.give_back()
        self.leaving = table.bytes.stays, p.will("merge")
        fetch_first = have.double_buffer and self.cut.halves and (self.stays or 2 * self.held(n) <= have.act_bytes)
        if n + 1 < len(self.passes) and fetch_first:
            self.decode(n + 1)
        if not self.stays:
            self.operands.give_queries(n, self.loads_q(n), finished)
        size = self.layer.kv_tokens * self.layer.v_dim * len(one.heads)
        if not have.double_buffer:
            p.free("weight_gb", size, wait=p.all_of("denser"), wait2=p.all_of("sparser"))
            self.give_back()
        if n + 1 < len(self.passes) and not fetch_first:
            p.free("act_gb0", 0, wait=finished[0], wait2=finished[1])  # operand buffers are free
            self.decode(n + 1)
        if have.double_buffer:
            p.free("weight_gb", size, wait=p.all_of("denser"), wait2=p.all_of("sparser"))

    def together(self, table: PassTold) -> bool:
        """Whether the engines work at the same time: not with a single line, nor where they are not to."""
        return self.have.two_engines and table.denser_lines + table.sparser_lines <= self.have.lines

    def scores(self, n: int, b: int) -> None:
        """The scores of a block of keys."""
        p, table, number = self.p, self.tables[n], self.numbers[n][b]
        self.saying(n, "scores")
        several = len(table.dense_columns) > 1
        scored = p.all_of("denser") if several else NOW
        if table.dense_columns[b]:
            self.phase("denser", number, wait=NOW if self.together(table) or not several else p.all_of("sparser"))
            scored = p.will("denser")
        if table.sparse_columns[b]:
            here = self.loaded[n, b if several else TABLES]
            self.phase("walker", number, wait=here, wait2=NOW if self.together(table) else scored)
            self.phase("sparser", number)
            p.will("sparser")

    def values(self, n: int, b: int) -> None:
        """The values of a block of keys; with the last one, the outputs' stores."""
        p, one, table, number = self.p, self.passes[n], self.tables[n], self.numbers[n][b]
        dense, sparse, together = table.dense_columns[b], table.sparse_columns[b], self.together(table)
        self.saying(n, "values")
        step = one.outputs if together else one.places
        for begin in range(0, one.outputs, step):
            end = min(begin + step, one.outputs)
            wait, wait2 = NOW if together else p.all_of("sparser"), self.loaded[n, VALUES, b]
            if dense:
                self.phase("denser", number, begin, end, wait=wait, wait2=wait2)
                p.will("denser")
            if dense or len(table.dense_columns) > 1:
                wait = p.all_of("denser")
            if sparse:
                self.phase("sparser", number, begin, end, wait=NOW if together else wait, wait2=wait2)
                p.will("sparser")
            if b == table.worked[-1]:
                self.operands.store(one, begin, end)

    def give_back(self) -> None:
        """The tables of the pass before are free when its last row has left the merge; there is room for two passes',
        so that this need not be waited for before the next pass is begun."""
        size, wait = self.leaving
        if size:
            self.p.free("index_buffer", size, wait=wait)
        self.leaving = 0, NOW

    def held(self, n: int) -> int:
        """Bytes of the activation buffer a pass and the next one need, the larger of the two."""
        return max(self.operands.piece_bytes(one, one.rows + self.layer.kv_tokens) for one in self.passes[n : n + 2])
