"""Dense layers: commands compute each product once, in folds the array can hold, of operands that are there; and their
outputs fill the stores."""

from collections.abc import Iterator, Sequence

import numpy as np

from accelsim.accelerators.systolic.checks.commands import VECTOR, Command, Pes, Placed
from accelsim.accelerators.systolic.checks.products import Products, Run, Surface, UnplacedError, joined, late, runs
from accelsim.validation.course import Course
from accelsim.validation.coverage import Block
from accelsim.validation.dense import DenseFollower
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

    def close(self, report: Report) -> None:
        """Place the commands, and enter the checks of the layer."""
        self.computed = len(self.commands)
        stores = self.course.stores[self.judge.store]
        table = self.evidence.tables[self.judge.store][stores.start : stores.stop]
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
            self.products.place(command, self.operands_meet(command) if packed else joined(blocks))
        left = [self.products.placed[c.step.at] for c in run.commands if c.to]
        whole = joined([block for _, block in left])
        if packed:
            blocks = list(self.packed([block for _, block in left], table, run.stores))
        for n in late(self.pes, left, whole, blocks):
            self.wrong.append(f"store {stores[run.stores[n]]} is asked for before its last output has left")

    def packed(self, left: Sequence[Block], table: np.recarray, stores: Sequence[int]) -> Iterator[Block]:
        """The outputs of stores that hold packed outputs, which lie in DRAM as they leave. Those that leave until so
        many stores are full are one block of them, stored row after row."""
        some, rows_of, missing = [], [], 0
        coming = iter(stores)
        for block in left:
            some.append(block)
            missing += block.rows * block.columns
            while missing > 0 and (n := next(coming, None)) is not None:
                rows_of.append(table[n])
                missing -= int(table[n]["bytes"] * table[n]["segments"])
            if missing == 0:
                yield from self.rows_stored(joined(some), rows_of)
                some, rows_of = [], []

    def rows_stored(self, whole: Block, stores: Sequence[np.record]) -> Iterator[Block]:
        """The rows of a block of packed outputs that each of its stores holds."""
        row = whole.row
        for store in stores:
            rows, rest = divmod(int(store["bytes"]), whole.columns)
            if rest or store["segments"] != 1 or int(store["address"]) != self.place("output") + self.stored:
                raise UnplacedError(f"outputs {whole} are stored where others belong")
            yield Block(whole.group, row, rows, whole.column, whole.columns, 0, 0)
            row += rows
            self.stored += rows * whole.columns

    def operands_meet(self, command: Command) -> Block:
        """The outputs that the loads which a command waits for have the operands of."""
        layer, k = self.layer, self.layer.in_features
        group, inside, size = self.weights_of(command)
        act, known = self.evidence.tables[self.judge.act], command.step.waits.get(self.judge.act)
        if known is None:
            raise UnplacedError(f"{command.where}: it waits for no activations")
        load = act[known - 1]
        offset = int(load["address"]) - self.place("input") - group * self.inputs
        share = -(-self.inputs // self.tokens)
        row, many = offset // share, int(load["segments"])
        end = row + many if many > 1 else min(self.tokens, -(-(offset + int(load["bytes"])) // share))
        if self.pes.outputs_stay:
            row = end - command.rows
        if not 0 <= row < end <= self.tokens:
            raise UnplacedError(f"{command.where}: the activations it waits for are not of its layer")
        if inside % k == 0 and size % k == 0 and size // k >= command.columns:
            return Block(group, row, end - row, inside // k, size // k, 0, k)
        area = self.products.summed[group, row:end]
        match = (np.arange(layer.out_features) * k + area * command.columns == inside) & (area < k)
        if not match.any():
            raise UnplacedError(f"{command.where}: its weights are of no outputs that are to be computed next")
        column = int(match.any(axis=0).argmax())
        return Block(group, row, end - row, column, command.columns, 0, k)

    def weights_of(self, command: Command) -> tuple[int, int, int]:
        """The repetition whose weights a command waits for, where they begin in it, and their bytes."""
        load = self.evidence.tables[self.judge.weight][command.step.waits[self.judge.weight] - 1]
        each = self.layer.in_features * self.layer.out_features
        group, inside = divmod(int(load["address"]) - self.place("weight"), each)
        if not 0 <= group < self.layer.repeat:
            raise UnplacedError(f"{command.where}: it waits for weights of another layer")
        return group, inside, int(load["bytes"] * load["segments"])

    def faults(self, placed: Placed, command: Command, block: Block) -> Iterator[str]:
        """What is wrong with a command that computes a block."""
        layer, step, k = self.layer, command.step, self.layer.in_features
        yield from placed.faults(command, block, k, layer.name)
        passes = 1 + layer.residual + bool(layer.activation)  # docs/timing.md
        if command.to and (command.to, command.passes) != (VECTOR, passes):
            yield f"its outputs do not go through {passes} passes of the vector unit"
        group, inside, size = self.weights_of(command)
        before = block.column * k - inside  # weights of the load before those of the block's columns
        whole = inside % k == 0 and size % k == 0 and before >= 0 and before + block.columns * k <= size
        part = before == -block.depth * block.columns and size == block.columns * block.deep
        load = step.waits[self.judge.weight] - 1
        self.course.ledgers[self.judge.weight].read(load, step, f"{self.course.scope}, {command.where}")
        if group != block.group or not (whole or part):
            yield f"the weights it waits for are not those of {block}"
        for what in self.operands(self.course.scope, step, block):
            yield f"not all of its {what} has been loaded"
        added = command.outputs * layer.residual
        if added:
            pitch = layer.repeat * layer.out_features
            held = self.arrivals.held[f"{layer.name}.residual"].reshape(self.tokens, pitch)
            corner = block.group * layer.out_features + block.column
            mine = held[block.row : block.row + block.rows, corner : corner + block.columns]
            if not self.read(self.course.scope, step, mine):
                yield "not all of its residual operand has been loaded"
        yield from self.judge.read_faults(command, added)

    def check_stores(self) -> Iterator[str]:
        """They have been checked when they were filled."""
        yield from ()
