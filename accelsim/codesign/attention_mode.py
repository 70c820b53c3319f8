"""What happens at every functional call of a watched model: attention is found, changed and reported."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from accelsim.codesign.calls import Call, marked, plain_name
from accelsim.codesign.composite import multi_head_attention, two_operand_einsum
from accelsim.codesign.pytorch import need

PRODUCTS = ("matmul", "bmm", "einsum", "baddbmm")
ALONG = frozenset(
    ("mul", "div", "truediv", "add", "sub", "where", "clamp", "masked_fill", "permute", "reshape", "transpose", "to",
     "float", "type_as", "view", "contiguous", "unsqueeze", "squeeze", "flatten", "unflatten", "dropout", "expand")
)  # fmt: skip
"""Operations through which scores stay scores, and probabilities probabilities."""


@dataclass
class Scores:
    """What a tensor knows that holds scores, or (stage 'p') probabilities."""

    q: Any
    k: Any
    product: int
    path: str
    factor: Any = 1.0
    biased: bool = False
    index: int | None = None
    p: Any = None
    order: list[int] | None = None


MASKED = 5e3
"""A score that is so much below its row's largest is masked: libraries add -1e4, -1e9 or the least number there is."""


@cache
def mode_class():
    """The class, made when torch is first needed: a torch function mode, which sees every functional call."""
    torch = need("torch", "watching a model")

    class AttentionMode(torch.overrides.TorchFunctionMode):
        def __init__(self, transform, keep, sites, on_call, on_other, on_scores):
            super().__init__()
            self.stack, self.count, self.products = [""], 0, 0
            self.transform, self.keep = transform, keep
            self.on_call, self.on_other, self.on_scores = on_call, on_other, on_scores
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
                if self.on_scores:
                    turned = args[0].permute(*_inverse(state.order)) if state.order else args[0]
                    self.on_scores(state.index, turned)
                if state.index in self.keep:
                    keep = self.spread(state.index, args[0])
                    keep = keep.expand(-1, *state.q.shape[1:-2], -1, -1).permute(*state.order) if state.order else keep
                    masked = args[0].masked_fill(~keep, float("-inf"))
                    result = torch.softmax(masked, -1, dtype=kwargs.get("dtype"))
                result._scores, state.p = state, result
            elif name in ALONG:
                other = next((a for a in args[1:2] if isinstance(a, torch.Tensor | int | float)), None)
                if name == "mul" and state.index is None and state.factor is not None:
                    other = args[0] if _state(args[0]) is not state else other
                    state.factor = state.factor * other
                elif name in ("div", "truediv") and state.index is None and state.factor is not None:
                    state.factor = state.factor / other
                elif name in ("add", "sub", "where", "masked_fill", "clamp"):
                    state.biased = state.biased or not (state.index is None and _only_masks(name, args, kwargs))
                    state.factor = None if name == "clamp" else state.factor
                result._scores = state
                swapped = name in ("transpose", "permute") and result.dim() > 1 and _swaps(args)
                result._turned = swapped != getattr(args[0], "_turned", False)
            elif self.on_other:
                self.on_other(self.stack[-1], f"{name} of attention scores", args, kwargs, result)
            return result

        def product(self, func, name, args, kwargs):
            turned, order = args, None
            if name == "einsum":
                turned, order = two_operand_einsum(args)
            if name == "baddbmm" or turned is None or len(turned) < 2 or kwargs:
                result = func(*args, **kwargs)
                if self.on_other:
                    self.on_other(self.stack[-1], name, args, kwargs, result)
                return result
            a, b = turned[-2:]
            state, mirrored = _state(a), _state(b)
            if mirrored is not None and mirrored.index is not None and b._turned:
                out = marked(func(*args), a)
                if self.on_call:
                    v, p, turned_out = (t.transpose(-2, -1) for t in (a, b, out))
                    self.on_call(
                        Call(mirrored.index, self.stack[-1], mirrored.product, mirrored.q, mirrored.k, marked(v, a), p,
                             turned_out, mirrored.factor, mirrored.biased, mirrored.path)
                    )  # fmt: skip
                    out.__dict__.update(turned_out.__dict__)
            elif state is not None and state.index is not None and not getattr(a, "_turned", False):
                out, (_, b) = torch.matmul(a, b), _alike(a, b)
                if self.on_call:
                    self.on_call(
                        Call(state.index, self.stack[-1], state.product, state.q, state.k, b, a, out, state.factor,
                             state.biased, state.path)
                    )  # fmt: skip
                out = marked(out.permute(*order), out) if order else out
            else:
                number, self.products = self.products, self.products + 1
                given, (a, b) = (a, b), _alike(a, b)
                if self.transform and number in self.by_product:
                    new_a, k = self.transform(self.by_product[number], a, b.transpose(-2, -1))
                    a, b = marked(new_a, a), marked(k.transpose(-2, -1), b)
                out = torch.matmul(a, b)
                if a.dim() >= 3 and b.dim() >= 3:
                    out = out.permute(*order) if order else out
                    out._scores = Scores(a, marked(b.transpose(-2, -1), b), number, self.stack[-1], order=order)
                    return out
                out = out.permute(*order) if order else out
                if self.on_other:
                    self.on_other(self.stack[-1], name, given, kwargs, out)
            return out

        def fused(
            self, query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False
        ):
            if enable_gqa:
                times = [query.shape[-3] // t.shape[-3] for t in (key, value)]
                key, value = (marked(t.repeat_interleave(n, -3), t) for t, n in zip((key, value), times))
            query, key = _alike(query, key)
            query, value = _alike(query, value)
            index, self.count = self.count, self.count + 1
            if self.transform:
                query, key = map(marked, self.transform(index, query, key), (query, key))
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
            if self.on_call is None and self.on_scores is None:
                return torch.nn.functional.scaled_dot_product_attention(
                    query, key, value, attn_mask=mask, dropout_p=dropout_p, scale=scale
                )
            scores = query @ key.transpose(-2, -1) * factor
            if mask is not None:
                scores = scores.masked_fill(~mask, float("-inf")) if mask.dtype == torch.bool else scores + mask
            if self.on_scores:
                self.on_scores(index, scores)
            p = scores.softmax(-1)
            out = torch.nn.functional.dropout(p, dropout_p) @ value
            biased, path = not (attn_mask is None or _only_masks("add", (attn_mask,), {})), self.stack[-1]
            if self.on_call:
                self.on_call(Call(index, path, None, query, key, value, p, out, factor, biased, path))
            return out

        def spread(self, index, like):
            """The mask of one attention, in the layout of its operands."""
            site, keep = self.sites[index], self.keep[index]
            keep = keep.reshape(*site.lead, *keep.shape[-2:])
            batch = like.shape[0] // site.lead[0]
            return keep if site.lead[0] == 1 else keep.repeat(batch, *[1] * (keep.dim() - 1))

    def _alike(a, b):
        """Two operands with the same leading axes: heads that share one, by broadcasting, have it each."""
        if a.shape[:-2] == b.shape[:-2] or min(a.dim(), b.dim()) < 3:
            return a, b
        lead = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        return tuple(t if t.shape[:-2] == lead else marked(t.expand(*lead, *t.shape[-2:]), t) for t in (a, b))

    def _only_masks(name, args, kwargs) -> bool:
        """Whether an operation on scores leaves them as they are, or so low that they are masked."""
        if name == "masked_fill":
            given = kwargs.get("value", args[-1])
            zero = False
        elif name == "where":
            given, zero = next((a for a in args[1:] if _state(a) is None), 0), False
        elif name in ("add", "sub"):
            given, zero = next((a for a in args if _state(a) is None), 0), True
            given = -given if name == "sub" else given
        else:
            return False
        given = torch.as_tensor(given)
        if given.is_meta:
            return given.dtype == torch.bool
        return given.dtype == torch.bool or bool(((given <= -MASKED) | (zero & (given == 0))).all())

    def _inverse(order):
        return [order.index(i) for i in range(len(order))]

    def _swaps(args) -> bool:
        """Whether transpose(tensor, ...) or permute(tensor, ...) exchanges the last two axes."""
        dims = [d % args[0].dim() for d in (args[1] if isinstance(args[1], tuple | list) else args[1:])]
        last = args[0].dim() - 1
        return set(dims) == {last, last - 1} if len(dims) == 2 else dims[-2:] == [last, last - 1]

    def _state(value):
        return getattr(value, "_scores", None) if isinstance(value, torch.Tensor) else None

    return AttentionMode
