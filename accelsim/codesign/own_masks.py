"""Scores that a network masks by itself: a band, causal attention, windows that were shifted together.

What is masked is read from the numbers, however the network writes it: a fixed mask is there without any Q and K, and
on pictures that have nothing in common.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from accelsim.codesign.attention_mode import MASKED
from accelsim.codesign.calls import Call, Site
from accelsim.codesign.capture import per_image, watch
from accelsim.codesign.pytorch import need

NEGLIGIBLE = 50.0
"""A score so much below its row's largest has a probability below 1e-21; Swin's masks are 100 below."""


@dataclass(frozen=True)
class OwnMasks:
    """allowed: per attention bool[maps, q_tokens, kv_tokens], False = masked on every picture; varying: the attentions
    whose masks depend on the picture, by index, of which nothing is known to be masked on every one."""

    allowed: list[np.ndarray]
    varying: tuple[int, ...]

    @property
    def masked(self) -> list[bool]:
        """Which attentions have a fixed mask."""
        return [not bool(a.all()) for a in self.allowed]

    def told(self, names: list[str]) -> dict[str, str]:
        """What a workload's provenance says of it; nothing where the network masks nothing."""
        fixed = [a for a, masked in zip(self.allowed, self.masked) if masked]
        said = {}
        if fixed:
            share = sum(int((~a).sum()) for a in fixed) / sum(a.size for a in self.allowed)
            said["masked_by_the_network"] = f"{share:.2%} of the scores, in {len(fixed)} of {len(names)} attentions"
        if self.varying:
            said["masks_left_out"] = ", ".join(names[i] for i in self.varying)
        return said

    def remarks(self, names: list[str]) -> list[str]:
        """Sentences on masks that depend on the picture."""
        return [
            f"{names[i]}: the network itself masks scores, others on every picture; a workload's masks are fixed, so "
            "that these are left out."
            for i in self.varying
        ]


def own_masks(model, image, sites: list[Site]) -> OwnMasks:
    """What the network masks by itself, from one image [1, ...] and others that are made of it."""
    torch = need("torch", "finding a network's own masks")
    shapes = [(s.maps, s.q_tokens, s.kv_tokens) for s in sites]
    always, ever = ([np.full(shape, start) for shape in shapes] for start in (True, False))
    for probe in _probes(torch, image):
        with torch.no_grad():
            seen, out = _masked(model, probe, sites, None)
            if not _finite(out):
                continue  # a picture the network is not made for says nothing of its masks
            bare, _ = _masked(model, probe, sites, lambda index, q, k: (q * 0, k * 0))
        for index, masked in seen.items():
            always[index] &= bare[index]
            ever[index] |= bare[index] | masked
    varying = tuple(i for i in range(len(sites)) if (ever[i] & ~always[i]).any())
    for i in varying:
        always[i][:] = False
    # a row that is masked whole attends to something all the same
    return OwnMasks([~a | a.all(-1, keepdims=True) for a in always], varying)


def _masked(model, image, sites: list[Site], transform) -> tuple[dict[int, np.ndarray], Any]:
    """Per attention what is masked, and the network's output. transform: see `capture.watch`; with one that leaves no Q
    and K only biases and masks are left of the scores, and less is needed to be masked."""
    limit = MASKED if transform is None else NEGLIGIBLE
    far: dict[int, Any] = {}
    found: dict[int, np.ndarray] = {}

    def note_scores(index: int, scores) -> None:
        far[index] = per_image(scores.amax(-1, keepdim=True) - scores, sites[index])[0]

    def note_call(call: Call) -> None:
        below = far.pop(call.index)
        # a probability of 0 that its score does not explain was masked behind the softmax
        zero = (per_image(call.p, sites[call.index])[0] == 0) & (below < NEGLIGIBLE)
        found[call.index] = ((below > limit) | zero).cpu().numpy()

    with watch(model, sites=sites, transform=transform, on_call=note_call, on_scores=note_scores):
        return found, model(image)


def _probes(torch, image) -> Iterator:
    """The image, and others without its content: blank, half blank, noise, mirrored."""
    half = image.clone()
    half[..., image.shape[-1] // 2 :] = 0
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0)).to(image)
    yield from (image, half, noise, image.flip(-1), torch.zeros_like(image))


def _finite(out) -> bool:
    if hasattr(out, "isfinite"):
        return bool(out.isfinite().all())
    if isinstance(out, dict):
        out = out.values()
    return all(map(_finite, out)) if isinstance(out, list | tuple | type({}.values())) else True
