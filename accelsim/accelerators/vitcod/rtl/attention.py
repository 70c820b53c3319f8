"""Random attention passes to co-simulate with: masks from empty to full, and the tables the units walk."""

from dataclasses import dataclass

import numpy as np

from accelsim.accelerators.vitcod.tables import COLUMNS, DENSE, INDEX, PASSES, ROWS

CAPACITY = {"passes": 16, "dense": 1024, "columns": 8192, "index": 1 << 15, "rows": 2048}


@dataclass
class Shape:
    """What a pass looks like, and which lines work on it."""

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
    """The five tables of these passes, one after another."""
    tables = {n: [] for n in ("passes", "dense", "columns", "index", "rows")}
    first = dict.fromkeys(tables, 0)
    for shape, (dense, sparse) in zip(shapes, kept):
        columns, index, at = [], [], 0
        for head in range(shape.heads):
            for token in range(shape.tokens):
                rows = np.nonzero(sparse[head][:, token])[0]
                index += rows.tolist()
                for start in range(0, len(rows), segment):
                    some = min(segment, len(rows) - start)
                    columns.append((head, token, first["index"] + at, some))
                    at += some
        counts = sparse.sum(axis=2)
        before = first["index"] + np.cumsum(counts.ravel()) - counts.ravel()
        rows = []
        for n in range(shape.heads * shape.rows):
            head, row = divmod(n, shape.rows)
            some, most = int(counts[head, row]), len(dense[head])
            parts = -(-some // segment) + (most > 0)
            rows.append((head, some + most, some, before[n], most, parts, shape.value_dim))
        new = {
            "dense": [(head, column) for head in range(shape.heads) for column in dense[head].tolist()],
            "columns": columns,
            "index": [(n,) for n in index],
            "rows": rows,
        }
        new["passes"] = [
            (
                shape.heads, shape.rows, shape.row0, shape.dim, shape.value_dim, shape.denser_lines,
                shape.sparser_lines, max(1, min(shape.denser_lines, places)), places, first["dense"], len(new["dense"]),
                first["columns"], len(columns), first["rows"], first["rows"], sum(r[1] for r in rows), shape.encoded,
                shape.forward,
            )
        ]  # fmt: skip
        for name, more in new.items():
            tables[name] += more
            first[name] += len(more)
    kinds = {"passes": PASSES, "dense": DENSE, "columns": COLUMNS, "index": INDEX, "rows": ROWS}
    return {n: np.array(tables[n], kinds[n]).view(np.recarray) for n in tables}


def fits(tables: dict[str, np.ndarray]) -> bool:
    """Whether the benches' tables are large enough."""
    return all(len(table) < CAPACITY[n] for n, table in tables.items())
