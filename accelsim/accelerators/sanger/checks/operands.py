"""Attention, head by head: what instructions say, whether their operands have arrived, and how long they are read."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from accelsim.accelerators.sanger.checks.layout import LENGTH_BYTES, head_bytes, tensor_name
from accelsim.accelerators.sanger.checks.passes import LayerPasses
from accelsim.validation import Report
from accelsim.validation.course import Course, Follower
from accelsim.validation.program import Step

if TYPE_CHECKING:
    from accelsim.accelerators.sanger.checks.judge import SangerJudge

UNITS = ("predictor", "merge", "array")


class HeadFollower(Follower):
    """Follows the instructions of an attention layer; each unit takes the heads in order, image by image."""

    def __init__(self, course: Course, judge: "SangerJudge", passes: LayerPasses) -> None:
        self.course, self.judge, self.passes, self.layer = course, judge, passes, passes.layer
        self.first_row = judge.rows_before(passes)
        self.seen = dict.fromkeys(UNITS, 0)
        self.wrong: list[str] = []
        self.sizes = head_bytes(judge, self.layer)
        batch = judge.evidence.workload.batch
        where = {"predict_buffer": ("copy_q", "copy_k", "mask"), judge.act: ("q", "bias"), judge.weight: ("k", "v")}
        self.arrivals = {
            buffer: course.arrivals(
                buffer,
                **{
                    tensor_name(self.layer, operand, image): self.layer.heads * self.sizes[operand]
                    for image in range(batch)
                    for operand in operands
                    if operand in self.sizes
                },
            )
            for buffer, operands in where.items()
        }

    @property
    def heads(self) -> int:
        """Of all images."""
        return self.layer.heads * self.judge.evidence.workload.batch

    def step(self, step: Step) -> None:
        """An instruction of the layer."""
        where = f"{self.course.scope}, instruction {step.at}"
        if step.unit not in UNITS:
            self.wrong.append(f"{where}: it is of {step.unit}, which has no part in attention")
            return
        n = self.seen[step.unit]
        self.seen[step.unit] = n + 1
        if n >= self.heads:
            self.wrong.append(f"{where}: there are only {self.heads} heads")
            return
        wanted = self.wanted(step.unit, n)
        if dict(step.operands) != wanted:
            self.wrong.append(f"{where}: it says {dict(step.operands)}, not {wanted}")
        image, head = divmod(n, self.layer.heads)
        for buffer, operand in self.reads(step.unit):
            arrivals, size = self.arrivals[buffer], self.sizes[operand]
            arrivals.until(step.known[buffer])
            held = arrivals.held[f"{self.layer.name}.{tensor_name(self.layer, operand, image)}"]
            loads = arrivals.of(held[head * size : (head + 1) * size])
            if loads is None:
                self.wrong.append(f"{where}: not all of its {operand} has been loaded")
            for load in loads or ():
                self.course.ledgers[buffer].read(load, step, where)

    def reads(self, unit: str) -> Iterator[tuple[str, str]]:
        """(buffer, operand) of what a unit reads of a head."""
        judge = self.judge
        if unit == "predictor":
            yield from (("predict_buffer", o) for o in ("copy_q", "copy_k", "mask") if o in self.sizes)
        elif unit == "array":
            yield from ((judge.act, o) for o in ("q", "bias") if o in self.sizes)
            yield from ((judge.weight, o) for o in "kv")

    def wanted(self, unit: str, n: int) -> dict[str, int]:
        """What the instruction of a head says."""
        layer, judge, passes, head = self.layer, self.judge, self.passes, n % self.layer.heads
        if unit == "predictor":
            return {
                "tile": passes.tile_of(head),
                "tiles": passes.across,
                "rows": layer.q_tokens,
                "columns": layer.kv_tokens,
                "dim": layer.qk_dim * judge.predicts,
                "lengths": LENGTH_BYTES * judge.evidence.on("lengths"),
            }
        if unit == "merge":
            return {
                "rows": layer.q_tokens,
                "values": layer.v_dim,
                "places": passes.places,
                "until": self.first_row + self.heads * layer.q_tokens,
                "passes": 1 + bool(layer.activation),  # docs/timing.md
            }
        return {
            "passes": passes.packs[head],
            "first_row": self.first_row + n * layer.q_tokens,
            "dim": layer.qk_dim,
            "value_dim": layer.v_dim,
        }

    def close(self, report: Report) -> None:
        """All heads have been gone through, and their rows stored one after the other."""
        short = [
            f"{self.course.scope}: {n} of {self.heads} heads by {u}" for u, n in self.seen.items() if n < self.heads
        ]
        rule = "its instructions are those of its heads, and their operands are there"
        report.add("attention", self.course.scope, rule, 3 * self.heads, self.wrong + short)
        judge, layer = self.judge, self.layer
        table, wrong, expected = judge.evidence.tables[judge.store], [], iter(self.rows())
        width = layer.v_dim * judge.operand_bytes
        for number in self.course.stores[judge.store]:
            store = table[number]
            at = int(store["address"])
            for _ in range(int(store["segments"])):
                if next(expected, None) != (at, int(store["bytes"])):
                    wrong.append(f"{self.course.scope}: store {number} is not of the next row")
                    break
                at += int(store["pitch"])
        left = sum(1 for _ in expected)
        if left:
            wrong.append(f"{self.course.scope}: {left} rows of {width} bytes are not stored")
        report.add("stores", self.course.scope, "rows are stored in the order in which they leave", self.heads, wrong)

    def rows(self) -> Iterator[tuple[int, int]]:
        """(address, bytes) of every row that leaves, in order."""
        judge, layer = self.judge, self.layer
        width = layer.v_dim * judge.operand_bytes
        for n in range(self.heads):
            image, head = divmod(n, layer.heads)
            first = judge.evidence.places[f"{layer.name}.output.{image}"] + head * width
            for row in range(layer.q_tokens):
                yield first + row * layer.heads * width, width
