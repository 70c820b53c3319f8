"""Symmetric int8 operands of one image, and how far integer arithmetic on them is from the network's own numbers.

real = integer x scale, scale = largest magnitude / 127, one scale per tensor. Scores are q k^T / sqrt(qk_dim): whatever
factor the network puts on its scores goes into q.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from accelsim.codesign.step import Step
from accelsim.core.errors import InputError
from accelsim.workload import functional
from accelsim.workload.layers import Attention
from accelsim.workload.workload import Workload

LEVELS = 127
LEAST_SCALE = 2.0**-47
"""Of a score in steps of its exponential: below it no shift can express it, and no score differs from another."""


class Operands(NamedTuple):
    """tensors and scales as a Workload takes them; outputs: layer -> float64 result of the network, [heads, q_tokens,
    v_dim] or [repeat, tokens, out_features]; biased: attentions whose scores have an additive bias, which no operand
    carries (their output is computed without it)."""

    tensors: dict[str, np.ndarray]
    scales: dict[str, float]
    outputs: dict[str, np.ndarray]
    biased: tuple[str, ...]


class ErrorRow(NamedTuple):
    """Of one layer: |integer - float| / |float| (Euclidean), the same as signal to noise in dB, the largest difference,
    and whether an additive bias of the scores was left out on both sides."""

    layer: str
    kind: str
    relative: float
    sqnr_db: float
    largest: float
    biased: bool = False


def quantize(array: np.ndarray, least: float = 0.0) -> tuple[np.ndarray, float]:
    """(int8 array, scale). Zeros have scale 1, and no other scale is below `least`. Errors: InputError for a value that
    is no finite number."""
    array = np.asarray(array, np.float64)
    most = float(np.abs(array).max(initial=0.0))
    if not math.isfinite(most):
        raise InputError("a tensor to quantize holds a value that is not finite; check the network's weights.")
    scale = max(most / LEVELS, least) if most else 1.0
    return np.rint(array / scale).astype(np.int8), scale


def operands(steps: list[Step], layers: list, which: str, keep: Mapping[str, np.ndarray], encoders=None) -> Operands:
    """The int8 operands of traced steps (see `trace(values=True)`).

    which: 'attention' (q, k, v) or 'all' (also inputs and weights of the products). layers: the steps' layers as they
    go into the workload. keep: layer -> bool[heads, q, kv], True = kept. encoders: the auto-encoders that were at work
    in the trace, whose codes they still hold.
    """
    made = Operands({}, {}, {}, ())
    biased = []
    for step, layer in zip(steps, layers):
        if step.kind == "attention":
            biased += [layer.name] * _attention(made, step, layer, keep.get(layer.name), encoders)
        elif step.kind == "gemm" and which == "all":
            _gemm(made, step, layer.name)
    return made._replace(biased=tuple(biased))


def _attention(made: Operands, step: Step, layer: Attention, keep, encoders) -> bool:
    values, name = step.node.values, layer.name
    factor = values["factor"]
    if factor is None:
        raise InputError(
            f"{name}: its scores are clamped, so that no operands stand for them; export without operands."
        )
    shape = (layer.heads, 1, 1)
    factor = np.broadcast_to(_array(factor).reshape(-1, 1, 1) * math.sqrt(layer.qk_dim), shape)
    real = {n: _array(values[n]).reshape(layer.heads, *values[n].shape[-2:]) for n in "qkv"}
    real["q"] = real["q"] * factor
    for operand in "qkv":
        if encoders is not None and operand != "v":
            _coded(
                made, layer, operand, encoders, step.node.sizes["index"], factor if operand == "q" else np.ones(shape)
            )
        else:
            ints, made.scales[f"{name}.{operand}"] = quantize(real[operand])
            made.tensors[f"{name}.{operand}"] = ints
    if encoders is None:
        step_of_scores = made.scales[f"{name}.k"] * math.log2(math.e) * 2**functional.FRACTION / math.sqrt(layer.qk_dim)
        ints, made.scales[f"{name}.q"] = quantize(real["q"], LEAST_SCALE / step_of_scores)
        made.tensors[f"{name}.q"] = ints
    if values["biased"]:
        scores = real["q"] @ real["k"].transpose(0, 2, 1) / math.sqrt(layer.qk_dim)
        scores = np.where(keep, scores, -np.inf) if keep is not None else scores
        e = np.exp(scores - scores.max(-1, keepdims=True))
        made.outputs[name] = e / e.sum(-1, keepdims=True) @ real["v"]
    else:
        made.outputs[name] = _array(values["out"]).reshape(layer.heads, layer.q_tokens, layer.v_dim)
    return bool(values["biased"])


def _coded(made: Operands, layer: Attention, operand: str, encoders, index: int, factor: np.ndarray) -> None:
    """Code, weights, and the operand that the integer decoder makes of them."""
    name, position = layer.name, "qk".index(operand)
    encoder, decoder = encoders.pairs[2 * index + position]
    code = _array(encoders.codes[index][position])[0]
    weight, bias = _array(decoder.weight) * factor[:, 0], _array(decoder.bias) * factor[:, 0, 0]
    put, scale = made.tensors, made.scales
    put[f"{name}.encode_{operand}"], scale[f"{name}.encode_{operand}"] = quantize(_array(encoder.weight))
    put[f"{name}.decode_{operand}"], scale[f"{name}.decode_{operand}"] = quantize(weight)
    put[f"{name}.code_{operand}"], scale[f"{name}.code_{operand}"] = quantize(code)
    sums = scale[f"{name}.decode_{operand}"] * scale[f"{name}.code_{operand}"]
    put[f"{name}.decode_{operand}_bias"] = np.rint(bias / sums).astype(np.int32)
    again = np.einsum("ho,ond->hnd", weight, code) + bias[:, None, None]
    scale[f"{name}.{operand}"] = quantize(again)[1]
    put[f"{name}.{operand}"] = decoded(put, scale, name, operand)


def decoded(tensors: Mapping[str, np.ndarray], scales: Mapping[str, float], layer: str, operand: str) -> np.ndarray:
    """int8[heads, tokens, qk_dim]: 'q' or 'k' of a layer by the integer decoder, from its code."""
    sums = scales[f"{layer}.decode_{operand}"] * scales[f"{layer}.code_{operand}"]
    multiplier, shift = functional.choose_requantization(sums, scales[f"{layer}.{operand}"])
    return functional.decode(
        tensors[f"{layer}.code_{operand}"],
        tensors[f"{layer}.decode_{operand}"],
        multiplier,
        shift,
        tensors[f"{layer}.decode_{operand}_bias"],
    )


def _gemm(made: Operands, step: Step, name: str) -> None:
    parts = step.parts or [step]
    weights, biases, outputs = zip(*(_affine(part) for part in parts))
    weight, bias, out = (np.concatenate(x, -1) for x in (weights, biases, outputs))
    x = parts[0].before.values["x"] if parts[0].before else parts[0].node.values["x"]
    x = _array(x).reshape(weight.shape[0], -1, weight.shape[1])
    ints, made.scales[f"{name}.x"] = quantize(x)
    w, made.scales[f"{name}.weight"] = quantize(weight)
    sums = made.scales[f"{name}.x"] * made.scales[f"{name}.weight"]
    made.tensors.update({f"{name}.x": ints, f"{name}.weight": w, f"{name}.bias": np.rint(bias / sums).astype(np.int32)})
    made.outputs[name] = out


def _affine(step: Step) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights [repeat, in, out], bias [repeat, out] and float result [repeat, tokens, out] of a product with everything
    that was folded into it."""
    values = step.node.values
    weight = _array(values["weight"]).transpose(0, 2, 1)
    repeat, _, out = weight.shape
    bias = np.zeros((repeat, out)) if values["bias"] is None else _array(values["bias"]).reshape(repeat, out)
    if step.before is not None:
        bias = bias + np.einsum("i,rio->ro", _array(step.before.values["shift"]), weight)
        weight = weight * _array(step.before.values["factor"])[:, None]
    result = _by_channels(values["out"], repeat, out)
    for node in step.folded:
        if node.kind == "norm":
            factor, shift = (_array(node.values[n]).reshape(repeat, out) for n in ("factor", "shift"))
        else:
            by, op = _array(node.values["by"]), node.values["op"]
            by = np.broadcast_to(by.reshape(repeat, out) if by.size > 1 else by, (repeat, out))
            factor = (
                {"mul": by, "div": 1 / by, "truediv": 1 / by}[op] if op in ("mul", "div", "truediv") else by * 0 + 1
            )
            shift = {"add": by, "sub": -by}.get(op, by * 0)
        weight, bias = weight * factor[:, None], bias * factor + shift
        # the network's own result; where it comes split into heads, the same by hand
        own = _by_channels(node.values["out"], repeat, out)
        result = result * factor[:, None] + shift[:, None] if own is None else own
    return weight, bias, result


def _by_channels(tensor, repeat: int, out: int) -> np.ndarray | None:
    """A product's result as [repeat, tokens, out]; None when its features are not on one axis."""
    array, channels = _array(tensor), repeat * out
    if array.ndim == 4 and array.shape[1] == channels:  # of a convolution: [windows, channels, rows, columns]
        return array.reshape(len(array), repeat, out, -1).transpose(1, 0, 3, 2).reshape(repeat, -1, out)
    return array.reshape(-1, repeat, out).transpose(1, 0, 2) if array.shape[-1] == channels else None


def quantization_error(workload: Workload, outputs: Mapping[str, np.ndarray], biased=()) -> list[ErrorRow]:
    """The functional twin on a workload's int8 operands against the network's float results (see `Operands`), layer by
    layer. Errors: InputError when the workload does not carry the operands of a layer."""
    rows = []
    for name, real in outputs.items():
        layer = workload.layer(name)
        attention = isinstance(layer, Attention)
        missing = [n for n in ("q", "k", "v") if f"{name}.{n}" not in workload.tensors] if attention else []
        if missing or (not attention and f"{name}.x" not in workload.tensors):
            raise InputError(f"workload {workload.name!r} carries no operands of {name!r}; export it with operands.")
        made = _twin(workload, name) if attention else _product(workload, name)
        noise, signal = float(np.linalg.norm(made - real)), float(np.linalg.norm(real))
        relative = noise / signal if signal else float(noise > 0)
        decibel = -20 * math.log10(relative) if relative else math.inf
        rows.append(ErrorRow(name, layer.kind, relative, decibel, float(np.abs(made - real).max()), name in biased))
    return rows


def _twin(workload: Workload, name: str) -> np.ndarray:
    q, k, v = (workload.tensors[f"{name}.{n}"] for n in "qkv")
    scale_q, scale_k, scale_v = (workload.scales[f"{name}.{n}"] for n in "qkv")
    try:
        multiplier, shift = functional.choose_scaling(scale_q, scale_k, q.shape[-1])
    except InputError as error:
        raise InputError(f"{name}: {error} Are the weights those of a trained network?") from None
    out = functional.attention(q, k, v, workload.mask(name).keep, multiplier, shift)
    return out / functional.FULL * scale_v


def _product(workload: Workload, name: str) -> np.ndarray:
    x, w, bias = (workload.tensors[f"{name}.{n}"] for n in ("x", "weight", "bias"))
    sums = np.matmul(x.astype(np.float64), w.astype(np.float64)) + bias[:, None]  # exact: below 2^53
    return sums * workload.scales[f"{name}.x"] * workload.scales[f"{name}.weight"]


def _array(value) -> np.ndarray:
    return value.detach().cpu().double().numpy() if hasattr(value, "detach") else np.asarray(value, np.float64)
