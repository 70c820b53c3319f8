"""Pack and split (Lu et al., MICRO 2021): a mask's rows as sub-rows, and sub-rows as passes of the sparse array.

Every row is cut into pieces of `ports` columns. A sub-row is what one row of the array holds at once: at most `pes`
entries of one piece. Which sub-rows may share a pass, in three readings:
`column_tile`: any rows of a head, of one column tile. `block`: rows of one block of `rows` rows. `unit`: what the
published pack unit does, which cuts all rows of a block at the same column. Inside a pass an entry keeps its column.
"""

from dataclasses import dataclass

import numpy as np

from accelsim.dataflows.tiling import ceil

READINGS = ("column_tile", "block", "unit")


@dataclass(frozen=True)
class Packed:
    """The passes of some heads, head by head in the order in which they are complete, and their sub-rows.

    Of each pass: `head`, `tile`, `subrows`, `entries`; in which of its head's tiles (`spot`: block x tiles + tile) it
    is complete, and after how many columns (`scanned`), emits (`emitted`) and sub-rows (`moved`) of that tile; its last
    row (`last_row`). Of each sub-row, pass by pass: `row`; the place of its first entry among those of its piece
    (`first`); `count` of its entries. Of each tile [head, spot]: `tile_emits`, `tile_moves` (sub-rows).
    """

    head: np.ndarray
    tile: np.ndarray
    subrows: np.ndarray
    entries: np.ndarray
    spot: np.ndarray
    scanned: np.ndarray
    emitted: np.ndarray
    moved: np.ndarray
    last_row: np.ndarray
    row: np.ndarray
    first: np.ndarray
    count: np.ndarray
    tile_emits: np.ndarray
    tile_moves: np.ndarray


def pieces(keep: np.ndarray, ports: int) -> np.ndarray:
    """int64[heads, rows, tiles]: entries of every piece of bool[heads, rows, columns]."""
    return np.add.reduceat(keep, np.arange(0, keep.shape[2], ports), axis=2, dtype=np.int64)


def subrow_counts(keep: np.ndarray, ports: int, pes: int) -> np.ndarray:
    """int64[heads, rows, tiles]: sub-rows of every piece."""
    return -(-pieces(keep, ports) // pes)


def pack(keep: np.ndarray, rows: int, ports: int, pes: int, reading: str, group: int = 0) -> Packed:
    """The passes of bool[heads, q_tokens, kv_tokens] on an array of rows x pes PEs with `ports` ports.

    group: the most rows of a head whose sub-rows may share passes in `column_tile`, where the merge memory holds no
    more: a multiple of `rows`; 0: all of them.
    """
    ports = min(ports, keep.shape[2])
    if reading == "unit":
        return pack_as_unit(keep, min(rows, keep.shape[1]), ports, pes)
    return pack_rows(keep, rows, ports, pes, rows if reading == "block" else group or keep.shape[1])


def ranks(keys: np.ndarray) -> np.ndarray:
    """The place of each element in its run of equal keys, from 0."""
    at = np.arange(len(keys))
    begins = np.append(True, keys[1:] != keys[:-1])[: len(keys)]
    return at - np.maximum.accumulate(np.where(begins, at, 0)) if len(keys) else at


def pack_rows(keep: np.ndarray, rows: int, ports: int, pes: int, apart: int) -> Packed:
    """Every row cut by itself; sub-rows of the same `apart` rows and column tile fill passes, row by row."""
    heads, tokens, columns = keep.shape
    size = pieces(keep, ports)
    tiles, blocks = size.shape[2], ceil(tokens, rows)
    lots = ceil(tokens, apart) * tiles
    # pieces in the order head, rows that may share, tile, row
    axes = np.indices(size.shape).reshape(3, -1)
    lot = (axes[1] // apart) * tiles + axes[2]
    order = np.argsort(axes[0] * lots + lot, kind="stable")
    many = -(-size.ravel()[order] // pes)
    piece = np.repeat(order, many)
    nth = ranks(piece)
    head, row, tile = axes[0][piece], axes[1][piece], axes[2][piece]
    count = np.minimum(size.ravel()[piece] - nth * pes, pes)
    key, spot = head * lots + lot[piece], (row // rows) * tiles + tile
    begins = ranks(key) % rows == 0
    number = np.cumsum(begins) - 1
    last = np.flatnonzero(np.append(begins[1:], True)[: len(begins)])  # of each pass, its last sub-row
    place = head * (blocks * tiles) + spot
    tile_moves = np.bincount(place, minlength=heads * blocks * tiles)
    subrows = np.bincount(number, minlength=len(last))
    # a lot's last pass waits, if it is not full, until all its rows have been gone through
    closing = np.append(key[last][1:] != key[last][:-1], True)[: len(last)] & (subrows < rows)
    end = np.minimum((row[last] // apart + 1) * apart, tokens) - 1
    closes = np.where(closing, (end // rows) * tiles + tile[last], spot[last])
    moved = np.where(closing, tile_moves[head[last] * (blocks * tiles) + closes], ranks(place)[last] + 1)
    ordered = np.lexsort((np.arange(len(last)), closes, head[last]))
    entries = np.bincount(number, count, minlength=len(last)).astype(np.int64)
    behind = np.empty(len(last), np.int64)  # where each pass goes
    behind[ordered] = np.arange(len(last))
    sub = np.argsort(behind[number], kind="stable")
    last = last[ordered]
    return Packed(
        head=head[last],
        tile=tile[last],
        subrows=subrows[ordered],
        entries=entries[ordered],
        spot=closes[ordered],
        scanned=np.minimum(ports, columns - ports * tile[last]),
        emitted=np.zeros(len(last), np.int64),
        moved=moved[ordered],
        last_row=row[last],
        row=row[sub],
        first=(nth * pes)[sub],
        count=count[sub],
        tile_emits=np.zeros((heads, blocks * tiles), np.int64),
        tile_moves=tile_moves.reshape(heads, blocks * tiles),
    )


def segments(bits: np.ndarray, pes: int) -> tuple[np.ndarray, np.ndarray]:
    """The segments in which the pack unit cuts the columns of tiles, uint8[columns, rows, tiles] of 0 and 1: after how
    many of its columns each segment of a tile ends, int64[tiles, segments], and how many entries each row has in it,
    [tiles, segments, rows].

    A segment ends before the column that would give a row more than `pes` entries (pack.scala:42-135). Those that a
    tile does not have end with its last one.
    """
    columns, rows, tiles = bits.shape
    kind = np.uint8 if columns < 256 else np.int32  # of what a row may count up to
    used, segment = np.zeros((rows, tiles), kind), np.zeros(tiles, np.int64)
    most = ceil(columns, pes) + 1  # a segment that ends has `pes` columns at least
    ends, sizes = np.full((tiles, most), columns, np.int64), np.zeros((tiles, most, rows), kind)
    for c in range(columns):
        column = bits[c]
        full = np.flatnonzero((column & (used >= pes)).any(axis=0))
        if full.size:
            ends[full, segment[full]], sizes[full, segment[full]] = c, used[:, full].T
            used[:, full] = 0
            segment[full] += 1
        used += column
    sizes[np.arange(tiles), segment] = used.T
    return ends, sizes


def pack_as_unit(keep: np.ndarray, rows: int, ports: int, pes: int) -> Packed:
    """What the pack unit makes of every block x tile: a pack is a pass."""
    heads, tokens, columns = keep.shape
    blocks, tiles = ceil(tokens, rows), ceil(columns, ports)
    bits = np.zeros((heads, blocks * rows, tiles * ports), bool)
    bits[:, :tokens, :columns] = keep
    bits = bits.reshape(heads, blocks, rows, tiles, ports).transpose(4, 2, 0, 1, 3).reshape(ports, rows, -1)
    width = np.tile(np.minimum(ports, columns - ports * np.arange(tiles)), heads * blocks)
    ends, sizes = segments(np.ascontiguousarray(bits).view(np.uint8), pes)
    emits = (ends < ports).sum(axis=1)
    before = np.cumsum(sizes, axis=1, dtype=np.int64) - sizes
    which, s, row = np.nonzero(sizes)
    count, first = sizes[which, s, row].astype(np.int64), before[which, s, row]
    begins = np.append(True, (which[1:] != which[:-1]) | (s[1:] != s[:-1]))[: len(which)]
    number, opening = np.cumsum(begins) - 1, np.flatnonzero(begins)
    last = np.append(opening[1:], len(which))[: len(opening)] - 1
    at, s = which[opening], s[opening]
    return Packed(
        head=at // (blocks * tiles),
        tile=at % tiles,
        subrows=np.bincount(number, minlength=len(opening)),
        entries=np.bincount(number, count, minlength=len(opening)).astype(np.int64),
        spot=at % (blocks * tiles),
        scanned=np.minimum(ends[at, s], width[at]),
        emitted=np.minimum(s + 1, emits[at]),
        moved=np.zeros(len(opening), np.int64),
        last_row=(at // tiles % blocks) * rows + row[last],
        row=(which // tiles % blocks) * rows + row,
        first=first,
        count=count,
        tile_emits=emits.reshape(heads, blocks * tiles),
        tile_moves=np.zeros((heads, blocks * tiles), np.int64),
    )
