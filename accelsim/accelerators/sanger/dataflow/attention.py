"""Attention on Sanger, head by head: the mask of one head is predicted and packed while the one before is worked on."""

from dataclasses import dataclass

import numpy as np

from accelsim.accelerators.sanger.dataflow.resources import Resources
from accelsim.accelerators.sanger.dataflow.strips import Strips, tabulate
from accelsim.core.errors import InputError
from accelsim.dataflows.program import Program, Wait, heads_said
from accelsim.dataflows.tiling import PASSES, ceil
from accelsim.workload.layers import Attention

BIAS_BYTES = 2  # of a head and relative position, where the network has them
LENGTH_BYTES = 2  # of a query's or key's length beside its 4-bit copy


@dataclass(frozen=True)
class Loads:
    """What a head brings into a buffer: its bytes, and what to wait for if one needs it."""

    bytes: int
    wait: Wait


class AttentionLayer:
    """Emits one attention layer of all images of a batch."""

    def __init__(self, p: Program, layer: Attention, keep: np.ndarray, batch: int, have: Resources) -> None:
        self.p, self.layer, self.batch, self.have = p, layer, batch, have
        self.queries, self.keys, self.op = layer.q_tokens, layer.kv_tokens, have.operand_bytes
        self.places = self.rows_held()
        self.check_prediction()
        self.strips: Strips = tabulate(p, keep, self.places, have)
        self.copied = ceil(layer.qk_dim, 2) + LENGTH_BYTES * have.lengths  # bytes of a token's 4-bit copy
        self.sizes = {
            have.predictor: (self.queries + self.keys) * self.copied if have.predict else self.mask_bytes,
            have.act: self.queries * layer.qk_dim * self.op + BIAS_BYTES * (layer.bias_offsets or 0),
            have.weight: self.keys * (layer.qk_dim + layer.v_dim) * self.op,
        }
        self.check_room()
        self.heads = [(image, head) for image in range(batch) for head in range(layer.heads)]
        self.loaded: list[dict[str, Wait]] = []

    @property
    def mask_bytes(self) -> int:
        """Of a head's mask, a bit a score, column by column of each strip."""
        full, rest = divmod(self.queries, self.have.rows)
        return self.keys * (full * ceil(self.have.rows, 8) + ceil(rest, 8))

    def rows_held(self) -> int:
        """Rows that the accumulators hold. Raises InputError when they are fewer than a pass may be of."""
        row = 4 * (self.layer.v_dim + 1)
        places, least = self.have.sums_bytes // row, min(self.have.rows, self.layer.q_tokens)
        if places < least:
            raise InputError(
                f"layer {self.layer.name}: rows of {self.layer.v_dim} values need {row} bytes each of "
                f"merge.sums_bytes ({self.have.sums_bytes}) for the {least} rows of a pass; make it at least "
                f"{least * row}"
            )
        return places

    def check_prediction(self) -> None:
        """Raise InputError when a unit of the prediction does not hold what the layer needs."""
        have, layer = self.have, self.layer
        strip = ceil(have.rows * layer.kv_tokens * have.exp_bits, 8)
        if strip > have.strip_bytes:
            raise InputError(
                f"layer {layer.name}: the exponentials of {have.rows} rows x {layer.kv_tokens} keys need {strip} bytes "
                f"of predictor.strip_bytes ({have.strip_bytes}); make it at least that"
            )
        bits = (49 * layer.qk_dim).bit_length() + 1
        if have.predict and bits > have.sum_bits:
            raise InputError(
                f"layer {layer.name}: a sum of {layer.qk_dim} products of 4 bits has {bits} bits, but "
                f"predictor.sum_bits is {have.sum_bits}; make it at least {bits}"
            )

    def check_room(self) -> None:
        """Raise InputError when a buffer does not hold what it must of one head, or of one row."""
        have, layer = self.have, self.layer
        capacity = {have.predictor: have.predict_bytes, have.act: have.act_bytes, have.weight: have.weight_bytes}
        what = {have.predictor: "masks", have.act: "queries", have.weight: "keys and values"}
        if have.predict:
            what[have.predictor] = "4-bit queries and keys"
        for buffer, size in self.sizes.items():
            if size > capacity[buffer]:
                raise InputError(
                    f"layer {layer.name}: the {what[buffer]} of a head need {size} bytes of {buffer}.capacity_bytes "
                    f"({capacity[buffer]}); make it at least that, better twice"
                )
        if layer.v_dim > have.features:
            raise InputError(
                f"layer {layer.name}: an output row of a head has {layer.v_dim} values, but merge.features is "
                f"{have.features}; make it at least that"
            )
        row = layer.v_dim * self.op
        if row > have.store_bytes:
            raise InputError(
                f"layer {layer.name}: an output row of a head has {row} bytes, but {have.store}.capacity_bytes = "
                f"{have.store_bytes} holds none; make it at least {row}, better {2 * row}"
            )
        # whether the next head's operands fit beside those of the one that is worked on
        self.ahead = {buffer: 2 * size <= capacity[buffer] for buffer, size in self.sizes.items()}

    def emit(self) -> None:
        """The whole layer."""
        p, have = self.p, self.have
        for buffer in (have.weight, have.predictor):
            p.fence(buffer, p.all_of(have.store))
        self.place()
        for image, head in self.heads:
            self.load(image, head)
        self.first_row = self.strips.enter_rows(p, self.batch)
        count = len(self.heads)
        operands_ahead = self.ahead[have.weight] and self.ahead[have.act]
        before: list[Wait] = []  # what to wait for if one needs the heads before done
        self.predict(0)
        for n in range(count):
            if n + 1 < count and self.ahead[have.predictor]:
                self.predict(n + 1)
            if n and not operands_ahead:
                self.free_operands(before[n - 1])
            before.append(self.work(n))
            p.free(have.predictor, self.sizes[have.predictor], wait=self.predicted[n])
            if n + 1 < count and not self.ahead[have.predictor]:
                self.predict(n + 1)
            if n and operands_ahead:
                self.free_operands(before[n - 1])
        self.free_operands(before[-1])

    def free_operands(self, wait: Wait) -> None:
        """Give back the operands of a head that is done."""
        for buffer in (self.have.weight, self.have.act):
            self.p.free(buffer, self.sizes[buffer], wait=wait)

    def place(self) -> None:
        """Where the tensors lie in DRAM: head by head, outputs token by token."""
        p, layer, have = self.p, self.layer, self.have
        self.predicted: list[Wait] = []
        self.tensors: list[dict[str, int]] = []
        for image in range(self.batch):
            sizes = {
                "q": self.queries * layer.qk_dim * self.op,
                "k": self.keys * layer.qk_dim * self.op,
                "v": self.keys * layer.v_dim * self.op,
            }
            if have.predict:
                sizes |= {"copy_k": self.keys * self.copied, "copy_q": self.queries * self.copied}
            found = {n: p.allocate(f"{layer.name}.{n}.{image}", layer.heads * size) for n, size in sizes.items()}
            if not have.predict:
                found["mask"] = p.allocate(f"{layer.name}.mask", layer.heads * self.mask_bytes)
            if layer.bias_offsets:
                found["bias"] = p.allocate(f"{layer.name}.bias", layer.heads * BIAS_BYTES * layer.bias_offsets)
            size = self.queries * layer.heads * layer.v_dim * self.op
            self.tensors.append(found | {"output": p.allocate(f"{layer.name}.output.{image}", size)})

    def load(self, image: int, head: int) -> None:
        """The loads of a head: what its mask is predicted of, then queries, then keys and values."""
        p, layer, have, at = self.p, self.layer, self.have, self.tensors[image]
        p.saying("operands", heads_said([head], image))

        def fetch(buffer: str, tensor: str, size: int) -> Wait:
            return p.load(buffer, at[tensor] + head * size, size)

        if have.predict:
            fetch(have.predictor, "copy_k", self.keys * self.copied)
            mask = fetch(have.predictor, "copy_q", self.queries * self.copied)
        else:
            mask = fetch(have.predictor, "mask", self.mask_bytes)
        if layer.bias_offsets:
            fetch(have.act, "bias", BIAS_BYTES * layer.bias_offsets)
        q = fetch(have.act, "q", self.queries * layer.qk_dim * self.op)
        fetch(have.weight, "k", self.keys * layer.qk_dim * self.op)
        v = fetch(have.weight, "v", self.keys * layer.v_dim * self.op)
        self.loaded.append({have.predictor: mask, have.act: q, have.weight: v})

    def predict(self, n: int) -> None:
        """Have the mask of a head made."""
        have, strips = self.have, self.strips
        self.saying(n, "prediction")
        self.p.issue(
            "predictor",
            tile=strips.first_tile[self.heads[n][1]],
            tiles=strips.tiles,
            rows=self.queries,
            columns=self.keys,
            dim=self.layer.qk_dim if have.predict else 0,
            lengths=LENGTH_BYTES * have.lengths,
            wait=self.loaded[n][have.predictor],
        )
        self.predicted.append(self.p.will("predictor"))

    def saying(self, n: int, phase: str) -> None:
        """What follows is for a phase of a head."""
        image, head = self.heads[n]
        self.p.saying(phase, heads_said([head], image))

    def work(self, n: int) -> Wait:
        """Have the passes of a head done and its rows stored; what to wait for if one needs it done."""
        p, layer, have = self.p, self.layer, self.have
        image, head = self.heads[n]
        self.saying(n, "scores and values")
        until = self.first_row + len(self.heads) * self.queries
        sweeps = PASSES["requantise"] + PASSES["activation"] * bool(layer.activation)
        p.issue("merge", rows=self.queries, values=layer.v_dim, places=self.places, until=until, passes=sweeps)
        p.issue(
            "array",
            passes=self.strips.passes[head],
            first_row=self.first_row + n * self.queries,
            dim=layer.qk_dim,
            value_dim=layer.v_dim,
            wait=self.loaded[n][have.act],
            wait2=self.loaded[n][have.weight],
        )
        width, pitch = layer.v_dim * self.op, layer.heads * layer.v_dim * self.op
        most = min(max(1, have.store_bytes // 2 // width), ceil(self.queries, 4))
        for row in range(0, self.queries, most):
            at = self.tensors[image]["output"] + row * pitch + head * width
            p.store(have.store, at, width, min(most, self.queries - row), pitch)
        return p.will("array")
