"""SALO's judge: what its parts are, what they must have counted, and all of attention."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from accelsim.accelerators.salo.arithmetic import attention
from accelsim.accelerators.salo.checks.replay import replay_layer
from accelsim.accelerators.salo.checks.tiles import HeadTiles
from accelsim.accelerators.salo.checks.wires import check_wires
from accelsim.accelerators.salo.machine import port_bytes, resources
from accelsim.accelerators.salo.masks import plans
from accelsim.accelerators.salo.schedule import Schedule
from accelsim.validation import Report
from accelsim.validation.course import Course, Follower
from accelsim.validation.evidence import Evidence
from accelsim.validation.judge import Pace
from accelsim.validation.memory import Tensor, layer_tensors
from accelsim.validation.products.judge import ProductJudge
from accelsim.workload.layers import Attention, Gemm, Layer
from accelsim.workload.network import Rule


class SaloJudge(ProductJudge):
    """Judges a run. followed: its attention layers, in order."""

    array, vector, weight, act, store = "array", "vector", "weight_buffer", "act_buffer", "output_buffer"
    window, merge = "window", "merge"
    turns_weights = False  # the dense array's are weights alone

    def __init__(self, evidence: Evidence) -> None:
        super().__init__(evidence)
        self.have = resources(evidence.arch)
        self.followed: list[HeadTiles] = []

    def plans(self, layer: Attention) -> tuple[Schedule, ...]:
        """The tiles of every head."""
        have = self.have
        return plans(self.evidence.workload, layer, have.rows, have.columns, have.globals)

    def keep(self, layer: Attention) -> np.ndarray:
        """bool[heads, q_tokens, kv_tokens]: the scores that count."""
        return self.evidence.workload.mask(layer.name).keep

    def rule(self, layer: Attention) -> Rule:
        return Rule(self.keep(layer), False, "max", attend=partial(attention, self.plans(layer)))

    def expected(self) -> Iterator[tuple[str, str, int]]:
        batch, layers = self.evidence.workload.batch, self.evidence.workload.layers
        some = [(a, int(self.keep(a).sum())) for a in layers if isinstance(a, Attention)]
        scores = batch * sum(n for _, n in some)
        yield self.array, "mac_ops", batch * sum(layer.macs for layer in layers if isinstance(layer, Gemm))
        yield self.window, "mac_ops", batch * sum(n * (a.qk_dim + a.v_dim) for a, n in some)
        yield self.window, "exp_ops", scores
        yield self.window, "scale_ops", scores
        yield self.window, "tiles", batch * sum(len(plan.tiles) for a, _ in some for plan in self.plans(a))
        outputs = sum(a.heads * a.q_tokens * a.v_dim * (1 + bool(a.activation)) for a, _ in some)
        yield self.merge, "requant_ops", batch * outputs

    def tensors(self) -> Sequence[Tensor]:
        return [*layer_tensors(self), *self.attention_tensors()]

    def attention_tensors(self) -> Iterator[Tensor]:
        """Operands and outputs of attention, image by image, and the masks of tiles, which all images share."""
        for number, layer in enumerate(self.evidence.workload.layers):
            if not isinstance(layer, Attention):
                continue
            bits = sum(t.mask_bytes(layer.kv_tokens) for plan in self.plans(layer) for t in plan.tiles)
            if bits:
                yield Tensor(name=f"{layer.name}.mask", layer=number, size=bits, constant=True)
            sizes = {"q": layer.q_tokens * layer.qk_dim, "k": layer.kv_tokens * layer.qk_dim}
            sizes |= {"v": layer.kv_tokens * layer.v_dim, "output": layer.q_tokens * layer.v_dim}
            for image in range(self.evidence.workload.batch):
                for name, size in sizes.items():
                    out = {"written": True, "writer": self.store} if name == "output" else {}
                    whole = {} if name in ("q", "output") else {"whole": self.touched(layer, size // layer.kv_tokens)}
                    place = f"{layer.name}.{name}.{image}"
                    yield Tensor(name=place, layer=number, size=layer.heads * size, **out, **whole)

    def touched(self, layer: Attention, wide: int) -> int:
        """Bytes of K or V that any tile needs; all, where heads are loaded whole."""
        return HeadTiles.touched(self, layer) * wide

    def readers(self) -> Mapping[str, Sequence[tuple[str, str]]]:
        return {
            self.act: [(self.vector, "read_bytes"), (self.window, "q_read_bytes")],
            self.weight: [(self.window, "kv_read_bytes")],
        }

    def paces(self) -> Iterator[Pace]:
        said = self.evidence.commands(self.window)
        port = port_bytes(self.evidence.arch, self.weight)
        wait = self.have.columns + self.have.globals - 1
        scores = np.maximum(said["depth"], -(-(said["keys"] * said["depth"] + said["mask_bytes"]) // port))
        yield Pace(self.window, "a tile takes the cycles of its stages", scores + 3 + wait + said["values"], wait)
        yield from super().paces()

    def own_follower(self, layer: Layer, course: Course) -> Follower:
        if not isinstance(layer, Attention):
            return Follower()
        self.followed.append(HeadTiles(course))
        return self.followed[-1]

    def end(self, report: Report) -> None:
        check_wires(self, report)
        for layer in self.followed:
            if layer.right:
                replay_layer(layer, report)
