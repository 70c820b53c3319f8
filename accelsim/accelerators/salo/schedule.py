"""The scheduler: a head's mask as tiles of the diagonal array (SALO, DAC 2022, "data scheduler"; its order is ours).

Queries are cut into groups of R that are D apart, keys into those that are D apart likewise: D = 1, or the dilation of
the mask, whichever takes fewer tiles. In a tile, row r has query q + r D, column j the key k + (r + j) D: C diagonals
of the group. Tiles of a group follow each other. Its first one takes the keys of the global columns; global rows take
what keys flow by, and tiles of their own for the rest.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from accelsim.accelerators.salo.held import Held, held
from accelsim.workload.mask import AttentionMask


@dataclass(frozen=True, eq=False)
class Tile:
    """A tile. rows: queries `query`, + step, ...; 0: only the global rows work. key: the one of row 0 and column 0,
    perhaps before the first there is. local: bool[rows, C], which scores count. columns: global columns at work, for
    all its rows. across: bool[C], the keys of row 0's columns that the global rows take. first, last: of its group."""

    rows: int
    query: int
    key: int
    step: int
    local: np.ndarray
    columns: int
    across: np.ndarray
    first: bool = True
    last: bool = True

    @property
    def scores(self) -> int:
        """Scores of the local rows."""
        return int(self.local.sum()) + self.rows * self.columns

    @property
    def span(self) -> tuple[int, int]:
        """The first key that it needs, and how many from there on, `step` apart; (0, 0): none."""
        used = [np.flatnonzero(row) + r for r, row in enumerate(self.local) if row.any()]
        used += [np.flatnonzero(self.across)]
        all_of = np.concatenate(used)
        if not len(all_of):
            return 0, 0
        return self.key + int(all_of.min()) * self.step, int(all_of.max() - all_of.min()) + 1

    def edges(self, which: str) -> tuple[int, int]:
        """The columns from which to which any score counts: of `local`, or `across`."""
        on = np.flatnonzero(self.local.any(axis=0) if which == "local" else self.across)
        return (int(on[0]), int(on[-1]) + 1) if len(on) else (0, 0)

    def plain(self, keys: int) -> bool:
        """Whether comparators say what counts: keys that there are, between two columns; global columns in all rows.
        Otherwise a bit a score does."""
        (low, high), (first, end), columns = self.edges("local"), self.edges("across"), np.arange(self.local.shape[1])
        key = self.key + (np.arange(self.rows)[:, None] + columns) * self.step
        there = (key >= 0) & (key < keys)
        local = there & (columns >= low) & (columns < high)
        along = (columns >= first) & (columns < end)
        return bool((local == self.local).all() and (along == self.across).all())

    def mask_bytes(self, keys: int) -> int:
        """Bytes of its mask, a bit a local PE in use and a column of the global rows; 0 where none is needed."""
        return 0 if self.plain(keys) else -(-self.local.shape[1] * (self.rows + 1) // 8)


@dataclass(frozen=True, eq=False)
class Schedule:
    """The tiles of a head, in order; and what of its mask they hold as windows."""

    held: Held
    tiles: tuple[Tile, ...]


def schedule(mask: AttentionMask, head: int, rows: int, columns: int, globals_: int) -> Schedule:
    """Of a head, on an array of `rows` x `columns` PEs for `globals_` global tokens."""
    return scheduled(mask, rows, columns, globals_)[head]


@lru_cache(maxsize=64)
def scheduled(mask: AttentionMask, rows: int, columns: int, globals_: int) -> tuple[Schedule, ...]:
    """Of all heads; equal masks are worked on once."""
    made: dict[bytes, Schedule] = {}
    found = []
    for head in range(mask.heads):
        keep = mask.head(head)
        name = np.packbits(keep).tobytes()
        if name not in made:
            what = held(mask, head, globals_)
            ways = [tiles_of(keep, what, step, rows, columns) for step in sorted({1, what.dilation})]
            made[name] = Schedule(what, min(ways, key=len))
        found.append(made[name])
    return tuple(found)


def tiles_of(keep: np.ndarray, what: Held, step: int, rows: int, columns: int) -> tuple[Tile, ...]:
    """The tiles of a mask bool[queries, keys], with queries and keys `step` apart."""
    local = keep.copy()
    local[:, list(what.columns)] = False
    missing = np.full(keep.shape[1], bool(what.rows))  # keys that the global rows have not seen
    made = []
    for query, high in groups(keep.shape[0], what.rows, step, rows):
        tiles = list(group_tiles(local, what, query, high, step, columns))
        tiles[0] = replace(tiles[0], first=True)
        tiles[-1] = replace(tiles[-1], last=True)
        made += [passing(tile, missing) for tile in tiles]
    for first in range(min(step, len(missing))):
        left = first + np.flatnonzero(missing[first::step]) * step
        while len(left):
            made.append(passing(idle(int(left[0]), step, columns), missing))
            left = left[missing[left]]
    return tuple(made)


def groups(queries: int, rows: tuple[int, ...], step: int, most: int) -> Iterator[tuple[int, int]]:
    """(first query, queries) of groups of at most `most`, `step` apart; the global rows' are in none."""
    for first in range(min(step, queries)):
        some = np.arange(first, queries, step)
        alone = np.isin(some, rows)
        for run in np.split(some, np.flatnonzero(np.diff(alone)) + 1):
            if run[0] not in rows:
                yield from ((int(run[at]), min(most, len(run) - at)) for at in range(0, len(run), most))


def group_tiles(local: np.ndarray, what: Held, query: int, high: int, step: int, columns: int) -> Iterator[Tile]:
    """The tiles of a group: the fewest runs of diagonals that have all its scores."""
    queries, keys = query + np.arange(high) * step, local.shape[1]
    glob, along = len(what.columns), np.zeros(columns, bool)
    begun = False
    for first in range(min(step, keys)):
        mine = local[queries, first::step]  # by place of the key among those `step` apart
        r, place = np.nonzero(mine)
        left = np.unique(place - r)
        while len(left):
            start = int(left[0])
            at = start + np.arange(high)[:, None] + np.arange(columns)
            there = (at >= 0) & (at < mine.shape[1])
            on = there & np.take_along_axis(mine, np.where(there, at, 0), axis=1)
            yield Tile(high, query, first + start * step, step, on, 0 if begun else glob, along, False, False)
            begun = True
            left = left[left >= start + columns]
    if not begun:
        on = np.zeros((high, columns), bool)
        yield Tile(high, query, int(min(queries[0], keys - 1)), step, on, glob, along, False, False)


def idle(key: int, step: int, columns: int) -> Tile:
    """A tile in which only the global rows work."""
    return Tile(0, 0, key, step, np.zeros((0, columns), bool), 0, np.zeros(columns, bool))


def passing(tile: Tile, missing: np.ndarray) -> Tile:
    """The tile with the keys that the global rows take as they flow by, of those that are `missing`."""
    at = tile.key + np.arange(tile.local.shape[1]) * tile.step
    there = (at >= 0) & (at < len(missing))
    across = there & missing[np.where(there, at, 0)]
    missing[at[across]] = False
    return replace(tile, across=across)
