"""The judge of the systolic array: what its parts are, what its commands say, and what they must have counted."""

from collections.abc import Iterator, Sequence

from accelsim.accelerators.systolic.checks.attention import AttentionProducts
from accelsim.accelerators.systolic.checks.layout import attention_tensors
from accelsim.accelerators.systolic.checks.wires import check_wires
from accelsim.validation import Report
from accelsim.validation.course import Course, Follower
from accelsim.validation.evidence import Evidence
from accelsim.validation.memory import Tensor, layer_tensors
from accelsim.validation.products.judge import ProductJudge
from accelsim.workload.layers import Attention, Layer
from accelsim.workload.network import Rule


class SystolicJudge(ProductJudge):
    """Judges a run of the systolic array."""

    array, vector, weight, act, store = "array", "vector", "weight_buffer", "act_buffer", "output_buffer"
    softmax, spill = "softmax", "spill_buffer"

    def __init__(self, evidence: Evidence) -> None:
        super().__init__(evidence)
        self.attention: list[AttentionProducts] = []
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

    def rule(self, layer: Attention) -> Rule:
        return super().rule(layer)._replace(mode=self.evidence.arch.parts["softmax"]["mode"])

    def own_follower(self, layer: Layer, course: Course) -> Follower:
        if not isinstance(layer, Attention):
            return Follower()
        self.attention.append(AttentionProducts(course))
        return self.attention[-1]

    def end(self, report: Report) -> None:
        check_wires(self, report)
        for layer in self.attention:
            layer.replay(report)
