"""Which outputs a command computes. Commands say how much they compute, and not of what: that follows from the operands
they wait for, and from the stores that their outputs go to, which leave in order."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from accelsim.validation.coverage import Block, Coverage
from accelsim.validation.memory import Arrivals
from accelsim.validation.products.commands import Command, Pes
from accelsim.validation.program import Step


class UnplacedError(Exception):
    """A command computes nothing that it could; the sentence says why."""


@dataclass(frozen=True)
class Surface:
    """Outputs as they lie in DRAM: lines of `pitch` values, `width` bytes each, from `first` on.

    Product g has its outputs at line (g // across) * rows, value (g % across) * columns.
    """

    first: int
    pitch: int
    width: int
    rows: int
    columns: int
    across: int
    product: int = 0

    def block(self, store: np.record) -> Block:
        """The outputs that a store is of. Raises UnplacedError if they are no block of one product."""
        offset, wide, many, step = (int(store[name]) for name in ("address", "bytes", "segments", "pitch"))
        offset -= self.first
        line, side = divmod(offset, self.pitch * self.width)
        if many == 1 and side == 0 and wide > self.pitch * self.width and wide % (self.pitch * self.width) == 0:
            wide, many = self.pitch * self.width, wide // (self.pitch * self.width)
        elif many > 1 and step != self.pitch * self.width:
            raise UnplacedError("its rows are not one below the other")
        if wide % self.width or side % self.width:
            raise UnplacedError("it is of parts of outputs")
        down, row = divmod(line, self.rows)
        right, column = divmod(side // self.width, self.columns)
        rows, columns = many, wide // self.width
        if row + rows > self.rows or column + columns > self.columns or right >= self.across:
            raise UnplacedError("it is of outputs of more than one product")
        return Block(self.product + down * self.across + right, row, rows, column, columns, 0, 0)


@dataclass(frozen=True)
class Run:
    """Commands whose outputs fill stores, all of them: numbers of the stores, in order."""

    commands: Sequence[Command]
    stores: Sequence[int]


def runs(commands: Sequence[Command], depth: int, sizes: Sequence[int], width: int) -> Iterator[Run]:
    """The shortest runs of commands that accumulate whole outputs and fill whole stores.

    sizes: bytes of the stores; width: of an output. Raises UnplacedError when commands or stores are left over.
    """
    begin = macs = outputs = stored = 0
    store = following = 0
    for n, command in enumerate(commands):
        macs, outputs = macs + command.macs, outputs + command.outputs
        while stored < outputs * width and following < len(sizes):
            stored, following = stored + sizes[following], following + 1
        if command.to and macs == depth * outputs and stored == outputs * width:
            yield Run(commands[begin : n + 1], range(store, following))
            begin, store = n + 1, following
            macs = outputs = stored = 0
    if begin < len(commands) or store < len(sizes):
        where = commands[begin].where if begin < len(commands) else "the last instruction"
        left = sum(sizes[store:])
        raise UnplacedError(
            f"from {where} on the outputs that leave do not fill whole stores: {sum(c.macs for c in commands[begin:])} "
            f"multiplications for {left} bytes of outputs"
        )


@dataclass
class Products:
    """Products of one shape while they are computed: how deep each output is, and the blocks in order.

    placed: for every command the block it computes, by its place in the program.
    """

    pes: Pes
    coverage: Coverage
    placed: dict[int, tuple[Command, Block]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        c = self.coverage
        self.summed = np.zeros((c.groups, c.rows, c.columns), np.int32)
        self.newest = -1  # load that the last block was computed of

    def goes_on(self, command: Command) -> bool:
        """Whether a command adds to sums that there are."""
        return not command.first if self.pes.outputs_stay else command.adds

    @property
    def down(self) -> bool:
        """Whether the commands of a tile go along its columns."""
        return self.pes.dataflow != "ws"

    def place(self, command: Command, region: Block, newest: Callable[[Block], int] | None = None) -> Block:
        """The block that a command computes, of a region of outputs: the first that has not been begun, or of those
        that have the first that is least advanced, going through them by rows or by columns. `newest`: the last load
        that a block is computed of; where there is a choice, it is the block of newer ones, and of those as new the
        one beside the last that was placed, if that was of the same load.

        Raises UnplacedError if there is none of its size.
        """
        area = region.of(self.summed)
        if area.size == 0 or region.row < 0 or region.column < 0:
            raise UnplacedError(f"{command.where}: it computes outputs that there are not, {region}")
        least = 0
        if self.goes_on(command):
            least = int(np.where((area > 0) & (area < self.coverage.depth), area, self.coverage.depth).min())
        spots = area == least
        by_rows = divmod(int(spots.argmax()), spots.shape[1])
        by_columns = divmod(int(spots.T.argmax()), spots.shape[0])[::-1]
        places = [by_columns, by_rows] if self.down else [by_rows, by_columns]
        last = self.coverage.blocks[-1] if newest and self.coverage.blocks else None
        if last and region.column <= last.column < region.column + region.columns:  # of the same tile of weights
            beside = (last.row + last.rows, last.column) if self.down else (last.row, last.column + last.columns)
            places.insert(0, (beside[0] - region.row, beside[1] - region.column))
        found: dict[Block, int] = {}
        for n, (row, column) in enumerate(places):
            block = Block(
                region.group,
                region.row + row,
                command.rows,
                region.column + column,
                command.columns,
                least,
                command.deep,
            )
            inside = 0 <= row <= area.shape[0] - command.rows and 0 <= column <= area.shape[1] - command.columns
            if inside and (block.of(self.summed) == least).all():
                found[block] = newest(block) if newest else 0
                if n == 0 and len(places) > 2 and (last.group != region.group or found[block] != self.newest):
                    del found[block]
        if not found or least + command.deep > self.coverage.depth:
            raise UnplacedError(
                f"{command.where}: its {command.rows} x {command.columns} outputs and {command.deep} of their depth do "
                f"not continue what has been computed of {region}"
            )
        block = max(found, key=lambda one: found[one])
        self.newest = found[block]
        block.of(self.summed)[:] += command.deep
        self.coverage.blocks.append(block)
        self.placed[command.step.at] = command, block
        return block


def narrowed(region: Block, column: int, columns: int) -> Block:
    """What of a region lies in some columns; all of it, if nothing does."""
    first, end = max(region.column, column), min(region.column + region.columns, column + columns)
    return replace(region, column=first, columns=end - first) if first < end else region


def newest_load(arrivals: Arrivals, step: Step, *blocks: np.ndarray) -> int:
    """The last load that blocks of operands came with; -1 if an instruction does not wait for all of them, and the one
    it waits for if it reads nothing."""
    arrivals.until(step.known[arrivals.buffer])
    waits = step.waits.get(arrivals.buffer, step.known[arrivals.buffer])
    some = [(int(block.min()), int(block.max())) for block in blocks if block.size]
    if not some:
        return waits - 1
    last = max(high for _, high in some)
    return last if last < waits and min(low for low, _ in some) >= 0 else -1


def joined(blocks: Sequence[Block]) -> Block:
    """Blocks of outputs as one. Raises UnplacedError unless they are one rectangle."""
    first = min(b.row for b in blocks), min(b.column for b in blocks)
    last = max(b.row + b.rows for b in blocks), max(b.column + b.columns for b in blocks)
    rows, columns = last[0] - first[0], last[1] - first[1]
    if len({b.group for b in blocks}) > 1 or sum(b.rows * b.columns for b in blocks) != rows * columns:
        raise UnplacedError("stores that are filled together are not of one block of outputs")
    return Block(blocks[0].group, first[0], rows, first[1], columns, 0, 0)


def late(pes: Pes, placed: Sequence[tuple[Command, Block]], whole: Block, stores: Sequence[Block]) -> list[int]:
    """Which stores of a run are asked for before their last output has left."""
    left, gone = np.full((whole.rows, whole.columns), -1, np.int64), 0
    for command, block in placed:
        for row, rows, columns in pes.leaving(command):
            at = block.row - whole.row + row, block.column - whole.column
            left[at[0] : at[0] + rows, at[1] : at[1] + columns] = gone
            gone += rows * columns
    total, found = 0, []
    for n, b in enumerate(stores):
        total += b.rows * b.columns
        row, column = b.row - whole.row, b.column - whole.column
        here = left[row : row + b.rows, column : column + b.columns]
        if here.min() < 0 or here.max() >= total:
            found.append(n)
    return found
