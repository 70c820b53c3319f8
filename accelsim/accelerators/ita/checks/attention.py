"""Attention, phase by phase: every logit and every value computed once, of operands that are there, in an order in
which the softmax can pass; and replayed in integers in that order."""

from collections.abc import Iterator

import numpy as np

from accelsim.accelerators.ita.arithmetic import Rows, logit_scaling, passed, probabilities, requantise, wrapped
from accelsim.validation import Report
from accelsim.validation.course import Course, Follower
from accelsim.validation.coverage import Block, Coverage
from accelsim.validation.program import Step
from accelsim.validation.report import FloatError
from accelsim.workload import functional
from accelsim.workload.network import STEP

QK, AV = 1, 2
ONE = 255  # a probability of 1


class AttentionPhases(Follower):
    """Follows the phases of one attention layer."""

    def __init__(self, course: Course) -> None:
        self.course, self.layer, self.judge, self.evidence = course, course.layer, course.judge, course.evidence
        layer, batch = self.layer, self.evidence.workload.batch
        self.shape = {"q": (layer.q_tokens, layer.qk_dim), "k": (layer.kv_tokens, layer.qk_dim)}
        self.shape |= {"v": (layer.kv_tokens, layer.v_dim), "output": (layer.q_tokens, layer.v_dim)}
        named = {
            n: {f"{n}.{i}": layer.heads * rows * wide for i in range(batch)} for n, (rows, wide) in self.shape.items()
        }
        self.weights = course.arrivals(self.judge.weight, **named["k"], **named["v"])
        self.acts = course.arrivals(self.judge.act, **named["q"])
        heads = batch * layer.heads
        self.logits = Coverage(heads, layer.q_tokens, layer.kv_tokens, layer.qk_dim)
        self.values = Coverage(heads, layer.q_tokens, layer.v_dim, layer.kv_tokens)
        self.order: list[tuple[int, Block]] = []
        self.row_tile: tuple[int, int] | None = None
        self.left: list[tuple[int, Block]] = []
        self.wrong: list[str] = []
        self.right = False

    def step(self, step: Step) -> None:
        """An instruction of the layer."""
        where = f"{self.course.scope}, instruction {step.at}"
        if step.unit != self.judge.array or step.operands["kind"] not in (QK, AV):
            self.wrong.append(f"{where}: it has no part in attention")
            return
        kind, said, layer = step.operands["kind"], step.operands, self.layer
        name = "k" if kind == QK else "v"
        found = self.head_of(step, name)
        if found is None:
            self.wrong.append(f"{where}: it waits for no {name} of its layer")
            return
        image, head = found
        group = image * layer.heads + head
        coverage = self.logits if kind == QK else self.values
        column = 0
        if (
            kind == AV
            and self.values.blocks
            and (self.values.blocks[-1].group, self.values.blocks[-1].row) == (group, said["row"])
        ):
            column = self.values.blocks[-1].column + self.values.blocks[-1].columns
        block = Block(group, said["row"], said["rows"], column, said["columns"], 0, said["depth"])
        coverage.blocks.append(block)
        self.order.append((kind, block))
        self.wrong += [f"{where}: {fault}" for fault in self.faults(step, kind, block)]

    def head_of(self, step: Step, name: str) -> tuple[int, int] | None:
        """The image and the head whose keys or values an instruction waits for."""
        load, (rows, wide) = step.waits.get(self.judge.weight, 0) - 1, self.shape[name]
        if load < 0:
            return None
        for image in range(self.evidence.workload.batch):
            first = self.evidence.places[f"{self.layer.name}.{name}.{image}"]
            head, rest = divmod(int(self.evidence.tables[self.judge.weight]["address"][load]) - first, rows * wide)
            if 0 <= head < self.layer.heads and rest == 0:
                return image, head
        return None

    def faults(self, step: Step, kind: int, block: Block) -> Iterator[str]:
        """What is wrong with a phase."""
        layer, said = self.layer, step.operands
        image, head = divmod(block.group, layer.heads)
        if block.rows > self.judge.length:
            yield f"its {block.rows} rows are more than a row tile"
        if not (said["first"] and said["last"]) or said["bias"]:
            yield "its accumulation is cut, or has a bias"
        name = "k" if kind == QK else "v"
        held = self.weights.held[f"{layer.name}.{name}.{image}"].reshape(layer.heads, layer.kv_tokens, -1)[head]
        if not self.read(
            self.weights, step, held if kind == QK else held[:, block.column : block.column + block.columns]
        ):
            yield f"not all of its {name} have been loaded"
        tile = block.group, block.row
        if kind == QK:
            self.row_tile = tile
            queries = self.acts.held[f"{layer.name}.q.{image}"].reshape(layer.heads, layer.q_tokens, -1)[head]
            if not self.read(self.acts, step, queries[block.row : block.row + block.rows]):
                yield "not all of its queries have been loaded"
            if said["columns"] != layer.kv_tokens or said["passes"]:
                yield "its logits are not of all keys, or leave"
            room = self.judge.length * -(-layer.kv_tokens // self.judge.length) * self.judge.length
            if room > self.evidence.part(self.judge.array, "logit_bytes"):
                yield f"its {room} bytes of logits have no room"
            return
        if self.row_tile != tile:
            yield "the logits of its rows are not those beside the block"
        if said["passes"] != bool(layer.activation):
            yield f"its outputs go through {said['passes']} passes"
        self.left.append((image, block))

    def read(self, arrivals, step: Step, block: np.ndarray) -> bool:
        """Note the loads that hold a block of operands; whether all of it has been loaded."""
        arrivals.until(step.known[arrivals.buffer])
        loads = arrivals.of(block)
        for load in loads or ():
            self.course.ledgers[arrivals.buffer].read(load, step, self.course.scope)
        return loads is not None

    def store_faults(self) -> Iterator[str]:
        """Stores are what leaves, in that order: rows of a phase's columns, token-major."""
        layer, table = self.layer, self.evidence.tables[self.judge.store]
        stores, pitch = list(self.course.stores[self.judge.store]), self.layer.heads * self.layer.v_dim
        for image, block in self.left:
            first, row = self.evidence.places[f"{layer.name}.output.{image}"], block.row
            while row < block.row + block.rows:
                if not stores:
                    yield "outputs leave that no store takes"
                    return
                number = stores.pop(0)
                at = first + row * pitch + block.group % layer.heads * layer.v_dim + block.column
                said = tuple(int(table[number][n]) for n in ("address", "bytes", "pitch"))
                rows = int(table[number]["segments"])
                if said != (at, block.columns, pitch) or row + rows > block.row + block.rows:
                    yield f"store {number} is not of the outputs that leave: {said}, not {(at, block.columns, pitch)}"
                    return
                row += rows
        if stores:
            yield f"{len(stores)} stores wait for outputs that never leave"

    def close(self, report: Report) -> None:
        """Enter the checks of the layer."""
        layer, scope = self.layer, self.course.scope
        wrong = self.wrong + [f"{scope}: {fault}" for fault in self.store_faults()]
        report.add("attention", scope, "phases have their operands and stores", len(self.order), wrong)
        cut = []
        for name, coverage, deep in (("logit", self.logits, layer.qk_dim), ("value", self.values, layer.kv_tokens)):
            found = [f"{scope}: {fault}" for fault in coverage.faults()]
            cut += found
            macs = coverage.groups * coverage.rows * coverage.columns * deep
            report.add("attention", scope, f"each part of each {name} computed once", macs, found)
        self.right = not cut and not wrong

    def replay(self, report: Report) -> None:
        """Every head and row: outputs equal the functional twin's; and how far they are from float64."""
        if not self.right:
            return
        layer, network = self.layer, self.judge.network
        computed = network.of(layer.name)
        scale = {n: network.workload.scales.get(f"{layer.name}.{n}", STEP) for n in "qkv"}
        keep, chosen = network.rule(layer).keep, [int(n) for n in computed.operands["scaling"][:2]]
        operands = [computed.operands[n].reshape(-1, *computed.operands[n].shape[2:]) for n in "qkv"]
        found = self.values_of(*operands, *logit_scaling(*chosen)).reshape(computed.sums.shape)
        for head in range(layer.heads):
            report.compare(
                "integers",
                f"layer {layer.name}, head {head}",
                "replayed outputs equal the reference",
                (found[:, head] == computed.sums[:, head]).all(axis=2).ravel(),
                lambda n, h=head: f"layer {layer.name}, head {h}, row {n % layer.q_tokens}: values differ",
            )
        exact = np.stack(
            [
                functional.attention_reference(*image, keep, *scale.values()) / scale["v"]
                for image in zip(*(computed.operands[n] for n in "qkv"))
            ]
        )
        error = np.abs(computed.sums / ONE - exact)
        numbers = float(error.max()), float(np.sqrt((error**2).mean())), float(np.abs(exact).max())
        report.errors.append(FloatError(layer.name, *numbers))

    def values_of(self, q: np.ndarray, k: np.ndarray, v: np.ndarray, multiplier: int, shift: int) -> np.ndarray:
        """int64[group, q_tokens, v_dim]: what the phases make of int8 q, k, v[group, tokens, dim], in their order; keys
        pass tile by tile."""
        out = np.zeros((len(q), q.shape[1], v.shape[2]), np.int64)
        logits, rows = np.zeros((0, 0), np.int8), None
        m, n = self.judge.length, self.judge.columns
        for kind, b in self.order:
            mine = slice(b.row, b.row + b.rows)
            if kind == QK:
                sums = q[b.group, mine].astype(np.int64) @ k[b.group].astype(np.int64).T
                logits, rows = requantise(sums, multiplier, shift), None
                for at in range(0, logits.shape[1], m):
                    rows = passed(logits[:, at : at + m], n, rows)
            else:
                columns = slice(b.column, b.column + b.columns)
                sums = probabilities(logits, rows or Rows(*np.zeros((3, b.rows), np.int64))).astype(np.int64)
                out[b.group, mine, columns] = wrapped(sums @ v[b.group, :, columns].astype(np.int64))
        return out
