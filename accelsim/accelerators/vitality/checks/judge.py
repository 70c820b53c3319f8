"""The judge: what the machine's parts are, what they must have counted, how fast they can be at most."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from accelsim.accelerators.vitality.checks.attention import LinearProducts
from accelsim.accelerators.vitality.checks.units import check_sweeps
from accelsim.accelerators.vitality.dataflow.network import network
from accelsim.accelerators.vitality.machine import UNITS, edges, resources
from accelsim.validation import Report
from accelsim.validation.course import Course, Follower
from accelsim.validation.evidence import Evidence
from accelsim.validation.memory import Tensor, layer_tensors
from accelsim.validation.products.judge import ProductJudge
from accelsim.workload.functional.linear import NARROW, WIDE
from accelsim.workload.layers import Attention, Layer, LinearAttention
from accelsim.workload.linear import STEP, LinearRule, negative_weights, warning
from accelsim.workload.network import Rule


class VitalityJudge(ProductJudge):
    """Judges a run: the network that was run is the one without softmax."""

    array, vector, weight, act, store = "array", "vector", "weight_buffer", "act_buffer", "output_buffer"
    table = "array"

    def __init__(self, evidence: Evidence) -> None:
        order = evidence.arch.options["l1_order"]
        softmax = evidence.workload.attention_layers
        self.changed = warning(softmax, evidence.workload.masks) if softmax else ""
        super().__init__(replace(evidence, workload=network(evidence.workload, order)))
        self.have = resources(evidence.arch)
        self.linear = [a for a in self.evidence.workload.layers if isinstance(a, LinearAttention)]

    def rule(self, layer: Attention | LinearAttention) -> Rule | LinearRule:
        options = self.evidence.arch.options
        narrow = options["key_bits"] == "8" and options["centre"] == "before"
        return LinearRule(self.have.divided(layer), NARROW if narrow else WIDE)

    def expected(self) -> Iterator[tuple[str, str, int]]:
        batch, have = self.evidence.workload.batch, self.have
        done = dict.fromkeys(UNITS, 0)
        first = last = divisors = diag = 0
        for a in self.linear:
            q, k = a.q_tokens * a.qk_dim, a.kv_tokens * a.qk_dim
            outputs, centred, divided = a.q_tokens * a.v_dim, a.rule == "taylor", have.divided(a)
            g = have.first_bytes(a)
            if a.rule == "l1":
                done["accumulate"] += a.heads * (q + k)
                done["divide"] += a.heads * (q + k)
            else:
                swept = k if not have.after or not centred else a.qk_dim  # of the sum of what is centred
                done["accumulate"] += a.heads * (k * centred + a.kv_tokens * a.v_dim + swept * divided)
                done["divide"] += a.heads * (a.qk_dim * centred + outputs)
                done["add"] += a.heads * (outputs + centred * (2 * a.qk_dim + g if have.after else k))
            first, last = first + a.heads * g, last + a.heads * outputs
            divisors += a.heads * a.q_tokens * divided
            diag += a.heads * q * divided
        for unit, elements in done.items():
            yield unit, "element_ops", batch * elements
        yield "g_buffer", "requant_ops", batch * first
        yield "g_buffer", "write_bytes", batch * first
        yield "divisors", "write_bytes", batch * 4 * divisors
        yield "diagonal", "mac_ops", batch * diag
        others = (layer.macs for layer in self.evidence.workload.layers if not isinstance(layer, LinearAttention))
        whole = sum(others) + sum(have.macs_of(a) for a in self.linear) - diag
        yield "array", "mac_ops", batch * whole

    def tensors(self) -> Sequence[Tensor]:
        return [*layer_tensors(self), *self.attention_tensors()]

    def attention_tensors(self) -> Iterator[Tensor]:
        """Operands and outputs of linear attention, which lie image by image."""
        for number, layer in enumerate(self.evidence.workload.layers):
            if not isinstance(layer, LinearAttention):
                continue
            sizes = {"q": layer.q_tokens * layer.qk_dim, "k": layer.kv_tokens * layer.qk_dim}
            sizes |= {"v": layer.kv_tokens * layer.v_dim, "output": layer.q_tokens * layer.v_dim}
            for image in range(self.evidence.workload.batch):
                for name, size in sizes.items():
                    out = {"written": True, "writer": self.store} if name == "output" else {}
                    yield Tensor(name=f"{layer.name}.{name}.{image}", layer=number, size=layer.heads * size, **out)

    def edges(self) -> tuple[int, int]:
        found = edges(self.evidence.arch)
        return found["left_bytes"], found["top_bytes"]

    def readers(self) -> Mapping[str, Sequence[tuple[str, str]]]:
        lanes = [
            (unit, counter) for unit in (*UNITS, "divisors") for counter in ("act_read_bytes", "weight_read_bytes")
        ]
        act, weight = ([one for one in lanes if one[1].startswith(side)] for side in ("act", "weight"))
        return {self.act: [(self.vector, "read_bytes"), *act], self.weight: weight}

    def own_follower(self, layer: Layer, course: Course) -> Follower:
        return LinearProducts(course) if isinstance(layer, LinearAttention) else Follower()

    def end(self, report: Report) -> None:
        for unit in UNITS:
            check_sweeps(self.evidence, unit, report)
        for ours, theirs in (("add.passed.divide", "divide.passed.join"), ("divide.passed.join", "join.out")):
            self.same_elements(ours, theirs, report)

        report.remarks += self.remarks()

    def remarks(self) -> Iterator[str]:
        """What a reader must know of the values."""
        if self.changed:
            yield self.changed
        below = many = 0
        for layer in (a for a in self.linear if a.rule == "taylor"):
            given, scales = self.network.of(layer.name).operands, self.network.workload.scales
            step = scales.get(f"{layer.name}.q", STEP) * scales.get(f"{layer.name}.k", STEP)
            some = negative_weights(given["q"], given["k"], step)
            below, many = below + some[0], many + some[1]
        if many:
            yield f"{below} of {many} Taylor weights are below 0 ({below / many:.2%}); none is clamped."

    def same_elements(self, ours: str, theirs: str, report: Report) -> None:
        """What goes into a unit comes out of it."""
        log, out = self.evidence.log[ours], self.evidence.log[theirs]
        wanted = int((log["rows"] * log["columns"]).sum())
        if "elements" in out.dtype.names:
            array = self.evidence.log["array.out"]
            wanted += int(array["elements"].sum())
            found = int(out["elements"].sum())
        else:
            found = int((out["rows"] * out["columns"]).sum())
        report.equal("wires", theirs, "as many values leave as came", found, wanted)
