"""Pack and split as anyone would do it by hand: row by row and column by column, a list of passes."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class PlainPass:
    """spot: strip x tiles + tile in which it is complete, after how many columns, emits and moved sub-rows of it.
    subrows: (row, its columns)."""

    spot: int = 0
    scanned: int = 0
    emitted: int = 0
    moved: int = 0
    subrows: list[tuple[int, list[int]]] = field(default_factory=list)


@dataclass
class Plain:
    """The passes of a head in the order in which they are complete; of each strip and tile its emits and sub-rows."""

    passes: list[PlainPass]
    emits: list[int]
    moves: list[int]


def pack_by_hand(mask: np.ndarray, rows: int, ports: int, pes: int, reading: str, apart: int) -> Plain:
    """Of bool[q_tokens, kv_tokens]; apart: the rows whose sub-rows may share passes."""
    across, strips = -(-mask.shape[1] // ports), -(-mask.shape[0] // rows)
    made = Plain([], [0] * (strips * across), [0] * (strips * across))
    for tile in range(across):
        if reading == "unit":
            for strip in range(strips):
                cut_columns(made, mask, rows, ports, pes, tile, strip * across + tile, strip * rows)
        else:
            for first in range(0, mask.shape[0], apart):
                cut_rows(made, mask, rows, ports, pes, tile, across, range(first, min(first + apart, mask.shape[0])))
    made.passes.sort(key=lambda one: one.spot)
    return made


def cut_rows(
    made: Plain, mask: np.ndarray, rows: int, ports: int, pes: int, tile: int, across: int, lot: range
) -> None:
    """Each row of a lot by itself; a pass is complete when it is full, or when the lot has been gone through."""
    filled = PlainPass()
    width = min(ports, mask.shape[1] - tile * ports)

    def close(row: int) -> None:
        spot = row // rows * across + tile
        filled.spot, filled.scanned, filled.moved = spot, width, made.moves[spot]
        made.passes.append(filled)

    for row in lot:
        columns = [tile * ports + int(c) for c in np.flatnonzero(mask[row, tile * ports : (tile + 1) * ports])]
        for at in range(0, len(columns), pes):
            filled.subrows.append((row, columns[at : at + pes]))
            made.moves[row // rows * across + tile] += 1
            if len(filled.subrows) == rows:
                close(row)
                filled = PlainPass()
    if filled.subrows:
        close(lot[-1])


def cut_columns(
    made: Plain, mask: np.ndarray, rows: int, ports: int, pes: int, tile: int, spot: int, first: int
) -> None:
    """All rows of a strip at the same column: before the one that would give a row too many entries."""
    held: dict[int, list[int]] = {}
    end = min((tile + 1) * ports, mask.shape[1])

    def close(scanned: int) -> None:
        made.passes.append(PlainPass(spot, scanned, made.emits[spot], 0, sorted(held.items())))

    for column in range(tile * ports, end):
        here = [first + int(r) for r in np.flatnonzero(mask[first : first + rows, column])]
        if any(len(held.get(row, ())) == pes for row in here):
            made.emits[spot] += 1
            close(column - tile * ports)
            held = {}
        for row in here:
            held.setdefault(row, []).append(column)
    if held:
        close(end - tile * ports)
