"""Dense layers: GEMM tiles divide the iteration space, their operands are there, their stores find their bytes in
order; and on small layers the tiles, replayed in integers, give the matrix product."""

from dataclasses import dataclass

import numpy as np

from accelsim.validation.course import Course, Follower
from accelsim.validation.coverage import Block, Coverage
from accelsim.validation.program import Step
from accelsim.validation.report import Report

REPLAYED = 1 << 22  # layers of at most so many multiply-accumulates are replayed in integers


@dataclass(frozen=True)
class Group:
    """Output columns [first, first + count) of a layer that are kept alike.

    packed: a tile of them is one run of bytes. apart: they are a tensor of their own, in the place of the output.
    leaving: how many values of a token leave the machine with each column (one, where nothing is said).
    """

    first: int
    count: int
    packed: bool = False
    apart: bool = False
    leaving: np.ndarray | None = None

    def leaves(self, column: int, columns: int) -> int:
        """Values of a token that leave with some of the layer's columns."""
        if self.leaving is None:
            return columns
        return int(self.leaving[column - self.first : column - self.first + columns].sum())


@dataclass(frozen=True)
class Part:
    """What an instruction of the array says: `rows` x `columns` outputs and `deep` of their accumulation, the `last`
    part of it or not. Outputs leave in steps of `step_rows` x `step_columns`, all steps of some rows before those of
    the next. row: the first row in the layer, where the instruction says it."""

    rows: int
    columns: int
    deep: int
    last: bool
    step_rows: int
    step_columns: int
    row: int | None = None


class DenseFollower(Follower):
    """Follows the instructions of one dense layer.

    A tile's parts follow one another along the accumulation. Each waits for its weights, which lie tile by tile and
    tell its columns and depth; the stores of the last one tell its rows.
    """

    def __init__(self, course: Course) -> None:
        self.course, self.layer, self.judge, self.evidence = course, course.layer, course.judge, course.evidence
        layer, batch = self.layer, self.evidence.workload.batch
        self.batch_tokens = layer.tokens * batch
        self.inputs = layer.inputs * batch // layer.repeat
        self.groups = self.judge.groups(layer)
        self.stores = course.stores[self.judge.store]
        self.stored = 0
        self.coverage = Coverage(layer.repeat, self.batch_tokens, layer.out_features, layer.in_features)
        self.tiles = 0
        self.wrong: list[str] = []
        self.parts: list[tuple[Step, Part, int]] = []  # of the tile that is being computed, each with its depth
        self.spot = (0, 0, 0)  # repetition, column, depth
        # which load holds each byte of the input and of the residual operand
        sizes = {"input": layer.repeat * self.inputs}
        if layer.residual:
            sizes["residual"] = self.batch_tokens * layer.repeat * layer.out_features
        self.arrivals = course.arrivals(self.judge.act, **sizes)

    def place(self, tensor: str) -> int:
        """Where a tensor of the layer begins in DRAM."""
        return self.evidence.places[f"{self.layer.name}.{tensor}"]

    def step(self, step: Step) -> None:
        """An instruction of the array: a part of a tile."""
        layer, weight = self.layer, self.judge.weight
        where = f"{self.course.scope}, tile {self.tiles}"
        if step.unit != self.judge.array:
            self.wrong.append(f"{where}: instruction {step.at} is of {step.unit}, which has no part in a dense layer")
            return
        if weight not in step.waits:
            self.wrong.append(f"{where}: it waits for no weights")
            return
        part, load, table = self.judge.part(step), step.waits[weight] - 1, self.evidence.tables[weight]
        loaded = table[min(load, len(table) - 1)]
        offset = int(loaded["address"]) - self.place("weight")
        each = layer.in_features * layer.out_features
        if not self.parts:
            self.spot = offset // each, offset % each // layer.in_features, 0
        group, column, depth = self.spot
        known = 0 <= load < len(table) and 0 <= group < layer.repeat
        if not known or depth + part.deep > layer.in_features:
            self.wrong.append(f"{where}: it waits for weights that are not of its layer")
            self.parts = []
            return
        self.course.ledgers[weight].read(load, step, where)
        if offset != group * each + column * layer.in_features + depth * part.columns:
            self.wrong.append(f"{where}: its weights do not lie where those of depth {depth} do")
        size = int(loaded["bytes"] * loaded["segments"])
        if size != part.columns * part.deep:
            self.wrong.append(f"{where}: {size} weights for {part.columns} x {part.deep}")
        self.parts.append((step, part, depth))
        self.spot = group, column, depth + part.deep
        room, sums = self.judge.partial_sum_bytes, 4 * part.rows * part.columns
        if part.last:
            self.finish(where, step, part)
            self.parts = []
        elif room is not None and sums > room:
            self.wrong.append(f"{where}: {sums} bytes of partial sums do not fit {room}")

    def finish(self, where: str, step: Step, part: Part) -> None:
        """The last part of a tile: its place among the outputs, its operands, its stores."""
        group, column, _ = self.spot
        some = next((g for g in self.groups if g.first <= column < g.first + g.count), self.groups[-1])
        if column + part.columns > some.first + some.count:
            self.wrong.append(f"{where}: its columns {column} to {column + part.columns} are not kept alike")
        row = self.take_stores(where, group, column, part, some)
        if row is None:  # where none of a tile's values leave, nothing but itself says what rows these are
            row = part.row or 0
        elif part.row not in (None, row):
            self.wrong.append(f"{where}: it is said to begin at row {part.row}, but it does at row {row}")
        self.wrong += [f"{where}: {fault}" for fault in self.judge.part_faults(step, some, column)]
        if {(p.rows, p.columns) for _, p, _ in self.parts} != {(part.rows, part.columns)}:
            self.wrong.append(f"{where}: its parts are of different sizes")
        self.tiles += 1
        for one, piece, depth in self.parts:
            self.coverage.blocks.append(Block(group, row, part.rows, column, part.columns, depth, piece.deep))
            self.operands(where, one, group, row, part.rows, depth, piece.deep)
        if self.layer.residual:
            pitch = self.layer.repeat * self.layer.out_features
            held = self.arrivals.held[f"{self.layer.name}.residual"].reshape(self.batch_tokens, pitch)
            corner = group * self.layer.out_features + column
            self.arrivals.until(step.known[self.judge.act])
            self.read(where, step, held[row : row + part.rows, corner : corner + part.columns], "residual")

    def take_stores(self, where: str, group: int, column: int, part: Part, some: Group) -> int | None:
        """The stores of a tile: together exactly the tile, each found complete when its turn comes. Its first row (None
        without any)."""
        table, layer, rows, columns = self.evidence.tables[self.judge.store], self.layer, part.rows, part.columns
        wide = some.leaves(column, columns)
        size, total, first = rows * wide, 0, None
        whole_row, corner = layer.out_features, group * layer.out_features
        if some.apart:
            origin, pitch, side = (corner + some.first) * self.batch_tokens, some.count, column - some.first
        else:
            origin, pitch, side = 0, whole_row * layer.repeat, corner + column
        # a run begins where those of the columns before end
        run = (corner + some.first + some.leaves(some.first, column - some.first)) * self.batch_tokens
        while total < size and self.stored < len(self.stores):
            store = table[self.stores[self.stored]]
            self.stored += 1
            offset, many, high = int(store["address"]) - self.place("output"), int(store["bytes"]), store["segments"]
            total += many * int(high)
            if some.packed:
                if first is None:
                    first = (offset - run) // wide
                if offset != run + first * wide + total - many * int(high):
                    self.wrong.append(f"{where}: its stores are not one after the other")
                continue
            row, at = divmod(offset - origin, pitch)
            first = row if first is None else first
            at -= side
            inside = at >= 0 and at + many <= columns and 0 <= row - first <= rows - high
            if not inside or (high > 1 and store["pitch"] != pitch):
                self.wrong.append(f"{where}: a store of rows {row} on lies outside the tile")
            # steps leave whole; a store counts bytes and must find its own
            deep, last = row - first + int(high) - 1, at + many - 1
            band = deep // part.step_rows * part.step_rows
            before = band * columns + min(part.step_rows, rows - band) * (last // part.step_columns * part.step_columns)
            if total <= before:
                self.wrong.append(
                    f"{where}: {total} bytes have left when its store of rows {row} to {first + deep} is asked for, "
                    f"whose last comes after {before}"
                )
        if total != size:
            self.wrong.append(f"{where}: {total} bytes are stored of {size}")
        return first

    def operands(self, where: str, step: Step, group: int, row: int, rows: int, depth: int, deep: int) -> None:
        """The activations of a part are there."""
        self.arrivals.until(step.known[self.judge.act])
        held = self.arrivals.held[f"{self.layer.name}.input"].reshape(self.layer.repeat, self.inputs)[group]
        if self.layer.input_elements is None:
            grid = held.reshape(self.batch_tokens, self.layer.in_features)
            self.read(where, step, grid[row : row + rows, depth : depth + deep], "input")
        else:  # windows overlap: a row's share of the distinct elements stands for its window
            share, whole = -(-self.inputs // self.batch_tokens), self.layer.in_features
            first = min(self.inputs, row * share)
            span = min(self.inputs, (row + rows) * share) - first
            mine = slice(first + span * depth // whole, first + span * (depth + deep) // whole)
            if mine.stop > mine.start:
                self.read(where, step, held[mine], "input")

    def read(self, where: str, step: Step, block: np.ndarray, what: str) -> None:
        """Note the loads that hold a block of operands."""
        loads = self.arrivals.of(block)
        if loads is None:
            self.wrong.append(f"{where}: not all of its {what} has been loaded")
        for load in loads or ():
            self.course.ledgers[self.judge.act].read(load, step, where)

    def close(self, report: Report) -> None:
        """Enter the checks of the layer."""
        layer, scope = self.layer, self.course.scope
        if self.parts:
            self.wrong.append(f"{scope}: its last tile is not complete")
        if self.stored != len(self.stores):
            self.wrong.append(f"{scope}: {len(self.stores) - self.stored} stores hold nothing of its tiles")
        report.add("gemm", scope, "tiles have their operands and stores", self.tiles, self.wrong)
        cut = [f"{scope}: {fault}" for fault in self.coverage.faults()]
        report.add("gemm", scope, "each row, feature and depth computed once", layer.macs, cut)
        if layer.macs * self.batch_tokens // layer.tokens <= REPLAYED and not cut and not self.wrong:
            differ = self.coverage.replay(layer.name.encode())
            wrong = [f"{scope}: {differ} outputs differ"] if differ else []
            outputs = layer.repeat * self.batch_tokens * layer.out_features
            report.add("gemm", scope, "tiles in integers equal the product", outputs, wrong)
