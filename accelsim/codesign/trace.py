"""What a model computes on one image, as a list of operations: traced while it runs, nothing typed in.

Only what depends on the image is seen; weights, position tables and masks computed from constants are constants.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from accelsim.codesign.calls import Call
from accelsim.codesign.capture import watch
from accelsim.codesign.operations import CONSTANT, FREE, NORMS, POOLS, PRODUCTS
from accelsim.codesign.pytorch import need
from accelsim.core.errors import InputError
from accelsim.workload.layers import ACTIVATIONS


@dataclass
class Node:
    """One operation. sources: the nodes whose results it reads (INPUT: the image). sizes: what its layer needs, and
    'elements' of its result. values: tensors, for quantization (only when asked for)."""

    number: int
    kind: str
    path: str
    sources: tuple[tuple[int, ...], ...]
    sizes: dict[str, Any]
    values: dict[str, Any] = field(default_factory=dict)


INPUT = -1


def trace(model, image, values: bool = False, **changes) -> list[Node]:
    """The operations of `model(image)`, image one image [1, ...], in the order they ran.

    `values`: keep operands and results of products and attentions. changes: transform, keep and sites as
    `capture.watch` takes them. Errors: InputError that names the first operation a workload cannot represent.
    """
    torch = need("torch", "tracing a model")
    if image.shape[0] != 1:
        raise InputError(f"a trace runs on one image, but the batch has {image.shape[0]}; give image[:1].")
    tracer = _Tracer(torch, values)
    image = image.clone()
    image._from = (INPUT,)
    with torch.no_grad(), watch(model, on_call=tracer.attention, on_other=tracer.other, **changes):
        output = model(image)
    for tensor in _tensors(output):
        if getattr(tensor, "_scores", None) is not None and _from(tensor._scores.q):
            raise InputError("the model returns a matrix product of activations that is no attention.")
    return tracer.nodes


class _Tracer:
    def __init__(self, torch, values: bool):
        self.torch, self.values = torch, values
        self.nodes: list[Node] = []

    def add(self, kind: str, path: str, result, sources, values=(), **sizes) -> None:
        number = len(self.nodes)
        sizes["elements"] = result.numel()
        node = Node(number, kind, path, tuple(sources), sizes, dict(values) if self.values else {})
        self.nodes.append(node)
        result._from = (number,)

    def attention(self, call: Call) -> None:
        values = {"q": call.q, "k": call.k, "v": call.v, "p": call.p, "out": call.out, "factor": call.factor,
                  "biased": call.biased}  # fmt: skip
        lead = tuple(call.q.shape[:-2])
        self.add(
            "attention", call.path, call.out, (_from(call.q), _from(call.k), _from(call.v)), values, lead=lead,
            index=call.index, q_tokens=call.q.shape[-2], kv_tokens=call.k.shape[-2], qk_dim=call.q.shape[-1],
            v_dim=call.v.shape[-1], scores_path=call.scores_path,
        )  # fmt: skip

    def other(self, path: str, name: str, args, kwargs, result) -> None:
        """Every call that is no attention."""
        given = [t for t in _tensors((args, kwargs)) if _from(t) or _scored(t)]
        made = [t for t in _tensors(result) if t.is_floating_point() or t.is_complex()]
        if not given or not made or name in CONSTANT:
            return
        if any(_scored(t) for t in given):
            raise InputError(_cannot(path, name))
        if name in FREE:
            joined = given if name in ("cat", "concat", "concatenate", "stack") else given[:1]
            origin = tuple(dict.fromkeys(number for t in joined for number in _from(t)))
            for tensor in made:
                tensor._from = origin
                tensor._channels = name in ("dropout", "contiguous", "clone", "detach") and _channels(given[0])
            return
        if len(made) != 1:
            raise InputError(_cannot(path, name))
        self.work(path, name, args, kwargs, made[0], given)

    def work(self, path: str, name: str, args, kwargs, result, given) -> None:
        source, origins = given[0], [_from(t) for t in given]
        tokens, features = _layout(result, _channels(source))
        if name == "linear":
            self.linear(path, args, kwargs, result, origins)
        elif name in PRODUCTS:
            self.weights_product(path, name, args, result, given)
        elif name in ("conv1d", "conv2d"):
            self.convolution(path, args, kwargs, result, origins)
        elif name in NORMS:
            self.norm(path, name, args, kwargs, result, source)
        elif name in POOLS:
            self.pool(path, name, args, kwargs, result, source)
        elif name in ACTIVATIONS:
            self.add("activation", path, result, origins, op=name, tokens=tokens, features=features)
            result._channels = _channels(source)
        elif name in ("add", "sub", "mul", "div", "truediv"):
            self.arithmetic(path, name, args, kwargs, result, given)
        else:
            raise InputError(_cannot(path, name))

    def linear(self, path, args, kwargs, result, origins) -> None:
        bound = dict(zip(("input", "weight", "bias"), args)) | kwargs
        x, weight, bias = bound["input"], bound["weight"], bound.get("bias")
        if _from(weight):
            raise InputError(_cannot(path, "linear whose weights depend on the image"))
        out, inner = weight.shape
        values = {"x": x.reshape(1, -1, inner), "weight": weight[None], "bias": bias, "out": result}
        self.add("gemm", path, result, origins, values, op="linear", tokens=x.numel() // inner, in_features=inner,
                 out_features=out, bias=bias is not None, read=_identity(x), repeat=1)  # fmt: skip

    def weights_product(self, path, name, args, result, given) -> None:
        """x @ weights, written without a linear module."""
        bias = args[0] if name == "addmm" else None
        x, weight = args[-2:]
        if len(given) != 1 or given[0] is not x or weight.dim() != 2:
            raise InputError(_cannot(path, f"{name} of these operands"))
        self.linear(path, (x, weight.t(), bias), {}, result, [_from(x)])

    def convolution(self, path, args, kwargs, result, origins) -> None:
        names = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
        bound = dict(zip(names, args)) | kwargs
        x, weight, bias, groups = bound["input"], bound["weight"], bound.get("bias"), bound.get("groups", 1)
        kernel, out = tuple(weight.shape[2:]), weight.shape[0]
        # the windows of one image are the images of a batch
        tokens, inner = len(result) * math.prod(result.shape[2:]), math.prod(weight.shape[1:])
        stride = bound.get("stride", 1)
        stride = (stride,) * len(kernel) if isinstance(stride, int) else tuple(stride)
        values = {"weight": weight.reshape(groups, out // groups, inner), "bias": bias, "out": result}
        if self.values:
            values["x"] = self.columns(bound, kernel, groups, tokens, inner)
        self.add("gemm", path, result, origins, values, op="conv", tokens=tokens, in_features=inner,
                 out_features=out // groups, bias=bias is not None, read=_identity(x), repeat=groups,
                 input_elements=min(x.numel(), tokens * inner * groups), patches=kernel == stride)  # fmt: skip
        result._channels = True

    def columns(self, bound, kernel, groups: int, tokens: int, inner: int):
        """The im2col form of a convolution's input: [groups, tokens, in_channels / groups * kernel area]."""
        x = bound["input"]
        if bound.get("padding") in ("same", "valid") or x.dim() != 4:
            raise InputError("a one-dimensional or implicitly padded convolution has no operands to export.")
        options = {n: bound.get(n, d) for n, d in (("stride", 1), ("padding", 0), ("dilation", 1))}
        unfolded = self.torch.nn.functional.unfold(x, kernel, **options)
        return unfolded.reshape(len(x), groups, inner, -1).permute(1, 0, 3, 2).reshape(groups, tokens, inner)

    def norm(self, path, name, args, kwargs, result, source) -> None:
        tokens, features = _layout(source, _channels(source) or name in ("batch_norm", "group_norm", "instance_norm"))
        if name in ("layer_norm", "rms_norm"):
            features = math.prod(kwargs.get("normalized_shape", args[1] if len(args) > 1 else ()))
            tokens = source.numel() // features
        elif name == "normalize" and kwargs.get("dim", args[2] if len(args) > 2 else 1) not in (-1, source.dim() - 1):
            features = source.shape[kwargs.get("dim", 1)]
            tokens = source.numel() // features
        values = {}
        if name == "batch_norm":
            bound = dict(zip(("input", "mean", "var", "weight", "bias", "training", "momentum", "eps"), args)) | kwargs
            if bound.get("training"):
                raise InputError(f"{path}: batch normalisation is in training mode; call model.eval() first.")
            mean, var = bound.get("mean", kwargs.get("running_mean")), bound.get("var", kwargs.get("running_var"))
            factor = (bound["weight"] if bound.get("weight") is not None else 1) / (var + bound.get("eps", 1e-5)) ** 0.5
            bias = bound["bias"] if bound.get("bias") is not None else 0
            values = {"factor": factor, "shift": bias - mean * factor, "x": source}
        self.add("norm", path, result, [_from(source)], values | {"out": result}, norm=NORMS[name], tokens=tokens,
                 features=features)  # fmt: skip
        result._channels = _channels(source)

    def pool(self, path, name, args, kwargs, result, source) -> None:
        """A mean or maximum over groups of equal size that do not overlap."""
        names = ("input", "kernel_size", "stride", "padding", "ceil_mode")
        bound = dict(zip(names, args)) | kwargs if "_pool" in name and "adaptive" not in name else {}
        apart = bound.get("stride") in (None, [], bound.get("kernel_size")) and bound.get("padding", 0) in (0, (0, 0))
        if not apart or source.numel() % result.numel():
            raise InputError(_cannot(path, f"{name} over windows that overlap or are padded"))
        features = result.numel()
        self.add(
            "pool", path, result, [_from(source)], op=POOLS[name], tokens=source.numel() // features, features=features
        )
        result._channels = _channels(source)

    def arithmetic(self, path, name, args, kwargs, result, given) -> None:
        tokens, features = _layout(result, _channels(given[0]))
        constant = next((t for t in _tensors(args) if not _from(t)), None)
        small = constant is None or constant.numel() <= max(features, result.shape[-1])
        if len(given) == 1 and small:  # a scale or a bias, folded into what made its operand
            if len(_from(given[0])) != 1 or _from(given[0]) == (INPUT,):
                result._from = _from(given[0])
                return
            operand = constant if constant is not None else next(a for a in args if isinstance(a, int | float))
            self.add("affine", path, result, [_from(given[0])], {"by": operand, "op": name, "out": result})
        elif name in ("div", "truediv") and len(given) == 2:
            raise InputError(_cannot(path, "division by activations"))
        else:
            self.add("add" if name in ("add", "sub") else "multiply", path, result, [_from(t) for t in given],
                     {"out": result}, tokens=tokens, features=features)  # fmt: skip
        result._channels = _channels(given[0])


def _cannot(path: str, what: str) -> str:
    return (
        f"{path or 'the model'}: {what!r} cannot be represented in a workload, which knows linear layers, "
        "convolutions, attention, normalisations, activations, sums, products and means over all tokens."
    )


def _from(tensor) -> tuple[int, ...]:
    return getattr(tensor, "_from", ())


def _scored(tensor) -> bool:
    """A product of activations that reached an operation attention does not have."""
    state = getattr(tensor, "_scores", None)
    return state is not None and bool(_from(state.q) or _from(state.k))


def _channels(tensor) -> bool:
    """Whether axis 1 counts the features, as after a convolution."""
    return getattr(tensor, "_channels", False)


def _layout(tensor, channels_first: bool) -> tuple[int, int]:
    features = tensor.shape[1 if channels_first and tensor.dim() > 2 else -1]
    return tensor.numel() // max(features, 1), features


def _identity(tensor) -> tuple:
    return (_from(tensor), tensor.data_ptr(), tuple(tensor.shape), tuple(tensor.stride()))


def _tensors(value) -> list:
    torch = need("torch", "tracing a model")
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = value.values()
    return [t for item in value for t in _tensors(item)] if isinstance(value, list | tuple | type({}.values())) else []
