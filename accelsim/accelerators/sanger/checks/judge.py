"""Sanger's judge: what its parts are, what its instructions say, what they must have counted, and all of attention."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from accelsim.accelerators.sanger.checks.layout import attention_tensors, head_bytes
from accelsim.accelerators.sanger.checks.operands import HeadFollower
from accelsim.accelerators.sanger.checks.passes import LayerPasses, check_passes, layer_passes
from accelsim.accelerators.sanger.checks.replay import check_replay
from accelsim.accelerators.sanger.checks.wires import check_wires
from accelsim.accelerators.sanger.masks import kept, threshold_of
from accelsim.validation import Judge, Report
from accelsim.validation.course import Course, Follower
from accelsim.validation.dense import Group, Part
from accelsim.validation.judge import Pace
from accelsim.validation.memory import Tensor, layer_tensors
from accelsim.validation.program import Step
from accelsim.workload.layers import Attention, Gemm, Layer
from accelsim.workload.network import Rule

PACKED = ("qkv", "q", "kv")  # roles whose outputs are kept tile by tile


class SangerJudge(Judge):
    """Judges a run of Sanger."""

    array, vector, weight, act, store = "dense", "vector", "kv_buffer", "q_buffer", "output_buffer"
    constants = True
    right = False  # whether the passes are what the masks give

    @property
    def predicts(self) -> bool:
        """Whether masks are predicted from 4-bit operands; else they come from DRAM."""
        return self.evidence.on("predict")

    @property
    def operand_bytes(self) -> int:
        """Of Q, K, V and of attention's outputs."""
        return int(self.evidence.arch.options["operand_bits"]) // 8

    def keep(self, layer: Attention) -> np.ndarray:
        """bool[heads, q_tokens, kv_tokens]: the scores that count."""
        option = self.evidence.arch.options
        source, threshold = option["mask_source"], threshold_of(option["threshold"])
        return kept(self.evidence.workload, layer, source, threshold, self.evidence.on("lengths"))

    @cached_property
    def passes(self) -> list[LayerPasses]:
        """Of all attention layers."""
        return layer_passes(self)

    def rows_before(self, passes: LayerPasses) -> int:
        """Output rows of all attention layers before one, of all images."""
        rows, batch = 0, self.evidence.workload.batch
        for one in self.passes:
            if one is passes:
                break
            rows += batch * one.layer.heads * one.layer.q_tokens
        return rows

    def rule(self, layer: Attention) -> Rule:
        return Rule(self.keep(layer), False, "bounded", late=True)

    def expected(self) -> Iterator[tuple[str, str, int]]:
        evidence, part = self.evidence, self.evidence.part
        batch, layers = evidence.workload.batch, evidence.workload.layers
        some = [(a, self.keep(a)) for a in layers if isinstance(a, Attention)]
        scores = [(int(keep.sum()) * batch, a) for a, keep in some]
        heads = [(a.heads * batch, a) for a, _ in some]
        dense = sum(n * a.q_tokens * a.kv_tokens for n, a in heads) * self.predicts
        rows, ports, wide = part("array", "rows"), part("array", "ports"), self.operand_bytes
        yield "dense", "mac_ops", sum(layer.macs for layer in layers if isinstance(layer, Gemm)) * batch
        yield "array", "mac_ops", sum(n * (a.qk_dim + a.v_dim) for n, a in scores)
        yield "array", "exp_ops", sum(n for n, _ in scores)
        yield "array", "sum_ops", sum(n for n, _ in scores)
        yield "array", "passes", sum(sum(one.packs) for one in self.passes) * batch
        yield "array", "sub_rows", sum(one.subrows for one in self.passes) * batch
        yield "array", "q_read_bytes", sum(one.subrows * one.layer.qk_dim for one in self.passes) * batch * wide
        yield (
            "array",
            "kv_read_bytes",
            batch
            * wide
            * sum(
                min(ports, a.kv_tokens - p.spot % one.across * ports) * (a.qk_dim + a.v_dim)
                for one in self.passes
                for a in (one.layer,)
                for head in one.plain
                for p in head.passes
            ),
        )
        yield "merge", "divide_ops", sum(int(keep.any(axis=2).sum()) for _, keep in some) * batch
        yield "merge", "normalise_ops", sum(n * a.q_tokens * a.v_dim * (1 + bool(a.activation)) for n, a in heads)
        yield "merge", "add_ops", sum(one.subrows * (one.layer.v_dim + 1) for one in self.passes) * batch
        yield "predictor", "mac4_ops", sum(n * a.q_tokens * a.kv_tokens * a.qk_dim for n, a in heads) * self.predicts
        yield "predictor", "exp_ops", dense
        yield "predictor", "compare_ops", dense
        yield "predictor", "scale_ops", dense * evidence.on("lengths")
        yield "pack", "columns", sum(n * -(-a.q_tokens // rows) * a.kv_tokens for n, a in heads)
        yield "pack", "emits", sum(sum(head.emits) for one in self.passes for head in one.plain) * batch
        for buffer, operands in (("predict_buffer", ("copy_q", "copy_k", "mask")),):
            sizes = [(n, head_bytes(self, a)) for n, a in heads]
            yield buffer, "write_bytes", sum(n * sum(size.get(o, 0) for o in operands) for n, size in sizes)

    def tensors(self) -> Sequence[Tensor]:
        return [*layer_tensors(self), *attention_tensors(self)]

    def groups(self, layer: Gemm) -> Sequence[Group]:
        return [Group(0, layer.out_features, packed=layer.role in PACKED)]

    def part(self, step: Step) -> Part:
        said, array = step.operands, self.evidence.arch.parts["array"]
        last = bool(said["last"])
        return Part(said["rows"], said["columns"], said["stream"], last, array["pes"], array["rows"], said["row"])

    def part_faults(self, step: Step, group: Group, column: int) -> list[str]:
        said, layer, wrong = step.operands, self.evidence.workload.layers[step.layer], []
        passes = 1 + layer.residual + bool(layer.activation)  # docs/timing.md
        if (said["to"], said["passes"], said["adds"]) != (1, passes, 0):
            wrong.append(f"its outputs do not have {passes} operations of the vector unit")
        if not said["first"] and said["rows"] > self.evidence.part("array", "pes"):
            wrong.append("the sums of its first rows are lost")
        if said["columns"] > self.evidence.part("array", "rows"):
            wrong.append(f"it has {said['columns']} columns of {self.evidence.part('array', 'rows')}")
        return wrong

    @property
    def partial_sum_bytes(self) -> int:
        return 4 * self.evidence.part("array", "rows") * self.evidence.part("array", "pes")

    def frees(self, step: Step) -> Mapping[str, int]:
        if step.unit != self.array:
            return {}
        row = self.evidence.tables["frees"][step.nth]
        return {self.weight: int(row["weight"]), self.act: int(row["act"])}

    def readers(self) -> Mapping[str, Sequence[tuple[str, str]]]:
        return {
            self.act: [(self.vector, "read_bytes"), ("array", "q_read_bytes")],
            self.weight: [("array", "kv_read_bytes")],
            "predict_buffer": [("predictor", "read_bytes")],
        }

    def paces(self) -> Iterator[Pace]:
        part = self.evidence.part
        left, top = (part(b, "banks") * part(b, "port_bytes") for b in (self.act, self.weight))
        said, high = self.evidence.commands(self.array), part("array", "pes")
        full, rest = np.divmod(said["rows"], high)
        beats = [np.maximum(-(-n // left), -(-said["columns"] // top)) for n in (high, rest)]
        yield Pace(self.array, "a command takes the cycles of its folds",
                   said["stream"] * (full * beats[0] + (rest > 0) * beats[1]))  # fmt: skip
        yield from super().paces()

    def own_follower(self, layer: Layer, course: Course) -> Follower:
        if not isinstance(layer, Attention) or not self.right:
            return Follower()
        return HeadFollower(course, self, next(one for one in self.passes if one.layer is layer))

    def begin(self, report: Report) -> None:
        self.right = check_passes(self, report)

    def end(self, report: Report) -> None:
        """Attention on the wires and in integers, where its passes are right."""
        if self.right and check_wires(self, report):
            check_replay(self, report)
