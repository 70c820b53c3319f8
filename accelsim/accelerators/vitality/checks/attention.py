"""Linear attention, product by product: every part computed once, of operands that are there and prepared; what leaves
fills the stores."""

from collections.abc import Iterator, Sequence

import numpy as np

from accelsim.accelerators.vitality.checks.prepared import Fact, Operand, Preparation
from accelsim.accelerators.vitality.checks.replay import replay_layer
from accelsim.accelerators.vitality.machine import UNITS
from accelsim.components.lane_unit import SWEEP
from accelsim.validation import Report
from accelsim.validation.course import Course, Follower
from accelsim.validation.coverage import Block, Coverage
from accelsim.validation.products.commands import Command, Pes, Placed
from accelsim.validation.products.products import Products, UnplacedError
from accelsim.validation.program import Step

ADDERS = 2  # the array's `to`
KNOWN = ("array", "diagonal", "g_buffer", *UNITS)


class LinearProducts(Follower):
    """Follows one linear attention layer. first, last: the product that is computed first, and that which leaves;
    order: the heads as the first one is computed of them."""

    def __init__(self, course: Course) -> None:
        self.course, self.layer, self.judge, self.evidence = course, course.layer, course.judge, course.evidence
        layer, have = self.layer, self.judge.have
        self.pes, self.have, self.turned = Pes.of(self.evidence), have, have.turned(layer)
        q, k, d, v = layer.q_tokens, layer.kv_tokens, layer.qk_dim, layer.v_dim
        groups = self.evidence.workload.batch * layer.heads
        first = (q, k, d) if layer.scores_first else (d, v, k)
        last = (q, v, k) if layer.scores_first else (v, q, d) if self.turned else (q, v, d)
        self.first, self.last = (Products(self.pes, Coverage(groups, *shape)) for shape in (first, last))
        self.steps: dict[str, list[Step]] = {unit: [] for unit in KNOWN}
        self.wrong: list[str] = []
        self.order: list[int] = []
        self.divisors: dict[int, list[Fact]] = {}

    def step(self, step: Step) -> None:
        """An instruction of the layer."""
        if step.unit in self.steps:
            self.steps[step.unit].append(step)
        else:
            self.wrong.append(f"instruction {step.at}: it is of {step.unit}, which has no part in attention")

    def close(self, report: Report) -> None:
        """Tell what each command is of, and enter the checks of the layer."""
        layer, scope = self.layer, self.course.scope
        operands = self.operands()
        self.ready = Preparation(layer, self.have, operands, self.swept)
        self.wrong += list(self.ready.faults(self.steps, {unit: self.sweeps_before(unit) for unit in UNITS}))
        after = layer.rule == "taylor" and self.have.after
        divides = layer.rule != "l1"
        wanted = {"add": [(after, divides, 0)], "divide": [(0, divides, self.turned)], "accumulate": []}
        self.wrong += [
            f"{u}: it works on a stream as {self.ready.modes[u]}" for u in UNITS if self.ready.modes[u] != wanted[u]
        ]
        try:
            self.place(operands)
        except (UnplacedError, KeyError) as fault:
            self.wrong.append(str(fault))
        found = [f"{scope}, {fault}" for fault in self.wrong]
        many = sum(map(len, self.steps.values()))
        report.add("attention", scope, "commands have their operands, prepared, and their stores", many, found)
        cut = 0
        for name, products in (("of what is computed first", self.first), ("output", self.last)):
            faults = [f"{scope}: {fault}" for fault in products.coverage.faults()]
            cover = products.coverage
            macs = cover.groups * cover.rows * cover.columns * cover.depth
            report.add("attention", scope, f"each part of each value {name} computed once", macs, faults)
            cut += len(faults)
        if not cut and not found:
            replay_layer(self, report)

    def sweeps_before(self, unit: str) -> int:
        """Sweeps of a unit before the layer's first command."""
        nth = self.steps[unit][0].nth if self.steps[unit] else 0
        return int((self.evidence.commands(unit)["kind"][:nth] == SWEEP).sum())

    def operands(self) -> dict[tuple[str, int], Operand]:
        """Q, K and V of every head, each whole by one load."""
        layer, found = self.layer, {}
        sizes = {"q": layer.q_tokens * layer.qk_dim, "k": layer.kv_tokens * layer.qk_dim}
        sizes["v"] = layer.kv_tokens * layer.v_dim
        for buffer in (self.judge.act, self.judge.weight):
            for load in self.course.loads[buffer]:
                said = self.evidence.tables[buffer][load]
                for name, size in sizes.items():
                    for image in range(self.evidence.workload.batch):
                        at = int(said["address"]) - self.evidence.places[f"{layer.name}.{name}.{image}"]
                        if 0 <= at < layer.heads * size:
                            head, rest = divmod(at, size)
                            if rest or said["bytes"] != size or said["segments"] != 1:
                                self.wrong.append(f"load {load} of {buffer} is no whole operand of a head")
                            found[name, image * layer.heads + head] = Operand(
                                name, image * layer.heads + head, buffer, load
                            )
        missing = self.evidence.workload.batch * layer.heads * 3 - len(found)
        if missing:
            self.wrong.append(f"{missing} operands of heads are never loaded")
        return found

    def swept(self, one: Operand, step: Step, count: int) -> None:
        """A sweep reads an operand."""
        self.course.ledgers[one.buffer].read(one.load, step, self.course.scope, step.unit, count)

    def place(self, operands: dict[tuple[str, int], Operand]) -> None:
        """Place every command of the arrays, and judge it."""
        placed, left = Placed(self.pes), []
        self.place_divisors(operands)
        for step in self.steps["array"]:
            command = self.pes.read(step)
            is_first = step.operands["row"] == 0
            products = self.first if is_first else self.last
            group = self.first_group(step) if is_first else self.last_group(step)
            cover = products.coverage
            block = products.place(command, Block(group, 0, cover.rows, 0, cover.columns, 0, 0))
            self.judge.computed.append((command, block))
            faults = [*placed.faults(command, block, cover.depth, "first" if is_first else "last")]
            faults += self.faults(command, group, is_first, operands)
            self.wrong += [f"{command.where}: {fault}" for fault in faults]
            if is_first and (not self.order or self.order[-1] != group):
                self.order.append(group)
            if not is_first and command.to:
                left.append(block)
        size = self.have.first_bytes(self.layer)
        if len(self.order) != len(self.steps["g_buffer"]) or len(set(self.order)) != len(self.order):
            self.wrong.append(f"{len(self.steps['g_buffer'])} products are kept, {len(self.order)} are computed first")
        for step in self.steps["g_buffer"]:
            if step.operands["elements"] != size:
                self.wrong.append(f"instruction {step.at}: {step.operands['elements']} values are kept, not {size}")
        if self.layer.rule == "taylor" and self.have.after:
            values = self.layer.qk_dim * self.layer.v_dim
            if self.ready.permits != [(group, values) for group in self.order]:
                self.wrong.append("blocks of G may pass the adders before their mean is there")
        self.wrong += self.stores(left)

    def place_divisors(self, operands: dict[tuple[str, int], Operand]) -> None:
        """SA-Diag: the head of each command, by the sums it waits for."""
        layer, sums = self.layer, {fact.count: g for (what, g), fact in self.ready.facts.items() if what == "ksum"}
        rows: dict[int, int] = {}
        for step in self.steps["diagonal"]:
            said, group = step.operands, sums.get(step.waits.get("accumulate", -1))
            shape = said["rows"], said["columns"], said["first"], said["last"], said["adds"], said["to"]
            if group is None or shape != (layer.qk_dim, 1, 1, 1, 0, 1):
                self.wrong.append(f"instruction {step.at}: SA-Diag computes nothing that is asked for")
                continue
            rows[group] = rows.get(group, 0) + said["stream"]
            fact = Fact("divisors", step.nth + 1)
            self.divisors.setdefault(group, []).append(fact)
            one = operands["q", group]
            self.course.ledgers[one.buffer].read(one.load, step, self.course.scope, *fact)
            table, size = self.evidence.tables["diagonal"][step.nth], said["stream"] * layer.qk_dim
            if (table["weight_read"], table["act_read"]) != ((size, 0) if self.turned else (0, size)):
                self.wrong.append(f"instruction {step.at}: it does not say that it reads {size} bytes of Q")
        heads = self.evidence.workload.batch * layer.heads
        if rows != (dict.fromkeys(range(heads), layer.q_tokens) if self.have.divided(layer) else {}):
            self.wrong.append("not every row has its divisor, once")

    def first_group(self, step: Step) -> int:
        """The head of a command of the product that is computed first: whose values, or queries, it waits for."""
        if self.layer.scores_first:
            count = step.waits.get("divide", -1)
            return next(g for (what, g), fact in self.ready.facts.items() if fact == Fact("divide", count))
        one = self.ready.by_load.get((self.judge.weight, step.waits.get(self.judge.weight, 0) - 1))
        if one is None or one.name != "v":
            raise UnplacedError(f"instruction {step.at}: it waits for the values of no head")
        return one.group

    def last_group(self, step: Step) -> int:
        """The head of a command of the product that leaves: that whose first product it waits for."""
        nth = step.waits.get("g_buffer", 0) - 1 - self.steps["g_buffer"][0].nth
        if not 0 <= nth < len(self.order):
            raise UnplacedError(f"instruction {step.at}: it waits for the first product of no head")
        return self.order[nth]

    def faults(
        self, command: Command, group: int, is_first: bool, operands: dict[tuple[str, int], Operand]
    ) -> Iterator[str]:
        """What is wrong with a command of SA-General, of a head."""
        layer, step = self.layer, command.step
        passes = 0 if is_first else 1 + bool(layer.activation)
        if command.to and (command.to, command.at) != (ADDERS, passes):
            yield f"its outputs do not go through the adders and then {passes} operations of the vector unit"
        names = {True: "qk" if layer.scores_first else "kv", False: "v" if layer.scores_first else "q"}[is_first]
        for name in names:
            one = operands[name, group]
            self.course.ledgers[one.buffer].read(one.load, step, self.course.scope)
        needed = []
        if layer.rule == "l1":
            needed = [f"normalised {n}" for n in ("qk" if layer.scores_first else "k" if is_first else "qk")]
        elif not is_first:
            needed = ["vsum"]
        elif layer.rule == "taylor" and not self.have.after:
            needed = ["centred"]
        facts = [self.ready.facts.get((what, group), Fact("array", 1 << 60)) for what in needed]
        facts += [] if is_first else self.divisors.get(group, [])
        for fact in facts:
            if step.known[fact.unit] < fact.count:
                yield f"it begins before {fact.unit} has finished {fact.count}, which it needs of head {group}"
        row = self.evidence.tables["array"][step.nth]
        first, second = self.pes.reads(command)
        if not is_first:
            first, second = (0, second) if self.turned or layer.scores_first else (first, 0)
        if (row["act_read"], row["weight_read"]) != (first, second):
            yield f"it does not say that it reads {first} bytes of activations and {second} of weights"

    def stores(self, left: Sequence[Block]) -> Iterator[str]:
        """Whether each store is asked for when all it writes has left; left: blocks, in order."""
        layer, table = self.layer, self.evidence.tables[self.judge.store]
        heads, pitch = layer.heads, layer.heads * layer.v_dim
        images = self.evidence.workload.batch
        gone = np.full((images, layer.q_tokens, pitch), -1, np.int64)
        count = 0
        for block in left:
            image, head = divmod(block.group, heads)
            rows, columns = slice(block.row, block.row + block.rows), slice(block.column, block.column + block.columns)
            if self.turned:
                rows, columns = columns, rows
            side = slice(head * layer.v_dim + columns.start, head * layer.v_dim + columns.stop)
            gone[image, rows, side] = count
            count += block.rows * block.columns
        total, ends = 0, np.array([*(one.rows * one.columns for one in left)], np.int64).cumsum()
        for n in self.course.stores[self.judge.store]:
            said = table[n]
            total += int(said["bytes"] * said["segments"])
            at = np.arange(said["segments"])[:, None] * said["pitch"] + np.arange(said["bytes"])
            for image in range(images):
                offset = at + int(said["address"]) - self.evidence.places[f"{layer.name}.output.{image}"]
                if offset.min() >= 0 and offset.max() < layer.q_tokens * pitch:
                    begun = int(gone[image].reshape(-1)[offset].max())
                    if begun < 0 or ends[np.searchsorted(ends, begun, side="right")] > total:
                        yield f"store {n} is asked for before its last output has left"
