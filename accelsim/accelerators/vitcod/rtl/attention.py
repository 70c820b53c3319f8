"""Random attention passes to co-simulate with: masks from empty to full, and the tables the units walk."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from accelsim.accelerators.vitcod.tables import COLUMNS, DENSE, INDEX, PASSES, ROWS

CAPACITY = {"passes": 16, "dense": 1024, "columns": 8192, "index": 1 << 15, "rows": 2048}


@dataclass
class Shape:
    """What a pass looks like, which lines work on it, and where its keys are cut into blocks (`ends`)."""

    heads: int
    rows: int
    tokens: int
    dim: int
    value_dim: int
    denser_lines: int
    sparser_lines: int
    encoded: int
    forward: int
    row0: int = 0
    ends: tuple[int, ...] = ()

    @property
    def blocks(self) -> list[tuple[int, int]]:
        """The first key of each block of keys, and the one after its last."""
        return [*pairwise([0, *self.ends, self.tokens])]


def draw(rng: np.random.Generator, lines: int, largest: int) -> Shape:
    """A random shape; `largest` bounds tokens."""

    def some(low: int, high: int) -> int:
        return int(rng.integers(low, high + 1))

    heads = some(1, 4)
    tokens = some(1, largest) if rng.random() < 0.8 else some(1, 4)
    rows = some(1, tokens)
    denser = some(1, lines)
    sparser = some(1, max(1, lines - denser)) if rng.random() < 0.8 else lines
    return Shape(
        heads, rows, tokens, some(1, 8) * 8, some(1, 8) * 8, denser, sparser, some(0, 3), int(rng.random() < 0.8)
    )


def draw_keep(rng: np.random.Generator, shape: Shape) -> tuple[list[np.ndarray], np.ndarray]:
    """Dense columns of each head, and sparse bool[heads, rows, tokens]: from nothing to everything."""
    density = rng.choice([0.0, 0.02, 0.1, 0.3, 1.0], p=[0.1, 0.3, 0.3, 0.2, 0.1])
    sparse = rng.random((shape.heads, shape.rows, shape.tokens)) < density
    columns = []
    for head in range(shape.heads):
        most = rng.choice([0, shape.tokens // 8, shape.tokens])
        used = np.sort(rng.permutation(shape.tokens)[: rng.integers(0, most + 1)])
        columns.append(used)
        sparse[head][:, used] = False
    return columns, sparse


def tabulate(
    shapes: list[Shape], kept: list[tuple[list[np.ndarray], np.ndarray]], segment: int, places: int
) -> dict[str, np.recarray]:
    """The five tables of these passes, one after another. Of the passes whose keys are in one block, every other has
    its outputs' shares apart from them all the same, so that the engines are seen to follow the shares."""
    tables = {n: [] for n in ("passes", "dense", "columns", "index", "rows")}
    for shape, (dense, sparse) in zip(shapes, kept):
        first = {name: len(rows) for name, rows in tables.items()}
        outputs, blocks = shape.heads * shape.rows, shape.blocks
        counts = np.stack([sparse[:, :, begin:end].sum(axis=2).ravel() for begin, end in blocks])  # [blocks, outputs]
        inside = [[c[(c >= begin) & (c < end)].tolist() for c in dense] for begin, end in blocks]
        most = np.repeat([[len(columns) for columns in block] for block in inside], shape.rows, axis=1)
        parts = -(-counts // segment) + (most > 0)
        own = np.cumsum(counts.sum(axis=0)) - counts.sum(axis=0)  # where an output's list begins
        before = first["index"] + own + np.cumsum(counts, axis=0) - counts

        def rows_of(sparse, before, dense, parts, shape=shape, outputs=outputs):
            heads = (np.arange(outputs) // shape.rows).tolist()
            words = (w.tolist() for w in (sparse + dense, sparse, before, dense, parts))
            return [(*row, shape.value_dim) for row in zip(heads, *words)]

        tables["rows"] += rows_of(counts.sum(axis=0), first["index"] + own, most.sum(axis=0), parts.sum(axis=0))
        apart = outputs * (len(blocks) > 1 or len(tables["passes"]) % 2)
        for b, (begin, end) in enumerate(blocks):
            at = {name: len(rows) for name, rows in tables.items()}
            for head in range(shape.heads):
                for token in range(begin, end):
                    rows = np.nonzero(sparse[head][:, token])[0].tolist()
                    for start in range(0, len(rows), segment):
                        some = rows[start : start + segment]
                        tables["columns"].append((head, token, len(tables["index"]), len(some)))
                        tables["index"] += [(row,) for row in some]
                tables["dense"] += [(head, column) for column in inside[b][head]]
            if apart:
                tables["rows"] += rows_of(counts[b], before[b], most[b], parts[b])
            denses, columns = (len(tables[n]) - at[n] for n in ("dense", "columns"))
            tables["passes"].append(
                (
                    shape.heads, shape.rows, shape.row0, shape.dim, shape.value_dim, shape.denser_lines,
                    shape.sparser_lines, max(1, min(shape.denser_lines, places)), places, at["dense"], denses,
                    at["columns"], columns, first["rows"], first["rows"] + (b + 1) * apart,
                    int(counts[b].sum() + most[b].sum()), shape.encoded, shape.forward, 0,
                )
            )  # fmt: skip
    kinds = {"passes": PASSES, "dense": DENSE, "columns": COLUMNS, "index": INDEX, "rows": ROWS}
    return {n: np.array(tables[n], kinds[n]).view(np.recarray) for n in tables}


def fits(tables: dict[str, np.ndarray]) -> bool:
    """Whether the benches' tables are large enough."""
    return all(len(table) < CAPACITY[n] for n, table in tables.items())
