"""Values through the RTL: what the data path is loaded with, and what it computed against the functional twin."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from accelsim.rtl.datapath import LAG, Datapath
from accelsim.workload.functional import Scaling, exponentials, probabilities, scores


@dataclass(frozen=True)
class Operands:
    """What one pass computes on. q int8[heads, q_tokens, dim], k int8[heads, tokens, dim], v int8[heads, tokens, dim],
    of the pass's heads; row n of the pass is token row0 + n of q. keep: bool[heads, rows, tokens], the scores that
    count. scaling, bound: of the softmax (bound None: against the row's maximum). out: sums to int8 outputs."""

    q: np.ndarray
    k: np.ndarray
    v: np.ndarray
    keep: np.ndarray
    scaling: Scaling
    bound: int | None
    out: Scaling


def places_table(tables: Mapping[str, np.ndarray]) -> np.ndarray:
    """uint32[outputs, 5]: of each output the table `places` of the package, of tables with a single pass."""
    rows, one = tables["rows"], tables["passes"][0]
    first_dense = np.searchsorted(tables["dense"]["head"], rows["head"])
    row = np.arange(len(rows)) % one.rows
    words = (rows["head"], rows["dense"], rows["first"], first_dense, first_dense * one.rows + row)
    return np.stack([np.asarray(w, np.uint32) for w in words], axis=1)


def loads(data: Datapath, tables: Mapping[str, np.ndarray], x: Operands) -> Iterator[tuple[str, np.ndarray]]:
    """Name and uint32[rows, words] of everything the data path is loaded with."""
    one = tables["passes"][0]
    size = data.sizes
    for name, vectors in (("q", x.q), ("k", x.k), ("v", x.v)):
        heads, tokens, dim = vectors.shape
        memory = np.zeros((heads, size.tokens, 4 * data.loads()[name]), np.int8)
        memory[:, :tokens, :dim] = vectors
        yield name, memory.view(np.uint32).reshape(heads * size.tokens, -1)
    yield "places", places_table(tables)
    dense = tables["dense"]
    kept = x.keep[dense["head"], :, dense["column"]].ravel()
    kept = np.append(kept, np.zeros(-len(kept) % 32, bool))
    yield "kept", np.packbits(kept, bitorder="little").view(np.uint32).reshape(-1, 1)
    bound = (x.bound or 0) & (1 << 48) - 1
    constants = (*x.scaling, bound & 0xFFFFFFFF, bound >> 32, *x.out, int(one.rows))
    yield "scaling", np.array([constants], np.uint32)


class Expected(NamedTuple):
    """scores int32 and probabilities int32 [heads, rows, tokens], sums int32 and outputs int8 [heads x rows, v_dim]."""

    scores: np.ndarray
    probabilities: np.ndarray
    sums: np.ndarray
    outputs: np.ndarray


def expected(tables: Mapping[str, np.ndarray], x: Operands) -> Expected:
    """What a pass must compute, from the functional twin."""
    one = tables["passes"][0]
    s = scores(x.q[:, one.row0 : one.row0 + one.rows], x.k)
    p = probabilities(exponentials(s, x.keep, *x.scaling, x.bound, "max" if x.bound is None else "bounded"))
    sums = np.matmul(p, x.v.astype(np.int32)).reshape(-1, x.v.shape[2])
    return Expected(s, p, sums, requantised(sums, x.out))


def requantised(sums: np.ndarray, scaling: Scaling) -> np.ndarray:
    """int8 of int32 sums, in the arithmetic of `functional.encode`."""
    half = (1 << scaling.shift) >> 1
    return np.clip((sums.astype(np.int64) * scaling.multiplier + half) >> scaling.shift, -128, 127).astype(np.int8)


def bytes_of(words: np.ndarray) -> np.ndarray:
    """uint8[items, 4 * words] of 32-bit words."""
    return np.ascontiguousarray(words, "<u4").view(np.uint8)


class Comparison:
    """Values compared so far, how many differ, and the first that does."""

    def __init__(self, name: str) -> None:
        self.name, self.values, self.differences, self.first = name, 0, 0, ""

    def note(self, text: str, count: int = 1) -> None:
        """Something that differs."""
        self.differences += count
        self.first = self.first or f"{self.name}: {text}"

    def times(self, what: str, found: np.ndarray, wanted: np.ndarray) -> bool:
        """Cycles in which items left; False when there are not as many as wanted."""
        if len(found) != len(wanted):
            self.note(f"{what}: {len(found)} items left the data path, not {len(wanted)}")
            return False
        for n in np.flatnonzero(found != wanted)[:1]:
            self.note(f"{what}: item {n} left the data path in cycle {found[n]}, not {wanted[n]}",
                      int((found != wanted).sum()))  # fmt: skip
        return True

    def equal(self, what: str, found: np.ndarray, wanted: np.ndarray, where: np.ndarray) -> None:
        """Values one by one; `where`: (head, row, column or feature) of each."""
        self.values += len(wanted)
        wrong = np.flatnonzero(np.asarray(found, np.int64) != np.asarray(wanted, np.int64))
        if len(wrong):
            head, row, other = where[:, wrong[0]]
            self.note(f"{what}: head {head}, row {row}, {'feature' if 'output' in what else 'column'} {other} is "
                      f"{found[wrong[0]]} in the module and {wanted[wrong[0]]} in the functional twin",
                      len(wrong))  # fmt: skip


def compare_values(
    name: str, tables: Mapping[str, np.ndarray], x: Operands, moved: Mapping[str, np.ndarray],
    seen: Mapping[str, np.ndarray], segment: int,
) -> Comparison:  # fmt: skip
    """Every score, probability, sum and output of a pass, and the cycle in which each leaves the data path.

    moved: int64[transfers, 1 + fields] of the control's channels: cycle, payload. seen: the same of what can be seen of
    the data path, in 32-bit words. segment: most entries a line of the sparser engine takes up at once.
    """
    done, want = Comparison(name), expected(tables, x)
    one, dense = tables["passes"][0], tables["dense"]
    heads, columns = np.asarray(dense["head"]), np.asarray(dense["column"])
    if len(seen["slips"]):
        done.note(f"in cycle {seen['slips'][0, 0]} a channel's data and its control are apart", len(seen["slips"]))

    items = moved["denser_scores"]
    if done.times("dense scores", seen["dense_scores"][:, 0], items[:, 0] + LAG) and len(items):
        nth, row, some = unfold(items[:, 2], items[:, 4])
        at = items[nth, 3] + some
        row = items[nth, 1] + row
        found = seen["dense_scores"][:, 1:][nth, unfolded_place(items[:, 2] * items[:, 4])]
        done.equal("scores of the denser engine", found.astype(np.uint32).view(np.int32),
                   want.scores[heads[at], row, columns[at]], np.stack([heads[at], row, columns[at]]))  # fmt: skip
    items = moved["sparser_score"]
    place, column = items[:, 1], items[:, 2]
    head, row = place // one.rows, place % one.rows
    if done.times("sparse scores", seen["sparse_scores"][:, 0], items[:, 0] + LAG):
        done.equal("scores of the sparser engine", seen["sparse_scores"][:, 1].astype(np.uint32).view(np.int32),
                   want.scores[head, row, column], np.stack([head, row, column]))  # fmt: skip

    tiles = moved["denser_partial"]
    tile = np.repeat(np.arange(len(tiles)), tiles[:, 3])
    seen_p = seen["dense_probabilities"]
    if len(seen_p) != len(tile):
        done.note(f"dense probabilities: {len(seen_p)} columns were read, not {len(tile)}")
    elif len(tile):
        nth, _, line = unfold(np.ones_like(tile), tiles[tile, 2])
        start = np.searchsorted(heads, tiles[:, 1] // one.rows)
        at = (start[tile] + unfolded_place(tiles[:, 3]))[nth]
        place = tiles[tile[nth], 1] + line
        wanted = want.probabilities[heads[at], place % one.rows, columns[at]]
        done.equal("probabilities in the denser engine", bytes_of(seen_p[:, 1:])[nth, line], wanted,
                   np.stack([heads[at], place % one.rows, columns[at]]))  # fmt: skip
    order = np.argsort(items[:, 1], kind="stable")
    place, column = items[order, 1], items[order, 2]
    counts = np.bincount(place, minlength=len(tables["rows"]))
    entry = unfolded_place(counts)
    piece = np.cumsum(entry % segment == 0) - 1
    seen_p = seen["sparse_probabilities"]
    if len(seen_p) != (piece[-1] + 1 if len(piece) else 0):
        done.note(f"sparse probabilities: {len(seen_p)} segments were taken up")
    elif len(piece):
        wanted = want.probabilities[place // one.rows, place % one.rows, column]
        done.equal("probabilities in the sparser engine", bytes_of(seen_p[:, 2:])[piece, entry % segment], wanted,
                   np.stack([place // one.rows, place % one.rows, column]))  # fmt: skip

    items, sums, outputs = moved["merge_row"], seen["rows_sums"], seen["rows_values"]
    together = [
        done.times(name, side[:, 0], items[:, 0] + LAG) for name, side in (("sums", sums), ("outputs", outputs))
    ]
    if all(together) and len(items) == len(want.sums):
        count, dim = want.sums.shape
        where = np.stack([n.ravel() for n in np.indices((count, dim))])
        where = np.stack([where[0] // one.rows, where[0] % one.rows, where[1]])
        done.equal("output's sum", sums[:, 1 : 1 + dim].astype(np.uint32).view(np.int32).ravel(), want.sums.ravel(),
                   where)  # fmt: skip
        done.equal("output", bytes_of(outputs[:, 2:]).view(np.int8)[:, :dim].ravel(), want.outputs.ravel(), where)
        for n in np.flatnonzero(outputs[:, 1] != np.arange(count))[:1]:
            done.note(f"output {n} is written as output {outputs[n, 1]}")
    elif len(items) != len(want.sums):
        done.note(f"{len(items)} outputs left, not {len(want.sums)}")
    return done


def unfold(rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Blocks of so many rows and columns, element by element: the block, and the element's row and column in it."""
    size = rows * columns
    nth = np.repeat(np.arange(len(size)), size)
    place = unfolded_place(size)
    return nth, place // columns[nth], place % columns[nth]


def unfolded_place(size: np.ndarray) -> np.ndarray:
    """0, 1, ..., size - 1 of each."""
    return np.arange(int(size.sum())) - np.repeat(np.cumsum(size) - size, size)
