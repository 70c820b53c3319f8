"""Stores of the outputs of a dense layer's tiles: in the order in which they leave the array, to where each lies."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from accelsim.dataflows.program import Program
from accelsim.dataflows.tiling import DenseResources, GemmPlan, blocks, ceil, pieces

QUARTER, LEAST_STORE = 4, 64  # [ours] shares of a tile that leave one by one; bytes of a line of DRAM


class Kept(NamedTuple):
    """Values of a token that lie together, and where: so many, of the first token from byte `at` of the output on. Of
    `rows` tokens each lies `pitch` bytes behind the one before; so many tokens as these lie `group` bytes behind them,
    and the next image, all of whose tokens are `tokens`, `image` bytes behind this one."""

    count: int
    at: int
    pitch: int
    rows: int
    group: int
    tokens: int
    image: int

    def place(self, row: int) -> int:
        """The first byte of a token, counted through all images."""
        image, token = divmod(row, self.tokens)
        return self.at + image * self.image + token // self.rows * self.group + token % self.rows * self.pitch

    def runs(self, first: int, rows: int) -> Iterator[tuple[int, int]]:
        """(first token, tokens) of those that are `pitch` bytes apart."""
        while rows:
            some = min(rows, self.rows - first % self.rows)
            yield first, some
            first, rows = first + some, rows - some


def parts(kept: Sequence[Kept], first: int, count: int) -> Iterator[tuple[Kept, int, int]]:
    """Of so many values of a token from a first on: (those that lie together, the first of them, how many)."""
    for one in kept:
        begin, end = max(first, 0), min(first + count, one.count)
        if begin < end:
            yield one, begin, end - begin
        first -= one.count


def bands(first: int, rows: int, step: int) -> Iterator[tuple[int, int]]:
    """(first row, rows) of a block's steps of the array, which begin at multiples of `step`."""
    end = first + rows
    while first < end:
        some = min(step - first % step, end - first)
        yield first, some
        first += some


def at_once(have: DenseResources, size: int, least: int = 0) -> int:
    """Bytes of a tile's outputs, of so many, that leave together at most: half the output buffer, so that others can
    come, and a quarter of the tile, however large the buffer is: what leaves only at its end keeps the loads behind it
    waiting. But LEAST_STORE, and `least`."""
    return min(have.store_bytes // 2, max(ceil(size, QUARTER), LEAST_STORE, least))


def store_run(p: Program, have: DenseResources, at: int, elements: int) -> None:
    """The stores of a tile that is kept as one run of bytes."""
    for piece in pieces(elements, at_once(have, elements)) if elements else []:
        p.store(have.store, at, piece)
        at += piece


def store_tile(p: Program, have: DenseResources, plan: GemmPlan, at: int, rows: int, columns: int, pitch: int) -> None:
    """The stores of a tile of a row-major tensor, of some rows at a time; of some columns only where half the output
    buffer has no room for them all."""
    most = at_once(have, rows * columns, columns * plan.step_tokens)
    for first, some, side, wide in blocks(rows, columns, plan, most):
        p.store(have.store, at + first * pitch + side, wide, some, pitch)


def store_kept(
    p: Program,
    have: DenseResources,
    plan: GemmPlan,
    kept: Sequence[Kept],
    at: int,
    corner: tuple[int, int],
    rows: int,
    columns: int,
    leaves: Callable[[int, int], int],
) -> None:
    """The stores of a tile whose values lie as `kept` says, in an output from an address on. corner: its first row and
    value; leaves: how many values a token leave with so many columns from one on. What lies apart is stored one after
    the other, step by step of the array, as it leaves: heads of some rows; of rows of two images also its columns."""
    (row, value), whole = corner, leaves(0, columns)
    most = at_once(have, rows * whole, whole * plan.step_tokens)
    for down, high, side, wide in blocks(rows, columns, plan, most, leaves):
        apart = ends_inside(kept, row + down, high) or len([*parts(kept, value + side, wide)]) > 1
        for begin, few in bands(down, high, plan.step_tokens) if apart else [(down, high)]:
            every = [(side, wide)]
            if wide == whole and ends_inside(kept, row + begin, few):
                firsts = range(0, columns, plan.step_features)
                every = [(leaves(0, n), leaves(n, min(plan.step_features, columns - n))) for n in firsts]
            for first, some in every:
                for one, offset, count in parts(kept, value + first, some):
                    for token, tokens in one.runs(row + begin, few):
                        place = at + one.place(token) + offset
                        if count == one.pitch:
                            p.store(have.store, place, count * tokens)
                        else:
                            p.store(have.store, place, count, tokens, one.pitch)


def ends_inside(kept: Sequence[Kept], first: int, rows: int) -> bool:
    """Whether an image, or a window, ends before the last of some rows."""
    return first // kept[0].rows != (first + rows - 1) // kept[0].rows
