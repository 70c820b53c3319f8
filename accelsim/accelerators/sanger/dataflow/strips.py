"""The tables of a layer's masks: strips cut into tiles, passes and their sub-rows, rows (see tables.py)."""

from dataclasses import dataclass

import numpy as np

from accelsim.accelerators.sanger.dataflow.resources import Resources
from accelsim.accelerators.sanger.packing import Packed, pack, subrow_counts
from accelsim.accelerators.sanger.tables import PACKS, ROWS, SUBROWS, TILES
from accelsim.dataflows.program import Program
from accelsim.dataflows.tiling import ceil


@dataclass(frozen=True)
class Strips:
    """Of every head: the place of its first tile, and how many passes it has. `tiles` of a strip; `subrows` of the
    rows, [heads, q_tokens]."""

    tiles: int
    first_tile: list[int]
    passes: list[int]
    subrows: np.ndarray

    def enter_rows(self, p: Program, batch: int) -> int:
        """Enter the rows of all heads of all images, in the order of work; the place of the first."""
        return p.add("rows", table(ROWS, subrows=np.tile(self.subrows.ravel(), batch)))


def table(kind: np.dtype, **columns: np.ndarray) -> np.recarray:
    """A table by its columns."""
    made = np.zeros(len(next(iter(columns.values()))), kind).view(np.recarray)
    for name, values in columns.items():
        made[name] = values
    return made


def packs_of(packed: Packed, ports: int, columns: int, first_subrow: int = 0) -> np.recarray:
    """The pass table of masks of so many columns, whose sub-rows begin at a place of theirs."""
    return table(
        PACKS,
        columns=np.minimum(ports, columns - ports * packed.tile),
        scanned=packed.scanned,
        emitted=packed.emitted,
        moved=packed.moved,
        first_subrow=first_subrow + np.cumsum(packed.subrows) - packed.subrows,
        subrows=packed.subrows,
        entries=packed.entries,
        last_row=packed.last_row,
    )


def tiles_of(packed: Packed, ports: int, columns: int, first_pass: int = 0) -> np.recarray:
    """The tiles of masks of so many columns, whose passes begin at a place of theirs."""
    heads, spots = packed.tile_emits.shape
    width = np.minimum(ports, columns - ports * np.arange(ceil(columns, ports)))
    passes = np.bincount(packed.head * spots + packed.spot, minlength=heads * spots)
    return table(
        TILES,
        columns=np.tile(width, heads * spots // len(width)),
        emits=packed.tile_emits.ravel(),
        subrows=packed.tile_moves.ravel(),
        first_pass=first_pass + np.cumsum(passes) - passes,
        passes=passes,
    )


def tabulate(p: Program, keep: np.ndarray, places: int, have: Resources) -> Strips:
    """Enter what becomes of the masks of a layer, bool[heads, q_tokens, kv_tokens], into the program's tables.

    places: rows that the merge unit has room for; where a head has more, no pass has rows of two such groups.
    """
    heads, rows, columns = keep.shape
    group = places // have.rows * have.rows if places < rows else 0
    packed = pack(keep, have.rows, have.ports, have.pes, have.reading, group)
    tiles, blocks = ceil(columns, have.ports), ceil(rows, have.rows)
    first_subrow = p.add("subrows", table(SUBROWS, row=packed.row, first=packed.first, count=packed.count))
    first_pack = p.add("packs", packs_of(packed, have.ports, columns, first_subrow))
    first_tile = p.add("tiles", tiles_of(packed, have.ports, columns, first_pack))
    # a row that is cut by the unit has a sub-row in every pack that it has an entry in
    if have.reading == "unit":
        owner = np.repeat(packed.head, packed.subrows) * rows + packed.row
        subrows = np.bincount(owner, minlength=heads * rows).reshape(heads, rows)
    else:
        subrows = subrow_counts(keep, have.ports, have.pes).sum(axis=2)
    return Strips(
        tiles=tiles,
        first_tile=[first_tile + n * blocks * tiles for n in range(heads)],
        passes=np.bincount(packed.head, minlength=heads).tolist(),
        subrows=subrows,
    )
