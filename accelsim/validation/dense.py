"""Dense layers: GEMM tiles divide the iteration space, their operands are there, their stores find their bytes in
order; and on small layers the tiles, replayed in integers, give the matrix product."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from accelsim.validation.course import Course, Follower
from accelsim.validation.coverage import Block, Coverage
from accelsim.validation.evidence import sizes
from accelsim.validation.memory import feature_bytes
from accelsim.validation.program import Step
from accelsim.validation.report import Report

REPLAYED = 1 << 38  # layers of at most so many multiply-accumulates are replayed in integers: seconds each


@dataclass(frozen=True)
class Group:
    """Output columns [first, first + count) of a layer that are kept alike.

    packed: a tile of them is one run of bytes. lies: of int64 rows (through all images) and values of a row, the bytes
    of the layer's output that they are; as a matrix lies, where nothing is said. leaving: how many values of a token
    leave the machine with each column (one, where nothing is said).
    """

    first: int
    count: int
    packed: bool = False
    lies: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    leaving: np.ndarray | None = None

    def leaves(self, column: int, columns: int) -> int:
        """Values of a token that leave with some of the layer's columns."""
        if self.leaving is None:
            return columns
        return int(self.leaving[column - self.first : column - self.first + columns].sum())


@dataclass(frozen=True)
class Part:
    """What an instruction of the array says: `rows` x `columns` outputs and `deep` of their accumulation, with the
    `last` part of which they leave. Outputs leave in steps of `step_rows` x `step_columns`, all steps of some rows
    before those of the next. row: the first row in the layer."""

    rows: int
    columns: int
    deep: int
    last: bool
    step_rows: int
    step_columns: int
    row: int = 0


@dataclass(frozen=True)
class Weights:
    """What a load of weights holds: [depth, depth + deep) of columns [column, column + columns) of a repetition."""

    load: int
    group: int
    column: int
    columns: int
    depth: int
    deep: int


class DenseFollower(Follower):
    """Follows the instructions of one dense layer.

    Each waits for its weights. These lie in DRAM column tile by column tile, a tile's parts one after the other along
    the accumulation; an instruction uses all columns of its load. Where instructions are smaller than a load in depth,
    a subclass says in `spot` which part of it each uses.
    """

    def __init__(self, course: Course) -> None:
        self.course, self.layer, self.judge, self.evidence = course, course.layer, course.judge, course.evidence
        layer, batch = self.layer, self.evidence.workload.batch
        self.tokens = layer.tokens * batch
        self.inputs = layer.inputs * batch // layer.repeat
        self.groups = self.judge.groups(layer)
        self.coverage = Coverage(layer.repeat, self.tokens, layer.out_features, layer.in_features)
        self.summed = np.zeros((layer.repeat, self.tokens, layer.out_features), np.int32)  # depth that has gone in
        # for each byte of the output in DRAM, how many bytes had left before the step that it left with; -1: none does
        self.before = np.full(layer.repeat * self.tokens * layer.out_features, -1, np.int64)
        self.left = self.computed = self.taken = 0
        self.wrong: list[str] = []
        self.weights: Weights | None = None
        sizes = {"input": layer.repeat * self.inputs}
        if layer.residual:
            sizes["residual"] = self.tokens * layer.repeat * layer.out_features
        self.arrivals = course.arrivals(self.judge.act, **sizes)
        biases = {"bias": feature_bytes(layer) * layer.repeat * layer.out_features} if self.judge.constants else {}
        self.biases = course.arrivals(self.judge.weight, **biases)

    def place(self, tensor: str) -> int:
        """Where a tensor of the layer begins in DRAM."""
        return self.evidence.places[f"{self.layer.name}.{tensor}"]

    def step(self, step: Step) -> None:
        """An instruction of the array."""
        where = f"{self.course.scope}, instruction {step.at}"
        if step.unit != self.judge.array:
            self.wrong.append(f"{where}: it is of {step.unit}, which has no part in a dense layer")
            return
        part = self.judge.part(step)
        fault = self.find_weights(step, part)
        if fault:
            self.wrong.append(f"{where}: {fault}")
            self.weights = None
            return
        self.computed += 1
        held = self.weights
        self.course.ledgers[self.judge.weight].read(held.load, step, where)
        row, depth = self.spot(step, part, held)
        block = Block(held.group, row, part.rows, held.column, part.columns, depth, part.deep)
        self.coverage.blocks.append(block)
        sums = block.of(self.summed)
        sums += part.deep
        room, size = self.judge.partial_sum_bytes, 4 * part.rows * part.columns
        if part.last:
            self.wrong += [f"{where}: {fault}" for fault in self.leave(step, part, block)]
        elif room is not None and size > room:
            self.wrong.append(f"{where}: {size} bytes of partial sums do not fit {room}")
        self.wrong += [f"{where}: not all of its {what} has been loaded" for what in self.operands(where, step, block)]
        if part.last and self.judge.constants and not self.read_constants(where, step, block):
            self.wrong.append(f"{where}: not all of its biases and scales have been loaded")
        if part.last and self.layer.residual:
            pitch = self.layer.repeat * self.layer.out_features
            held = self.arrivals.held[f"{self.layer.name}.residual"].reshape(self.tokens, pitch)
            corner = block.group * self.layer.out_features + block.column
            if not self.read(where, step, held[row : row + part.rows, corner : corner + part.columns]):
                self.wrong.append(f"{where}: not all of its residual operand has been loaded")

    def read_constants(self, where: str, step: Step, block: Block) -> bool:
        """Note the load that holds the constants of a block's columns; whether all of them have been loaded."""
        self.biases.until(step.known[self.judge.weight])
        each, first = feature_bytes(self.layer), block.group * self.layer.out_features + block.column
        held = self.biases.held[f"{self.layer.name}.bias"][each * first : each * (first + block.columns)]
        loads = self.biases.of(held)
        for load in loads or ():
            self.course.ledgers[self.judge.weight].read(load, step, where)
        return loads is not None

    def find_weights(self, step: Step, part: Part) -> str:
        """The weights an instruction waits for; what is wrong with them."""
        layer, name = self.layer, self.judge.weight
        if name not in step.waits:
            return "it waits for no weights"
        load, table, before = step.waits[name] - 1, self.evidence.tables[name], self.weights
        if before is not None and load == before.load:
            return "" if part.columns == before.columns else f"{part.columns} columns of weights of {before.columns}"
        if not 0 <= load < len(table):
            return "it waits for weights that there are not"
        offset, each = int(table["address"][load]) - self.place("weight"), layer.in_features * layer.out_features
        size = int(table["bytes"][load] * table["segments"][load])
        group, column, depth = offset // each, offset % each // layer.in_features, 0
        if before is not None and before.depth + before.deep < layer.in_features:
            group, column, depth = before.group, before.column, before.depth + before.deep
        deep, rest = divmod(size, max(part.columns, 1))
        if not 0 <= group < layer.repeat or rest or depth + deep > layer.in_features:
            return f"it waits for {size} weights that are not of {part.columns} columns of its layer"
        if offset != group * each + column * layer.in_features + depth * part.columns:
            return f"its weights do not lie where those of depth {depth} do"
        self.weights = Weights(load, group, column, part.columns, depth, deep)
        return ""

    def spot(self, step: Step, part: Part, held: Weights) -> tuple[int, int]:
        """The first row and the first depth of an instruction, in the layer."""
        return part.row, held.depth

    def leave(self, step: Step, part: Part, block: Block) -> list[str]:
        """Outputs leave: their place in DRAM, step by step; what is wrong with them."""
        layer, column = self.layer, block.column
        some = next((g for g in self.groups if g.first <= column < g.first + g.count), self.groups[-1])
        if column + part.columns > some.first + some.count:
            return [f"its columns {column} to {column + part.columns} are not kept alike"]
        if not (block.row >= 0 and block.row + part.rows <= self.tokens):
            return [f"it ends at row {block.row + part.rows} of {self.tokens}"]
        wrong = self.judge.part_faults(step, some, column)
        if (block.of(self.summed) != layer.in_features).any():
            wrong.append("outputs leave before or after their accumulation ends")
        corner, wide = block.group * layer.out_features, some.leaves(column, part.columns)
        before = some.leaves(some.first, column - some.first)
        rows, values = block.row + np.arange(part.rows)[:, None], before + np.arange(wide)
        if some.packed:  # a run begins where those of the columns before end
            begin = (corner + some.first + before) * self.tokens + block.row * wide
            target = begin + np.arange(part.rows * wide)
        elif some.lies is not None:
            target = some.lies(rows, values)
        else:
            target = rows * layer.repeat * layer.out_features + corner + some.first + values
        if (self.before[target] >= 0).any():
            wrong.append("outputs leave that have left before")
        gone = self.left
        for down in range(0, part.rows, max(part.step_rows, 1)):
            rows = min(part.step_rows, part.rows - down)
            for side in range(0, part.columns, max(part.step_columns, 1)):
                columns = min(part.step_columns, part.columns - side)
                leaving, at = some.leaves(column + side, columns), some.leaves(column, side)
                if some.packed:
                    here = target[self.left - gone : self.left - gone + rows * leaving]
                else:
                    here = target[down : down + rows, at : at + leaving]
                self.before[here] = self.left
                self.left += rows * leaving
        return wrong

    def operands(self, where: str, step: Step, block: Block) -> Iterator[str]:
        """The activations of a block; what of them is not there."""
        held = self.arrivals.held[f"{self.layer.name}.input"].reshape(self.layer.repeat, self.inputs)[block.group]
        row, end, depth, deep = block.row, block.row + block.rows, block.depth, block.deep
        if self.layer.input_elements is None:
            mine = held.reshape(self.tokens, self.layer.in_features)[row:end, depth : depth + deep]
        else:  # windows overlap: a row's share of the distinct elements stands for its window
            share, whole = -(-self.inputs // self.tokens), self.layer.in_features
            first = min(self.inputs, row * share)
            span = min(self.inputs, end * share) - first
            mine = held[first + span * depth // whole : first + span * (depth + deep) // whole]
            if not mine.size:
                return
        if not self.read(where, step, mine):
            yield "input"

    def read(self, where: str, step: Step, block: np.ndarray) -> bool:
        """Note the loads that hold a block of operands; whether all of it has been loaded."""
        self.arrivals.until(step.known[self.judge.act])
        loads = self.arrivals.of(block)
        for load in loads or ():
            self.course.ledgers[self.judge.act].read(load, step, where)
        return loads is not None

    def check_stores(self) -> Iterator[str]:
        """Every store finds its bytes when as many have left as it and those before it are; what is wrong with them."""
        mine, total = self.course.stores[self.judge.store], 0
        table = self.evidence.tables[self.judge.store][np.asarray(mine, np.int64)]
        for n, store in enumerate(table):
            total += int(store["bytes"] * store["segments"])
            first = int(store["address"]) - self.place("output") + store["pitch"] * np.arange(store["segments"])
            bytes_of = first[:, None] + np.arange(store["bytes"])
            if bytes_of.min() < 0 or bytes_of.max() >= len(self.before):
                yield f"store {mine[n]}: it is not all of the layer's output"
                continue
            found = self.before[bytes_of]
            if found.min() < 0:
                yield f"store {mine[n]}: {int((found < 0).sum())} of its bytes never leave the array"
            elif total <= found.max():
                yield (
                    f"store {mine[n]}: it is asked for when {total} bytes have left, but {found.max()} leave before "
                    "its last one"
                )
        if total != self.left:
            yield f"{total} bytes are stored of {self.left} that leave"

    def turn(self, stores: Mapping[str, Sequence[int]]) -> None:
        """The outputs that left in a turn are stored before the next layer's turn."""
        mine = np.asarray(stores[self.judge.store], np.int64)
        self.taken += int(sizes(self.evidence.tables[self.judge.store][mine]).sum())
        if self.taken != self.left:
            self.wrong.append(
                f"{self.course.scope}: {self.left} bytes leave until a turn ends, {self.taken} are stored"
            )

    def close(self, report: Report) -> None:
        """Enter the checks of the layer."""
        layer, scope = self.layer, self.course.scope
        wrong = self.wrong + [f"{scope}: {fault}" for fault in self.check_stores()]
        report.add("gemm", scope, "tiles have their operands and stores", self.computed, wrong)
        cut = [f"{scope}: {fault}" for fault in self.coverage.faults()]
        report.add("gemm", scope, "each row, feature and depth computed once", layer.macs, cut)
        if layer.macs * self.tokens // layer.tokens > REPLAYED:
            report.remarks.append(f"{scope}: {layer.macs:,} multiply-accumulates are too many to replay; not computed")
        elif not cut and not wrong:
            self.replay(report)

    def replay(self, report: Report) -> None:
        """The layer on the values that come out of the layers before it."""
        layer, scope, found = self.layer, self.course.scope, self.judge.network.of(self.layer.name)
        x = found.operands["x"].transpose(1, 0, 2, 3).reshape(layer.repeat, self.tokens, layer.in_features)
        sums = self.coverage.replay(x, found.operands["weight"])
        wanted = found.sums.transpose(1, 0, 2, 3).reshape(sums.shape)
        differ = int((sums != wanted).sum())
        report.add(
            "chained",
            scope,
            "tiles of dense layers equal the product, on the outputs of the layers before",
            sums.size,
            [f"{scope}: {differ} outputs differ"] if differ else [],
            differ,
        )
