"""What the array computes: products, the part of one that each command is of, and every output with its cycle."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from accelsim.accelerators.systolic.rtl.datapath import ArrayDatapath, ArraySizes
from accelsim.accelerators.systolic.rtl.lengths import IS, OS, lengths
from accelsim.components.systolic_array import PART
from accelsim.core import BLOCKED
from accelsim.rtl.datapath import Comparison, Parameters

VECTOR, SOFTMAX = 1, 2  # where outputs go
CHANNELS = {VECTOR: "out", SOFTMAX: "scores"}


class Product(NamedTuple):
    """C = a b: a int8[M, K], b int8[K, N]."""

    a: np.ndarray
    b: np.ndarray


class Place(NamedTuple):
    """What a command computes: rows and columns of a product's outputs, and of their depth a part."""

    product: int
    row: int
    rows: int
    column: int
    columns: int
    depth: int
    deep: int


class Fold(NamedTuple):
    """What a fold is fed with: of which command it is; `left` int8[beats, rows]; `top` int8[beats, columns] where
    outputs stay, else what is held, int8[rows, columns], None where it is held already. Keys say where they are cut
    from."""

    command: int
    left: np.ndarray
    top: np.ndarray | None
    left_key: tuple[int, ...]
    top_key: tuple[int, ...]


class Outputs(NamedTuple):
    """Outputs that leave, int64 each: in which cycle, at which column of the array, the value; and of which product,
    row and column they are (-1: of none, where PEs have nothing to do)."""

    at: np.ndarray
    lane: np.ndarray
    value: np.ndarray
    product: np.ndarray
    row: np.ndarray
    column: np.ndarray


@dataclass(frozen=True)
class ArrayWork:
    """Products, of each command its place, and the commands as items of the array's port."""

    products: Sequence[Product]
    places: Sequence[Place]
    commands: np.ndarray

    @cached_property
    def computed(self) -> list[np.ndarray]:
        """The products' outputs."""
        return [one.a.astype(np.int32) @ one.b.astype(np.int32) for one in self.products]

    def told(self) -> Iterator[tuple[int, Place, dict[str, int]]]:
        """Of each command its number, place and operands."""
        for n, (place, command) in enumerate(zip(self.places, self.commands.tolist(), strict=True)):
            yield n, place, dict(zip(PART, command, strict=True))

    def folds(self, values: Mapping[str, int]) -> Iterator[Fold]:
        """All folds, in the order in which they stream."""
        dataflow, high = values["dataflow"], values["rows"]
        for n, p, said in self.told():
            a, b = self.products[p.product]
            shape = {OS: (p.rows, p.columns, p.deep), IS: (p.deep, p.rows, p.columns)}
            if (said["rows"], said["columns"], said["stream"]) != shape.get(dataflow, (p.deep, p.columns, p.rows)):
                raise ValueError(f"command {n} of the array is not of {p}")
            for at in range(0, said["rows"], high):
                some = min(high, said["rows"] - at)
                rows, columns, deep = slice(p.row, p.row + p.rows), slice(p.column, p.column + p.columns), p.depth + at
                if dataflow == OS:
                    row, deep = p.row + at, slice(p.depth, p.depth + p.deep)
                    left, top = a[row : row + some, deep].T, b[deep, columns]
                    keys = (row, some, p.depth, p.deep), (p.column, p.columns, p.depth, p.deep)
                else:
                    part = slice(deep, deep + some)
                    left, top = a[rows, part], b[part, columns]
                    keys = (p.row, p.rows, deep, some), (p.column, p.columns, deep, some)
                    if dataflow == IS:
                        left, top, keys = top.T, left.T, keys[::-1]
                    top = top if said["first"] else None
                yield Fold(n, left, top, *((p.product, *key) for key in keys))

    def needed(self, data: ArrayDatapath) -> ArraySizes:
        """Room for all of it, in powers of two, so that some workloads have a build together."""
        rows = {name: rounded(len(words)) for name, words in self.loads(data, {})}
        return ArraySizes(rows["left"], rows["top"], rows["streams"], rows.get("holds", 2))

    def loads(self, data: ArrayDatapath, tables: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
        """Name and uint32[rows, words] of everything the data path is loaded with: at each edge a word for each beat
        or row that is held, and where those of each fold begin."""
        stationary, words = data.values["dataflow"] != OS, data.loads()
        edges = {name: Edge(4 * words[name]) for name in ("left", "top")}
        streams, holds = [], []
        for fold in self.folds(data.values):
            first = [edges["left"].place(fold.left_key, fold.left)]
            if stationary and fold.top is not None:  # the row below comes before the one above it
                holds.append([edges["top"].place(fold.top_key, fold.top[::-1])])
            elif not stationary:
                first.append(edges["top"].place(fold.top_key, fold.top))
            streams.append(first)
        yield "left", edges["left"].words()
        yield "top", edges["top"].words()
        yield "streams", np.array(streams, np.uint32)
        if stationary:
            yield "holds", np.array(holds, np.uint32).reshape(-1, 1)

    def outputs(self, values: Mapping[str, int], moved: Mapping[str, np.ndarray]) -> Outputs:
        """Every output in the cycle in which it leaves, by the control's transfers: the last one of an item stands at
        the last column when the item leaves, one of a column further left a cycle before for each column; those before
        it in a column a beat before, or where outputs stay a cycle, the lowest row's first."""
        clock = Clock(moved["unit_status"])
        high, wide, dataflow = values["rows"], values["columns"], values["dataflow"]
        beat = lengths(values, self.commands)["last_beat"]
        taken = dict.fromkeys(CHANNELS, 0)
        lane, found = np.arange(wide), []
        for n, p, said in self.told():
            if not said["to"]:
                continue
            c = self.computed[p.product][p.row : p.row + p.rows, p.column : p.column + p.columns]
            for at in range(0, p.rows, high) if dataflow == OS else (0,):
                item = moved[CHANNELS[said["to"]]][taken[said["to"]]]
                taken[said["to"]] += 1
                if dataflow == OS:
                    block = padded(c[at : at + high], high, wide)
                    row, column = np.arange(high)[:, None] + p.row + at, lane + p.column
                    used = (np.arange(high)[:, None] < p.rows - at) & (lane < p.columns)
                    before = np.arange(high)[:, None]
                else:
                    block = padded(c.T if dataflow == IS else c, said["stream"], wide)
                    n_at = np.arange(said["stream"])[:, None]
                    row, column = n_at + p.row, lane + p.column
                    if dataflow == IS:
                        row, column = lane + p.row, n_at + p.column
                    used = lane < said["columns"]
                    before = (said["stream"] - 1 - n_at) * beat[n]
                own = clock.own(int(item[0])) - (wide - 1 - lane) - before
                where = (np.where(used, one, -1) for one in (p.product, row, column))
                parts = (own, lane, block, *where)
                found.append([np.broadcast_to(part, block.shape).ravel() for part in parts])
        whole = [np.concatenate(some) for some in zip(*found)] if found else [np.zeros(0, np.int64)] * 6
        order = np.lexsort((whole[1], whole[0]))
        at, lanes, *rest = (one[order].astype(np.int64) for one in whole)
        if len(at) and (np.diff(at * wide + lanes) == 0).any():
            raise ValueError("two outputs leave a column in a cycle")
        return Outputs(clock.real(at), lanes, *rest)

    def items(self, data: ArrayDatapath, outputs: Outputs) -> np.ndarray:
        """int64[cycles, 1 + words]: each cycle in which outputs leave, at which columns, and they."""
        cycles, number = np.unique(outputs.at, return_inverse=True)
        found = np.zeros((len(cycles), 1 + data.mask_words + data.values["columns"]), np.int64)
        found[:, 0] = cycles
        np.add.at(found, (number, 1 + outputs.lane // 32), 1 << outputs.lane % 32)
        found[number, 1 + data.mask_words + outputs.lane] = outputs.value & 0xFFFFFFFF
        return found

    def compare(
        self,
        name: str,
        data: ArrayDatapath,
        tables: Mapping[str, np.ndarray],
        moved: Mapping[str, np.ndarray],
        seen: Mapping[str, np.ndarray],
        parameters: Parameters,
    ) -> Comparison:
        """Every output: the cycle, the column, and the value."""
        done, outputs, found = Comparison(name), self.outputs(data.values, moved), seen["sums"]
        wanted = self.items(data, outputs)
        if not done.times("sums", found[:, 0], wanted[:, 0]):
            return done
        masks = slice(1, 1 + data.mask_words)
        wrong = (found[:, masks] != wanted[:, masks]).any(axis=1)
        if wrong.any():
            done.note(f"sums: in cycle {wanted[wrong][0, 0]} outputs leave other columns", int(wrong.sum()))
            return done
        number = np.searchsorted(wanted[:, 0], outputs.at)
        values = found[number, 1 + data.mask_words + outputs.lane].astype(np.uint32).view(np.int32)
        done.equal(
            "sums", values, outputs.value, cycle=outputs.at, product=outputs.product, row=outputs.row,
            column=outputs.column,
        )  # fmt: skip
        return done

    def results(
        self, data: ArrayDatapath, tables: Mapping[str, np.ndarray], moved: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        """int64[cycles, 1 + words]: what leaves in each cycle in which something does."""
        return self.items(data, self.outputs(data.values, moved))


class Edge:
    """The words of an edge's memory: blocks of operands, each once."""

    def __init__(self, size: int) -> None:
        self.size, self.held, self.blocks, self.places = size, 0, [], {}

    def place(self, key: tuple[int, ...], block: np.ndarray) -> int:
        """Where a block int8[words, lanes] lies, which has this key."""
        if key not in self.places:
            self.places[key] = self.held
            self.blocks.append(padded(block, len(block), self.size).astype(np.int8))
            self.held += len(block)
        return self.places[key]

    def words(self) -> np.ndarray:
        """uint32[words, size / 4]."""
        return np.concatenate([*self.blocks, np.zeros((1, self.size), np.int8)]).view(np.uint32)


class Clock:
    """The array's own time, which stands still in the cycles in which its status is blocked: in the last one of those
    with the same time it goes on. `statuses`: int64[changes, 2 or more], cycle and status."""

    def __init__(self, statuses: np.ndarray) -> None:
        ends = np.append(statuses[1:, 0], np.iinfo(np.int64).max)
        blocked = np.flatnonzero(statuses[:, 1] == BLOCKED)
        self.begin, self.end = statuses[blocked, 0], ends[blocked]
        self.stood = np.concatenate([[0], np.cumsum(self.end - self.begin)])  # cycles, before each of these spans

    def own(self, cycle: int) -> int:
        """Of a cycle."""
        n = int(np.searchsorted(self.begin, cycle, "right"))
        if n and cycle < self.end[n - 1]:
            return int(self.begin[n - 1] - self.stood[n - 1])
        return cycle - int(self.stood[n])

    def real(self, own: np.ndarray) -> np.ndarray:
        """The cycles in which that time goes on."""
        return own + self.stood[np.searchsorted(self.begin - self.stood[:-1], own, "right")]


def rounded(rows: int) -> int:
    """A power of two that is no less, and at least two."""
    return 1 << max(1, (rows - 1).bit_length())


def padded(block: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """A block with zeros below and to the right of it."""
    whole = np.zeros((rows, columns), block.dtype)
    whole[: block.shape[0], : block.shape[1]] = block
    return whole
