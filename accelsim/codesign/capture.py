"""See, and change, the attention of any eager PyTorch model: no module names, no model classes, no flags.

While a model runs, every functional call passes through here. Attention is either the fused
`scaled_dot_product_attention`, or a matrix product whose result reaches a softmax over its last axis and then a
second matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from accelsim.codesign.pytorch import need
from accelsim.core.errors import InputError

PRODUCTS = ("matmul", "bmm", "einsum", "baddbmm")
_ALONG = set(
    "mul div truediv add sub where clamp masked_fill permute reshape transpose to float type_as view contiguous "
    "unsqueeze squeeze flatten unflatten dropout expand".split()
)
"""Operations through which scores stay scores, and probabilities probabilities."""


@dataclass(frozen=True)
class Site:
    """One attention of the network, of one image. lead: the sizes of its operands before tokens and features; product:
    which matrix product of the forward pass makes its scores (None: the fused operator)."""

    index: int
    path: str
    lead: tuple[int, ...]
    q_tokens: int
    kv_tokens: int
    qk_dim: int
    v_dim: int
    product: int | None

    @property
    def maps(self) -> int:
        """Attention maps of one image: windows x heads."""
        count = 1
        for size in self.lead:
            count *= size
        return count

    @property
    def windows(self) -> int:
        """Windows of one image that share the heads' weights (1 without windows)."""
        return self.lead[0] if len(self.lead) == 2 else 1


@dataclass
class Call:
    """One execution of an attention: tensors [..., tokens, features], scores = q k^T * factor (+ bias), probabilities p
    after the softmax and the mask, out = p v. factor is None where the scores are no multiple of q k^T."""

    index: int
    path: str
    product: int | None
    q: Any
    k: Any
    v: Any
    p: Any
    out: Any
    factor: Any
    biased: bool


@dataclass
class _Scores:
    """What a tensor knows that holds scores, or (stage 'p') probabilities."""

    q: Any
    k: Any
    product: int
    factor: Any = 1.0
    biased: bool = False
    index: int | None = None
    p: Any = None


def marked(tensor, like):
    """`tensor`, with what observers have noted on `like`, of which it is a view."""
    if tensor is not like:
        tensor.__dict__.update(like.__dict__)
    return tensor


def plain_name(function) -> str:
    """`__iadd__`, `__radd__`, `add_` and `add` are all 'add'."""
    name = getattr(function, "__name__", "")
    if name.startswith("__") and name.endswith("__"):
        name = name[2:-2]
        for prefix in ("i", "r"):
            if name[1:] in ("add", "sub", "mul", "matmul", "truediv") and name.startswith(prefix):
                return name[1:]
    return name.removesuffix("_")


@contextmanager
def watch(
    model,
    *,
    transform: Callable[[int, Any, Any], tuple[Any, Any]] | None = None,
    keep: dict[int, Any] | None = None,
    sites: list[Site] | None = None,
    on_call: Callable[[Call], None] | None = None,
    on_other: Callable[..., None] | None = None,
) -> Iterator[None]:
    """While this context is entered, the attentions of `model` are seen and changed, in the order in which they run.

    transform(index, q, k): called before the scores are made, returns what to make them of (an auto-encoder). keep:
    index -> bool tensor [maps, q_tokens, kv_tokens], False = the score becomes -inf. Both need the `sites` of the model
    (see `find_sites`). on_call: receives every attention. on_other(path, name, args, kwargs, result): every other call.
    Gradients flow as without it. The forward pass must be eager, and the same for every input.
    """
    mode = _mode_class()(transform, keep or {}, sites or [], on_call, on_other)
    handles = []
    for name, module in model.named_modules():
        handles.append(module.register_forward_pre_hook(lambda m, a, n=name: mode.stack.append(n)))
        handles.append(module.register_forward_hook(mode.leave, always_call=True))
    handles.append(model.register_forward_pre_hook(lambda m, a: mode.restart()))
    try:
        with mode:
            yield
    finally:
        for handle in handles:
            handle.remove()


def find_sites(model, image) -> list[Site]:
    """The attentions of one image [1, ...], in order. Errors: InputError when the model has none."""
    torch = need("torch", "finding the attentions of a model")
    found: list[Site] = []

    def note(call: Call) -> None:
        found.append(site_of(call))

    with torch.no_grad(), watch(model, on_call=note):
        model(image)
    if not found:
        raise InputError(
            f"{type(model).__name__} ran no attention that could be seen (a softmax between two matrix products, or "
            "scaled_dot_product_attention); is it an eager PyTorch vision transformer?"
        )
    return found


def site_of(call: Call) -> Site:
    """The sizes of an attention that ran on one image."""
    lead = tuple(call.q.shape[:-2])
    if not lead:
        raise InputError(f"{call.path or 'the model'}: an attention without a batch axis cannot be read.")
    kv, dim = call.k.shape[-2:]
    return Site(call.index, call.path, lead, call.q.shape[-2], kv, dim, call.v.shape[-1], call.product)


def per_image(tensor, site: Site):
    """[..., a, b] of a batch -> [images, maps, a, b]."""
    return tensor.reshape(-1, site.maps, *tensor.shape[-2:])


@cache
def _mode_class():
    torch = need("torch", "watching a model")
    from accelsim.codesign.composite import multi_head_attention, two_operand_einsum

    class AttentionMode(torch.overrides.TorchFunctionMode):
        def __init__(self, transform, keep, sites, on_call, on_other):
            super().__init__()
            self.stack, self.count, self.products = [""], 0, 0
            self.transform, self.keep = transform, keep
            self.on_call, self.on_other = on_call, on_other
            self.sites = {site.index: site for site in sites}
            self.by_product = {site.product: site.index for site in sites if site.product is not None}

        def restart(self):
            self.count = self.products = 0

        def leave(self, module, arguments, output):
            self.stack.pop()

        def __torch_function__(self, func, types, args=(), kwargs=None):
            kwargs, name = kwargs or {}, plain_name(func)
            if name == "scaled_dot_product_attention":
                return self.fused(*args, **kwargs)
            if name == "multi_head_attention_forward":
                with self:
                    return multi_head_attention(*args, **kwargs)
            if name in PRODUCTS:
                return self.product(func, name, args, kwargs)
            result = func(*args, **kwargs)
            state = next((s for s in map(_state, args) if s is not None), None)
            if state is None:
                if self.on_other:
                    self.on_other(self.stack[-1], name, args, kwargs, result)
            elif isinstance(result, torch.Tensor):
                result = self.follow(name, args, kwargs, result, state)
            return result

        def follow(self, name, args, kwargs, result, state):
            """An operation on scores or on probabilities."""
            if name == "softmax" and state.index is None:
                axis = kwargs.get("dim", args[1] if len(args) > 1 else None)
                if axis not in (-1, result.dim() - 1):
                    return result
                state.index, self.count = self.count, self.count + 1
                if state.index in self.keep:
                    masked = args[0].masked_fill(~self.spread(state.index, args[0]), float("-inf"))
                    result = torch.softmax(masked, -1, dtype=kwargs.get("dtype"))
                result._scores, state.p = state, result
            elif name in _ALONG:
                other = next((a for a in args[1:2] if isinstance(a, torch.Tensor | int | float)), None)
                if name == "mul" and state.index is None and state.factor is not None:
                    other = args[0] if _state(args[0]) is not state else other
                    state.factor = state.factor * other
                elif name in ("div", "truediv") and state.index is None and state.factor is not None:
                    state.factor = state.factor / other
                elif name in ("add", "sub", "where", "masked_fill", "clamp"):
                    state.biased = True
                    state.factor = None if name == "clamp" else state.factor
                result._scores = state
            elif self.on_other and result.is_floating_point():
                self.on_other(self.stack[-1], f"{name} of attention scores", args, kwargs, result)
            return result

        def product(self, func, name, args, kwargs):
            turned, finish = args, None
            if name == "einsum":
                turned, finish = two_operand_einsum(args)
            if name == "baddbmm" or turned is None or len(turned) < 2 or kwargs:
                result = func(*args, **kwargs)
                if self.on_other:
                    self.on_other(self.stack[-1], name, args, kwargs, result)
                return result
            a, b = turned[-2:]
            state = _state(a)
            if state is not None and state.index is not None:
                out = torch.matmul(a, b)
                if self.on_call:
                    self.on_call(
                        Call(state.index, self.stack[-1], state.product, state.q, state.k, b, a, out, state.factor,
                             state.biased)
                    )  # fmt: skip
                out = marked(finish(out), out) if finish else out
            else:
                number, self.products = self.products, self.products + 1
                if self.transform and number in self.by_product:
                    a, k = self.transform(self.by_product[number], a, b.transpose(-2, -1))
                    b = k.transpose(-2, -1)
                out = torch.matmul(a, b)
                if a.dim() >= 3 and b.dim() >= 3:
                    out = finish(out) if finish else out
                    out._scores = _Scores(a, marked(b.transpose(-2, -1), b), number)
                    return out
                out = finish(out) if finish else out
                if self.on_other:
                    self.on_other(self.stack[-1], name, (a, b), kwargs, out)
            return out

        def fused(self, query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False):
            if enable_gqa:
                times = [query.shape[-3] // t.shape[-3] for t in (key, value)]
                key, value = (marked(t.repeat_interleave(n, -3), t) for t, n in zip((key, value), times))
            index, self.count = self.count, self.count + 1
            if self.transform:
                query, key = self.transform(index, query, key)
            mask = attn_mask
            if is_causal:
                mask = torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool, device=query.device).tril()
            if index in self.keep:
                keep = self.spread(index, query)
                if mask is None or mask.dtype == torch.bool:
                    mask = keep if mask is None else keep & mask
                else:
                    mask = mask.masked_fill(~keep, float("-inf"))
            factor = query.shape[-1] ** -0.5 if scale is None else scale
            if self.on_call is None:
                return torch.nn.functional.scaled_dot_product_attention(
                    query, key, value, attn_mask=mask, dropout_p=dropout_p, scale=scale
                )
            scores = query @ key.transpose(-2, -1) * factor
            if mask is not None:
                scores = scores.masked_fill(~mask, float("-inf")) if mask.dtype == torch.bool else scores + mask
            p = scores.softmax(-1)
            out = torch.nn.functional.dropout(p, dropout_p) @ value
            biased = attn_mask is not None or is_causal
            self.on_call(Call(index, self.stack[-1], None, query, key, value, p, out, factor, biased))
            return out

        def spread(self, index, like):
            """The mask of one attention, in the layout of its operands."""
            site, keep = self.sites[index], self.keep[index]
            keep = keep.reshape(*site.lead, *keep.shape[-2:])
            batch = like.shape[0] // site.lead[0]
            return keep if site.lead[0] == 1 else keep.repeat(batch, *[1] * (keep.dim() - 1))

    def _state(value):
        return getattr(value, "_scores", None) if isinstance(value, torch.Tensor) else None

    return AttentionMode
