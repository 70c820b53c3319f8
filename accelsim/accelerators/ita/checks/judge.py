"""The judge of ITA: what its parts are, what its phases say, and what they must have counted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from accelsim.accelerators.ita.arithmetic import attention
from accelsim.accelerators.ita.checks.attention import AttentionPhases
from accelsim.accelerators.ita.checks.dense import DensePhases
from accelsim.validation import Judge, Report
from accelsim.validation.course import Course, Follower
from accelsim.validation.dense import Group, Part
from accelsim.validation.evidence import Evidence
from accelsim.validation.judge import Pace
from accelsim.validation.memory import Tensor, layer_tensors
from accelsim.validation.program import Step
from accelsim.workload.gathered import gathered
from accelsim.workload.layers import Attention, Gemm, Layer
from accelsim.workload.network import Rule


def up(size: int, unit: int) -> int:
    """How many units hold a size."""
    return -(-size // unit)


class ItaJudge(Judge):
    """Judges a run of ITA."""

    array, vector, weight, act, store = "engine", "vector", "weight_buffer", "act_buffer", "output_buffer"
    constants = True

    def __init__(self, evidence: Evidence) -> None:
        super().__init__(replace(evidence, workload=gathered(evidence.workload)))
        self.length, self.columns = (evidence.part(self.array, name) for name in ("length", "columns"))
        self.beats = self.length * self.length // self.columns  # of a tile
        self.attention: list[AttentionPhases] = []
        self.wrong_reads: list[str] = []

    def expected(self) -> Iterator[tuple[str, str, int]]:
        m, batch = self.length, self.evidence.workload.batch
        some = [layer for layer in self.evidence.workload.layers if isinstance(layer, Attention)]
        tiles = [(a, batch * a.heads * up(a.q_tokens, m)) for a in some]
        yield self.array, "divisions", sum(m * n for _, n in tiles)
        yield self.array, "sum_ops", sum(m * n * m * up(a.kv_tokens, m) for a, n in tiles)
        values = sum(n * up(a.v_dim, m) * up(a.kv_tokens, m) for a, n in tiles)
        yield self.array, "shift_ops", values * self.beats * m
        worked = sum(self.tiles_of(said) for said in self.phases())
        yield self.array, "tiles", worked
        yield self.array, "beats", worked * self.beats
        yield self.array, "mac_ops", worked * m**3

    def phases(self) -> list[dict[str, int]]:
        """The operands of every phase."""
        return [dict(zip(one.dtype.names, one.tolist())) for one in self.evidence.commands(self.array)]

    def tiles_of(self, said: Mapping[str, int]) -> int:
        """Tiles of M x M x M of a phase."""
        return up(said["rows"], self.length) * up(said["columns"], self.length) * up(said["depth"], self.length)

    def tensors(self) -> Sequence[Tensor]:
        found = list(layer_tensors(self))
        for number, layer in enumerate(self.evidence.workload.layers):
            if not isinstance(layer, Attention):
                continue
            for image in range(self.evidence.workload.batch):
                sizes = {"q": layer.q_tokens * layer.qk_dim, "k": layer.kv_tokens * layer.qk_dim}
                sizes |= {"v": layer.kv_tokens * layer.v_dim, "output": layer.q_tokens * layer.v_dim}
                for name, size in sizes.items():
                    place, size = f"{layer.name}.{name}.{image}", layer.heads * size
                    found.append(Tensor(name=place, layer=number, size=size, written=name == "output"))
        return found

    def part(self, step: Step) -> Part:
        said = step.operands
        shape = said["rows"], said["columns"]
        return Part(*shape, said["depth"], bool(said["last"]), min(self.length, shape[0]), shape[1], said["row"])

    def part_faults(self, step: Step, group: Group, column: int) -> list[str]:
        layer = self.evidence.workload.layers[step.layer]
        wanted = {"kind": 0, "bias": int(layer.bias), "passes": int(layer.residual)}
        return [
            f"its operand {name} is {step.operands[name]}, not {value}"
            for name, value in wanted.items()
            if step.operands[name] != value
        ]

    @property
    def partial_sum_bytes(self) -> int:
        return 4 * self.length * self.length

    def row_of(self, step: Step) -> np.record:
        """What a phase gives back and reads."""
        return self.evidence.tables["frees"][step.operands["frees"] - 1]

    def frees(self, step: Step) -> Mapping[str, int]:
        if step.unit != self.array:
            return {}
        said = step.operands
        row, depth, columns = self.row_of(step), said["depth"], said["columns"]
        weights = up(said["rows"], self.length) * columns * depth
        # the logits that A V is given lie beside the block
        inputs = 0 if said["kind"] == 2 else said["rows"] * depth * up(columns, self.columns)
        inputs += said["rows"] * columns * (said["kind"] == 0) * said["passes"]
        if (row["weight_read"], row["act_read"]) != (weights, inputs):
            self.wrong_reads.append(f"instruction {step.at} reads {weights} and {inputs} bytes, but says otherwise")
        return {self.weight: int(row["weight"]), self.act: int(row["act"])}

    def rule(self, layer: Attention) -> Rule:
        return super().rule(layer)._replace(attend=partial(attention, columns=self.columns))

    def paces(self) -> Iterator[Pace]:
        least = np.array([self.tiles_of(said) * self.beats for said in self.phases()], np.int64)
        yield Pace(self.array, "a phase takes the beats of its tiles", least)
        yield from super().paces()

    def follower(self, course: Course) -> Follower:
        return DensePhases(course) if isinstance(course.layer, Gemm) else super().follower(course)

    def own_follower(self, layer: Layer, course: Course) -> Follower:
        if not isinstance(layer, Attention):
            return Follower()
        self.attention.append(AttentionPhases(course))
        return self.attention[-1]

    def end(self, report: Report) -> None:
        report.add("operands", self.array, "phases say what they read", len(self.phases()), self.wrong_reads)
        for layer in self.attention:
            layer.replay(report)
