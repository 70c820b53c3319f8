"""The judge of the systolic array: what its parts are, what its commands say, and what they must have counted."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from accelsim.accelerators.systolic.checks.attention import AttentionProducts
from accelsim.accelerators.systolic.checks.commands import Command, Pes
from accelsim.accelerators.systolic.checks.dense import DenseProducts
from accelsim.accelerators.systolic.checks.layout import attention_tensors
from accelsim.accelerators.systolic.checks.wires import check_wires
from accelsim.validation import Judge, Report
from accelsim.validation.course import Course, Follower
from accelsim.validation.coverage import Block
from accelsim.validation.evidence import Evidence
from accelsim.validation.judge import Pace
from accelsim.validation.memory import Tensor, layer_tensors
from accelsim.validation.program import Step
from accelsim.workload.layers import Attention, Gemm, Layer
from accelsim.workload.network import Rule


class SystolicJudge(Judge):
    """Judges a run of the systolic array.

    computed: the commands that could be placed, each with the block it computes, layer by layer.
    """

    array, vector, weight, act, store = "array", "vector", "weight_buffer", "act_buffer", "output_buffer"
    softmax, spill = "softmax", "spill_buffer"

    def __init__(self, evidence: Evidence) -> None:
        super().__init__(evidence)
        self.computed: list[tuple[Command, Block]] = []
        self.attention: list[AttentionProducts] = []
        self.pes = Pes.of(evidence)
        self.fused = evidence.arch.options["attention"] == "fused"

    def expected(self) -> Iterator[tuple[str, str, int]]:
        batch, layers = self.evidence.workload.batch, self.evidence.workload.layers
        some = [layer for layer in layers if isinstance(layer, Attention)]
        rows = batch * sum(a.heads * a.q_tokens for a in some)
        scores = batch * sum(a.heads * a.q_tokens * a.kv_tokens for a in some)
        bounded = self.evidence.arch.parts["softmax"]["mode"] == "bounded"
        yield "array", "mac_ops", batch * sum(layer.macs for layer in layers)
        yield "softmax", "scale_ops", scores
        yield "softmax", "exp_ops", scores
        yield "softmax", "add_ops", scores
        yield "softmax", "compare_ops", 0 if bounded else scores
        yield "softmax", "divide_ops", rows
        yield "softmax", "fetch_read_bytes", 0 if self.fused else 2 * scores
        if not self.fused:
            yield "softmax", "normalise_ops", scores

    def tensors(self) -> Sequence[Tensor]:
        return [*layer_tensors(self), *attention_tensors(self)]

    def frees(self, step: Step) -> Mapping[str, int]:
        if step.unit != self.array:
            return {}
        row = self.evidence.tables["frees"][step.nth]
        return {self.weight: int(row["weight"]), self.act: int(row["act"])}

    def read_faults(self, command: Command, added: int = 0, resident: bool = False) -> Iterator[str]:
        """Whether a command says how many bytes it reads of each buffer; `added`: of a residual operand."""
        row = self.evidence.tables["frees"][command.step.nth]
        first, second = self.pes.reads(command)
        wanted, said = (0 if resident else first) + added, int(row["act_read"])
        if said != wanted:
            yield f"it says that it reads {said} bytes of {self.act}, but it reads {wanted}"
        if row["weight_read"] != second:
            yield f"it says that it reads {row['weight_read']} bytes of {self.weight}, but it reads {second}"

    def rule(self, layer: Attention) -> Rule:
        return super().rule(layer)._replace(mode=self.evidence.arch.parts["softmax"]["mode"])

    def paces(self) -> Iterator[Pace]:
        parts = self.evidence.arch.parts
        width = [parts[b]["banks"] * parts[b]["port_bytes"] for b in (self.act, self.weight)]
        edges = tuple(width[::-1] if self.pes.dataflow == "is" else width)
        some = [dict(zip(one.dtype.names, one.tolist())) for one in self.evidence.commands(self.array)]
        least = np.array([self.pes.least_cycles(said, edges) for said in some], np.int64)
        yield Pace(self.array, "a command takes the cycles of its folds", least)
        yield from super().paces()

    def follower(self, course: Course) -> Follower:
        return DenseProducts(course) if isinstance(course.layer, Gemm) else super().follower(course)

    def own_follower(self, layer: Layer, course: Course) -> Follower:
        if not isinstance(layer, Attention):
            return Follower()
        self.attention.append(AttentionProducts(course))
        return self.attention[-1]

    def end(self, report: Report) -> None:
        check_wires(self, report)
        for layer in self.attention:
            layer.replay(report)
