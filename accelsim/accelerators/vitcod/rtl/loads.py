"""What the data path is loaded with: a layer's operands, and where everything stands."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from accelsim.accelerators.vitcod.rtl.blocks import groups, outputs_of, slots
from accelsim.accelerators.vitcod.rtl.datapath import Datapath
from accelsim.workload.functional import Scaling, decode


@dataclass(frozen=True)
class Coded:
    """What K or Q is decoded from: code int8[h', tokens, dim], weights int8[heads, h'], bias int32[heads], and the
    scaling of the sums."""

    code: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    scaling: Scaling

    def decoded(self) -> np.ndarray:
        """int8[heads, tokens, dim]."""
        return decode(self.code, self.weights, *self.scaling, self.bias)


@dataclass(frozen=True)
class Operands:
    """What the passes of a layer compute on. q int8[heads, q_tokens, dim], k int8[heads, tokens, dim], v int8[heads,
    tokens, dim]; row n of a pass is token row0 + n of q. keep: bool[heads, q_tokens, tokens], the scores that count.
    scaling, bound: of the softmax (bound None: against the row's maximum). out: sums to int8 outputs. coded: what K and
    Q are decoded from, for passes with the auto-encoder."""

    q: np.ndarray
    k: np.ndarray
    v: np.ndarray
    keep: np.ndarray
    scaling: Scaling
    bound: int | None
    out: Scaling
    coded: tuple[Coded, Coded] | None = None


def first_heads(passes: np.recarray, q_tokens: int) -> np.ndarray:
    """int[passes]: the layer's head that is the first of each row of the pass table. Passes go through a layer head by
    head, and through the rows of heads that are cut into blocks."""
    found, head = [], 0
    for numbers in groups(passes):
        one = passes[numbers[0]]
        found += [head] * len(numbers)
        if one.row0 + one.rows == q_tokens:
            head += int(one.heads)
    return np.array(found)


class Places(NamedTuple):
    """Where things stand: of each output and share its head and row in the layer; of each dense column its row of the
    pass table, its head in the layer, and its scores' place among those of its pass. All int[outputs and shares] or
    int[dense columns]."""

    head: np.ndarray
    row: np.ndarray
    column_of: np.ndarray
    column_head: np.ndarray
    column_slot: np.ndarray


def places_of(tables: Mapping[str, np.ndarray], q_tokens: int) -> Places:
    """Of all passes of a layer."""
    passes, rows, dense = tables["passes"], tables["rows"], tables["dense"]
    head0 = first_heads(passes, q_tokens)
    of, row = np.zeros((2, len(rows)), np.int64)
    for n, one in enumerate(passes):
        outputs = outputs_of(passes, n)
        for first in (one.first_row, one.first_share):
            of[first + outputs], row[first + outputs] = n, one.row0 + outputs % one.rows
    column_of = np.repeat(np.arange(len(passes)), passes["dense"])
    return Places(head0[of] + rows["head"], row, column_of, head0[column_of] + dense["head"], slots(tables))


def places_table(tables: Mapping[str, np.ndarray]) -> np.ndarray:
    """uint32[outputs and shares, 5]: of each the table `places` of the package."""
    passes, dense, rows = tables["passes"], tables["dense"], tables["rows"]
    found, slot = np.zeros((len(rows), 5), np.uint32), slots(tables)
    for numbers in groups(passes):
        head, row = np.divmod(outputs_of(passes, numbers[0]), passes["rows"][numbers[0]])
        whole = passes["first_row"][numbers[0]], numbers
        for place, of in (whole, *((passes["first_share"][n], [n]) for n in numbers)):
            first = int(passes["first_dense"][of[0]])
            heads = dense["head"][first : first + int(passes["dense"][of].sum())]
            mine = [np.append(np.flatnonzero(heads == h), 0)[0] for h in range(head[-1] + 1)]
            column = first + np.array(mine)[head]  # the first of its head
            at = np.append(slot, 0)[column] * passes["rows"][numbers[0]] + row
            here = slice(int(place), int(place) + len(head))
            words = (*(rows[name][here] for name in ("head", "dense", "first")), column, at)
            found[here] = np.stack([np.asarray(w, np.uint32) for w in words], axis=1)
    return found


def stored(vectors: np.ndarray, coded: Coded | None) -> np.ndarray:
    """int8[tokens, bytes]: a tensor as it stands in the activation buffer, feature by feature behind the auto-encoder,
    else head by head."""
    if coded is not None:
        return coded.code.transpose(1, 2, 0).reshape(coded.code.shape[1], -1)
    return vectors.transpose(1, 0, 2).reshape(vectors.shape[1], -1)


def loads(data: Datapath, tables: Mapping[str, np.ndarray], x: Operands) -> Iterator[tuple[str, np.ndarray]]:
    """Name and uint32[rows, words] of everything the data path and its memories are loaded with."""
    size, words = data.sizes, data.loads()
    k, q = x.coded or (None, None)
    tokens = np.zeros((2, size.tokens, 4 * words["tokens"]), np.int8)
    for memory, bytes_ in zip(tokens, (stored(x.k, k), stored(x.q, q))):
        memory[: len(bytes_), : bytes_.shape[1]] = bytes_
    yield "tokens", tokens.view(np.uint32).reshape(2 * size.tokens, -1)
    vectors = np.zeros((len(x.v), size.tokens, 4 * words["v"]), np.int8)
    vectors[:, : x.v.shape[1], : x.v.shape[2]] = x.v
    yield "v", vectors.view(np.uint32).reshape(len(x.v) * size.tokens, -1)
    yield from constants(data, tables, x)


def constants(data: Datapath, tables: Mapping[str, np.ndarray], x: Operands) -> Iterator[tuple[str, np.ndarray]]:
    """Of these what is known before the operands are."""
    size, words, passes = data.sizes, data.loads(), tables["passes"]
    restore = np.zeros((2, size.all, words["decode"]), np.uint32)
    for rows, coded in zip(restore, x.coded or ()):
        heads, encoded = coded.weights.shape
        rows[:heads, 0] = coded.bias.view(np.uint32)
        rows[:, 1], rows[:, 2] = coded.scaling
        rows[:, 3:].view(np.int8)[:heads, :encoded] = coded.weights
    yield "decode", restore.reshape(2 * size.all, -1)
    yield "places", places_table(tables)
    kept, first = [], []
    where, columns = places_of(tables, x.q.shape[1]), tables["dense"]["column"]
    for numbers in groups(passes):
        one = passes[numbers[0]]
        first += [sum(map(len, kept)) // 32] * len(numbers)
        mine = np.flatnonzero(np.isin(where.column_of, numbers))
        mine = mine[np.argsort(where.column_slot[mine])]
        bits = x.keep[where.column_head[mine], one.row0 : one.row0 + one.rows, columns[mine]].ravel()
        kept.append(np.append(bits, np.zeros(-len(bits) % 32, bool)))
    head0 = first_heads(passes, x.q.shape[1])
    yield "layout", np.stack([head0, passes["rows"], first, np.zeros_like(first)], axis=1).astype(np.uint32)
    yield "kept", np.packbits(np.concatenate(kept), bitorder="little").view(np.uint32).reshape(-1, 1)
    bound = (x.bound or 0) & (1 << 48) - 1
    yield "scaling", np.array([(*x.scaling, bound & 0xFFFFFFFF, bound >> 32, *x.out)], np.uint32)
