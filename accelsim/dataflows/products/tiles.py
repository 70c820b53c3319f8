"""A tile of a product as commands of the array, and what is on chip for it."""

from collections.abc import Iterator
from typing import NamedTuple

from accelsim.dataflows.products.folds import Array
from accelsim.dataflows.products.product import Block
from accelsim.dataflows.program import NOW, Wait
from accelsim.dataflows.tiling import pieces


class Command(NamedTuple):
    """A command of the array, and the block of outputs that is finished with it."""

    rows: int
    columns: int
    stream: int
    block: Block


class Held(NamedTuple):
    """A tile on chip: its bytes, and until which row (or column) it is there when."""

    bytes: int
    waits: tuple[tuple[int, Wait], ...]

    @property
    def wait(self) -> Wait:
        """For all of it."""
        return self.waits[-1][1]


NOT_HELD = Held(0, ((0, NOW),))


def until(wait: Wait) -> Held:
    """Something that is there after a wait."""
    return Held(0, ((0, wait),))


def later(one: Wait, other: Wait) -> Wait:
    """Of two waits for the same counter, or none, the later one."""
    return other if other[1] > one[1] else one


def commands(array: Array, k: int, tile: Block, stream: int) -> Iterator[Command]:
    """The commands of a tile whose operands are there: column folds, all row folds of one in a command."""
    if array.dataflow == "os":
        for column in range(tile.column, tile.column + tile.columns, array.columns):
            wide = min(array.columns, tile.column + tile.columns - column)
            yield Command(tile.rows, wide, k, Block(tile.row, tile.rows, column, wide))
        return
    weights = array.dataflow == "ws"
    along, over = (tile[:2], tile[2:]) if weights else (tile[2:], tile[:2])
    at = along[0]
    for length in pieces(along[1], stream):
        for first in range(over[0], over[0] + over[1], array.columns):
            wide = min(array.columns, over[0] + over[1] - first)
            block = Block(at, length, first, wide) if weights else Block(first, wide, at, length)
            yield Command(k, wide, length, block)
        at += length


def grouped(found: list[Command], most: int) -> list[list[Command]]:
    """Commands whose outputs are one block of at most `most`, together."""
    groups: list[list[Command]] = []
    whole: Block | None = None
    for command in found:
        joined = whole.joined(command.block) if whole else None
        if joined and joined.elements <= most:
            groups[-1].append(command)
            whole = joined
        else:
            groups.append([command])
            whole = command.block
    return groups
