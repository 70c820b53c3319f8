"""SpAtten's judge: the network that is left, what its parts must have counted, and all of attention."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from accelsim.accelerators.spatten.checks.heads import HeadsFollower
from accelsim.accelerators.spatten.checks.rows import check_rows
from accelsim.accelerators.spatten.checks.values import PrunedNetwork, check_values
from accelsim.accelerators.spatten.checks.work import Work, rank, tensors, works
from accelsim.accelerators.spatten.settings import pruned
from accelsim.validation import Judge, Report
from accelsim.validation.course import Course, Follower
from accelsim.validation.dense import Group, Part
from accelsim.validation.evidence import Evidence
from accelsim.validation.judge import Pace
from accelsim.validation.memory import Tensor, layer_tensors
from accelsim.validation.program import Step
from accelsim.workload.gathered import gathered
from accelsim.workload.layers import Attention, Gemm, Layer
from accelsim.workload.network import Network, Rule


class SpAttenJudge(Judge):
    """Judges a run of SpAtten, on the network that is left after pruning."""

    array, vector, weight, act, store = "array", "vector", "weight_buffer", "act_buffer", "output_buffer"
    constants = True

    def __init__(self, evidence: Evidence) -> None:
        self.plan = pruned(evidence.arch, evidence.workload)
        super().__init__(replace(evidence, workload=gathered(self.plan.workload)))
        self.works: list[Work] = works(self.plan, evidence.arch.options["v_prune"] == "first_query")

    def rule(self, layer: Attention) -> Rule:
        return super().rule(layer)._replace(mode="max")

    @cached_property
    def network(self) -> Network:
        made = PrunedNetwork(self.evidence.workload, self.rule)
        return made.prune(self.plan, {work.layer.name: work for work in self.works})

    def expected(self) -> Iterator[tuple[str, str, int]]:
        arch, found = self.evidence.arch, self.works
        lines = [work.lines(arch) for work in found]
        twice = [work.batch * int(work.again.sum()) for work in found]
        read = [work.rows + more for work, more in zip(found, twice)]
        kept = [work.batch * int(work.kept.sum()) for work in found]
        scores = sum(n * w.layer.kv_tokens for n, w in zip(read, found))
        sums = sum(w.rows * w.layer.kv_tokens for w in found) * (arch.options["prune"] == "stages")
        low = [work.batch * int(work.again.any(axis=1).sum()) for work in found]
        gemms = [layer for layer in self.evidence.workload.layers if isinstance(layer, Gemm)]
        yield "array", "mac_ops", self.evidence.workload.batch * sum(layer.macs for layer in gemms)
        yield "qk_array", "mac_ops", sum(n * w.layer.kv_tokens * w.layer.qk_dim for n, w in zip(read, found))
        yield "pv_array", "mac_ops", sum(n * w.layer.v_dim for n, w in zip(kept, found))
        yield "qk_array", "line_reads", sum(n * line["k"] for n, line in zip(read, lines))
        yield "qk_array", "rows_again", sum(twice)
        yield "pv_array", "line_reads", sum(w.rows * line["v"] for w, line in zip(found, lines))
        yield "fetcher", "requests", sum(w.rows for w in found)
        each = [(w.heads * (line["k"] + line["v"]) + n * line["k"]) for w, line, n in zip(found, lines, low)]
        yield "fetcher", "lines", sum(each)
        for counter in ("exp_ops", "add_ops", "divide_ops"):
            yield "softmax", counter, scores
        yield "decision", "max_ops", scores
        yield "importance", "importance_adds", sums
        for part, name in (("k_buffer", "k"), ("v_buffer", "v"), ("q_buffer", "q")):
            yield part, "write_bytes", sum(w.heads * w.sizes()[name] for w in found)
        yield "l_buffer", "write_bytes", sum(n * w.sizes()["l"] for n, w in zip(low, found))
        chosen = [(one, w.batch) for w in found for one in w.alive.chosen]
        ranked = [(*rank(one.sums, one.keep), len(one.sums), batch) for one, batch in chosen]
        yield "top_k", "rounds", sum(many * batch for _, many, _, batch in ranked)
        yield "top_k", "compare_ops", sum((visited + n) * batch for visited, _, n, batch in ranked)

    def tensors(self) -> Sequence[Tensor]:
        return [*layer_tensors(self), *tensors(self.works)]

    def part(self, step: Step) -> Part:
        said = step.operands
        step = said["step"], said["columns"]
        return Part(said["rows"], said["columns"], said["depth"], bool(said["last"]), *step, said["row"])

    def part_faults(self, step: Step, group: Group, column: int) -> list[str]:
        """What the vector unit is told of a tile."""
        layer, said = self.evidence.workload.layers[step.layer], step.operands["passes"]
        passes = 1 + layer.residual + bool(layer.activation)
        return [] if said == passes else [f"its outputs have {said} operations of the vector unit, not {passes}"]

    def frees(self, step: Step) -> Mapping[str, int]:
        if step.unit != self.array:
            return {}
        row = self.evidence.tables["frees"][step.nth]
        return {self.weight: int(row["weight"]), self.act: int(row["act"])}

    def paces(self) -> Iterator[Pace]:
        tiles, part = self.evidence.commands("array"), self.evidence.part
        depth = part("array", "depth")
        wide = np.minimum(depth, np.maximum(16, 2 ** np.ceil(np.log2(np.maximum(tiles["depth"], 1))).astype(int)))
        columns = 2 * part("qk_array", "multipliers") // wide
        least = tiles["rows"] * -(-tiles["columns"] // columns) * -(-tiles["depth"] // wide)
        rule = "a tile takes a cycle for each token, each line of its columns, and each line of its depth"
        yield Pace("array", rule, least + part("array", "pipeline_cycles"))
        yield from super().paces()

    def exclusive(self, buffer: str) -> bool:
        return False

    def own_follower(self, layer: Layer, course: Course) -> Follower:
        work = next((one for one in self.works if one.layer is layer), None)
        return HeadsFollower(course, work) if work else Follower()

    def end(self, report: Report) -> None:
        before = len(report.failed)
        check_rows(self, report)
        self.check_shared_lines(report)
        if len(report.failed) == before:
            check_values(self.network, self.works, self.vectors, report)

    @property
    def vectors(self) -> int:
        """Keys of a line at the widest head."""
        widest = max((w.layer.qk_dim for w in self.works), default=16)
        return self.evidence.part("qk_array", "multipliers") // max(16, 1 << (widest - 1).bit_length())

    def check_shared_lines(self, report: Report) -> None:
        """Weights are not in the lines when keys and values are fetched into them, nor the other way round."""
        log, wrong = self.evidence.log, []
        asked = {n: log[f"{n}.request"]["at"] for n in ("weight_buffer", "k_buffer", "v_buffer")}
        sizes = {n: log[f"{n}.request"]["bytes"] * log[f"{n}.request"]["segments"] for n in asked}
        freed = {"weight_buffer": log["array.release_weight"], "k_buffer": log["qk_array.k_release"]}
        freed["v_buffer"] = log["pv_array.v_release"]
        for one, others in (
            ("weight_buffer", ("k_buffer", "v_buffer")),
            ("k_buffer", ("weight_buffer",)),
            ("v_buffer", ("weight_buffer",)),
        ):
            for other in others:
                came = np.append(0, np.cumsum(sizes[other]))[np.searchsorted(asked[other], asked[one], side="right")]
                gone = np.append(0, np.cumsum(freed[other]["bytes"]))[np.searchsorted(freed[other]["at"], asked[one])]
                bad = np.flatnonzero(came > gone)
                wrong += [
                    f"load {n} of {one} is asked for when {other} holds {came[n] - gone[n]} bytes" for n in bad[:3]
                ]
        report.add(
            "buffers", "shared lines", "weights, and keys and values, keep each other out", len(wrong) + 1, wrong
        )
