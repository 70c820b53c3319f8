"""Attention, head after head: its keys and values into the SRAMs, its queries, a command for its rows, its outputs."""

import numpy as np

from accelsim.accelerators.spatten.dataflow.resources import Resources
from accelsim.accelerators.spatten.pruning import LOW_BITS, Alive, probabilities_of
from accelsim.accelerators.spatten.quick_select import rounds, search_cycles
from accelsim.accelerators.spatten.tables import AGAIN, MOST_SIZE, SCORES, SEARCHES
from accelsim.core.errors import InputError
from accelsim.dataflows.program import Program, heads_said
from accelsim.dataflows.tiling import PASSES, pieces
from accelsim.workload.layers import Attention
from accelsim.workload.workload import Workload

BITS = 8  # of an operand in DRAM


class Heads:
    """The heads of a run, numbered through, and the bytes that were fetched for those before."""

    def __init__(self, p: Program, have: Resources) -> None:
        self.p, self.have = p, have
        self.number = self.row = 0
        self.first = {"k": 0, "l": 0, "v": 0}

    def emit(self, workload: Workload, layer: Attention, alive: Alive) -> None:
        """Instructions, loads, stores and tables of an attention layer that is pruned already."""
        p, have, batch = self.p, self.have, workload.batch
        dims = {"q": layer.qk_dim, "k": layer.qk_dim, "v": layer.v_dim}
        split = alive.again is not None
        kept = alive.values
        fetched = layer.kv_tokens
        if have.options.v_prune == "first_query" and kept is not None:
            fetched = int(kept[0, 0].sum())
        counts = {"q": layer.q_tokens, "k": layer.kv_tokens, "v": fetched}
        wide = {"k": have.vectors(layer.name, layer.qk_dim), "v": have.vectors(layer.name, layer.v_dim)}
        line = {"k": wide["k"] * dims["k"], "v": wide["v"] * dims["v"], "l": 0}
        size = {n: counts[n] * dims[n] for n in "qkv"} | {"l": 0}
        if split:
            size["l"], line["l"] = size["k"] * LOW_BITS // BITS, line["k"] * LOW_BITS // BITS
            if line["l"] * BITS != line["k"] * LOW_BITS or size["l"] * BITS != size["k"] * LOW_BITS:
                raise InputError(
                    f"layer {layer.name}: quant: progressive splits a head's keys of {layer.qk_dim} features into "
                    "halves of bytes, which needs an even number of features; give quant: static8"
                )
            size["k"], line["k"] = size["k"] - size["l"], line["k"] - line["l"]
        lines = {n: have.lines_of(wide[n], counts[n]) for n in "kv"}
        self.check(layer, size, line, lines)
        place = {n: p.allocate(f"{layer.name}.{n}", batch * layer.heads * size[n]) for n in "qkv"}
        if split:
            place["l"] = p.allocate(f"{layer.name}.k_low", batch * layer.heads * size["l"])
        target = p.allocate(f"{layer.name}.output", batch * layer.heads * layer.q_tokens * layer.v_dim)
        pitch, values = layer.heads * layer.v_dim, int(kept[0, 0].sum()) if kept is not None else layer.kv_tokens
        passes = PASSES["requantise"] + PASSES["activation"] * bool(layer.activation)
        for n in range(batch * layer.heads):
            image, head = divmod(n, layer.heads)
            again = alive.again[head] if split else np.zeros(layer.q_tokens, bool)
            mine = size | {"l": size["l"] if again.any() else 0}
            p.saying("scores and values", heads_said([head], image))
            queries = p.load(have.q, place["q"] + n * size["q"], size["q"])
            for kind in "klv":
                if mine[kind]:
                    p.load(getattr(have, kind), place[kind] + n * size[kind], mine[kind])
            number = p.enter(
                "heads", rows=layer.q_tokens, keys=layer.kv_tokens, values=values, k_lines=lines["k"],
                v_lines=lines["v"], k_line=line["k"], l_line=line["l"] if mine["l"] else 0, v_line=line["v"],
                k_bytes=mine["k"], l_bytes=mine["l"], v_bytes=mine["v"],
                k_first=self.first["k"], l_first=self.first["l"], v_first=self.first["v"],
                q_row=layer.qk_dim, outputs=layer.v_dim, passes=passes, sums=have.options.prune == "stages",
            )  # fmt: skip
            p.issue("fetcher", head=number, row=self.row, wait=queries)
            p.will("pv_array")
            p.will("importance")
            p.add("again", np.array(again, np.int64).view(AGAIN).view(np.recarray))
            self.row += layer.q_tokens
            for kind in "klv":
                self.first[kind] += mine[kind]
            at, row = target + image * layer.q_tokens * pitch + head * layer.v_dim, 0
            for rows in pieces(layer.q_tokens, max(1, have.store_bytes // 2 // layer.v_dim)):
                p.store(have.store, at + row * pitch, layer.v_dim, rows, pitch)
                row += rows
        self.searches(workload, layer, alive)
        self.choose(alive, batch)

    def check(self, layer: Attention, size: dict[str, int], line: dict[str, int], lines: dict[str, int]) -> None:
        """Raise InputError for a head that the SRAMs cannot hold."""
        have = self.have
        for n, part, room in (("k", have.k, have.k_bytes), ("l", have.l, have.l_bytes), ("v", have.v, have.v_bytes)):
            need = lines["v" if n == "v" else "k"] * line[n]
            if need > room:
                raise InputError(
                    f"layer {layer.name}: the {'values' if n == 'v' else 'keys'} of a head take {need} bytes of lines, "
                    f"but {part}.capacity_bytes is {room}; make it at least {need}"
                )
        if size["q"] > have.q_bytes:
            raise InputError(
                f"layer {layer.name}: the queries of a head take {size['q']} bytes, but {have.q}.capacity_bytes is "
                f"{have.q_bytes}; make it at least {size['q']}"
            )
        if layer.v_dim > have.store_bytes // 2:
            raise InputError(
                f"layer {layer.name}: two output rows of {layer.v_dim} bytes do not fit {have.store}.capacity_bytes = "
                f"{have.store_bytes}; make it at least {2 * layer.v_dim}"
            )
        for what, most in ((max(size.values()), MOST_SIZE), (max(layer.q_tokens, layer.kv_tokens), MOST_SIZE)):
            if what > most:
                raise InputError(
                    f"layer {layer.name}: a size of {what} does not fit the 16 bits that a head's table has for it; "
                    "cut the layer"
                )
        if have.options.prune == "stages" and layer.kv_tokens > have.tokens:
            raise InputError(
                f"layer {layer.name}: importance of {layer.kv_tokens} tokens does not fit importance.tokens = "
                f"{have.tokens}; make it at least {layer.kv_tokens}"
            )

    def searches(self, workload: Workload, layer: Attention, alive: Alive) -> None:
        """What the rounds of each row's top-k take, where values are pruned; of all other rows nothing."""
        have, many = self.have, layer.heads * layer.q_tokens
        found = np.zeros(many, SEARCHES)
        if alive.values is not None:
            x = {n: workload.tensors[f"{layer.name}.{n}"] for n in "qk"}
            p, _ = probabilities_of(workload, layer, x, have.options)
            k = int(alive.values[0, 0].sum())
            for n in range(many if k < layer.kv_tokens else 0):
                made = rounds(p[n // layer.q_tokens, n % layer.q_tokens], k)
                cycles = search_cycles(made, have.comparators, have.round_cycles)
                found[n] = cycles, sum(one.candidates for one in made), len(made)
        for _ in range(workload.batch):
            self.p.add("searches", found.view(np.recarray))

    def choose(self, alive: Alive, batch: int) -> None:
        """The top-k engine chooses tokens and heads, of every image, when all is added up."""
        p, have = self.p, self.have
        for one in alive.chosen:
            if len(one.sums) > have.choices:
                raise InputError(
                    f"the top-k engine would choose among {len(one.sums)} values, but top_k.capacity is "
                    f"{have.choices}; make it at least {len(one.sums)}"
                )
        for _ in range(batch):
            for one in alive.chosen:
                first = p.add("candidates", np.array(one.sums, np.int64).view(SCORES).view(np.recarray))
                todo = {"first": first, "values": len(one.sums), "keep": one.keep}
                p.issue("top_k", **todo, wait=p.all_of("importance"), wait2=p.all_of("pv_array"))
                p.will("top_k")
