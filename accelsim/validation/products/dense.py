"""Dense layers: commands compute each product once, in folds the array can hold, of operands that are there; and their
outputs fill the stores."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from accelsim.validation.course import Course
from accelsim.validation.coverage import Block
from accelsim.validation.dense import DenseFollower
from accelsim.validation.memory import Arrivals, feature_bytes
from accelsim.validation.products.commands import VECTOR, Command, Pes, Placed
from accelsim.validation.products.products import (
    Products,
    Run,
    Surface,
    UnplacedError,
    joined,
    late,
    narrowed,
    newest_load,
    runs,
)
from accelsim.validation.program import Step
from accelsim.validation.report import Report

PACKED = ("qkv", "q", "kv")  # roles whose outputs lie block by block


class DenseProducts(DenseFollower):
    """Follows the commands of one dense layer, which are placed when all of them are known."""

    def __init__(self, course: Course) -> None:
        super().__init__(course)
        self.pes = Pes.of(self.evidence)
        self.products = Products(self.pes, self.coverage)
        self.commands: list[Command] = []
        self.stored = 0  # bytes of packed outputs
        layer = self.layer
        self.weights_there = course.arrivals(self.judge.weight, weight=layer.weights)
        sizes = {n.rpartition(".")[2]: len(held) for n, held in self.arrivals.held.items()}
        self.placing = course.arrivals(self.judge.act, **sizes)  # as seen when commands are placed
        pitch = layer.repeat * layer.out_features
        first = self.place("output")
        self.surface = Surface(first, pitch, 1, self.tokens, layer.out_features, layer.repeat)

    def step(self, step: Step) -> None:
        """An instruction of the layer."""
        if step.unit != self.judge.array:
            self.wrong.append(f"instruction {step.at}: it is of {step.unit}, which has no part in a dense layer")
        elif self.judge.weight not in step.waits or step.known[self.judge.act] < 1:
            self.wrong.append(f"instruction {step.at}: it does not wait for its operands")
        else:
            self.commands.append(self.pes.read(step))

    def turn(self, stores: Mapping[str, Sequence[int]]) -> None:
        """What is stored of them is known when they are placed: none of these layers is fused."""

    def close(self, report: Report) -> None:
        """Place the commands, and enter the checks of the layer."""
        self.computed = len(self.commands)
        stores = self.course.stores[self.judge.store]
        table = self.evidence.tables[self.judge.store][np.asarray(stores, np.int64)]
        sizes = (table["bytes"] * table["segments"]).tolist()
        try:
            for run in runs(self.commands, self.layer.in_features, sizes, 1):
                self.fill(run, table, stores)
        except UnplacedError as fault:
            self.wrong.append(str(fault))
        placed = Placed(self.pes)
        for command, block in self.products.placed.values():
            self.wrong += [f"{command.where}: {fault}" for fault in self.faults(placed, command, block)]
        self.judge.computed += list(self.products.placed.values())
        self.wrong = [f"{self.course.scope}, {fault}" for fault in self.wrong]
        super().close(report)

    def fill(self, run: Run, table: np.recarray, stores: Sequence[int]) -> None:
        """Place the commands of a run, and see that their outputs fill its stores."""
        packed = self.layer.role in PACKED
        blocks = [] if packed else [self.surface.block(table[n]) for n in run.stores]
        for command in run.commands:
            region = self.of_weights(command, None if packed else joined(blocks))
            self.products.place(command, region, lambda block, c=command: self.newest(c, block))
        left = [self.products.placed[c.step.at] for c in run.commands if c.to]
        whole = joined([block for _, block in left])
        if packed:
            blocks = list(self.packed([block for _, block in left], [table[n] for n in run.stores]))
        for n in late(self.pes, left, whole, blocks):
            self.wrong.append(f"store {stores[run.stores[n]]} is asked for before its last output has left")

    def packed(self, left: Sequence[Block], stores: Sequence[np.record]) -> Iterator[Block]:
        """The outputs that each store holds of packed ones. Those that leave until so many stores are full are one
        block of them, stored row after row."""
        some, filled, missing = [], [], 0
        coming = iter(stores)
        for block in left:
            some.append(block)
            missing += block.rows * block.columns
            while missing > 0 and (store := next(coming, None)) is not None:
                filled.append(store)
                missing -= int(store["bytes"] * store["segments"])
            if missing == 0:
                yield from self.stored_rows(joined(some), filled)
                some, filled = [], []

    def stored_rows(self, whole: Block, stores: Sequence[np.record]) -> Iterator[Block]:
        """The rows that each store holds of a block of packed outputs, which lie in DRAM as they leave."""
        row = whole.row
        for store in stores:
            rows, rest = divmod(int(store["bytes"]), whole.columns)
            if rest or store["segments"] != 1 or int(store["address"]) != self.place("output") + self.stored:
                raise UnplacedError(f"outputs {whole} are stored where others belong")
            yield Block(whole.group, row, rows, whole.column, whole.columns, 0, 0)
            row += rows
            self.stored += rows * whole.columns

    def of_weights(self, command: Command, stored: Block | None) -> Block:
        """The outputs that can be computed of the weights which a command waits for, of those to be stored together."""
        layer, k = self.layer, self.layer.in_features
        group, inside, size = self.weights_of(command)
        region = stored or Block(group, 0, self.tokens, 0, layer.out_features, 0, k)
        if (tile := self.tile(inside, size, command.columns)) is not None:
            return narrowed(region, *tile)
        begins = region.column + np.arange(max(0, region.columns - command.columns + 1))  # it lies in the region
        area = region.of(self.products.summed)[:, : begins.size]
        begun = (area > 0) & (area < k) if self.products.goes_on(command) else area == 0
        # the last of the parts in which a tile of weights came ends with the tile
        last = ((begins + command.columns) * k == inside + size) & (area + command.deep == k)
        match = ((begins * k + area * command.columns == inside) | last) & begun
        if not match.any():  # any part of the depth of a tile all of whose parts have come, where it is cut for inputs
            match = ((begins + command.columns) * k == inside + size) & begun
        if not match.any():
            raise UnplacedError(f"{command.where}: its weights are of no outputs that are to be computed next")
        column = int(np.where(match, area, k).min(axis=0).argmin())  # the least advanced of them
        return narrowed(region, int(begins[column]), command.columns)

    def weights_of(self, command: Command) -> tuple[int, int, int]:
        """The repetition whose weights a command waits for, where they begin in it, and their bytes."""
        load = self.evidence.tables[self.judge.weight][command.step.waits[self.judge.weight] - 1]
        each = self.layer.in_features * self.layer.out_features
        group, inside = divmod(int(load["address"]) - self.place("weight"), each)
        if not 0 <= group < self.layer.repeat:
            raise UnplacedError(f"{command.where}: it waits for weights of another layer")
        return group, inside, int(load["bytes"] * load["segments"])

    def tile(self, inside: int, size: int, columns: int) -> tuple[int, int] | None:
        """The first column and the columns of a load of weights that holds all their depth; None if it does not."""
        k = self.layer.in_features
        whole = inside % k == 0 and size % k == 0 and size // k >= columns
        return (inside // k, size // k) if whole else None

    def weights_held(self, command: Command, block: Block, arrivals: Arrivals) -> np.ndarray | None:
        """The loads of a block's weights, one by one; None if it is not of the tile that the command waits for.

        A tile of weights lies in DRAM by depth.
        """
        k, (group, inside, size) = self.layer.in_features, self.weights_of(command)
        first, wide = self.tile(inside, size, command.columns) or (block.column, block.columns)
        if group != block.group or not first <= block.column <= block.column + block.columns <= first + wide:
            return None
        at = (group * self.layer.out_features + first) * k
        if not at <= (group * self.layer.out_features) * k + inside < at + wide * k:
            return None
        held = arrivals.held[f"{self.layer.name}.weight"][at : at + wide * k].reshape(k, wide)
        side = block.column - first
        return held[block.depth : block.depth + block.deep, side : side + block.columns]

    def newest(self, command: Command, block: Block) -> int:
        """The last load of activations that a block is computed of, if the command waits for it."""
        acts = [self.inputs_held(block, self.placing)]
        if self.layer.residual and command.to:
            acts.append(self.residual_held(block, self.placing))
        return newest_load(self.placing, command.step, *acts)

    def inputs_held(self, block: Block, arrivals: Arrivals) -> np.ndarray:
        """The loads of a block's activations, one by one; where windows overlap, of their share of the elements."""
        held = arrivals.held[f"{self.layer.name}.input"].reshape(self.layer.repeat, self.inputs)[block.group]
        row, end, depth, deep, whole = block.row, block.row + block.rows, block.depth, block.deep, self.coverage.depth
        if self.layer.input_elements is None:
            return held.reshape(self.tokens, whole)[row:end, depth : depth + deep]
        share = -(-self.inputs // self.tokens)
        first = min(self.inputs, row * share)
        span = min(self.inputs, end * share) - first
        return held[first + span * depth // whole : first + span * (depth + deep) // whole]

    def residual_held(self, block: Block, arrivals: Arrivals) -> np.ndarray:
        """The loads of a block's residual operand, one by one."""
        pitch = self.layer.repeat * self.layer.out_features
        held = arrivals.held[f"{self.layer.name}.residual"].reshape(self.tokens, pitch)
        corner = block.group * self.layer.out_features + block.column
        return held[block.row : block.row + block.rows, corner : corner + block.columns]

    def faults(self, placed: Placed, command: Command, block: Block) -> Iterator[str]:
        """What is wrong with a command that computes a block."""
        layer, step, k = self.layer, command.step, self.layer.in_features
        yield from placed.faults(command, block, k, layer.name)
        passes = 1 + layer.residual + bool(layer.activation)  # docs/timing.md
        if command.to and (command.to, command.passes) != (VECTOR, passes):
            yield f"its outputs do not have {passes} operations of the vector unit"
        for arrivals in (self.arrivals, self.weights_there):
            arrivals.until(step.known[arrivals.buffer])
        held = self.weights_held(command, block, self.weights_there)
        if held is None:
            yield f"the weights it waits for are not those of {block}"
        elif not self.enter(self.weights_there, step, held):
            yield "not all of its weights have been loaded"
        held = self.inputs_held(block, self.arrivals)
        if held.size and not self.enter(self.arrivals, step, held):
            yield "not all of its input has been loaded"
        if (
            command.to
            and layer.residual
            and not self.enter(self.arrivals, step, self.residual_held(block, self.arrivals))
        ):
            yield "not all of its residual operand has been loaded"
        if command.to and not self.read_constants(f"{self.course.scope}, {command.where}", step, block):
            yield "not all of its biases and scales have been loaded"
        added = layer.residual + self.beside(command)
        yield from self.judge.read_faults(command, constants=feature_bytes(layer), added=added)

    def beside(self, command: Command) -> int:
        """Bytes of each output for what lies in the words of a row's window beside it, none too few."""
        kernel, k = self.layer.kernel, self.layer.in_features
        if kernel == 1:
            return 0
        port, channels = int(self.evidence.arch.parts[self.judge.act]["port_bytes"]), k // kernel**2
        run = kernel * channels
        own = k if self.pes.dataflow == "ws" else -(-k // port) * port  # of whole words, which the array counts
        # a run of pixels begins with any of them: with how many bytes of its first word behind it, at most
        before = max(at * channels % port for at in range(port))
        return -(-(kernel * -(-(before + run) // port) * port - own) // command.columns)

    def enter(self, arrivals: Arrivals, step: Step, block: np.ndarray) -> bool:
        """Note the loads that hold a block of operands; whether all of it has been loaded."""
        loads = arrivals.of(block)
        for load in loads or ():
            self.course.ledgers[arrivals.buffer].read(load, step, f"{self.course.scope}, instruction {step.at}")
        return loads is not None

    def check_stores(self) -> Iterator[str]:
        """They have been checked when they were filled."""
        yield from ()
