"""Attention replayed in integers in the order of the passes on the wires: scores and exponentials of each, what they
add up to in the merge unit, division; against the functional twin, bit for bit, and against float64."""

from typing import TYPE_CHECKING

import numpy as np

from accelsim.accelerators.sanger.checks.passes import LayerPasses
from accelsim.validation.report import FloatError, Report
from accelsim.workload import functional
from accelsim.workload.network import STEP

if TYPE_CHECKING:
    from accelsim.accelerators.sanger.checks.judge import SangerJudge


def check_replay(judge: "SangerJudge", report: Report) -> None:
    """Every attention layer and image, on what the layers before it computed."""
    numbers, at = judge.evidence.log["array.passed"]["number"], 0
    network, workload = judge.network, judge.evidence.workload
    for one in judge.passes:
        layer, worst, many = one.layer, None, sum(one.packs)
        scale = {n: workload.scales.get(f"{layer.name}.{n}", STEP) for n in "qkv"}
        computed = network.of(layer.name)
        multiplier, shift, bound = (int(x) for x in computed.operands["scaling"])
        for image in range(workload.batch):
            q, k, v = (computed.operands[n][image] for n in "qkv")
            wanted = computed.sums[image]
            found = replay(one, numbers[at : at + many], (q, k, v), functional.Scaling(multiplier, shift), bound)
            at += many
            right = (found == wanted).all(axis=2)
            for head in range(layer.heads):
                report.compare(
                    "integers", f"layer {layer.name}, head {head}", "replayed outputs equal the reference", right[head],
                    lambda n, h=head, i=image, of=layer.name: f"layer {of}, image {i}, head {h}, row {n} differs",
                )  # fmt: skip
            worst = worse(layer.name, wanted, one.keep, (q, k, v), scale, worst)
        report.errors.append(worst)


def worse(name: str, found: np.ndarray, keep: np.ndarray, operands, scale, before: FloatError | None) -> FloatError:
    """The error of one image, or of the image before if that was worse; rows without a score are 0."""
    exact = functional.attention_reference(*operands, keep | ~keep.any(axis=2, keepdims=True), *scale.values())
    exact = np.where(keep.any(axis=2, keepdims=True), exact / scale["v"], 0)
    error = np.abs(found / functional.FULL - exact)
    here = FloatError(name, float(error.max()), float(np.sqrt((error**2).mean())), float(np.abs(exact).max()))
    return here if before is None or here.rms > before.rms else before


def replay(one: LayerPasses, numbers: np.ndarray, operands, scaling: functional.Scaling, bound: int) -> np.ndarray:
    """int32[heads, q_tokens, v_dim]: what array and merge make of int8 q, k, v of an image; numbers: of its passes."""
    q, k, v = (x.astype(np.int64) for x in operands)
    sums, total = np.zeros((*q.shape[:2], v.shape[2]), np.int64), np.zeros((*q.shape[:2], 1), np.int64)
    owner = np.repeat(np.arange(len(one.plain)), one.packs)
    passes = [p for head in one.plain for p in head.passes]
    for number in (numbers - one.first_pack).tolist():
        head = owner[number]
        for row, columns in passes[number].subrows:
            t = functional.octaves(k[head, columns] @ q[head, row], *scaling)
            below = np.maximum(bound - t, 0)
            whole, part = below >> functional.FRACTION, below & ((1 << functional.FRACTION) - 1)
            e = functional.EXP2[part] >> np.minimum(whole, functional.EXP_BITS + 1)
            sums[head, row] += e @ v[head, columns]
            total[head, row] += e.sum()
    reciprocal = np.where(total > 0, (functional.FULL << functional.RECIPROCAL_BITS) // np.maximum(total, 1), 0)
    half = 1 << (functional.RECIPROCAL_BITS - 1)
    return ((sums * reciprocal + half) >> functional.RECIPROCAL_BITS).astype(np.int32)
