"""ViTCoD's judge: what its parts are, what its instructions say, what they must have counted, and all of attention."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from accelsim.accelerators.vitcod.checks.ahead import check_ahead
from accelsim.accelerators.vitcod.checks.expected import AttentionWork, attention_work
from accelsim.accelerators.vitcod.checks.index_reads import BIT_READERS, READERS, index_reads
from accelsim.accelerators.vitcod.checks.layout import attention_tensors, check_layout, coding, groups
from accelsim.accelerators.vitcod.checks.lines import check_cut_features, check_lines, check_steps
from accelsim.accelerators.vitcod.checks.local_buffers import check_index_widths, check_local_buffers
from accelsim.accelerators.vitcod.checks.operands import AttentionOperands
from accelsim.accelerators.vitcod.checks.outputs import check_tables
from accelsim.accelerators.vitcod.checks.places import Outputs, locate
from accelsim.accelerators.vitcod.checks.replay import check_replay
from accelsim.accelerators.vitcod.checks.scores import check_scores
from accelsim.accelerators.vitcod.checks.tiles import check_tiles, tile_cycles
from accelsim.accelerators.vitcod.checks.values import check_values
from accelsim.accelerators.vitcod.checks.windows import check_windows
from accelsim.dataflows.tiling import BIAS_BYTES, SCALE_BYTES
from accelsim.validation import Judge, Report
from accelsim.validation.course import Course, Follower
from accelsim.validation.dense import Group, Part
from accelsim.validation.judge import Pace
from accelsim.validation.memory import Tensor, layer_tensors
from accelsim.validation.program import Step
from accelsim.workload.layers import Attention, Gemm, Layer
from accelsim.workload.network import Rule


class ViTCoDJudge(Judge):
    """Judges a run of ViTCoD."""

    array, vector, weight, act, store = "engine", "vector", "weight_gb", "act_gb0", "act_gb1"
    shared_ports = True
    constants = True
    outputs: Outputs | None = None
    operands: AttentionOperands | None = None

    @cached_property
    def works(self) -> list[AttentionWork]:
        """The work of every attention layer."""
        return attention_work(self.evidence)

    def rule(self, layer: Attention) -> Rule:
        work = next(work for work in self.works if work.layer is layer)
        return Rule(work.keep, bool(work.coded), self.evidence.arch.parts["softmax"]["mode"])

    def expected(self) -> Iterator[tuple[str, str, int]]:
        evidence, works = self.evidence, self.works
        batch = evidence.workload.batch
        gemms = [layer for layer in evidence.workload.layers if isinstance(layer, Gemm)]
        coded = [(layer, *coding(evidence, layer)) for layer in gemms]
        dense = [(w.dense.sum() * w.layer.q_tokens * batch, w.layer) for w in works]
        sparse = [(w.sparse.sum() * batch, w.layer) for w in works]
        scores = sum(n for n, _ in dense + sparse)
        rows = sum(w.layer.heads * w.layer.q_tokens for w in works) * batch
        values = sum(w.layer.heads * w.layer.q_tokens * w.layer.v_dim for w in works) * batch
        yield "engine", "mac_ops", sum(layer.macs for layer in gemms) * batch
        yield "denser", "mac_ops", sum(n * (a.qk_dim + a.v_dim) for n, a in dense)
        yield "sparser", "mac_ops", sum(n * (a.qk_dim + a.v_dim) for n, a in sparse)
        yield "encoder", "mac_ops", sum(layer.repeat * layer.tokens * n * e for layer, n, _, e in coded) * batch
        yield "softmax", "exp_ops", scores
        yield "softmax", "add_ops", scores
        yield "softmax", "divide_ops", rows
        yield "denser", "normalise_ops", sum(n for n, _ in dense)
        yield "sparser", "normalise_ops", sum(n for n, _ in sparse)
        yield "merge", "requant_ops", values
        yield from index_reads(evidence, sum(n for n, _ in dense), sum(n for n, _ in sparse), rows)
        looked = (w.layer for w in works if w.layer.activation)
        yield "merge", "lookup_ops", sum(a.heads * a.q_tokens * a.v_dim for a in looked) * batch

    def tensors(self) -> Sequence[Tensor]:
        return [*layer_tensors(self), *attention_tensors(self.evidence, self.works)]

    def groups(self, layer: Gemm) -> Sequence[Group]:
        return groups(self.evidence, layer)

    def part(self, step: Step) -> Part:
        said = step.operands
        return Part(
            said["tokens"],
            said["features"],
            said["depth"],
            said["constants"] > 0,
            said["step_tokens"],
            said["step_features"],
            said["token"],
        )

    def part_faults(self, step: Step, group: Group, column: int) -> list[str]:
        """What the encoder and the vector unit are told of a tile."""
        layer, said = self.evidence.workload.layers[step.layer], step.operands
        wanted, wrong = (0, 0) if group.leaving is None else coding(self.evidence, layer)[1:], []
        if (said["heads"], said["encoded"]) != wanted:
            wrong.append(
                f"the encoder mixes {said['heads']} heads to {said['encoded']}, not {wanted[0]} to {wanted[1]}"
            )
        met = column % said["heads"] if said["heads"] else 0
        if said["met"] != met:
            wrong.append(f"it is said to begin {said['met']} heads into a feature, but it does {met}")
        meets = said["step_features"] % said["heads"] if said["heads"] else 0
        if said["meets"] != meets:
            wrong.append(f"a step is said to add {said['meets']} heads to those that came before, but it does {meets}")
        if said["added"] != layer.residual:
            wrong.append(f"{said['added']} bytes of a residual operand are read an output, not {int(layer.residual)}")
        constants = SCALE_BYTES + BIAS_BYTES * layer.bias
        if said["constants"] not in (0, constants):
            wrong.append(f"{said['constants']} bytes of bias and scale are read a column, not {constants}")
        passes = 1 + layer.residual + bool(layer.activation)  # docs/timing.md
        if said["passes"] != passes:
            wrong.append(f"its outputs have {said['passes']} operations of the vector unit, not {passes}")
        return wrong

    @property
    def partial_sum_bytes(self) -> int:
        return self.evidence.part("engine", "psum_bytes")

    def frees(self, step: Step) -> Mapping[str, int]:
        if step.unit != "engine":
            return {}
        row = self.evidence.tables["frees"][step.nth]
        return {"weight_gb": int(row["weight"]), "act_gb0": int(row["act"])}

    def readers(self) -> Mapping[str, Sequence[tuple[str, str]]]:
        return {
            "act_gb0": [("vector", "read_bytes"), ("decoder", "read_bytes")],
            "weight_gb": [("denser", "v_read_bytes"), ("sparser", "v_read_bytes")],
            "index_buffer": READERS,
        }

    def bit_readers(self) -> Mapping[str, Sequence[tuple[str, str]]]:
        return {"index_buffer": BIT_READERS}

    def paces(self) -> Iterator[Pace]:
        yield Pace("engine", "a tile takes the cycles of its steps", tile_cycles(self.evidence))
        yield from super().paces()

    def own_follower(self, layer: Layer, course: Course) -> Follower:
        """One for all attention layers, whose passes are numbered through."""
        if not isinstance(layer, Attention) or self.outputs is None:
            return Follower()
        self.operands = self.operands or AttentionOperands(self.evidence, self.outputs, course.ledgers)
        return self.operands

    def begin(self, report: Report) -> None:
        check_steps(self.evidence, report)
        check_tiles(self.evidence, report)
        check_windows(self.evidence, report)
        check_cut_features(self.evidence, report)
        check_ahead(self.evidence, report)
        self.outputs = locate(self.evidence, self.works, report)

    def end(self, report: Report) -> None:
        """Attention, step by step: each is judged only where the one before was right, so that one fault is not
        reported often."""
        evidence, outputs = self.evidence, self.outputs
        if self.operands is not None:
            self.operands.enter(report)
        check_layout(evidence, report)
        if outputs is None or not len(outputs.work):
            return
        before = len(report.failed)
        check_tables(evidence, outputs, report)
        check_index_widths(evidence, report)
        if len(report.failed) > before:
            return
        scores = check_scores(evidence, outputs, report)
        parts = check_values(evidence, outputs, scores, report) if scores is not None else None
        if parts is not None:
            check_lines(evidence, outputs, scores, parts, report)
            check_local_buffers(evidence, outputs, scores, parts, report)
            check_replay(self.network, outputs, scores, parts, report)
