"""Values through the RTL: what the data path computed against the functional twin."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from accelsim.accelerators.vitcod.rtl.blocks import nth_time, output_places, shares
from accelsim.accelerators.vitcod.rtl.datapath import LAG, Datapath
from accelsim.accelerators.vitcod.rtl.loads import Operands, first_heads, loads, places_of, places_table
from accelsim.rtl.datapath import Comparison, Parameters
from accelsim.workload.functional import exponentials, probabilities, requantise, scores


class Expected(NamedTuple):
    """scores int32 and probabilities int32 [heads, q_tokens, tokens] of the layer; sums int32 and outputs int8
    [outputs, v_dim] in the order of the passes."""

    scores: np.ndarray
    probabilities: np.ndarray
    sums: np.ndarray
    outputs: np.ndarray


def expected(tables: Mapping[str, np.ndarray], x: Operands) -> Expected:
    """What a layer's passes must compute, from the functional twin."""
    s = scores(x.q, x.k)
    p = probabilities(exponentials(s, x.keep, *x.scaling, x.bound, "max" if x.bound is None else "bounded"))
    where = places_of(tables, x.q.shape[1])
    place = output_places(tables)
    sums = np.matmul(p, x.v.astype(np.int32))[where.head[place], where.row[place]]
    return Expected(s, p, sums, requantise(sums, *x.out))


def bytes_of(words: np.ndarray) -> np.ndarray:
    """uint8[items, 4 * words] of 32-bit words."""
    return np.ascontiguousarray(words, "<u4").view(np.uint8)


@dataclass(frozen=True)
class LayerOperands:
    """What a layer's passes compute on, for the harness."""

    x: Operands

    def loads(self, data: Datapath, tables: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
        """Name and uint32[rows, words] of everything the data path is loaded with."""
        return loads(data, tables, self.x)

    def compare(
        self,
        name: str,
        data: Datapath,
        tables: Mapping[str, np.ndarray],
        moved: Mapping[str, np.ndarray],
        seen: Mapping[str, np.ndarray],
        parameters: Parameters,
    ) -> Comparison:
        """Every value of the layer."""
        return compare_values(name, tables, self.x, moved, seen, parameters["sparser"]["segment"])

    def results(self, data: Datapath, tables: Mapping[str, np.ndarray], moved: Mapping[str, np.ndarray]) -> np.ndarray:
        """int64[outputs, 2 + words]: the cycle, the place and the int8 values of every output."""
        outputs = expected(tables, self.x).outputs
        # features beyond the values' are whatever the accumulators began with: only whole words of them are compared
        values = np.ascontiguousarray(outputs[:, : outputs.shape[1] // 4 * 4])
        return np.column_stack([moved["merge_row"][:, 0] + LAG, output_places(tables), values.view(np.uint32)])


def compare_values(
    name: str,
    tables: Mapping[str, np.ndarray],
    x: Operands,
    moved: Mapping[str, np.ndarray],
    seen: Mapping[str, np.ndarray],
    segment: int,
) -> Comparison:
    """Every score, probability, sum and output of a pass, and the cycle in which each leaves the data path.

    moved: int64[transfers, 1 + fields] of the control's channels: cycle, payload. seen: the same of what can be seen of
    the data path, in 32-bit words. segment: most entries a line of the sparser engine takes up at once.
    """
    done, want = Comparison(name), expected(tables, x)
    passes, where, rows = tables["passes"], places_of(tables, x.q.shape[1]), tables["rows"]
    share, owner = shares(tables)
    columns = np.asarray(tables["dense"]["column"])
    if len(seen["slips"]):
        done.note(f"in cycle {seen['slips'][0, 0]} a channel's data and its control are apart", len(seen["slips"]))
    compare_operands(done, passes, x, moved["decoder_denser"], seen["restored"])
    compare_singles(done, passes, x, moved["sparser_miss"], moved["decoder_vector"], seen["single"])

    items = moved["denser_scores"]
    if done.times("dense scores", seen["dense_scores"][:, 0], items[:, 0] + LAG) and len(items):
        nth, row, some = unfold(items[:, 2], items[:, 4])
        at = items[nth, 3] + some
        row = passes["row0"][where.column_of[at]] + items[nth, 1] + row
        found = seen["dense_scores"][:, 1:][nth, unfolded_place(items[:, 2] * items[:, 4])]
        head = where.column_head[at]
        key = {"head": head, "row": row, "column": columns[at]}
        found = found.astype(np.uint32).view(np.int32)
        done.equal("scores of the denser engine", found, want.scores[*key.values()], **key)
    items = moved["sparser_score"]
    place, column = items[:, 1], items[:, 2]
    head, row = where.head[place], where.row[place]
    if done.times("sparse scores", seen["sparse_scores"][:, 0], items[:, 0] + LAG):
        found = seen["sparse_scores"][:, 1].astype(np.uint32).view(np.int32)
        key = {"head": head, "row": row, "column": column}
        done.equal("scores of the sparser engine", found, want.scores[*key.values()], **key)

    tiles = moved["denser_partial"]
    tile = np.repeat(np.arange(len(tiles)), tiles[:, 3])
    seen_p = seen["dense_probabilities"]
    if len(seen_p) != len(tile):
        done.note(f"dense probabilities: {len(seen_p)} columns were read, not {len(tile)}")
    elif len(tile):
        nth, _, line = unfold(np.ones_like(tile), tiles[tile, 2])
        # the nth tile from an output on is of its nth block of keys with dense columns
        used = rows["dense"][share] > 0
        order = np.argsort(owner[used], kind="stable")
        at = np.searchsorted(owner[used][order], tiles[:, 1]) + nth_time(tiles[:, 1])
        start = places_table(tables)[share[used][order][at], 3].astype(np.int64)
        at = (start[tile] + unfolded_place(tiles[:, 3]))[nth]
        place = tiles[tile[nth], 1] + line
        key = {"head": where.column_head[at], "row": where.row[place], "column": columns[at]}
        found = bytes_of(seen_p[:, 1:])[nth, line]
        done.equal("probabilities in the denser engine", found, want.probabilities[*key.values()], **key)
    order = np.argsort(items[:, 1], kind="stable")
    place, column = items[order, 1], items[order, 2]
    # sorted by place they stand as in the outputs' lists, of which each share takes up its part in segments
    nth, _, entry = unfold(np.ones_like(share), rows["sparse"][share])
    listed = rows["first"][share][nth] - rows["first"].min() + entry
    place, column = place[listed], column[listed]
    piece = np.cumsum(entry % segment == 0) - 1
    seen_p = seen["sparse_probabilities"]
    if len(seen_p) != (piece[-1] + 1 if len(piece) else 0):
        done.note(f"sparse probabilities: {len(seen_p)} segments were taken up")
    elif len(piece):
        key = {"head": where.head[place], "row": where.row[place], "column": column}
        found = bytes_of(seen_p[:, 2:])[piece, entry % segment]
        done.equal("probabilities in the sparser engine", found, want.probabilities[*key.values()], **key)

    items, sums, outputs = moved["merge_row"], seen["rows_sums"], seen["rows_values"]
    together = [
        done.times(name, side[:, 0], items[:, 0] + LAG) for name, side in (("sums", sums), ("outputs", outputs))
    ]
    if all(together) and len(items) == len(want.sums):
        count, dim = want.sums.shape
        place, feature = (n.ravel() for n in np.indices((count, dim)))
        at = output_places(tables)
        key = {"head": where.head[at[place]], "row": where.row[at[place]], "feature": feature}
        found = sums[:, 1 : 1 + dim].astype(np.uint32).view(np.int32)
        done.equal("output feature's sum", found.ravel(), want.sums.ravel(), **key)
        found = bytes_of(outputs[:, 2:]).view(np.int8)[:, :dim]
        done.equal("output feature", found.ravel(), want.outputs.ravel(), **key)
        for n in np.flatnonzero(outputs[:, 1] != at)[:1]:
            done.note(f"output {n} is written as output {outputs[n, 1]}")
    elif len(items) != len(want.sums):
        done.note(f"{len(items)} outputs left, not {len(want.sums)}")
    return done


def compare_operands(done: Comparison, passes: np.recarray, x: Operands, told: np.ndarray, seen: np.ndarray) -> None:
    """Every vector that the decoder writes for the engines, and that it stands there when they are told."""
    number, kind, token = told[:, 1], told[:, 2], told[:, 3] - 1
    heads = passes["heads"][number]
    nth, _, head = unfold(np.ones_like(heads), heads)
    if len(seen) != len(nth):
        done.note(f"operands: {len(seen)} vectors were written, not {len(nth)}")
        return
    late = np.flatnonzero(seen[:, 0] >= told[nth, 0] + LAG)
    if len(late):
        done.note(f"operands: vector {late[0]} was written in cycle {seen[late[0], 0]}", len(late))
    for n in np.flatnonzero((seen[:, 1] & 0xFFFF != kind[nth]) | (seen[:, 1] >> 16 != token[nth]))[:1]:
        done.note(f"operands: vector {n} is written as token {seen[n, 1] >> 16}")
    head = first_heads(passes, x.q.shape[1])[number[nth]] + head
    found = bytes_of(seen[:, 2:]).view(np.int8)
    for which, name, tensor in ((0, "K", x.k), (1, "Q", x.q)):
        mine = np.flatnonzero(kind[nth] == which)
        compare_vectors(done, f"{name} feature", found[mine], tensor, head[mine], token[nth[mine]])


def compare_singles(
    done: Comparison, passes: np.recarray, x: Operands, asked: np.ndarray, told: np.ndarray, seen: np.ndarray
) -> None:
    """Every single vector of Q that the decoder sends, in the order in which the sparser engine asked."""
    if done.times("single vectors", seen[:, 0], told[:, 0] + LAG):
        number, row, head = asked[: len(told), 1:4].T
        head = first_heads(passes, x.q.shape[1])[number] + head
        found = bytes_of(seen[:, 1:]).view(np.int8)
        compare_vectors(done, "single Q feature", found, x.q, head, passes["row0"][number] + row)


def compare_vectors(
    done: Comparison, what: str, found: np.ndarray, tensor: np.ndarray, head: np.ndarray, token: np.ndarray
) -> None:
    """int8 found[vectors, features] against these heads and tokens of a tensor."""
    dim = tensor.shape[2]
    where = {"head": np.repeat(head, dim), "row": np.repeat(token, dim), "feature": np.tile(np.arange(dim), len(head))}
    done.equal(what, found[:, :dim].ravel(), tensor[*where.values()], **where)


def unfold(rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Blocks of so many rows and columns, element by element: the block, and the element's row and column in it."""
    size = rows * columns
    nth = np.repeat(np.arange(len(size)), size)
    place = unfolded_place(size)
    return nth, place // columns[nth], place % columns[nth]


def unfolded_place(size: np.ndarray) -> np.ndarray:
    """0, 1, ..., size - 1 of each."""
    return np.arange(int(size.sum())) - np.repeat(np.cumsum(size) - size, size)
