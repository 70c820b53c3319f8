"""Attention, product by product: every score and every value computed once, of operands that are there; the rows that
the softmax unit is given, one tile after the other."""

from collections.abc import Iterator, Sequence

import numpy as np

from accelsim.accelerators.systolic.checks.layout import SCORE_BYTES, operand_sizes, spilled_sizes
from accelsim.accelerators.systolic.checks.replay import replay_layer
from accelsim.accelerators.systolic.checks.tiles import Tile, Tiles
from accelsim.validation import Report
from accelsim.validation.course import Course, Follower
from accelsim.validation.coverage import Block, Coverage
from accelsim.validation.memory import Arrivals
from accelsim.validation.products.commands import SOFTMAX, VECTOR, Command, Pes, Placed
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


class AttentionProducts(Follower):
    """Follows the commands of one attention layer, which are placed when all of them are known.

    logits, values: Q K^T and P V of every head of every image, image by image. tiles: what the softmax unit is given.
    """

    def __init__(self, course: Course) -> None:
        self.course, self.layer, self.judge, self.evidence = course, course.layer, course.judge, course.evidence
        layer, batch = self.layer, self.evidence.workload.batch
        self.pes = Pes.of(self.evidence)
        shape = batch * layer.heads, layer.q_tokens
        self.logits = Products(self.pes, Coverage(*shape, layer.kv_tokens, layer.qk_dim))
        self.values = Products(self.pes, Coverage(*shape, layer.v_dim, layer.kv_tokens))
        self.tiles = Tiles(layer, self.evidence)
        self.commands: dict[str, list[Command]] = {"k": [], "v": []}
        self.order: list[Command] = []
        self.wrong: list[str] = []
        sizes, images = operand_sizes(layer), range(batch)
        self.weights = course.arrivals(self.judge.weight, **{f"{n}.{i}": sizes[n] for n in "kv" for i in images})
        sizes = sizes | ({} if self.judge.fused else spilled_sizes(layer))
        names = [n for n in sizes if n not in ("k", "v", "scores")]
        named = {f"{n}.{i}": sizes[n] for n in names for i in images}
        # as seen when commands are placed, and when they are judged
        self.placing, self.acts = (course.arrivals(self.judge.act, **named) for _ in range(2))

    def place(self, tensor: str, image: int) -> int:
        """Where a tensor begins in DRAM."""
        return self.evidence.places[f"{self.layer.name}.{tensor}.{image}"]

    def step(self, step: Step) -> None:
        """An instruction of the layer."""
        if step.unit == self.judge.softmax:
            self.tiles.add(step)
        elif step.unit != self.judge.array:
            self.wrong.append(f"instruction {step.at}: it is of {step.unit}, which has no part in attention")
        elif kind := self.factor(step):
            self.order.append(self.pes.read(step))
            self.commands[kind].append(self.order[-1])
        else:
            self.wrong.append(f"instruction {step.at}: it waits for neither keys nor values of its layer")

    def factor(self, step: Step) -> str:
        """Whether a command waits for keys or for values: its second factor."""
        load = step.waits.get(self.judge.weight, 0) - 1
        if load < 0:
            return ""
        address = int(self.evidence.tables[self.judge.weight]["address"][load])
        for name, size in operand_sizes(self.layer).items():
            for image in range(self.evidence.workload.batch):
                if name != "q" and 0 <= address - self.place(name, image) < size:
                    return name
        return ""

    def close(self, report: Report) -> None:
        """Place the commands, and enter the checks of the layer."""
        before = len(self.wrong)
        try:
            self.place_logits()
            self.place_values()
        except UnplacedError as fault:
            self.wrong.append(str(fault))
        placed, self.tiles.places = Placed(self.pes), self.logits.placed | self.values.placed
        for command in self.order:
            if command.step.at in self.tiles.places:
                block = self.tiles.places[command.step.at][1]
                self.judge.computed.append((command, block))
                self.wrong += [f"{command.where}: {fault}" for fault in self.faults(placed, command, block)]
        self.wrong += self.read_tiles()
        layer, scope, batch = self.layer, self.course.scope, self.evidence.workload.batch
        wrong = [f"{scope}, {fault}" for fault in self.wrong]
        report.add("attention", scope, "commands have their operands and stores", len(self.order), wrong)
        cut = 0
        for name, products, deep in (("score", self.logits, layer.qk_dim), ("value", self.values, layer.kv_tokens)):
            found = [f"{scope}: {fault}" for fault in products.coverage.faults()]
            cut += len(found)
            macs = batch * layer.heads * layer.q_tokens * products.coverage.columns * deep
            report.add("attention", scope, f"each part of each {name} computed once", macs, found)
        gaps = [f"{scope}, {fault}" for fault in self.tiles.faults(self.values.placed)]
        report.add("softmax", scope, "tiles are complete rows, each row once", len(self.tiles.all), gaps)
        self.right = not cut and not gaps and len(self.wrong) == before

    def surface(self, image: int, name: str) -> Surface:
        """Outputs, scores or probabilities as they lie in DRAM."""
        layer, first = self.layer, self.place(name, image)
        at = image * layer.heads
        if name == "output":
            return Surface(first, layer.heads * layer.v_dim, 1, layer.q_tokens, layer.v_dim, layer.heads, at)
        width = SCORE_BYTES if name == "scores" else 1
        return Surface(first, layer.kv_tokens, width, layer.q_tokens, layer.kv_tokens, 1, at)

    def stored(self, part: str, name: str) -> list[tuple[int, int, Block]]:
        """(number, bytes, outputs) of the layer's stores of a tensor."""
        table, found = self.evidence.tables[part], []
        size = (operand_sizes(self.layer) | spilled_sizes(self.layer)).get(
            name, self.layer.heads * self.layer.q_tokens * self.layer.v_dim
        )
        for n in self.course.stores[part]:
            for image in range(self.evidence.workload.batch):
                if 0 <= int(table["address"][n]) - self.place(name, image) < size:
                    try:
                        block = self.surface(image, name).block(table[n])
                    except UnplacedError as fault:
                        raise UnplacedError(f"store {n}: {fault}") from None
                    found.append((n, int(table["bytes"][n] * table["segments"][n]), block))
        return found

    def fill(self, products: Products, run: Run, stores: Sequence[tuple[int, int, Block]]) -> None:
        """Place the commands of a run, and see that their outputs fill its stores."""
        mine = [stores[n] for n in run.stores]
        whole = joined([block for *_, block in mine])
        for command in run.commands:
            region = narrowed(whole, *self.columns_loaded(products, command))
            products.place(command, region, lambda block, c=command: self.newest(products, c, block))
        left = [products.placed[c.step.at] for c in run.commands if c.to]
        for n in late(self.pes, left, whole, [block for *_, block in mine]):
            self.wrong.append(f"store {mine[n][0]} is asked for before its last output has left")

    def newest(self, products: Products, command: Command, block: Block) -> int:
        """The last load of queries or probabilities that a block is computed of, if the command waits for it."""
        if products is self.values and self.judge.fused:
            return 0
        held = self.first_factor(self.placing, "q" if products is self.logits else "probabilities", block)
        return newest_load(self.placing, command.step, held)

    def columns_loaded(self, products: Products, command: Command) -> tuple[int, int]:
        """The first column and the columns of keys, or of values, in the load that a command waits for."""
        layer, table = self.layer, self.evidence.tables[self.judge.weight]
        load = table[command.step.waits[self.judge.weight] - 1]
        wide, many = int(load["bytes"]), int(load["segments"])
        kind, each = ("k", layer.qk_dim) if products is self.logits else ("v", layer.v_dim)
        offsets = (int(load["address"]) - self.place(kind, i) for i in range(self.evidence.workload.batch))
        offset = next(at for at in offsets if 0 <= at < operand_sizes(layer)[kind])
        line, side = divmod(offset, each)
        if kind == "k":
            return line % layer.kv_tokens, many if many > 1 else -(-wide // each)
        return (0, each) if wide > each else (side, wide)

    def first_factor(self, arrivals: Arrivals, name: str, block: Block) -> np.ndarray:
        """The loads of a block's queries or probabilities, one by one."""
        image, head = divmod(block.group, self.layer.heads)
        held = arrivals.held[f"{self.layer.name}.{name}.{image}"].reshape(self.layer.heads, self.layer.q_tokens, -1)
        return held[head, block.row : block.row + block.rows, block.depth : block.depth + block.deep]

    def place_logits(self) -> None:
        """Unfused, scores fill stores; fused, a tile of the softmax unit."""
        layer = self.layer
        if not self.judge.fused:
            stores = self.stored(self.judge.spill, "scores")
            for run in runs(self.commands["k"], layer.qk_dim, [size for _, size, _ in stores], SCORE_BYTES):
                self.fill(self.logits, run, stores)
        else:
            tiles = self.tiles.all
            sizes = [tile.rows * tile.columns for tile in tiles]
            for run in runs(self.commands["k"], layer.qk_dim, sizes, 1):
                if len(run.stores) != 1:
                    raise UnplacedError(f"{run.commands[0].where}: its scores are of several tiles")
                self.place_tile(tiles[run.stores[0]], run.commands)
        self.tiles.receive([self.logits.placed[c.step.at] for c in self.commands["k"] if c.to])

    def place_tile(self, tile: Tile, commands: Sequence[Command]) -> None:
        """Place the commands of a tile of scores that stays on chip, by the queries they wait for."""
        group, row, end = self.queries(commands[0])
        tile.group, tile.row = group, end - commands[0].rows if self.pes.outputs_stay else row
        for command in commands:
            if command.at + command.rows > tile.rows:
                raise UnplacedError(f"{command.where}: its scores are not of the tile that the softmax unit is given")
            region = Block(group, tile.row + command.at, command.rows, 0, self.layer.kv_tokens, 0, 0)
            self.logits.place(command, region)

    def queries(self, command: Command) -> tuple[int, int, int]:
        """The head and the first and last row of the queries that a command waits for."""
        load, layer = command.step.waits.get(self.judge.act, 0) - 1, self.layer
        table = self.evidence.tables[self.judge.act]
        for image in range(self.evidence.workload.batch):
            offset = int(table["address"][load]) - self.place("q", image)
            if load >= 0 and 0 <= offset < operand_sizes(layer)["q"]:
                head, row = divmod(offset // layer.qk_dim, layer.q_tokens)
                rows = int(table["bytes"][load] * table["segments"][load]) // layer.qk_dim
                return image * layer.heads + head, row, row + rows
        raise UnplacedError(f"{command.where}: it waits for no queries")

    def place_values(self) -> None:
        """Values fill stores."""
        stores = self.stored(self.judge.store, "output")
        for run in runs(self.commands["v"], self.layer.kv_tokens, [size for _, size, _ in stores], 1):
            self.fill(self.values, run, stores)

    def faults(self, placed: Placed, command: Command, block: Block) -> Iterator[str]:
        """What is wrong with a command that computes a block of scores or of values."""
        layer, step = self.layer, command.step
        scores = step.at in self.logits.placed
        kind = "k" if scores else "v"
        yield from placed.faults(command, block, layer.qk_dim if scores else layer.kv_tokens, kind)
        image, head = divmod(block.group, layer.heads)
        passes = 1 + bool(layer.activation)
        if command.to and command.to != (SOFTMAX if scores else VECTOR):
            yield "its outputs go to the wrong unit"
        if command.to and not scores and command.passes != passes:
            yield f"its outputs do not have {passes} operations of the vector unit"
        deep = slice(block.depth, block.depth + block.deep)
        columns = slice(block.column, block.column + block.columns)
        held = self.weights.held[f"{layer.name}.{kind}.{image}"].reshape(layer.heads, layer.kv_tokens, -1)[head]
        mine = held[columns, deep] if scores else held[deep, columns]
        if not self.read(self.weights, step, mine):
            yield f"not all of its {'keys' if scores else 'values'} have been loaded"
        resident = self.judge.fused and not scores
        if resident:
            yield from self.tiles.ready(step, block)
        else:
            name = "q" if scores else "probabilities"
            if not self.read(self.acts, step, self.first_factor(self.acts, name, block)):
                yield f"not all of its {'queries' if scores else name} have been loaded"
        yield from self.judge.read_faults(command, resident=resident)

    def read(self, arrivals: Arrivals, step: Step, block: np.ndarray, counter: str = "", count: int = 0) -> bool:
        """Note the loads that hold a block of operands; whether all of it has been loaded."""
        arrivals.until(step.known[arrivals.buffer])
        loads = arrivals.of(block)
        for load in loads or ():
            self.course.ledgers[arrivals.buffer].read(load, step, self.course.scope, counter, count)
        return loads is not None

    def read_tiles(self) -> Iterator[str]:
        """Tiles that the softmax unit fetches: their scores have been loaded, their probabilities are stored."""
        if self.judge.fused:
            return
        layer = self.layer
        try:
            stores = self.stored(self.judge.spill, "probabilities")
        except UnplacedError as fault:
            yield str(fault)
            return
        fetched = self.tiles.fetched
        if len(stores) != len(fetched):
            yield f"{len(stores)} stores hold the probabilities of {len(fetched)} tiles"
            return
        arrivals = self.course.arrivals(
            self.judge.act,
            **{f"scores.{i}": spilled_sizes(layer)["scores"] for i in range(self.evidence.workload.batch)},
        )
        for tile, (number, _, block) in zip(fetched, stores, strict=True):
            tile.group, tile.row = block.group, block.row
            where = f"instruction {tile.step.at}"
            if (block.rows, block.columns) != (tile.rows, layer.kv_tokens):
                yield f"{where}: store {number} is not of the {tile.rows} rows of its tile"
                continue
            image, head = divmod(block.group, layer.heads)
            held = arrivals.held[f"{layer.name}.scores.{image}"].reshape(layer.heads, layer.q_tokens, -1)[head]
            mine = held[block.row : block.row + block.rows]
            if not self.read(arrivals, tile.step, mine, self.judge.softmax, tile.known_at):
                yield f"{where}: not all of its scores have been loaded"

    def replay(self, report: Report) -> None:
        """The layer in integers, where everything else about it is right."""
        if self.right:
            replay_layer(self, report)
