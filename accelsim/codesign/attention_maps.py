"""Average attention maps over a calibration set, in one pass, whatever attention the model uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from accelsim.codesign.calls import Call, Site
from accelsim.codesign.capture import per_image, watch
from accelsim.codesign.pytorch import need
from accelsim.core.errors import InputError


def mean_maps(
    model,
    batches: Iterable,
    sites: list[Site],
    *,
    transform=None,
    keep=None,
    on_batch: Callable[[int], None] | None = None,
) -> list[np.ndarray]:
    """float64[maps, q_tokens, kv_tokens] per site: probabilities after the softmax, averaged over the images.

    batches: tensors [images, ...]. Memory: the maps, and one attention of one batch. transform, keep: see
    `capture.watch`. on_batch(images) is called after each batch. Errors: InputError for an empty set, or probabilities
    that are no numbers.
    """
    torch = need("torch", "averaging attention maps")
    sums = [np.zeros((site.maps, site.q_tokens, site.kv_tokens)) for site in sites]
    images = 0

    def add(call: Call) -> None:
        sums[call.index] += per_image(call.p, sites[call.index]).sum(0, dtype=torch.float64).cpu().numpy()

    device = next(model.parameters()).device
    with torch.inference_mode(), watch(model, sites=sites, transform=transform, keep=keep, on_call=add):
        for batch in batches:
            model(batch.to(device))
            images += len(batch)
            if on_batch:
                on_batch(len(batch))
    if not images:
        raise InputError("the calibration set has no images; attention maps need at least one.")
    for site, total in zip(sites, sums):
        if not np.isfinite(total).all():
            raise InputError(f"{site.path}: its attention is not a number on some image; check the weights.")
    return [total / images for total in sums]
