"""See, and change, the attention of any eager PyTorch model: no module names, no model classes, no flags.

While a model runs, every functional call passes through here. Attention is either the fused
`scaled_dot_product_attention`, or a matrix product whose result reaches a softmax over its last axis and then a
second matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from accelsim.codesign.attention_mode import mode_class
from accelsim.codesign.calls import Call, Site
from accelsim.codesign.pytorch import need
from accelsim.core.errors import InputError


@contextmanager
def watch(
    model,
    *,
    transform: Callable[[int, Any, Any], tuple[Any, Any]] | None = None,
    keep: dict[int, Any] | None = None,
    sites: list[Site] | None = None,
    on_call: Callable[[Call], None] | None = None,
    on_other: Callable[..., None] | None = None,
    on_scores: Callable[[int, Any], None] | None = None,
) -> Iterator[None]:
    """While this context is entered, the attentions of `model` are seen and changed, in the order in which they run.

    transform(index, q, k): called before the scores are made, returns what to make them of (an auto-encoder). keep:
    index -> bool tensor [maps, q_tokens, kv_tokens], False = the score becomes -inf. Both need the `sites` of the model
    (see `find_sites`). on_call: receives every attention. on_other(path, name, args, kwargs, result): every other call.
    on_scores(index, scores): the scores as they come to the softmax, with the network's own bias and mask.
    Gradients flow as without it. The forward pass must be eager, and the same for every input.
    """
    mode = mode_class()(transform, keep or {}, sites or [], on_call, on_other, on_scores)
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
