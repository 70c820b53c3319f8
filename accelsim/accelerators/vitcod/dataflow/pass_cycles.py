"""What the passes of attention need of each unit, alone: arrays of all passes of all cuts that are looked at."""

from collections.abc import Sequence
from functools import partial
from itertools import chain

import numpy as np

from accelsim.accelerators.vitcod.dataflow.head_work import HeadWork
from accelsim.accelerators.vitcod.dataflow.rates import Rates
from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.accelerators.vitcod.dataflow.shares import even_tile, share_all_lines
from accelsim.accelerators.vitcod.dataflow.sizes import AttentionCut, bias_bytes, pass_bytes
from accelsim.accelerators.vitcod.tables import COLUMN_BYTES, DENSE_BYTES, MASK_BITS, ROW_BYTES
from accelsim.dataflows.tiling import ceil, read_cycles
from accelsim.workload.layers import Attention

SHARED = 1.25  # [ours, measured] lines that a bank's vector serves, on average: those that ask for it in that cycle
FETCH_CYCLES = 8  # [ours] from an ask of DRAM to its vector, beside DRAM's: fetcher, decoder, and the line that waits

Units = dict[str, np.ndarray]  # unit -> cycles it needs alone, of each pass, or of each head of each pass


class AllPasses:
    """Passes of attention layers of the same sizes, in numbers: int64 arrays.

    passes, first_pass: of each cut, how many there are, and which is its first. Of each pass: first_head, rows, heads,
    blocks of keys, places, dense columns, sparse scores, pieces of columns, lines of each engine, bytes of its tables,
    queries that are asked for one by one.
    Of each head of each pass, in the same order: its pass, dense columns, sparse scores and segments of rows
    (head_dense, head_scores, head_parts).
    """

    def __init__(self, layer: Attention, jobs: Sequence[tuple[AttentionCut, Sequence[HeadWork]]], have: Resources):
        found = [
            work[0].keep(
                ("numbers", cut, have.segment),
                partial(numbers, layer, cut, work, have.segment),
                layer.heads * layer.q_tokens,
            )
            for cut, work in jobs
        ]
        passes, heads = (np.concatenate(parts, axis=1) for parts in zip(*found))
        self.passes = [len(cut.passes) for cut, _ in jobs]
        self.first_pass = np.cumsum(self.passes) - self.passes
        self.rows, self.heads, self.blocks, self.places, self.columns = passes
        self.head_dense, self.head_scores, self.head_parts = heads
        self.of_pass = np.repeat(np.arange(len(self.heads)), self.heads)
        self.first_head = np.cumsum(self.heads) - self.heads
        self.dense = np.add.reduceat(self.head_dense, self.first_head)
        self.scores = np.add.reduceat(self.head_scores, self.first_head)
        if have.two_engines:
            lines = share_all_lines(have.lines, self.dense * self.rows, self.scores)
        else:
            lines = have.lines * (self.dense > 0), have.lines * (self.scores > 0)
        self.denser_lines, self.sparser_lines = lines
        tables = self.scores * have.index_entry_bytes + COLUMN_BYTES * self.columns + bias_bytes(layer, 1) * self.heads
        tables += DENSE_BYTES * self.dense + ceil(MASK_BITS * self.dense * self.rows, 8)
        tables += self.blocks * (pass_bytes(have) + ROW_BYTES * self.heads * self.rows)
        self.index_bytes = tables
        self.asked = np.where(have.forward & (self.dense > 0), 0, self.scores)


def numbers(
    layer: Attention, cut: AttentionCut, work: Sequence[HeadWork], segment: int
) -> tuple[np.ndarray, np.ndarray]:
    """Of a cut: int64[5, passes], rows, heads, blocks of keys, places and pieces of columns of each pass; int64[3,
    heads of all passes], dense columns, sparse scores and segments of rows."""
    passes = cut.passes
    heads_of, *numbers, blocks, places = zip(*passes)
    (row0, rows), heads = np.array(numbers), np.array(list(map(len, heads_of)))
    blocks, places = np.array(list(map(len, blocks))), np.array(places)
    head_of, pass_of = np.array(list(chain(*heads_of))), np.repeat(np.arange(len(passes)), heads)
    first, several = row0[pass_of], (rows * (blocks - 1))[pass_of]
    last = first + rows[pass_of]
    of_heads, pieces = np.zeros((3, len(head_of)), np.int64), np.zeros(len(head_of), np.int64)
    for h, head in enumerate(work):
        mine = np.flatnonzero(head_of == h)
        scores = np.diff(head.starts[[first[mine], last[mine]]], axis=0)[0]
        # a row's scores in a block of keys are segments of their own
        parts = np.diff(head.segments_before(segment)[[first[mine], last[mine]]], axis=0)[0] + several[mine]
        of_heads[0, mine] = len(head.dense)
        of_heads[1:, mine] = scores, np.minimum(scores, parts)
        pieces[mine] = head.column_pieces(segment)
    columns = np.rint(np.add.reduceat(pieces, np.cumsum(heads) - heads) * (rows / layer.q_tokens))
    return np.array([rows, heads, blocks, places, columns.astype(np.int64)]), of_heads


def walk_cycles(words: np.ndarray, banks: int) -> np.ndarray:
    """Cycles in which the index buffer's ports deliver some words to the walker, beside the other tables."""
    return ceil(words, banks - 2) if banks > 2 else 4 * words // banks


def score_cycles(layer: Attention, of: AllPasses, coded: int, to: Rates) -> Units:
    """Cycles of the scores' phase of each pass, unit by unit. coded: heads that Q and K are compressed to, 0: they are
    not."""
    beats = ceil(layer.qk_dim, to.macs)
    lines = np.maximum(of.denser_lines, 1)  # where there are none there are no dense columns either
    spread = np.minimum(of.heads, np.maximum(1, ceil(of.denser_lines * of.heads, np.maximum(1, of.dense))))
    together = np.maximum(1, to.q_port_bytes // (to.macs * spread))
    denser = 0
    for columns, times in ((lines, of.dense // lines), (of.dense % lines, 1)):
        at_once = np.maximum(1, np.minimum(lines // np.maximum(1, columns), together))
        denser = denser + (columns > 0) * times * (columns + ceil(of.rows, at_once) * beats)
    words = ceil(layer.qk_dim, to.bank_bytes)
    scores, index = of.scores + of.dense * of.rows, of.scores + COLUMN_BYTES * of.columns
    softmax = scores / to.softmax_lanes * (2 if to.softmax_max else 1)
    fetched = 0 * of.asked
    if to.fetches:
        room = min(to.fetches, to.fetch_bytes // (layer.qk_dim * max(1, coded)))
        under_way = np.maximum(1, np.minimum(room, of.sparser_lines))
        fetched = of.asked * np.maximum(1.0, (to.memory.latency + FETCH_CYCLES) / under_way) * (room > 0)
    return {
        "denser engine": denser,
        "sparser engine": of.scores * beats / np.maximum(1, of.sparser_lines),
        "Q banks": of.scores * words / (to.banks * SHARED) + of.rows * of.heads * (of.dense > 0) * words / to.banks,
        "score ports": of.scores / min(to.score_ports, to.psum_banks),
        "walker": np.maximum(ceil(index, to.word_bytes), walk_cycles(ceil(index, to.index_port_bytes), to.index_banks))
        + 0.5 * of.columns,
        "softmax": np.maximum(softmax, of.rows * of.heads * to.divide_interval),
        "query fetches": fetched,
    }


def decoder_cycles(layer: Attention, of: AllPasses, coded: int, to: Rates) -> np.ndarray:
    """Cycles of the decoder of each pass: every column and row once, the rows with each block of keys anew, and queries
    that are asked for one by one. coded: heads that Q and K are compressed to, 0: they are not."""
    size = layer.qk_dim * (coded or of.heads)
    alone = layer.qk_dim * max(1, coded)
    ports = to.array.act_port_bytes, to.array.act_banks
    token = np.maximum(ceil(size, to.decoder_bytes), read_cycles(ceil(size, ports[0]), ports[1]))
    token = np.maximum(token, ceil(of.heads * ceil(layer.qk_dim, to.bank_bytes), to.banks))
    miss = ceil(alone, to.decoder_bytes)
    if coded:
        token = np.maximum(token, ceil(size * of.heads, to.decoder_macs))
        miss = max(miss, ceil(alone, to.decoder_macs))
    cycles = token * (layer.kv_tokens + of.rows * (of.dense > 0)) + of.asked * miss
    return cycles * (1 + of.rows * (of.blocks - 1) / layer.kv_tokens)


def value_cycles(layer: Attention, of: AllPasses, to: Rates) -> Units:
    """Cycles of the values of each head of each pass, unit by unit: both engines go through the rows side by side, head
    after head."""
    beats, words = ceil(layer.v_dim, to.macs), ceil(layer.v_dim, to.v_bank_bytes)
    rows, lines = of.rows[of.of_pass], of.denser_lines[of.of_pass]
    dense, scores, parts = of.head_dense, of.head_scores, of.head_parts
    tile = even_tile(rows, np.minimum(lines, of.places[of.of_pass]))
    tiles = ceil(rows, tile) * (dense > 0)
    read = ceil(tile, to.psum_banks) * ceil(2 * dense, to.psum_port_bytes)
    taken = parts * ceil(3 * ceil(scores, np.maximum(1, parts)), to.psum_port_bytes)
    access = ceil(4 * layer.v_dim, to.psum_banks * to.psum_port_bytes)
    jobs = parts + rows * (dense > 0)
    return {
        "denser engine": tiles * (read + dense * beats),
        "sparser engine": scores * beats / np.maximum(1, of.sparser_lines[of.of_pass]),
        "V banks": scores * words / (to.v_banks * SHARED),
        "segments": np.maximum(taken, parts),
        "merge": jobs * max(ceil(layer.v_dim, to.merge_lanes), 1.5 * access) + tiles * read + taken,
    }
