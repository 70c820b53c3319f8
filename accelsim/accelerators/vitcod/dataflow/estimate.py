"""How long a layer takes on ViTCoD, in closed form; attention pass by pass, each unit alone (docs/mapping.md)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from accelsim.accelerators.vitcod.dataflow.head_work import HeadWork, split_heads
from accelsim.accelerators.vitcod.dataflow.rates import Rates
from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.accelerators.vitcod.dataflow.shares import share_lines
from accelsim.accelerators.vitcod.dataflow.sizes import (
    DENSE_BYTES,
    ROW_BYTES,
    AttentionCut,
    Pass,
    bias_bytes,
    coded_heads,
    pass_bytes,
    token_bytes,
    whole_bytes,
)
from accelsim.accelerators.vitcod.tables import COLUMN_BYTES, MASK_BITS
from accelsim.dataflows.estimate import Estimate
from accelsim.dataflows.tiling import ceil
from accelsim.workload.layers import Attention
from accelsim.workload.mask import AttentionMask

SHARED = 1.25  # [ours, measured] lines that a bank's vector serves, on average: those that ask for it in that cycle
CROWDING = 5  # [ours, measured] the exponent of the norm that units which wait for each other take together
HIDDEN_CYCLES = 2000  # [ours, measured] of a layer's first tables that arrive while the layer before is at work
FETCHED = 0.55  # [ours, measured] of the queries asked for of DRAM; the others are on their way or still held
FETCH_CYCLES = 8  # [ours] from an ask to its vector, beside DRAM's: fetcher, decoder, and the line that waits
BEGIN_CYCLES = 60  # [ours, measured] of a pass: commands, the first column, the last row's way through merge


@dataclass(frozen=True, eq=False)
class HeadSums:
    """What an estimate needs of a head: sums up to each row of sparse scores and of their segments, bool of the kept,
    dense columns, and entries of the CSC index."""

    dense: int
    scores: np.ndarray
    parts: np.ndarray
    columns: int

    def of(self, first: int, last: int) -> tuple[int, int]:
        """Sparse scores and segments of rows first to last - 1."""
        return int(self.scores[last] - self.scores[first]), int(self.parts[last] - self.parts[first])


@lru_cache(maxsize=256)
def heads_of(layer: Attention, mask: AttentionMask, prune: bool, reorder: bool, segment: int) -> tuple[HeadSums, ...]:
    """Of a layer under its mask."""
    return tuple(sums(one, segment) for one in work_of(layer, mask, prune, reorder))


@lru_cache(maxsize=64)
def work_of(layer: Attention, mask: AttentionMask, prune: bool, reorder: bool) -> list[HeadWork]:
    """Who computes what, found once for a mask."""

    @dataclass(frozen=True)
    class Switches:
        prune: bool
        reorder: bool

    return split_heads(layer, mask, Switches(prune, reorder))


def sums(work: HeadWork, segment: int) -> HeadSums:
    """Of one head."""
    rows = work.sparse_rows
    counts = work.column_counts(0, len(work.sparse))
    return HeadSums(
        len(work.dense),
        np.concatenate([[0], np.cumsum(rows)]),
        np.concatenate([[0], np.cumsum(-(-rows // segment))]),
        int((-(-counts // segment)).sum()),
    )


@dataclass(frozen=True)
class PassWork:
    """A pass in numbers: rows; of each head dense columns, sparse scores and segments of rows; pieces of columns, lines
    of each engine, and bytes of its tables."""

    rows: int
    dense: tuple[int, ...]
    scores_of: tuple[int, ...]
    parts_of: tuple[int, ...]
    columns: int
    denser_lines: int
    sparser_lines: int
    index_bytes: int

    @property
    def heads(self) -> int:
        """How many."""
        return len(self.dense)

    @property
    def scores(self) -> int:
        """Sparse scores of all heads."""
        return sum(self.scores_of)


def pass_work(layer: Attention, one: Pass, heads: Sequence[HeadSums], have: Resources) -> PassWork:
    """The numbers of a pass."""
    last = one.row0 + one.rows
    found = [heads[h].of(one.row0, last) for h in one.heads]
    dense = tuple(heads[h].dense for h in one.heads)
    scores_of, parts_of = zip(*found)
    scores = sum(scores_of)
    if len(one.blocks) > 1:  # a row's scores in a block of keys are segments of their own
        parts_of = tuple(min(s, p + one.rows * (len(one.blocks) - 1)) for s, p in zip(scores_of, parts_of))
    share = one.rows / layer.q_tokens
    columns = round(sum(heads[h].columns for h in one.heads) * share)
    if have.two_engines:
        lines = share_lines(have.lines, sum(dense) * one.rows, scores)
    else:
        lines = have.lines * (sum(dense) > 0), have.lines * (scores > 0)
    tables = scores * have.index_entry_bytes + COLUMN_BYTES * columns + bias_bytes(layer, len(one.heads))
    tables += DENSE_BYTES * sum(dense) + ceil(MASK_BITS * sum(dense) * one.rows, 8)
    tables += len(one.blocks) * (pass_bytes(have) + ROW_BYTES * one.outputs)
    return PassWork(one.rows, dense, scores_of, parts_of, columns, *lines, tables)


def score_terms(layer: Attention, one: PassWork, coded: int, forward: bool, to: Rates) -> dict[str, float]:
    """Cycles of the scores' phase, unit by unit."""
    beats = ceil(layer.qk_dim, to.macs)
    dense, denser = sum(one.dense), 0
    if dense:
        spread = min(one.heads, max(1, ceil(one.denser_lines * one.heads, dense)))
        for columns, times in ((one.denser_lines, dense // one.denser_lines), (dense % one.denser_lines, 1)):
            if columns and times:
                at_once = max(1, min(one.denser_lines // columns, to.q_port_bytes // (to.macs * spread)))
                denser += times * (columns + ceil(one.rows, at_once) * beats)
    words = ceil(layer.qk_dim, to.bank_bytes)
    size = layer.qk_dim * (coded or one.heads)
    token = max(ceil(size, to.decoder_bytes), ceil(size * one.heads, to.decoder_macs) if coded else 0)
    asked = 0 if forward and dense else one.scores  # queries that the decoder fetches one by one
    alone = layer.qk_dim * max(1, coded)
    misses = asked * max(ceil(alone, to.decoder_bytes), ceil(alone, to.decoder_macs) if coded else 0)
    under_way = min(to.fetches, to.fetch_bytes // alone, max(1, one.sparser_lines)) if to.fetches else 0
    fetched = asked * max(1.0, (to.memory.latency + FETCH_CYCLES) / under_way) if under_way else 0.0
    scores = one.scores + dense * one.rows
    softmax = scores / to.softmax_lanes * (2 if to.softmax_max else 1)
    return {
        "denser engine": float(denser),
        "sparser engine": one.scores * beats / max(1, one.sparser_lines),
        "Q banks": one.scores * words / (to.banks * SHARED),
        "score ports": one.scores / min(to.score_ports, to.psum_banks),
        "walker": ceil(one.scores + 4 * one.columns, to.word_bytes) + 0.5 * one.columns,
        "softmax": max(softmax, one.rows * one.heads * to.divide_interval),
        "query fetches": fetched,
        "decoder": float(token * (layer.kv_tokens + one.rows * (dense > 0)) + misses),
    }


def value_terms(
    layer: Attention, one: PassWork, dense: int, scores: int, parts: int, places: int, to: Rates
) -> dict[str, float]:
    """Cycles of a head's values, unit by unit: both engines go through the rows side by side, head after head."""
    beats, words = ceil(layer.v_dim, to.macs), ceil(layer.v_dim, to.bank_bytes)
    tile = max(1, min(one.denser_lines, places))
    tiles = ceil(one.rows, tile) * (dense > 0)
    read = ceil(min(tile, one.rows), to.psum_banks) * ceil(2 * dense, to.psum_port_bytes)
    taken = parts * ceil(3 * ceil(scores, max(1, parts)), to.psum_port_bytes)
    access = ceil(4 * layer.v_dim, to.psum_banks * to.psum_port_bytes)
    jobs = parts + one.rows * (dense > 0)
    merged = jobs * max(ceil(layer.v_dim, to.merge_lanes), 1.5 * access) + tiles * read + taken
    return {
        "denser engine": float(tiles * (read + dense * beats)),
        "sparser engine": scores * beats / max(1, one.sparser_lines),
        "V banks": scores * words / (to.banks * SHARED),
        "segments": float(max(taken, parts)),
        "merge": float(merged),
    }


def crowded(cycles: Iterable[float]) -> float:
    """Cycles of units that work at the same time and now and then wait for each other: the longest of them, and more
    where others are nearly as long."""
    return sum(c**CROWDING for c in cycles) ** (1 / CROWDING)


def attention_estimate(
    layer: Attention, batch: int, cut: AttentionCut, heads: Sequence[HeadSums], have: Resources, to: Rates
) -> Estimate:
    """The time of an attention layer that is cut into passes.

    The scores of a pass, and the values of each of its heads, take as long as their busiest unit; engines that take
    turns add up. Operands of the next pass are decoded while values are worked on; what that does not hide adds up.
    Exposed: K and Q of the first pass until the first can be decoded, tables of the first pass beyond what the layer
    before hides, what DRAM brings and takes beyond all this, the last rows' way to DRAM.
    """
    coded, passes = coded_heads(layer, have), cut.passes
    whole = whole_bytes(layer, have)
    bound: Counter[str] = Counter()
    moved = whole * cut.stays
    bursts = 2 * to.memory.bursts(whole // 2) * cut.stays
    before, waits, tables, decoding = 0.0, 0.0, 0.0, 0.0
    for n, one in enumerate(passes):
        work = pass_work(layer, one, heads, have)
        scores = score_terms(layer, work, coded, have.forward, to)
        blocks = len(one.blocks)
        decoded = scores.pop("decoder") * (1 + one.rows * (blocks - 1) / layer.kv_tokens)
        decoding += max(0.0, decoded - before)  # columns wait for the last of the rows
        of_heads = zip(work.dense, work.scores_of, work.parts_of)
        values = [value_terms(layer, work, *numbers, one.places, to) for numbers in of_heads]
        together = have.two_engines and work.denser_lines + work.sparser_lines <= have.lines
        taken = []
        for terms in (scores, *values):
            if not together:
                terms["sparser engine"] += terms["denser engine"]
            name = max(terms.items(), key=lambda term: term[1])[0]
            taken.append(crowded(terms.values()))
            bound[name] += taken[-1]
        before = sum(taken[1:])
        waits += BEGIN_CYCLES * (2 * blocks - 1) + to.divide_cycles
        filled = work.index_bytes / to.index_cycle_bytes
        if n == 0:
            waits += max(0.0, filled - HIDDEN_CYCLES) / batch
        tables += max(0.0, filled + scores["walker"] - sum(taken))  # its port is filled through and handed out from
        if to.fetches and not (have.forward and sum(work.dense)):
            size, asked = layer.qk_dim * max(1, coded), round(FETCHED * work.scores)
            moved += to.memory.moved(size, asked)
            bursts += asked
        operands = 0 if cut.stays else (one.rows * blocks + layer.kv_tokens) * token_bytes(layer, have, work.heads)
        loaded = operands + layer.kv_tokens * layer.v_dim * work.heads + work.index_bytes
        moved += loaded + to.memory.moved(layer.v_dim, one.outputs)
        bursts += to.memory.bursts(loaded) + one.outputs
        if not have.double_buffer:
            waits += to.memory.fetch(loaded)
            before = 0.0
    bound["decoder"] += decoding
    if tables:
        bound["index buffer"] = tables
    busy = sum(bound.values()) + waits
    bound = Counter({name: batch * cycles for name, cycles in bound.items()})
    first = 2 * min(cut.piece_tokens, layer.kv_tokens) * token_bytes(layer, have, len(passes[0].heads))
    last = min(have.store_bytes // 2, ceil(passes[-1].rows, 4) * layer.v_dim)
    exposed = {"passes": batch * waits, "fill": to.memory.fetch(first), "drain": to.memory.fetch(last)}
    for name, cycles in (("DRAM", moved / to.memory.rate), ("bursts", float(bursts))):
        if cycles > busy:
            exposed[name] = batch * (cycles - busy)
            busy = cycles
    return Estimate(dict(bound), exposed, batch * moved, serial=True)
